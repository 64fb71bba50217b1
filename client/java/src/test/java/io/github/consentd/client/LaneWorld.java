package io.github.consentd.client;

import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/** A lane whose time, sender's thread and connection are the test's. For one thread. */
final class LaneWorld implements Timer, Lane.Side {
  final Queue<Runnable> sends = new ArrayDeque<>(); // what waits for the sender's thread
  final List<Call> calls = new ArrayList<>();
  final Lane lane = new Lane(this, this, sends::add);
  boolean connected = true; // streams are ready as they open
  Error fault; // thrown where a stream is to be opened
  private final PriorityQueue<Task> tasks = new PriorityQueue<>(Comparator.comparingLong(Task::at));
  private long now;

  private record Task(long at, Runnable work) {}

  CompletableFuture<CheckResponse> check(CheckRequest request) {
    return lane.check(request, Duration.ofMinutes(5).toNanos());
  }

  /** Has the sender's thread do what waits for it. */
  void send() {
    while (!sends.isEmpty()) {
      sends.remove().run();
    }
  }

  void pass(Duration d) {
    now += d.toNanos();
    while (!tasks.isEmpty() && tasks.peek().at <= now) {
      tasks.remove().work.run();
    }
    send();
  }

  @Override
  public long nanoTime() {
    return now;
  }

  @Override
  public Future<?> schedule(Runnable work, long nanos) {
    tasks.add(new Task(now + nanos, work));
    return new CompletableFuture<>();
  }

  @Override
  public ClientCall<CheckStreamRequest, CheckStreamResponse> open() {
    if (fault != null) {
      throw fault;
    }
    calls.add(new Call(connected));
    return calls.get(calls.size() - 1);
  }

  @Override
  public CompletableFuture<CheckResponse> unary(CheckRequest request, long nanos) {
    return new CompletableFuture<>(); // no answer
  }

  @Override
  public void timedOut() {}

  /** One stream, as the connection has it. */
  static final class Call extends ClientCall<CheckStreamRequest, CheckStreamResponse> {
    final List<CheckStreamRequest> messages = new ArrayList<>();
    boolean halfClosed;
    Runnable onMessage = () -> {}; // run where a message is sent
    Error fault; // thrown where it is asked whether it is ready
    private boolean ready;
    private Listener<CheckStreamResponse> listener;

    Call(boolean ready) {
      this.ready = ready;
    }

    /** The connection takes messages from now on. */
    void connect() {
      ready = true;
      listener.onReady();
    }

    void answer(CheckStreamResponse message) {
      listener.onMessage(message);
    }

    void end(Status status) {
      listener.onClose(status, new Metadata());
    }

    @Override
    public void start(Listener<CheckStreamResponse> listener, Metadata headers) {
      this.listener = listener;
      if (ready) {
        listener.onReady();
      }
    }

    @Override
    public void request(int n) {}

    @Override
    public void cancel(String why, Throwable cause) {
      if (listener != null) {
        end(Status.CANCELLED);
      }
    }

    @Override
    public void halfClose() {
      halfClosed = true;
    }

    @Override
    public void sendMessage(CheckStreamRequest message) {
      messages.add(message);
      onMessage.run();
    }

    @Override
    public boolean isReady() {
      if (fault != null) {
        throw fault;
      }
      return ready;
    }
  }
}
