package io.github.consentd.client;

import com.google.protobuf.Timestamp;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.Event;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.UUID;

/** Makes the parts of requests that have a usual form. */
public final class Requests {
  private static final SecureRandom RANDOM = new SecureRandom();

  private Requests() {}

  /**
   * Whether the subject's data may be used for the purpose by the controller itself. Set further fields on the builder.
   *
   * @param controller its id
   * @param subjectId whose data it is
   * @param purpose what for
   * @return a builder of the request
   */
  public static CheckRequest.Builder check(String controller, String subjectId, String purpose) {
    return CheckRequest.newBuilder().setController(controller).setSubjectId(subjectId).setPurpose(purpose);
  }

  /**
   * An event of now with a fresh UUIDv7 as its id, without a kind: set one before it is recorded. Make an event once
   * and repeat it with the same id; a new id would record it twice. An annulment and the restart of an erasure need
   * evidence too.
   *
   * @param source where it was said, such as privacy_settings
   * @return a builder of the event
   */
  public static Event.Builder newEvent(String source) {
    Instant now = Instant.now();
    return Event.newBuilder().setId(uuid7(now).toString()).setOccurredAt(timestamp(now)).setSource(source);
  }

  /**
   * A request of now that makes two ids one person, with a fresh UUIDv7 as its event's id. Set the controller, the
   * subject id, which is one of the person's, and the linked id, the one that was found to be theirs. Make it once and
   * repeat it as it is; a new id would record it twice. An import needs evidence.
   *
   * @param source what showed it, such as login
   * @return a builder of the request
   */
  public static LinkSubjectsRequest.Builder newLink(String source) {
    Instant now = Instant.now();
    return LinkSubjectsRequest.newBuilder().setEventId(uuid7(now).toString()).setOccurredAt(timestamp(now)).setSource(source);
  }

  /**
   * A request that parts two ids, made as {@link #newLink} makes one. It needs evidence that they are two people, a
   * URI.
   *
   * @param source what showed it
   * @return a builder of the request
   */
  public static UnlinkSubjectsRequest.Builder newUnlink(String source) {
    Instant now = Instant.now();
    return UnlinkSubjectsRequest.newBuilder().setEventId(uuid7(now).toString()).setOccurredAt(timestamp(now)).setSource(source);
  }

  /**
   * Forbids a state older than the one that a consistency token stands for.
   *
   * @param token of an answer, or of a write
   * @return for a request
   */
  public static Consistency atLeastAsFresh(String token) {
    return Consistency.newBuilder().setAtLeastAsFresh(token).build();
  }

  /**
   * Has the server read its store, past its cache.
   *
   * @return for a request
   */
  public static Consistency fullyConsistent() {
    return Consistency.newBuilder().setFullyConsistent(true).build();
  }

  /** One request for many subjects. */
  static List<CheckRequest> forEach(CheckRequest request, Collection<String> subjects) {
    CheckRequest.Builder builder = Objects.requireNonNull(request, "request").toBuilder();
    return Objects.requireNonNull(subjects, "subjects").stream().map(id -> builder.setSubjectId(id).build()).toList();
  }

  private static Timestamp timestamp(Instant t) {
    return Timestamp.newBuilder().setSeconds(t.getEpochSecond()).setNanos(t.getNano()).build();
  }

  /** RFC 9562: 48 bits of milliseconds, the version, the variant, and 74 random bits. */
  private static UUID uuid7(Instant now) {
    long high = now.toEpochMilli() << 16 | 0x7000 | RANDOM.nextInt(0x1000);
    long low = RANDOM.nextLong() >>> 2 | 1L << 63;
    return new UUID(high, low);
  }
}
