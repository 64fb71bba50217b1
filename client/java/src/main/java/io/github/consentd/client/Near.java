package io.github.consentd.client;

import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.Consistency;
import java.time.Duration;
import java.util.List;

/**
 * A cache of decisions within the process, which the check path asks before the server. Safe for use by many threads; none of
 * its calls blocks but for close.
 *
 * <p>What a session or a caller demands is in the request: its consistency.
 */
interface Near extends AutoCloseable {
  /** What an answer is admitted under: what was known before the request left. Its content is the cache's own. */
  interface Ticket {}

  /** Makes a cache over a client's transport, which outlives it. */
  interface Factory {
    Near over(Transport transport);
  }

  /** The decision on a request, if it may be used now; null: the server must be asked. */
  Decision lookup(CheckRequest request);

  /** The decisions on all requests of a batch, if they were right at one instant; null: the server must be asked for all. */
  List<Decision> lookupAll(BatchCheckRequest batch);

  /**
   * Taken after a miss and before the request leaves; null: the answer is not to be kept.
   *
   * @param demanded what the request demands, or its batch
   */
  Ticket ticket(Consistency demanded);

  /**
   * Hands over what the server answered.
   *
   * @param ticket the one that was taken; may be null
   * @param decision what was made of the response
   */
  void admit(Ticket ticket, CheckRequest request, CheckResponse response, Decision decision);

  /** The lease that the server grants; zero: not known. A fenced write may wait for it. */
  Duration lease();

  /** What became of checks so far. */
  NearCacheStats stats();

  /** Gives the lease up, which may take a moment. Nothing is answered from then on. */
  @Override
  void close();
}
