package io.github.consentd.client;

import io.grpc.Status;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Futures of two kinds. Those within this package are completed on gRPC's threads, so what is done with them must be
 * short. Those that callers get are completed on an executor, because callers may do anything.
 */
final class Futures {
  // A pool of its own: one whose threads all wait for checks, as the common pool's do below a parallel stream, could
  // not complete them. A thread of it that joins another future is replaced meanwhile. Its threads end when nothing has
  // been done for a while.
  private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());

  private Futures() {}

  /** The threads that complete callers' futures unless they name an executor. Made when first needed. */
  private static final class Pool {
    static final ForkJoinPool SHARED = new ForkJoinPool(THREADS, Pool::thread, null, true);

    private static ForkJoinWorkerThread thread(ForkJoinPool pool) {
      ForkJoinWorkerThread thread = ForkJoinPool.defaultForkJoinWorkerThreadFactory.newThread(pool);
      thread.setName("consentd-client-" + thread.getPoolIndex());
      // By default it would be the system's, which knows nothing of an application that brings its own.
      thread.setContextClassLoader(Futures.class.getClassLoader());
      return thread;
    }
  }

  /**
   * Waits.
   *
   * @throws ConsentException what failed, or CANCELLED if the thread is interrupted, also before
   * @throws Error of the program's, such as one of linkage
   */
  static <T> T await(CompletableFuture<T> future) {
    try {
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedException();
      }
      return future.get();
    } catch (InterruptedException e) {
      future.cancel(true);
      Thread.currentThread().interrupt();
      throw ConsentException.of(Status.Code.CANCELLED, "the thread was interrupted");
    } catch (ExecutionException e) {
      throw thrown(e.getCause());
    }
  }

  /** What a failed call throws; an Error is thrown here. */
  private static RuntimeException thrown(Throwable cause) {
    if (cause instanceof Error fault) {
      throw fault;
    }
    if (cause instanceof ConsentException e) {
      return e.here();
    }
    return cause instanceof RuntimeException e ? e : new IllegalStateException(cause);
  }

  /** What made a future fail. */
  static Throwable cause(Throwable e) {
    return e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
  }

  /** A future for callers. To cancel it cancels the one behind it. */
  static <T> CompletableFuture<T> handOver(CompletableFuture<T> inner, Executor executor) {
    CompletableFuture<T> outer = new CompletableFuture<>();
    Executor chosen = executor == null ? Pool.SHARED : executor;
    inner.whenComplete(
        (value, e) -> {
          if (!outer.isDone()) {
            complete(outer, value, e, chosen);
          }
        });
    linkCancel(outer, inner);
    return outer;
  }

  private static <T> void complete(CompletableFuture<T> outer, T value, Throwable e, Executor executor) {
    Runnable completion = () -> settle(outer, value, e);
    try {
      executor.execute(completion);
    } catch (RuntimeException refused) {
      completion.run(); // an executor that was shut down: here is better than never
    }
  }

  /** Completes a future with what came of another. */
  static <T> void settle(CompletableFuture<T> future, T value, Throwable e) {
    if (e == null) {
      future.complete(value);
    } else {
      future.completeExceptionally(cause(e));
    }
  }

  /** Has the cancellation of one future cancel another. */
  static void linkCancel(CompletableFuture<?> from, CompletableFuture<?> to) {
    from.whenComplete(
        (value, e) -> {
          if (e instanceof CancellationException) {
            to.cancel(true);
          }
        });
  }

  /** As thenApply, but to cancel the result cancels the future itself. */
  static <T, U> CompletableFuture<U> map(CompletableFuture<T> future, Function<T, U> function) {
    CompletableFuture<U> mapped = future.thenApply(function);
    linkCancel(mapped, future);
    return mapped;
  }

  /**
   * What a check says of a use; an Error is no denial.
   *
   * @param failure null: there is none
   */
  static boolean isAllowed(Decision decision, Throwable failure) {
    if (cause(failure) instanceof Error fault) {
      throw fault;
    }
    return failure == null && decision.allowed();
  }

  /** Runs what makes a future; what it throws makes the future fail. */
  static <T> CompletableFuture<T> start(Supplier<CompletableFuture<T>> starter) {
    try {
      return starter.get();
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedFuture(e);
    }
  }
}
