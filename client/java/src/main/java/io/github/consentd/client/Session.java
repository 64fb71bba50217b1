package io.github.consentd.client;

import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A client that sees its own writes: the newest consistency token of its writes goes into its later checks, on whichever node
 * they are answered. A consistency that a request sets itself is kept. Safe for use by many threads.
 *
 * <p>Its writes go one after the other, because tokens do not tell which of two is newer; use one session per person or per
 * task. The wait for its writes before does not count against a write's timeout.
 */
public final class Session implements Checker {
  private final Checker client;
  private final ReentrantLock writing = new ReentrantLock(true);
  private volatile String token = ""; // written under writing

  Session(Checker client) {
    this.client = client;
  }

  @Override
  public Duration timeout() {
    return client.timeout();
  }

  @Override
  public Decision check(CheckRequest request, Duration timeout) {
    String newest = token;
    return client.check(
        newest.isEmpty() || request.hasConsistency() ? request : request.toBuilder().setConsistency(fresh(newest)).build(),
        timeout);
  }

  @Override
  public List<BatchResult> batchCheck(BatchCheckRequest request, Duration timeout) {
    String newest = token;
    return client.batchCheck(
        newest.isEmpty() || request.hasConsistency() ? request : request.toBuilder().setConsistency(fresh(newest)).build(),
        timeout);
  }

  @Override
  public List<PurposeDecision> listPurposes(ListPurposesRequest request, Duration timeout) {
    String newest = token;
    return client.listPurposes(
        newest.isEmpty() || request.hasConsistency() ? request : request.toBuilder().setConsistency(fresh(newest)).build(),
        timeout);
  }

  @Override
  public RecordEventsResponse recordEvents(RecordEventsRequest request, Duration timeout) {
    writing.lock();
    try {
      RecordEventsResponse response = client.recordEvents(request, timeout);
      if (!response.getConsistencyToken().isEmpty()) {
        token = response.getConsistencyToken();
      }
      return response;
    } finally {
      writing.unlock();
    }
  }

  private static Consistency fresh(String token) {
    return Requests.atLeastAsFresh(token);
  }
}
