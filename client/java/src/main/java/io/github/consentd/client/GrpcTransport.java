package io.github.consentd.client;

import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * A transport over gRPC. Checks that are under way at the same time share the messages of a stream, unless something of
 * their own goes along with them.
 *
 * <p>Closing it ends calls under way, and later ones, with CANCELLED.
 */
final class GrpcTransport implements Transport {
  private final Servers servers;
  private final Server.Calling calling;
  private final boolean coalesces;

  GrpcTransport(Servers servers, Server.Calling calling, boolean coalesces) {
    this.servers = servers;
    this.calling = calling;
    this.coalesces = coalesces;
  }

  static ConsentException closed() {
    return ConsentException.of(Status.Code.CANCELLED, "the client is closed");
  }

  @Override
  public Transport with(Metadata headers, io.grpc.CallCredentials credentials) {
    Metadata all = new Metadata();
    all.merge(calling.headers());
    all.merge(headers);
    var options = credentials == null ? calling.options() : Servers.options(credentials);
    return new GrpcTransport(servers, new Server.Calling(options, all), false);
  }

  @Override
  public <Q, A> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request, Duration timeout) {
    return servers.withOne(timeout.toNanos(), (server, nanos) -> call(server, method, request, nanos));
  }

  @SuppressWarnings("unchecked") // the answer to a check is a CheckResponse
  private <Q, A> CompletableFuture<A> call(Server server, MethodDescriptor<Q, A> method, Q request, long nanos) {
    if (coalesces && method == (Object) DecisionServiceGrpc.getCheckMethod()) {
      CheckRequest check = (CheckRequest) request;
      if (check.getSerializedSize() < Lane.LARGE_CHECK && server.lane.isUsable()) {
        return (CompletableFuture<A>) streamed(server, check, nanos);
      }
    }
    return server.unary(method, request, nanos, calling);
  }

  private CompletableFuture<CheckResponse> streamed(Server server, CheckRequest check, long nanos) {
    long end = System.nanoTime() + nanos;
    CompletableFuture<CheckResponse> answer = new CompletableFuture<>();
    CompletableFuture<CheckResponse> first = server.lane.check(check, nanos);
    first.whenComplete(
        (response, e) -> {
          if (!(e instanceof Lane.BrokenException broken)) {
            Futures.settle(answer, response, e);
          } else if (server.link.isClosed()) {
            answer.completeExceptionally(closed());
          } else if (isOfTheCheckToo(broken.why())) {
            answer.completeExceptionally(broken.why());
          } else {
            alone(server, check, end - System.nanoTime(), answer);
          }
        });
    Futures.linkCancel(answer, first);
    return answer;
  }

  private static boolean isOfTheCheckToo(ConsentException why) {
    return why.code() == Status.Code.UNAVAILABLE || why.code() == Status.Code.CANCELLED;
  }

  /** Asks by itself what a stream did not answer. */
  private void alone(Server server, CheckRequest check, long nanos, CompletableFuture<CheckResponse> answer) {
    if (nanos <= 0) {
      answer.completeExceptionally(ConsentException.timeout());
      return;
    }
    CompletableFuture<CheckResponse> second = server.unary(DecisionServiceGrpc.getCheckMethod(), check, nanos, calling);
    second.whenComplete((response, e) -> Futures.settle(answer, response, e));
    Futures.linkCancel(answer, second);
  }

  @Override
  public <Q, A> ClientCall<Q, A> open(MethodDescriptor<Q, A> method) {
    return servers.any().link.newCall(method, calling.options().withWaitForReady(), calling.headers());
  }

  @Override
  public void close() {
    servers.close();
  }
}
