package io.github.consentd.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A clock that stands still but for sleeps, which pass at once. */
final class FakeClock implements Retrier.Clock {
  final List<Long> sleeps = new ArrayList<>();
  boolean interrupts;
  private long now;

  @Override
  public long nanoTime() {
    return now;
  }

  @Override
  public void sleep(long nanos) throws InterruptedException {
    sleeps.add(nanos);
    if (interrupts) {
      throw new InterruptedException();
    }
    now += nanos;
  }

  void advance(Duration d) {
    now += d.toNanos();
  }
}
