package io.github.consentd.client;

import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * How a client connects. Without options it speaks plaintext to loopback addresses and Unix sockets, and TLS with the
 * system's roots to all else; checks that are under way at the same time share messages. For one thread.
 */
public final class ClientBuilder {
  private final String target;
  private final List<CallObserver> observers = new ArrayList<>();
  private Duration timeout = Timeouts.DEFAULT;
  private ChannelCredentials tls; // null: the default
  private CallCredentials credentials; // null: none
  private Metadata metadata = Headers.NONE;
  private Executor executor; // null: threads of this package
  private boolean insecure;
  private boolean coalescing = true;
  private Near.Factory near; // null: none

  ClientBuilder(String target) {
    this.target = Objects.requireNonNull(target, "target");
  }

  /**
   * The deadline of calls that name none. Default one second.
   *
   * @param timeout at most an hour, more is taken as that; zero and less mean the default
   * @return this
   */
  public ClientBuilder timeout(Duration timeout) {
    this.timeout = Timeouts.ofClient(timeout);
    return this;
  }

  /**
   * TLS with the system's roots also to loopback addresses and Unix sockets.
   *
   * @return this
   */
  public ClientBuilder tls() {
    return tls(TlsChannelCredentials.create());
  }

  /**
   * TLS with roots or a certificate of your own, also to loopback addresses and Unix sockets.
   *
   * @param tls such as {@link TlsChannelCredentials} builds
   * @return this
   */
  public ClientBuilder tls(ChannelCredentials tls) {
    this.tls = Objects.requireNonNull(tls, "tls");
    return this;
  }

  /**
   * Allows plaintext to other machines: subjects' ids and decisions can then be read and changed on the way.
   *
   * @return this
   */
  public ClientBuilder insecure() {
    this.insecure = true;
    return this;
  }

  /**
   * What is sent along with every call, such as a bearer token.
   *
   * @param credentials asked at each attempt, and once for all checks of a minute
   * @return this
   */
  public ClientBuilder credentials(CallCredentials credentials) {
    this.credentials = Objects.requireNonNull(credentials, "credentials");
    return this;
  }

  /**
   * A bearer token or API key, as {@link #credentials} has it.
   *
   * @param token gives what follows "Bearer "; where it throws the call is UNAUTHENTICATED
   * @return this
   */
  public ClientBuilder token(Supplier<String> token) {
    return credentials(Headers.bearer(Objects.requireNonNull(token, "token")));
  }

  /**
   * Headers that are sent along with every call. {@link Client#withMetadata} has those of single ones.
   *
   * @param metadata names, in lower case, and values of visible ASCII
   * @return this
   * @throws IllegalArgumentException for a name that HTTP/2 does not have
   */
  public ClientBuilder metadata(Map<String, String> metadata) {
    this.metadata = Headers.of(metadata);
    return this;
  }

  /**
   * Makes each check a call of its own, where something on the way must see them one by one.
   *
   * @return this
   */
  public ClientBuilder withoutCoalescing() {
    this.coalescing = false;
    return this;
  }

  /**
   * Has every call observed; several observers are told in their order.
   *
   * @param observer is told
   * @return this
   */
  public ClientBuilder observer(CallObserver observer) {
    observers.add(Objects.requireNonNull(observer, "observer"));
    return this;
  }

  /**
   * Completes the futures that calls return. Default: a few daemon threads of this package, as many as there are
   * processors. What is done with a future without an executor of its own runs there, and must not block it for long.
   *
   * @param executor must take what it is given
   * @return this
   */
  public ClientBuilder executor(Executor executor) {
    this.executor = Objects.requireNonNull(executor, "executor");
    return this;
  }

  /**
   * Makes the client. It does not connect: an unreachable server shows in the first call, as UNAVAILABLE.
   *
   * @return the client, to be closed
   * @throws IllegalArgumentException if the target or the options cannot be meant
   */
  public Client build() {
    if (tls != null && insecure) {
      throw new IllegalArgumentException("tls and insecure contradict each other");
    }
    List<Target> targets = Target.parseAll(target);
    Server.Calling calling = new Server.Calling(Servers.options(credentials), metadata);
    Servers servers = new Servers(targets, connection(targets), calling, Timer.SYSTEM);
    Transport transport = new GrpcTransport(servers, calling, coalescing);
    Near cache = near == null ? null : near.over(transport);
    Core.Settings settings = new Core.Settings(timeout, List.copyOf(observers), executor);
    return new Client(
        new Core(transport, new Retrier(Timer.SYSTEM), cache, settings), servers.areSeveral() ? new Freshness() : null);
  }

  private ChannelCredentials connection(List<Target> targets) {
    if (tls != null) {
      return tls;
    }
    boolean plaintext = insecure || targets.stream().allMatch(Target::local);
    return plaintext ? InsecureChannelCredentials.create() : TlsChannelCredentials.create();
  }
}
