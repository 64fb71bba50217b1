package io.github.consentd.client;

import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A transport over one gRPC channel.
 *
 * <p>Closing it ends calls under way, and later ones, with CANCELLED.
 *
 * <p>gRPC's own retries look at no RetryInfo; they are off, so that no call is repeated by both. A server by default closes
 * connections that ping more often than every five minutes.
 */
final class GrpcTransport implements Transport {
  private static final long RECONNECT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final ManagedChannel channel;
  private final CallOptions options;
  private final AtomicLong lastReset = new AtomicLong(System.nanoTime());

  /**
   * @param credentials of calls; null: none
   */
  GrpcTransport(Target target, ChannelCredentials connection, CallCredentials credentials) {
    this.options = CallOptions.DEFAULT.withCallCredentials(credentials);
    ManagedChannelBuilder<?> builder =
        Grpc.newChannelBuilder(target.address(), connection)
            .userAgent("consentd-java")
            .disableRetry()
            .disableServiceConfigLookUp()
            .keepAliveTime(6, TimeUnit.MINUTES)
            .keepAliveTimeout(10, TimeUnit.SECONDS);
    if (target.local()) {
      builder.proxyDetector(address -> null); // a proxy of the environment would carry plaintext off this machine
    }
    this.channel = builder.build();
  }

  @Override
  public <Q, A> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request, Duration timeout) {
    try {
      CallOptions bounded = options.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
      return CompletableFuture.completedFuture(ClientCalls.blockingUnaryCall(channel, method, bounded, request));
    } catch (StatusRuntimeException e) {
      if (channel.isShutdown()) {
        return CompletableFuture.failedFuture(ConsentException.of(Status.Code.CANCELLED, "the client is closed"));
      }
      reconnectSoon(e.getStatus());
      return CompletableFuture.failedFuture(ConsentException.of(e));
    }
  }

  @Override
  public <Q, A> ClientCall<Q, A> open(MethodDescriptor<Q, A> method) {
    return channel.newCall(method, options);
  }

  /**
   * Ends gRPC's wait before it connects again, which begins at 1 s and cannot be set: that is as long as a whole call may take.
   * At most every 100 ms, however many calls fail.
   */
  private void reconnectSoon(Status status) {
    long now = System.nanoTime();
    long last = lastReset.get();
    if (status.getCode() == Status.Code.UNAVAILABLE && now - last >= RECONNECT_NANOS && lastReset.compareAndSet(last, now)) {
      channel.resetConnectBackoff();
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
