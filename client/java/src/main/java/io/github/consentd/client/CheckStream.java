package io.github.consentd.client;

import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.github.consentd.v1.StreamedResult;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One stream of a lane. Its fields, but for those that do not change, are guarded by the lane's lane.lock.
 */
final class CheckStream extends ClientCall.Listener<CheckStreamResponse> {
  final ClientCall<CheckStreamRequest, CheckStreamResponse> call;
  final Map<Long, Lane.Check> checks = new HashMap<>();
  final List<Long> cancels = new ArrayList<>();
  final long opened;
  long heard; // when the last message came
  long asked; // when the first was sent after it
  long quiet; // when our side was closed for its silence; 0: it was not
  boolean tried; // by a call
  boolean spoke; // ever
  private boolean ready;
  private boolean idling; // endIdle will run
  private final Lane lane;
  private long last; // the id given last

  CheckStream(Lane lane) {
    this.lane = lane;
    this.call = lane.side.open();
    this.opened = lane.timer.nanoTime();
    this.heard = opened;
    this.asked = opened;
  }

  void open() {
    call.start(this, new Metadata());
    call.request(2); // one is read while the other is handed out
  }

  void take(Lane.Check check) {
    check.on = this;
    check.id = ++last;
    checks.put(check.id, check);
  }

  boolean isSilent(long nanos) {
    return asked - heard > 0 && lane.timer.nanoTime() - asked >= nanos;
  }

  /** Whether it is silent while checks are under way. */
  boolean owes(long nanos) {
    return !checks.isEmpty() && isSilent(nanos);
  }

  /** Has its checks go by themselves, unless it has spoken meanwhile. */
  void giveUpMute() {
    lane.lock.lock();
    try {
      if (spoke) {
        return;
      }
      lane.retire(this);
      lane.distrust(Lane.WITHOUT_MUTE_NANOS);
    } finally {
      lane.lock.unlock();
    }
    fail(ConsentException.of(Status.Code.UNIMPLEMENTED, "the stream does not answer"), true);
    cancel("the stream does not answer");
  }

  void cancel(String why) {
    call.cancel(why, null);
  }

  /** What fails here fails the checks that were to go: those of the stream, or all where it could not begin. */
  void send(CheckStreamRequest message, boolean opens) {
    try {
      if (opens) {
        open();
      } else if (message != null) {
        call.sendMessage(message);
      }
    } catch (RuntimeException | Error e) {
      retireThis();
      fail(e instanceof Error ? e : ConsentException.of(Status.Code.UNAVAILABLE, "the stream was given up"), opens);
      cancel("a message could not be sent");
    }
  }

  private void retireThis() {
    lane.lock.lock();
    try {
      lane.retire(this);
      if (!ready) {
        lane.leaving.remove(this);
        lane.streams.remove(this);
      }
    } finally {
      lane.lock.unlock();
    }
  }

  void halfClose() {
    try {
      call.halfClose();
    } catch (IllegalStateException cancelled) {
      // It has ended another way.
    }
  }

  @Override
  public void onReady() {
    lane.lock.lock();
    try {
      ready = true;
      lookLater(); // who waited for it may be gone
    } finally {
      lane.lock.unlock();
    }
    lane.kick();
  }

  @Override
  public void onMessage(CheckStreamResponse message) {
    List<Lane.Check> answered = new ArrayList<>(message.getResultsCount());
    lane.lock.lock();
    try {
      heard = lane.timer.nanoTime();
      lane.learn(this);
      spoke = true;
      for (StreamedResult result : message.getResultsList()) {
        answered.add(checks.remove(result.getId()));
      }
      if (message.getDraining()) {
        lane.retire(this);
      } else if (!checks.isEmpty()) {
        asked = heard + 1;
      } else {
        lookLater();
      }
    } finally {
      lane.lock.unlock();
    }
    call.request(1);
    lane.kick();
    for (int i = 0; i < answered.size(); i++) {
      if (answered.get(i) != null) {
        answer(answered.get(i), message.getResults(i));
      }
    }
  }

  /** Has endIdle run; the lock is held. */
  private void lookLater() {
    if (!idling) {
      idling = true;
      lane.timer.schedule(this::endIdle, Lane.IDLE_NANOS);
    }
  }

  /** Takes the stream out of use if it had no checks for a while; else looks again. */
  private void endIdle() {
    lane.lock.lock();
    try {
      long left = heard + Lane.IDLE_NANOS - lane.timer.nanoTime();
      idling = checks.isEmpty() && left > 0;
      if (idling) {
        lane.timer.schedule(this::endIdle, left);
      } else if (checks.isEmpty()) {
        lane.retire(this);
      }
    } finally {
      lane.lock.unlock();
    }
    lane.kick();
  }

  private void answer(Lane.Check check, StreamedResult result) {
    switch (result.getOutcomeCase()) {
      case RESPONSE -> check.complete(result.getResponse());
      case ERROR -> check.completeExceptionally(ConsentException.of(result.getError()));
      case OUTCOME_NOT_SET -> check.completeExceptionally(
          ConsentException.of(Status.Code.INTERNAL, "the server sent an outcome of an unknown kind"));
    }
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    boolean streamless = status.getCode() == Status.Code.UNIMPLEMENTED; // an older server
    boolean neverOpened;
    lane.lock.lock();
    try {
      neverOpened = !ready;
      if (streamless) {
        lane.distrust(Lane.WITHOUT_HELD_NANOS);
      }
      if (lane.stream == this) {
        lane.stream = null;
      }
      lane.streams.remove(this);
    } finally {
      lane.lock.unlock();
    }
    if (status != Link.GIVEN_UP || !neverOpened) { // what was sent is lost with the connection
      fail(ending(status, trailers), neverOpened || streamless);
    }
    lane.kick();
  }

  private Throwable ending(Status status, Metadata trailers) {
    if (status.isOk() || status.getCode() == Status.Code.CANCELLED && status.getCause() == null) {
      return ConsentException.of(Status.Code.UNAVAILABLE, "the stream to the server ended before it answered");
    }
    return ConsentException.failure(status, trailers);
  }

  private void fail(Throwable why, boolean waitingToo) {
    Collection<Lane.Check> lost;
    lane.lock.lock();
    try {
      lost = new ArrayList<>(checks.values());
      checks.clear();
      if (waitingToo) {
        lost.addAll(lane.queue);
        lane.queue.clear();
      }
    } finally {
      lane.lock.unlock();
    }
    Throwable failure = why instanceof ConsentException e ? new Lane.BrokenException(e) : why;
    lost.forEach(check -> check.completeExceptionally(failure));
  }
}
