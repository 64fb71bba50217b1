package io.github.consentd.client;

import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.LinkSubjectsResponse;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import io.github.consentd.v1.UnlinkSubjectsResponse;
import java.time.Duration;
import java.util.List;

/**
 * The calls whose answers rest on a subject's state: a {@link Client}, or a {@link Session} of one. Safe for use by many
 * threads. All but {@code isAllowed} throw {@link ConsentException}.
 *
 * <p>Each call takes as long as the client's timeout at most, or as long as the call's own, all attempts together.
 */
public interface Checker {
  /** The deadline of calls that name none. */
  Duration timeout();

  /** Decides one purpose for one subject. A denial is an answer, no exception. */
  Decision check(CheckRequest request, Duration timeout);

  /** As {@link #check(CheckRequest, Duration)}. */
  default Decision check(CheckRequest request) {
    return check(request, timeout());
  }

  /**
   * Whether the check allows; false on any error. Use {@code check} where the purpose carries obligations: they are yours to
   * meet and this does not show them.
   */
  default boolean isAllowed(CheckRequest request, Duration timeout) {
    try {
      return check(request, timeout).allowed();
    } catch (RuntimeException e) {
      return false;
    }
  }

  /** As {@link #isAllowed(CheckRequest, Duration)}. */
  default boolean isAllowed(CheckRequest request) {
    return isAllowed(request, timeout());
  }

  /** Decides up to 1,000 requests, with their results in their order. It throws only for the whole batch. */
  List<BatchResult> batchCheck(BatchCheckRequest request, Duration timeout);

  /** As {@link #batchCheck(BatchCheckRequest, Duration)}. */
  default List<BatchResult> batchCheck(BatchCheckRequest request) {
    return batchCheck(request, timeout());
  }

  /** Decides all purposes that the controller declares or prohibits, for one subject, sorted by purpose. */
  List<PurposeDecision> listPurposes(ListPurposesRequest request, Duration timeout);

  /** As {@link #listPurposes(ListPurposesRequest, Duration)}. */
  default List<PurposeDecision> listPurposes(ListPurposesRequest request) {
    return listPurposes(request, timeout());
  }

  /**
   * Records one subject's events, all or none; {@link Requests#newEvent} makes one. Once it returns they are durable. It may be
   * repeated: the events' ids are idempotency keys. The answer's outcomes say what became of each event, in their order: what is
   * on record may outrank a late withdrawal, and a misspelt purpose is recorded all the same. A server of an older version tells
   * none. {@link Outcomes#text} is for people.
   */
  RecordEventsResponse recordEvents(RecordEventsRequest request, Duration timeout);

  /** As {@link #recordEvents(RecordEventsRequest, Duration)}. */
  default RecordEventsResponse recordEvents(RecordEventsRequest request) {
    return recordEvents(request, timeout());
  }

  /**
   * Makes two ids of a controller one person; {@link Requests#newLink} makes the request. Every id of a person is
   * answered alike, by what was said under all of them. Once it returns it is durable, and it may be repeated with its
   * event id. The answer's person names all ids, its outcome says what became of the link. FAILED_PRECONDITION says why
   * the two cannot be one person, and what to do.
   */
  LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request, Duration timeout);

  /** As {@link #linkSubjects(LinkSubjectsRequest, Duration)}. */
  default LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request) {
    return linkSubjects(request, timeout());
  }

  /**
   * Parts two ids that were linked; {@link Requests#newUnlink} makes the request. Each has what was said under it
   * again. For the rest it is as {@code linkSubjects}. FAILED_PRECONDITION where no link of the two stands.
   */
  UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request, Duration timeout);

  /** As {@link #unlinkSubjects(UnlinkSubjectsRequest, Duration)}. */
  default UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request) {
    return unlinkSubjects(request, timeout());
  }
}
