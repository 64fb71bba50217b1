package io.github.consentd.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/** A clock that stands still but for waits, which pass at once. */
final class FakeClock implements Timer {
  final List<Long> sleeps = new ArrayList<>();
  boolean holds; // what is scheduled never runs
  private long now;

  @Override
  public long nanoTime() {
    return now;
  }

  @Override
  public Future<?> schedule(Runnable task, long nanos) {
    sleeps.add(nanos);
    if (holds) {
      return new CompletableFuture<>();
    }
    now += nanos;
    task.run();
    return CompletableFuture.completedFuture(null);
  }

  void advance(Duration d) {
    now += d.toNanos();
  }
}
