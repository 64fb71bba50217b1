package io.github.consentd.client;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/** Keeps a stream of invalidations under way for a near cache, from its start until it is closed. It has no thread of its own. */
final class NearWatch {
  // The waits between streams: a server that restarts is found soon, one that has no such call is not bothered.
  private static final long FIRST_WAIT = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long MAX_WAIT = TimeUnit.SECONDS.toNanos(5);

  /** How long close waits for the server to hear that the lease is given up. */
  private static final long RELEASE_MILLIS = 250;

  private final NearCache near;
  private final Transport transport;
  private final Timer timer;
  private final AtomicBoolean started = new AtomicBoolean();

  private final ReentrantLock lock = new ReentrantLock();
  private NearStream stream; // the one under way, null: none; guarded by the lock, as closed
  private boolean closed;
  private long wait = FIRST_WAIT; // used by one thread at a time

  NearWatch(NearCache near, Transport transport, Timer timer) {
    this.near = near;
    this.transport = transport;
    this.timer = timer;
  }

  /** Begins to watch; whoever calls it again changes nothing. */
  void start() {
    if (!started.get() && started.compareAndSet(false, true)) {
      timer.schedule(this::open, 0);
    }
  }

  private void open() {
    NearStream next;
    try {
      next = new NearStream(near, transport, timer);
    } catch (RuntimeException e) {
      again(false);
      return;
    }
    lock.lock();
    try {
      if (closed) {
        return;
      }
      stream = next;
    } finally {
      lock.unlock();
    }
    next.ended().whenComplete((useful, e) -> again(useful));
    next.start();
  }

  private void again(boolean useful) {
    if (useful) {
      wait = FIRST_WAIT;
    }
    long pause = wait / 2 + ThreadLocalRandom.current().nextLong(wait);
    wait = Math.min(2 * wait, MAX_WAIT);
    lock.lock();
    try {
      if (closed) {
        return;
      }
    } finally {
      lock.unlock();
    }
    timer.schedule(this::open, pause);
  }

  /** Gives the lease up, and waits a moment until the server has heard it. No stream begins from then on. */
  void close() {
    NearStream last;
    lock.lock();
    try {
      closed = true;
      last = stream;
    } finally {
      lock.unlock();
    }
    if (last == null) {
      return;
    }
    last.release();
    try {
      last.ended().get(RELEASE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException e) {
      // The lease runs out then.
    }
    last.cancel("the client is closed");
  }
}
