package io.github.consentd.client;

import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A client that sees its own writes: the newest consistency token of its writes goes into its later checks, on whichever node
 * they are answered. A consistency that a request sets itself is kept. Safe for use by many threads: the newest token is the one
 * with the highest revision.
 */
public final class Session implements Checker {
  private final Checker client;
  private final AtomicReference<Written> newest = new AtomicReference<>(new Written("", 0));

  /** A token and the revision that it stands for. */
  private record Written(String token, long revision) {
    /** A server that tells no revision has written what it acknowledges last. Revisions are unsigned. */
    Written or(Written later) {
      boolean newer = later.revision == 0 || Long.compareUnsigned(later.revision, revision) > 0;
      return newer && !later.token.isEmpty() ? later : this;
    }
  }

  Session(Checker client) {
    this.client = client;
  }

  @Override
  public Duration timeout() {
    return client.timeout();
  }

  @Override
  public Decision check(CheckRequest request, Duration timeout) {
    return client.check(keeps(request.hasConsistency()) ? request : request.toBuilder().setConsistency(fresh()).build(), timeout);
  }

  @Override
  public List<BatchResult> batchCheck(BatchCheckRequest request, Duration timeout) {
    return client.batchCheck(
        keeps(request.hasConsistency()) ? request : request.toBuilder().setConsistency(fresh()).build(), timeout);
  }

  @Override
  public List<PurposeDecision> listPurposes(ListPurposesRequest request, Duration timeout) {
    return client.listPurposes(
        keeps(request.hasConsistency()) ? request : request.toBuilder().setConsistency(fresh()).build(), timeout);
  }

  @Override
  public RecordEventsResponse recordEvents(RecordEventsRequest request, Duration timeout) {
    RecordEventsResponse response = client.recordEvents(request, timeout);
    newest.accumulateAndGet(new Written(response.getConsistencyToken(), response.getRevision()), Written::or);
    return response;
  }

  private boolean keeps(boolean hasConsistency) {
    return hasConsistency || newest.get().token.isEmpty();
  }

  private Consistency fresh() {
    return Requests.atLeastAsFresh(newest.get().token);
  }
}
