package io.github.consentd.client;

import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** One server: the way to it, the lane for checks, and what is known of its health. Safe for use by many threads. */
final class Server implements Lane.Side, AutoCloseable {
  final Link link;
  final Lane lane;
  private final Calling calling;

  /**
   * What goes along with calls.
   *
   * @param options gRPC's, with the credentials
   * @param headers sent with each call; not to be changed
   */
  record Calling(CallOptions options, Metadata headers) {}

  /**
   * @param calling what goes along with checks that share a stream
   */
  Server(Link link, Calling calling, Timer timer, Executor sender) {
    this.link = link;
    this.calling = calling;
    this.lane = new Lane(this, timer, sender);
  }

  @Override
  public ClientCall<CheckStreamRequest, CheckStreamResponse> open() {
    return link.newCall(DecisionServiceGrpc.getCheckStreamMethod(), calling.options, calling.headers);
  }

  @Override
  public CompletableFuture<CheckResponse> unary(CheckRequest request, long nanos) {
    return unary(DecisionServiceGrpc.getCheckMethod(), request, nanos, calling);
  }

  @Override
  public void timedOut() {
    link.timedOut();
  }

  /** One call by itself. */
  <Q, A> CompletableFuture<A> unary(MethodDescriptor<Q, A> method, Q request, long nanos, Calling with) {
    Unary<Q, A> answer = new Unary<>(link, method, request, with, System.nanoTime() + nanos);
    answer.start();
    return answer;
  }

  @Override
  public void close() {
    lane.close();
    link.close();
  }

  /** The answer to a call. To cancel it ends the call. */
  private static final class Unary<Q, A> extends CompletableFuture<A> {
    private final Link link;
    private final MethodDescriptor<Q, A> method;
    private final Q request;
    private final Calling with;
    private final long end;
    private volatile ClientCall<Q, A> call;

    Unary(Link link, MethodDescriptor<Q, A> method, Q request, Calling with, long end) {
      this.link = link;
      this.method = method;
      this.request = request;
      this.with = with;
      this.end = end;
    }

    void start() {
      CallOptions bounded = with.options.withDeadlineAfter(end - System.nanoTime(), TimeUnit.NANOSECONDS);
      ClientCall<Q, A> started = link.newCall(method, bounded, with.headers);
      call = started;
      try {
        started.start(new Listener(), new Metadata());
        started.request(2); // a second message is a fault
        started.sendMessage(request);
        started.halfClose();
      } catch (RuntimeException | Error e) {
        started.cancel("the request could not be sent", e);
        completeExceptionally(e);
      }
      if (isCancelled()) {
        started.cancel("the caller left", null);
      }
    }

    @Override
    public <U> CompletableFuture<U> newIncompleteFuture() {
      return new CompletableFuture<>();
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      boolean cancelled = super.cancel(mayInterrupt);
      call.cancel("the caller left", null);
      return cancelled;
    }

    private final class Listener extends ClientCall.Listener<A> {
      private A message;
      private boolean twice;

      @Override
      public void onMessage(A received) {
        twice = message != null;
        message = received;
      }

      @Override
      public void onClose(Status status, Metadata trailers) {
        if (status == Link.GIVEN_UP && !isDone()) {
          start();
        } else if (link.isClosed() && !status.isOk()) {
          completeExceptionally(GrpcTransport.closed());
        } else if (!status.isOk()) {
          completeExceptionally(ConsentException.failure(status, trailers));
        } else if (message == null || twice) {
          completeExceptionally(ConsentException.of(Status.Code.INTERNAL, "the server did not send one answer"));
        } else {
          complete(message);
        }
      }
    }
  }
}
