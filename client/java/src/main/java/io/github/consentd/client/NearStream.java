package io.github.consentd.client;

import io.github.consentd.v1.DecisionServiceGrpc;
import io.github.consentd.v1.WatchInvalidationsRequest;
import io.github.consentd.v1.WatchInvalidationsResponse;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One stream of invalidations, from its start to its end: what the server tells is applied and then confirmed, and heartbeats
 * ask for leases. gRPC calls the listener's methods one after the other; heartbeats come from the timer's thread.
 */
final class NearStream extends ClientCall.Listener<WatchInvalidationsResponse> {
  /** How long a server may take for its first word, with the connection to it. */
  private static final long HELLO_NANOS = TimeUnit.SECONDS.toNanos(5);

  /** A server that has not answered a heartbeat for as many leases is taken for lost. */
  private static final int LOST_LEASES = 2;

  private final NearCache near;
  private final Timer timer;
  private final ClientCall<WatchInvalidationsRequest, WatchInvalidationsResponse> call;
  private final CompletableFuture<Boolean> ended = new CompletableFuture<>();

  private final ReentrantLock sending = new ReentrantLock();
  private boolean silent; // nothing is sent any more; guarded by sending
  private volatile NearSession session; // null: the server has not greeted
  private volatile Future<?> due; // what the timer does next

  NearStream(NearCache near, Transport transport, Timer timer) {
    this.near = near;
    this.timer = timer;
    this.call = transport.open(DecisionServiceGrpc.getWatchInvalidationsMethod());
  }

  /** Completed when the stream has ended and nothing is known by it any more: whether it was of use, so a lease was granted. */
  CompletableFuture<Boolean> ended() {
    return ended;
  }

  void start() {
    due = timer.schedule(() -> cancel("the server does not greet"), HELLO_NANOS);
    sending.lock();
    try {
      call.start(this, new Metadata());
      call.request(1);
      call.sendMessage(WatchInvalidationsRequest.newBuilder().setCacheId(near.id()).build());
    } catch (RuntimeException e) {
      cancel(e.getMessage());
      ended.complete(false); // one that was cancelled before it began says no more
    } finally {
      sending.unlock();
    }
  }

  @Override
  public void onMessage(WatchInvalidationsResponse m) {
    try {
      if (session == null) {
        greeted(new NearSession(m, near.maxEntries()));
      } else {
        hear(near.heard(session, m));
      }
      call.request(1);
    } catch (RuntimeException e) {
      cancel(e.getMessage());
    }
  }

  private void greeted(NearSession offered) {
    due.cancel(false);
    session = offered;
    near.begin(offered);
    beat(offered, near.clock().mono());
  }

  private void hear(WatchInvalidationsResponse m) {
    session.apply(m);
    if (m.getPosition() != m.getFromPosition()) {
      send(WatchInvalidationsRequest.newBuilder().setAppliedPosition(m.getPosition()));
    }
  }

  private void beat(NearSession current, long began) {
    NearClock.Reading now = near.clock().read();
    NearSession.Grant granted = current.granted();
    long last = granted == null ? began : granted.sent().mono();
    if (now.mono() - last > LOST_LEASES * current.lease) {
      cancel("the server does not answer");
    } else if (send(WatchInvalidationsRequest.newBuilder().setHeartbeat(current.beat(now)))) {
      due = timer.schedule(() -> beat(current, began), current.interval);
    }
  }

  /** Returns false where nothing can be sent any more. */
  private boolean send(WatchInvalidationsRequest.Builder message) {
    sending.lock();
    try {
      if (!silent) {
        call.sendMessage(message.build());
      }
      return !silent;
    } catch (RuntimeException e) {
      cancel(e.getMessage());
      return false;
    } finally {
      sending.unlock();
    }
  }

  /** Gives the lease up: the server hears it, and ends the stream. */
  void release() {
    near.end(session);
    sending.lock();
    try {
      if (!silent) {
        silent = true;
        call.halfClose();
      }
    } catch (RuntimeException e) {
      cancel(e.getMessage()); // it had not begun
    } finally {
      sending.unlock();
    }
  }

  /** Ends the stream at once. The server learns no more than that, and waits for the lease to run out. */
  void cancel(String why) {
    near.end(session);
    sending.lock();
    try {
      silent = true;
      call.cancel(why, null);
    } finally {
      sending.unlock();
    }
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    NearSession known = session;
    near.end(known);
    sending.lock();
    try {
      silent = true;
    } finally {
      sending.unlock();
    }
    due.cancel(false);
    ended.complete(known != null && known.granted() != null);
  }
}
