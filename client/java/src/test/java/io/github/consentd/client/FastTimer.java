package io.github.consentd.client;

import java.util.concurrent.Future;

/** The system's timer, but time goes five times as fast, so that bounds of seconds can be seen in a test. */
final class FastTimer implements Timer {
  private static final int SPEED = 5;

  @Override
  public long nanoTime() {
    return System.nanoTime() * SPEED;
  }

  @Override
  public Future<?> schedule(Runnable task, long nanos) {
    return Timer.SYSTEM.schedule(task, nanos / SPEED);
  }
}
