package io.github.consentd.client;

import com.google.protobuf.Message;
import io.grpc.Status;
import java.util.Collection;

/**
 * Refuses what has no form in UTF-8. All halves of surrogate pairs would be sent as the same character: two ids that have one
 * would be those of one person.
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
      if (hasHalfAPair(s)) {
        throw ConsentException.of(Status.Code.INVALID_ARGUMENT, "the request has a string with half a surrogate pair");
      }
    } else if (value instanceof Message m) {
      m.getAllFields().values().forEach(Strings::requireWellFormed);
    } else if (value instanceof Collection<?> c) {
      c.forEach(Strings::requireWellFormed);
    }
  }

  private static boolean hasHalfAPair(String s) {
    return s.codePoints().anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
  }
}
