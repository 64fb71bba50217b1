package io.github.consentd.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Gives calls a deadline and repeats those that end UNAVAILABLE: all of the API's calls may be repeated, because they either
 * write nothing or carry idempotency keys. One for all calls of a client; safe for use by many threads.
 */
final class Retrier {
  /** How long a call may take unless the client or the call says otherwise, all its attempts together. */
  static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(1);

  // Four attempts with waits of 25, 50 and 100 ms at most bridge a dropped connection and leave most of the default deadline to
  // the attempts themselves; a server that needs longer says so in its RetryInfo.
  private static final int MAX_ATTEMPTS = 4;
  private static final long FIRST_BACKOFF_NANOS = TimeUnit.MILLISECONDS.toNanos(25);

  // How much earlier than ours a server's timer may go off: timers are not exact.
  private static final long TIMER_DRIFT_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  /** Time as the retries need it. */
  interface Clock {
    /** A reading of a clock that only grows. */
    long nanoTime();

    void sleep(long nanos) throws InterruptedException;
  }

  static final Clock SYSTEM =
      new Clock() {
        @Override
        public long nanoTime() {
          return System.nanoTime();
        }

        @Override
        public void sleep(long nanos) throws InterruptedException {
          TimeUnit.NANOSECONDS.sleep(nanos);
        }
      };

  private final Budget budget = new Budget();
  private final Clock clock;

  Retrier(Clock clock) {
    this.clock = clock;
  }

  /**
   * Runs attempts until one succeeds or no further one makes sense.
   *
   * @param timeout for all attempts together; zero and less have passed already
   * @param attempt one attempt, given what is left of the timeout
   * @throws ConsentException what the last attempt threw
   */
  <T> T run(Duration timeout, Function<Duration, T> attempt) {
    long end = clock.nanoTime() + saturated(timeout);
    for (int n = 1; ; n++) {
      long left = end - clock.nanoTime();
      if (left <= 0) {
        throw ConsentException.timeout();
      }
      try {
        T answer = attempt.apply(Duration.ofNanos(left));
        budget.observe(false);
        return answer;
      } catch (ConsentException caught) {
        ConsentException e = isTimeout(caught, end) ? ConsentException.timeout() : caught;
        boolean unavailable = e.code() == Status.Code.UNAVAILABLE;
        budget.observe(unavailable);
        if (!unavailable || n == MAX_ATTEMPTS || budget.isExhausted() || !pause(delay(e, n), end)) {
          throw e;
        }
      }
    }
  }

  /** A server whose timer goes off first resets the stream, which gRPC reports as CANCELLED. */
  private boolean isTimeout(ConsentException e, long end) {
    return e.code() == Status.Code.CANCELLED
        && !Thread.currentThread().isInterrupted()
        && end - clock.nanoTime() <= TIMER_DRIFT_NANOS;
  }

  /** What the server asks for and our own part, half of which is random: who failed together returns apart. */
  private static long delay(ConsentException e, int attempt) {
    long own = FIRST_BACKOFF_NANOS << (attempt - 1);
    return saturated(e.retryDelay()) + own / 2 + ThreadLocalRandom.current().nextLong(own / 2);
  }

  /**
   * Waits and says whether there is a point in another attempt. It does not wait for what the deadline forbids: the caller is
   * better served by the server's error now than by DEADLINE_EXCEEDED later.
   */
  private boolean pause(long nanos, long end) {
    if (end - clock.nanoTime() <= nanos) {
      return false;
    }
    try {
      clock.sleep(nanos);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** In nanoseconds, at most 100 years: sums of these do not overflow. */
  private static long saturated(Duration d) {
    Duration most = Duration.ofDays(36_500);
    return d.compareTo(most) > 0 ? most.toNanos() : Math.max(0, d.isNegative() ? 0 : d.toNanos());
  }

  /**
   * Keeps retries from multiplying the load of a server that is down: as in gRPC's retry throttling, a failure costs one token
   * of 100, any other outcome restores a tenth, and below half nothing is repeated.
   */
  private static final class Budget {
    private int spent; // tenths of tokens

    synchronized boolean isExhausted() {
      return spent >= 500;
    }

    synchronized void observe(boolean failed) {
      spent = failed ? Math.min(1_000, spent + 10) : Math.max(0, spent - 1);
    }
  }
}
