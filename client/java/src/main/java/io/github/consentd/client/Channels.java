package io.github.consentd.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import java.util.concurrent.TimeUnit;

/**
 * Makes gRPC channels.
 *
 * <p>gRPC's own retries look at no RetryInfo; they are off, so that no call is repeated by both. The server permits a
 * ping every ten seconds; the eleventh leaves room for pings that arrive closer together than they left. A connection
 * that does not answer one while calls are under way is closed within 14 s.
 */
final class Channels {
  /** How long one address may take to accept; gRPC then tries the next of the name. */
  static final int CONNECT_MILLIS = 2_500;

  private Channels() {}

  static ManagedChannel make(Target target, ChannelCredentials connection) {
    ManagedChannelBuilder<?> builder =
        Grpc.newChannelBuilder(target.address(), connection)
            .userAgent("consentd-java")
            .disableRetry()
            .disableServiceConfigLookUp()
            .keepAliveTime(11, TimeUnit.SECONDS)
            .keepAliveTimeout(3, TimeUnit.SECONDS);
    if (target.local()) {
      builder.proxyDetector(address -> null); // a proxy of the environment would carry plaintext off this machine
    }
    // Who leaves the shaded transport out has another one, which connects for as long as it likes until a link gives it
    // up.
    if (builder.getClass().getName().startsWith("io.grpc.netty.shaded.")) {
      Shaded.bound(builder);
    }
    return builder.build();
  }

  /** Apart, because its classes may be missing. */
  private static final class Shaded {
    static void bound(ManagedChannelBuilder<?> builder) {
      ((NettyChannelBuilder) builder).withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS);
    }
  }
}
