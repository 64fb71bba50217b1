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
   * @param credentials asked at each attempt, and once for the checks that share a stream: a minute at most, and anew after
   *     50 ms without one
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
   * Answers checks within this process, in some hundred nanoseconds, where the server has decided the same before and nothing
   * has changed since: up to 65,536 decisions, of about 2 KiB each. Default: every check goes to the server.
   *
   * <p>Once a write with a fence has returned, anywhere, no check that starts later is answered from the older state. Without
   * a fence a check may be answered so for one lease after the write was acknowledged (the server's setting, two seconds), no
   * longer; the same goes for a change of policies. A decision is never used past its validUntil, by the server's clock. A
   * collection of garbage, a stopped process or a machine that sleeps changes nothing of that. A virtual machine whose host
   * pauses it and leaves both its clocks behind cannot know; it may then answer from what it knew within what was left of the
   * lease.
   *
   * <p>A lost, late or damaged stream means that all checks go to the server, as do those that are fully consistent, those
   * with headers or credentials of their own, and a batch of which not all is known. A decision that is used again has the id
   * and the consistency token of the first time. The server is told every five seconds, and at {@link Client#close}, how
   * often each was used, not when; a process that is killed leaves the last five seconds out.
   *
   * @return this
   */
  public ClientBuilder nearCache() {
    return nearCache(NearCache.DEFAULT_ENTRIES);
  }

  /**
   * As {@link #nearCache()}.
   *
   * @param maxEntries how many decisions are kept, of about 2 KiB each; rounded up to a power of 2, and 8 at least
   * @return this
   * @throws IllegalArgumentException if it is below 1 or above 16,777,216
   */
  public ClientBuilder nearCache(int maxEntries) {
    return nearCache(maxEntries, NearCache.REPORT_EVERY);
  }

  /**
   * As {@link #nearCache()}.
   *
   * @param maxEntries as of {@link #nearCache(int)}
   * @param reportEvery how long the server waits to be told of what was answered; zero: its decision log and its record of
   *     processing are not to know of it
   * @return this
   * @throws IllegalArgumentException if the entries are too few or too many, or the time is below zero or longer than a day
   */
  public ClientBuilder nearCache(int maxEntries, Duration reportEvery) {
    if (maxEntries < 1 || maxEntries > NearCache.MAX_ENTRIES) {
      throw new IllegalArgumentException("maxEntries is " + maxEntries + ": must be 1 to " + NearCache.MAX_ENTRIES);
    }
    if (reportEvery.isNegative() || reportEvery.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException("reportEvery is " + reportEvery + ": must be zero to a day");
    }
    return near(transport -> new NearCache(maxEntries, reportEvery, NearClock.SYSTEM, Timer.SYSTEM, transport));
  }

  ClientBuilder near(Near.Factory near) {
    this.near = near;
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
