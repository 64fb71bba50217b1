package io.github.consentd.client;

import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.time.Duration;
import java.util.Objects;

/**
 * How a client connects. Without options it speaks plaintext to loopback addresses and Unix sockets, and TLS with the system's
 * roots to all else. For one thread.
 */
public final class ClientBuilder {
  private final String target;
  private Duration timeout = Retrier.DEFAULT_TIMEOUT;
  private ChannelCredentials tls; // null: the default
  private CallCredentials credentials; // null: none
  private boolean insecure;
  private Near.Factory near; // null: none

  ClientBuilder(String target) {
    this.target = Objects.requireNonNull(target, "target");
  }

  /** The deadline of calls that name none. Default one second; zero and less mean the default. */
  public ClientBuilder timeout(Duration timeout) {
    this.timeout = timeout.isNegative() || timeout.isZero() ? Retrier.DEFAULT_TIMEOUT : timeout;
    return this;
  }

  /** TLS with the system's roots also to loopback addresses and Unix sockets. */
  public ClientBuilder tls() {
    return tls(TlsChannelCredentials.create());
  }

  /** TLS with roots or a certificate of your own, also to loopback addresses and Unix sockets. */
  public ClientBuilder tls(ChannelCredentials tls) {
    this.tls = Objects.requireNonNull(tls, "tls");
    return this;
  }

  /** Allows plaintext to other machines: subjects' ids and decisions can then be read and changed on the way. */
  public ClientBuilder insecure() {
    this.insecure = true;
    return this;
  }

  /** What is sent along with every call, such as a bearer token. */
  public ClientBuilder credentials(CallCredentials credentials) {
    this.credentials = credentials;
    return this;
  }

  /**
   * Makes the client. It does not connect: an unreachable server shows in the first call, as UNAVAILABLE.
   *
   * @throws IllegalArgumentException if the target or the options cannot be meant
   */
  public Client build() {
    if (tls != null && insecure) {
      throw new IllegalArgumentException("tls and insecure contradict each other");
    }
    Target parsed = Target.parse(target);
    Transport transport = new GrpcTransport(parsed, connection(parsed), credentials);
    return new Client(transport, new Retrier(Retrier.SYSTEM), timeout, near == null ? null : near.over(transport));
  }

  private ChannelCredentials connection(Target parsed) {
    if (tls != null) {
      return tls;
    }
    return parsed.local() || insecure ? InsecureChannelCredentials.create() : TlsChannelCredentials.create();
  }
}
