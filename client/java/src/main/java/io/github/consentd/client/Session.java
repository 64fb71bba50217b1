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
import java.util.Optional;

/**
 * A client that sees its own writes: the newest consistency token of its writes goes into its later checks, on whichever node
 * they are answered. A consistency that a request sets itself is kept. Safe for use by many threads: the newest token is the one
 * with the highest revision.
 *
 * <p>A session belongs to the store of its first answer: its calls throw {@link StoreMismatchException} where the servers show that
 * they do not share it.
 */
public final class Session implements Checker {
  private final Checker client;
  private final Freshness freshness = new Freshness();

  Session(Checker client) {
    this.client = client;
  }

  @Override
  public Duration timeout() {
    return client.timeout();
  }

  @Override
  public Decision check(CheckRequest request, Duration timeout) {
    return freshness.ask(
        request.hasConsistency() ? Optional.of(request.getConsistency()) : Optional.empty(),
        c -> client.check(c.map(request.toBuilder()::setConsistency).map(CheckRequest.Builder::build).orElse(request), timeout),
        d -> List.of(d.consistencyToken()));
  }

  @Override
  public List<BatchResult> batchCheck(BatchCheckRequest request, Duration timeout) {
    return freshness.ask(
        request.hasConsistency() ? Optional.of(request.getConsistency()) : Optional.empty(),
        c ->
            client.batchCheck(
                c.map(request.toBuilder()::setConsistency).map(BatchCheckRequest.Builder::build).orElse(request), timeout),
        results -> results.stream().map(r -> r.decision().consistencyToken()).toList());
  }

  @Override
  public List<PurposeDecision> listPurposes(ListPurposesRequest request, Duration timeout) {
    // The server refuses a consistency in a request about the past, which needs none.
    boolean past = request.hasAt() || request.hasKnownAt();
    return freshness.ask(
        request.hasConsistency() ? Optional.of(request.getConsistency()) : Optional.empty(),
        c ->
            client.listPurposes(
                past ? request : c.map(request.toBuilder()::setConsistency).map(ListPurposesRequest.Builder::build).orElse(request),
                timeout),
        purposes -> purposes.stream().map(p -> p.decision().consistencyToken()).toList());
  }

  @Override
  public RecordEventsResponse recordEvents(RecordEventsRequest request, Duration timeout) {
    RecordEventsResponse response = client.recordEvents(request, timeout);
    freshness.note(response.getConsistencyToken(), response.getRevision());
    return response;
  }

  @Override
  public LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request, Duration timeout) {
    LinkSubjectsResponse response = client.linkSubjects(request, timeout);
    freshness.note(response.getConsistencyToken(), response.getRevision());
    return response;
  }

  @Override
  public UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request, Duration timeout) {
    UnlinkSubjectsResponse response = client.unlinkSubjects(request, timeout);
    freshness.note(response.getConsistencyToken(), response.getRevision());
    return response;
  }
}
