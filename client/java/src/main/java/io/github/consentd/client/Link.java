package io.github.consentd.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The way to one server: a gRPC channel, which is replaced by a new one where it does not come back by itself.
 *
 * <p>gRPC gives a connection up when it is told that it broke. It waits where it is told nothing: a peer that accepts
 * and never says a word of HTTP/2, which no timeout of grpc-java bounds, or a proxy that goes on acknowledging for a
 * backend that is gone. Hence two bounds of our own. A channel that connects for longer than {@link #CONNECTING_NANOS}
 * is replaced, calls that wait for it with it: none of them has left. One that has been asked and said nothing for
 * {@link #SILENCE_NANOS} when a call runs into its deadline is left: calls go to the next, and those under way on it
 * may still be answered until keepalive finds it dead.
 *
 * <p>Safe for use by many threads.
 */
final class Link implements AutoCloseable {
  /** Beyond the slowest handshake that a call is worth waiting for; see also {@link Channels#CONNECT_MILLIS}. */
  static final long CONNECTING_NANOS = TimeUnit.SECONDS.toNanos(6);

  /**
   * How calls end, this very instance, that waited for a connection which was given up: nothing of them has left, so
   * they may begin anew at once, and it is no failure of theirs.
   */
  static final Status GIVEN_UP = Status.UNAVAILABLE.withDescription("it takes too long to connect");

  /** As long as a call may take that names no deadline. */
  static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final long RECONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final Supplier<ManagedChannel> dial;
  private final Timer timer;

  // Guards what follows; it is held for no call that waits.
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Connection> left = new ArrayList<>(); // those that were replaced and may still have calls
  private volatile Connection current;
  private volatile boolean closed;

  Link(Supplier<ManagedChannel> dial, Timer timer) {
    this.dial = dial;
    this.timer = timer;
    this.current = new Connection(dial.get());
  }

  /** A call on the channel of now. */
  <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options, Metadata headers) {
    return current.newCall(method, options, headers);
  }

  boolean isClosed() {
    return closed;
  }

  /** Whether calls would leave at once. One that is idle would connect, so it counts as not ready. */
  boolean isReady() {
    return current.channel.getState(false) == ConnectivityState.READY;
  }

  /** Has it connect if it does not. */
  void connect() {
    current.channel.getState(true);
  }

  /** A call that was sent on the connection of now, or waited for it, ran into its deadline. */
  void timedOut() {
    current.timedOut();
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      current.channel.shutdownNow();
      left.forEach(c -> c.channel.shutdownNow());
      left.clear();
    } finally {
      lock.unlock();
    }
  }

  private void replace(Connection old, boolean abandon) {
    lock.lock();
    try {
      if (closed || old != current) {
        return;
      }
      current = new Connection(dial.get());
      left.removeIf(c -> c.channel.isTerminated());
      left.add(old);
    } finally {
      lock.unlock();
    }
    if (abandon) {
      old.abandoned = true;
      old.channel.shutdownNow();
    } else {
      old.channel.shutdown();
    }
  }

  /** One channel, and when it was asked and heard. Its times are readings of the timer's clock; races of theirs do no harm. */
  private final class Connection {
    final ManagedChannel channel;
    private volatile long heard;
    private volatile long asked; // the first question since something was heard; until then no later than heard
    private volatile long lastReset;
    private volatile boolean abandoned; // while it connected
    private int changes; // of state; guarded by the lock

    Connection(ManagedChannel channel) {
      this.channel = channel;
      this.heard = timer.nanoTime();
      this.asked = heard;
      this.lastReset = heard - RECONNECT_NANOS;
      watch();
    }

    /** Bounds each time that the channel spends connecting. */
    private void watch() {
      ConnectivityState state = channel.getState(false);
      int change;
      lock.lock();
      try {
        change = ++changes;
      } finally {
        lock.unlock();
      }
      if (state == ConnectivityState.SHUTDOWN) {
        return;
      }
      if (state == ConnectivityState.CONNECTING) {
        timer.schedule(() -> connectsSince(change), CONNECTING_NANOS);
      }
      channel.notifyWhenStateChanged(state, this::watch);
    }

    private void connectsSince(int change) {
      boolean still;
      lock.lock();
      try {
        still = change == changes;
      } finally {
        lock.unlock();
      }
      if (still) {
        replace(this, true);
      }
    }

    void ask() {
      if (asked - heard <= 0) {
        asked = timer.nanoTime();
      }
    }

    void hear() {
      heard = timer.nanoTime();
    }

    void timedOut() {
      boolean silent = asked - heard > 0 && timer.nanoTime() - asked >= SILENCE_NANOS;
      if (silent && channel.getState(false) != ConnectivityState.CONNECTING) {
        replace(this, false);
      }
    }

    void ended(Status status, Metadata trailers) {
      // What a server says of a call comes with trailers, or after headers; what gRPC says of it here does not.
      if (status.isOk() || !trailers.keys().isEmpty()) {
        hear();
      } else if (status.getCode() == Status.Code.UNAVAILABLE) {
        hear(); // that it broke
        reconnectSoon();
      } else if (status.getCode() == Status.Code.DEADLINE_EXCEEDED) {
        timedOut();
      }
    }

    /**
     * Ends gRPC's wait before it connects again, which begins at 1 s and cannot be set: that is as long as a whole call
     * may take. At most every 100 ms, however many calls fail.
     */
    private void reconnectSoon() {
      long now = timer.nanoTime();
      if (now - lastReset >= RECONNECT_NANOS) {
        lastReset = now;
        channel.resetConnectBackoff();
      }
    }

    <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options, Metadata headers) {
      return new SimpleForwardingClientCall<>(channel.newCall(method, options)) {
        @Override
        public void start(Listener<A> listener, Metadata own) {
          own.merge(headers);
          super.start(new Watched<>(listener), own);
        }

        @Override
        public void sendMessage(Q message) {
          ask();
          super.sendMessage(message);
        }
      };
    }

    private final class Watched<A> extends SimpleForwardingClientCallListener<A> {
      Watched(ClientCall.Listener<A> listener) {
        super(listener);
      }

      @Override
      public void onHeaders(Metadata headers) {
        hear();
        super.onHeaders(headers);
      }

      @Override
      public void onMessage(A message) {
        hear();
        super.onMessage(message);
      }

      @Override
      public void onClose(Status status, Metadata trailers) {
        ended(status, trailers);
        boolean waited = abandoned && !closed && status.getCode() == Status.Code.UNAVAILABLE;
        super.onClose(waited ? GIVEN_UP : status, trailers);
      }
    }
  }
}
