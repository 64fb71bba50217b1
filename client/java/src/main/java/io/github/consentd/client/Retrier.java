package io.github.consentd.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * Gives calls a deadline and repeats those that end UNAVAILABLE: all of the API's calls may be repeated, because they
 * either write nothing or carry idempotency keys. One for all calls of a client; safe for use by many threads.
 */
final class Retrier {
  // Four attempts with waits of 25, 50 and 100 ms at most bridge a dropped connection and leave most of the default
  // deadline to the attempts themselves; a server that needs longer says so in its RetryInfo.
  private static final int MAX_ATTEMPTS = 4;
  private static final long FIRST_BACKOFF_NANOS = TimeUnit.MILLISECONDS.toNanos(25);

  // How much earlier than ours a server's timer may go off: timers are not exact.
  private static final long TIMER_DRIFT_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private final Budget budget = new Budget();
  private final Timer timer;

  Retrier(Timer timer) {
    this.timer = timer;
  }

  /**
   * Runs attempts until one succeeds or no further one makes sense.
   *
   * @param timeout for all attempts together; zero and less have passed already
   * @param attempt one attempt, given what is left of the timeout
   * @return the answer, or what the last attempt failed with. To cancel it ends the attempt under way
   */
  <T> CompletableFuture<T> run(Duration timeout, Function<Duration, CompletableFuture<T>> attempt) {
    Call<T> call = new Call<>(timer.nanoTime() + Timeouts.bounded(timeout).toNanos(), attempt);
    call.attempt();
    return call;
  }

  /** One call with its attempts, of which one is under way at a time. */
  private final class Call<T> extends CompletableFuture<T> {
    private final long end;
    private final Function<Duration, CompletableFuture<T>> attempt;
    private int attempts;
    private volatile Future<?> underWay; // an attempt, or the wait for the next

    Call(long end, Function<Duration, CompletableFuture<T>> attempt) {
      this.end = end;
      this.attempt = attempt;
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new CompletableFuture<>(); // what callers derive is no call
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      boolean cancelled = super.cancel(mayInterrupt);
      Future<?> last = underWay;
      if (cancelled && last != null) {
        last.cancel(mayInterrupt);
      }
      return cancelled;
    }

    private void attempt() {
      long left = end - timer.nanoTime();
      if (left <= 0) {
        completeExceptionally(ConsentException.timeout());
        return;
      }
      attempts++;
      CompletableFuture<T> next = Futures.start(() -> attempt.apply(Duration.ofNanos(left)));
      waitFor(next);
      next.whenComplete(this::ended);
    }

    private void waitFor(Future<?> next) {
      underWay = next;
      if (isCancelled()) {
        next.cancel(true); // the caller left while it was being started
      }
    }

    private void ended(T answer, Throwable failure) {
      if (!(Futures.cause(failure) instanceof ConsentException caught)) {
        if (failure == null) {
          budget.observe(false);
        }
        Futures.settle(this, answer, failure);
        return;
      }
      ConsentException e = isTimeout(caught) ? ConsentException.timeout() : caught;
      boolean unavailable = e.code() == Status.Code.UNAVAILABLE;
      budget.observe(unavailable);
      long wait = delay(e, attempts);
      // It does not wait for what the deadline forbids: the caller is better served by the server's error now.
      if (!unavailable || attempts == MAX_ATTEMPTS || budget.isExhausted() || end - timer.nanoTime() <= wait) {
        completeExceptionally(e);
      } else {
        waitFor(timer.schedule(this::attempt, wait));
      }
    }

    /** A server whose timer goes off first resets the stream, which gRPC reports as CANCELLED. */
    private boolean isTimeout(ConsentException e) {
      return e.code() == Status.Code.CANCELLED && end - timer.nanoTime() <= TIMER_DRIFT_NANOS;
    }
  }

  /** What the server asks for and our own part, half of which is random: who failed together returns apart. */
  private static long delay(ConsentException e, int attempt) {
    long own = FIRST_BACKOFF_NANOS << (attempt - 1);
    return Timeouts.bounded(e.retryDelay()).toNanos() + own / 2 + ThreadLocalRandom.current().nextLong(own / 2);
  }

  /**
   * Keeps retries from multiplying the load of a server that is down: as in gRPC's retry throttling, a failure costs
   * one token of 100, any other outcome restores a tenth, and below half nothing is repeated.
   */
  private static final class Budget {
    private final AtomicInteger spent = new AtomicInteger(); // tenths of tokens

    boolean isExhausted() {
      return spent.get() >= 500;
    }

    void observe(boolean failed) {
      if (failed || spent.get() > 0) {
        spent.updateAndGet(s -> failed ? Math.min(1_000, s + 10) : Math.max(0, s - 1));
      }
    }
  }
}
