package io.github.consentd.client;

import java.time.Duration;

/**
 * Is told of each call, for metrics and traces. It must be quick and is called by many threads at once; what it throws
 * is ignored. Neither of its methods is told of a subject.
 */
@FunctionalInterface
public interface CallObserver {
  /** Is told how a call ended. */
  @FunctionalInterface
  interface Ended {
    /**
     * A call ended, on a thread that it must not hold.
     *
     * @param outcome ALLOW or DENY of a check, OK of another call, or the name of the gRPC status with which it failed
     * @param took since it began, all attempts together
     */
    void ended(String outcome, Duration took);
  }

  /**
   * A call begins, on its caller's thread.
   *
   * @param method the API's name of it, such as Check
   * @param purpose of a check; else empty
   * @return what is told how it ended; null: nothing
   */
  Ended began(String method, String purpose);
}
