package io.github.consentd.client;

import com.google.protobuf.Message;
import io.github.consentd.v1.CheckRequest;
import io.grpc.Status;
import java.util.Collection;

/**
 * Refuses what has no form in UTF-8. All halves of surrogate pairs would be sent as the same character: two ids that
 * have one would be those of one person.
 */
final class Strings {
  private Strings() {}

  /**
   * Looks at all strings of a request.
   *
   * @throws ConsentException INVALID_ARGUMENT if one has half a surrogate pair
   */
  static void requireWellFormed(Object value) {
    if (value instanceof String s) {
      requireWellFormed(s);
    } else if (value instanceof Message m) {
      m.getAllFields().values().forEach(Strings::requireWellFormed);
    } else if (value instanceof Collection<?> c) {
      c.forEach(Strings::requireWellFormed);
    }
  }

  /** As for any request, but without reflection: this is the one that is made all the time. */
  static void requireWellFormed(CheckRequest request) {
    requireWellFormed(request.getController());
    requireWellFormed(request.getSubjectId());
    requireWellFormed(request.getPurpose());
    for (int i = 0; i < request.getDataCategoriesCount(); i++) {
      requireWellFormed(request.getDataCategories(i));
    }
    if (request.hasRecipient() || request.hasContext() || request.hasConsistency()) {
      requireWellFormed((Object) request);
    }
  }

  private static void requireWellFormed(String s) {
    if (hasHalfAPair(s)) {
      throw ConsentException.of(Status.Code.INVALID_ARGUMENT, "the request has a string with half a surrogate pair");
    }
  }

  private static boolean hasHalfAPair(String s) {
    for (int i = 0; i < s.length(); i++) {
      if (Character.isSurrogate(s.charAt(i))) {
        return s.codePoints().anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
      }
    }
    return false;
  }
}
