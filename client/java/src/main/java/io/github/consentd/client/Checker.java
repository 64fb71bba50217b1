package io.github.consentd.client;

import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.ExplainRequest;
import io.github.consentd.v1.ExplainResponse;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.LinkSubjectsResponse;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import io.github.consentd.v1.UnlinkSubjectsResponse;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * The calls whose answers rest on a subject's state: a {@link Client}, or a {@link Session} of one. Safe for use by
 * many threads.
 *
 * <p>All but {@code isAllowed} throw {@link ConsentException}, and their futures fail with one; a null argument is a
 * {@link NullPointerException} that names it. An {@link Error}, such as one of linkage, comes out as itself, from
 * {@code isAllowed} too: it is no denial.
 *
 * <p>Each call takes as long as the client's timeout at most, or as long as the call's own, all attempts together. To
 * cancel a future ends its call.
 */
public interface Checker {
  /** How many requests go to the server in one batch. */
  int MAX_BATCH = 1_000;

  /**
   * The deadline of calls that name none.
   *
   * @return above zero
   */
  Duration timeout();

  /**
   * Decides one purpose for one subject. A denial is an answer, no exception.
   *
   * @param request what is to be done
   * @param timeout of all attempts together; at most an hour, and one that is not above zero has passed already
   * @return the decision
   */
  Decision check(CheckRequest request, Duration timeout);

  /**
   * As {@link #check(CheckRequest, Duration)}, with the default timeout.
   *
   * @param request what is to be done
   * @return the decision
   */
  default Decision check(CheckRequest request) {
    return check(request, timeout());
  }

  /**
   * As {@link #check(CheckRequest, Duration)}.
   *
   * @param request what is to be done
   * @param timeout of all attempts together
   * @return the decision, later
   */
  CompletableFuture<Decision> checkAsync(CheckRequest request, Duration timeout);

  /**
   * As {@link #check(CheckRequest)}.
   *
   * @param request what is to be done
   * @return the decision, later
   */
  default CompletableFuture<Decision> checkAsync(CheckRequest request) {
    return checkAsync(request, timeout());
  }

  /**
   * Whether the check allows; false on any error. Use {@code guard} or {@code check} where the purpose carries
   * obligations: they are yours to meet and this does not show them.
   *
   * @param request what is to be done
   * @param timeout of all attempts together
   * @return true only for a decision that allows
   */
  default boolean isAllowed(CheckRequest request, Duration timeout) {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(timeout, "timeout");
    try {
      return check(request, timeout).allowed();
    } catch (RuntimeException e) {
      return false;
    }
  }

  /**
   * As {@link #isAllowed(CheckRequest, Duration)}, with the default timeout.
   *
   * @param request what is to be done
   * @return true only for a decision that allows
   */
  default boolean isAllowed(CheckRequest request) {
    return isAllowed(request, timeout());
  }

  /**
   * As {@link #isAllowed(CheckRequest, Duration)}.
   *
   * @param request what is to be done
   * @param timeout of all attempts together
   * @return true only for a decision that allows, later
   */
  default CompletableFuture<Boolean> isAllowedAsync(CheckRequest request, Duration timeout) {
    CompletableFuture<Decision> decision = checkAsync(request, timeout);
    CompletableFuture<Boolean> allowed = decision.handle(Futures::isAllowed);
    Futures.linkCancel(allowed, decision);
    return allowed;
  }

  /**
   * As {@link #isAllowed(CheckRequest)}.
   *
   * @param request what is to be done
   * @return true only for a decision that allows, later
   */
  default CompletableFuture<Boolean> isAllowedAsync(CheckRequest request) {
    return isAllowedAsync(request, timeout());
  }

  /**
   * Uses data only where that is allowed, and hands over the obligations that come with the permission.
   *
   * @param request what is to be done
   * @param use does it; it does not run unless it is allowed
   * @param <T> what comes of it
   * @param <E> what it may throw
   * @return what comes of it
   * @throws E where it fails
   * @throws DeniedException where it is denied, with the reasons; another {@link ConsentException} where there is no
   *     decision
   */
  default <T, E extends Exception> T guard(CheckRequest request, Guarded<T, E> use) throws E {
    return guard(request, timeout(), use);
  }

  /**
   * As {@link #guard(CheckRequest, Guarded)}.
   *
   * @param request what is to be done
   * @param timeout of the check, all attempts together
   * @param use does it; it does not run unless it is allowed
   * @param <T> what comes of it
   * @param <E> what it may throw
   * @return what comes of it
   * @throws E where it fails
   */
  default <T, E extends Exception> T guard(CheckRequest request, Duration timeout, Guarded<T, E> use) throws E {
    Objects.requireNonNull(use, "use");
    Decision decision = check(request, timeout);
    if (!decision.allowed()) {
      throw new DeniedException(decision);
    }
    return use.run(decision.obligations());
  }

  /**
   * Decides many requests. It throws only for all of them: one that fails by itself has its error in its result. More
   * than {@link #MAX_BATCH} go in several batches, a few at once; a subject's decisions rest on one state within a
   * batch.
   *
   * @param request what is to be done
   * @param timeout of all attempts together; at most an hour, and one that is not above zero has passed already
   * @return the results, in the order of the requests
   */
  List<BatchResult> batchCheck(BatchCheckRequest request, Duration timeout);

  /**
   * As {@link #batchCheck(BatchCheckRequest, Duration)}, with the default timeout.
   *
   * @param request what is to be done
   * @return the results, in the order of the requests
   */
  default List<BatchResult> batchCheck(BatchCheckRequest request) {
    return batchCheck(request, timeout());
  }

  /**
   * As {@link #batchCheck(BatchCheckRequest, Duration)}.
   *
   * @param request what is to be done
   * @param timeout of all attempts together
   * @return the results, in the order of the requests, later
   */
  CompletableFuture<List<BatchResult>> batchCheckAsync(BatchCheckRequest request, Duration timeout);

  /**
   * As {@link #batchCheck(BatchCheckRequest)}.
   *
   * @param request what is to be done
   * @return the results, in the order of the requests, later
   */
  default CompletableFuture<List<BatchResult>> batchCheckAsync(BatchCheckRequest request) {
    return batchCheckAsync(request, timeout());
  }

  /**
   * Those of many requests that are allowed, decided as {@code batchCheck} decides. One whose decision fails by itself
   * is left out.
   *
   * @param requests what is to be done; any number
   * @param timeout of all together
   * @return those that are allowed, in their order
   */
  List<CheckRequest> filter(Collection<CheckRequest> requests, Duration timeout);

  /**
   * As {@link #filter(Collection, Duration)}, with the default timeout.
   *
   * @param requests what is to be done; any number
   * @return those that are allowed, in their order
   */
  default List<CheckRequest> filter(Collection<CheckRequest> requests) {
    return filter(requests, timeout());
  }

  /**
   * As {@link #filter(Collection, Duration)}, of one request for many subjects.
   *
   * @param request what is to be done, with any subject
   * @param subjects their ids
   * @param timeout of all together
   * @return those for whom it is allowed, in their order
   */
  default List<String> filter(CheckRequest request, Collection<String> subjects, Duration timeout) {
    return filter(Requests.forEach(request, subjects), timeout).stream().map(CheckRequest::getSubjectId).toList();
  }

  /**
   * As {@link #filter(CheckRequest, Collection, Duration)}, with the default timeout.
   *
   * @param request what is to be done, with any subject
   * @param subjects their ids
   * @return those for whom it is allowed, in their order
   */
  default List<String> filter(CheckRequest request, Collection<String> subjects) {
    return filter(request, subjects, timeout());
  }

  /**
   * As {@link #filter(Collection, Duration)}.
   *
   * @param requests what is to be done; any number
   * @param timeout of all together
   * @return those that are allowed, in their order, later
   */
  CompletableFuture<List<CheckRequest>> filterAsync(Collection<CheckRequest> requests, Duration timeout);

  /**
   * As {@link #filter(Collection)}.
   *
   * @param requests what is to be done; any number
   * @return those that are allowed, in their order, later
   */
  default CompletableFuture<List<CheckRequest>> filterAsync(Collection<CheckRequest> requests) {
    return filterAsync(requests, timeout());
  }

  /**
   * Decides all purposes that the controller declares or prohibits, for one subject.
   *
   * @param request names the controller and the subject
   * @param timeout of all attempts together; at most an hour, and one that is not above zero has passed already
   * @return the decisions, sorted by purpose
   */
  List<PurposeDecision> listPurposes(ListPurposesRequest request, Duration timeout);

  /**
   * As {@link #listPurposes(ListPurposesRequest, Duration)}, with the default timeout.
   *
   * @param request names the controller and the subject
   * @return the decisions, sorted by purpose
   */
  default List<PurposeDecision> listPurposes(ListPurposesRequest request) {
    return listPurposes(request, timeout());
  }

  /**
   * As {@link #listPurposes(ListPurposesRequest, Duration)}.
   *
   * @param request names the controller and the subject
   * @param timeout of all attempts together
   * @return the decisions, sorted by purpose, later
   */
  CompletableFuture<List<PurposeDecision>> listPurposesAsync(ListPurposesRequest request, Duration timeout);

  /**
   * As {@link #listPurposes(ListPurposesRequest)}.
   *
   * @param request names the controller and the subject
   * @return the decisions, sorted by purpose, later
   */
  default CompletableFuture<List<PurposeDecision>> listPurposesAsync(ListPurposesRequest request) {
    return listPurposesAsync(request, timeout());
  }

  /**
   * Makes a decision again and tells its story, for people and audits. Its texts are not to be parsed.
   *
   * @param request the check, and as of when
   * @param timeout of all attempts together; at most an hour, and one that is not above zero has passed already
   * @return the story
   */
  ExplainResponse explain(ExplainRequest request, Duration timeout);

  /**
   * As {@link #explain(ExplainRequest, Duration)}, with the default timeout.
   *
   * @param request the check, and as of when
   * @return the story
   */
  default ExplainResponse explain(ExplainRequest request) {
    return explain(request, timeout());
  }

  /**
   * As {@link #explain(ExplainRequest, Duration)}.
   *
   * @param request the check, and as of when
   * @param timeout of all attempts together
   * @return the story, later
   */
  CompletableFuture<ExplainResponse> explainAsync(ExplainRequest request, Duration timeout);

  /**
   * As {@link #explain(ExplainRequest)}.
   *
   * @param request the check, and as of when
   * @return the story, later
   */
  default CompletableFuture<ExplainResponse> explainAsync(ExplainRequest request) {
    return explainAsync(request, timeout());
  }

  /**
   * Records one subject's events, all or none; {@link Requests#newEvent} makes one. Once it returns they are durable.
   * It may be repeated: the events' ids are idempotency keys. The answer's outcomes say what became of each event, in
   * their order: what is on record may outrank a late withdrawal, and a misspelt purpose is recorded all the same. A
   * server of an older version tells none. {@link Outcomes#text} is for people.
   *
   * <p>With a fence it returns when no near cache answers from the older state any more, which takes up to two leases
   * of two seconds where one is cut off. DEADLINE_EXCEEDED then says that the events are recorded, or may be; repeat
   * the call.
   *
   * @param request the events
   * @param timeout of all attempts together; at most an hour, and one that is not above zero has passed already
   * @return what became of them
   */
  RecordEventsResponse recordEvents(RecordEventsRequest request, Duration timeout);

  /**
   * As {@link #recordEvents(RecordEventsRequest, Duration)}, with the default timeout, or six seconds where the request
   * has a fence.
   *
   * @param request the events
   * @return what became of them
   */
  RecordEventsResponse recordEvents(RecordEventsRequest request);

  /**
   * As {@link #recordEvents(RecordEventsRequest, Duration)}.
   *
   * @param request the events
   * @param timeout of all attempts together
   * @return what became of them, later
   */
  CompletableFuture<RecordEventsResponse> recordEventsAsync(RecordEventsRequest request, Duration timeout);

  /**
   * As {@link #recordEvents(RecordEventsRequest)}.
   *
   * @param request the events
   * @return what became of them, later
   */
  CompletableFuture<RecordEventsResponse> recordEventsAsync(RecordEventsRequest request);

  /**
   * Makes two ids of a controller one person; {@link Requests#newLink} makes the request. Every id of a person is
   * answered alike, by what was said under all of them. Once it returns it is durable, and it may be repeated with its
   * event id. The answer's person names all ids, its outcome says what became of the link. FAILED_PRECONDITION says why
   * the two cannot be one person, and what to do.
   *
   * @param request the two ids
   * @param timeout of all attempts together; at most an hour, and one that is not above zero has passed already
   * @return the person
   */
  LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request, Duration timeout);

  /**
   * As {@link #linkSubjects(LinkSubjectsRequest, Duration)}, with the default timeout, or six seconds where the request
   * has a fence.
   *
   * @param request the two ids
   * @return the person
   */
  LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request);

  /**
   * As {@link #linkSubjects(LinkSubjectsRequest, Duration)}.
   *
   * @param request the two ids
   * @param timeout of all attempts together
   * @return the person, later
   */
  CompletableFuture<LinkSubjectsResponse> linkSubjectsAsync(LinkSubjectsRequest request, Duration timeout);

  /**
   * As {@link #linkSubjects(LinkSubjectsRequest)}.
   *
   * @param request the two ids
   * @return the person, later
   */
  CompletableFuture<LinkSubjectsResponse> linkSubjectsAsync(LinkSubjectsRequest request);

  /**
   * Parts two ids that were linked; {@link Requests#newUnlink} makes the request. Each has what was said under it
   * again. For the rest it is as {@code linkSubjects}. FAILED_PRECONDITION where no link of the two stands.
   *
   * @param request the two ids
   * @param timeout of all attempts together; at most an hour, and one that is not above zero has passed already
   * @return the two persons
   */
  UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request, Duration timeout);

  /**
   * As {@link #unlinkSubjects(UnlinkSubjectsRequest, Duration)}, with the default timeout, or six seconds where the
   * request has a fence.
   *
   * @param request the two ids
   * @return the two persons
   */
  UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request);

  /**
   * As {@link #unlinkSubjects(UnlinkSubjectsRequest, Duration)}.
   *
   * @param request the two ids
   * @param timeout of all attempts together
   * @return the two persons, later
   */
  CompletableFuture<UnlinkSubjectsResponse> unlinkSubjectsAsync(UnlinkSubjectsRequest request, Duration timeout);

  /**
   * As {@link #unlinkSubjects(UnlinkSubjectsRequest)}.
   *
   * @param request the two ids
   * @return the two persons, later
   */
  CompletableFuture<UnlinkSubjectsResponse> unlinkSubjectsAsync(UnlinkSubjectsRequest request);
}
