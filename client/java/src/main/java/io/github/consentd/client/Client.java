package io.github.consentd.client;

import io.github.consentd.v1.ConsentServiceGrpc;
import io.github.consentd.v1.GetPolicyRequest;
import io.github.consentd.v1.GetPolicyResponse;
import io.github.consentd.v1.GetSubjectRequest;
import io.github.consentd.v1.GetSubjectResponse;
import io.github.consentd.v1.LedgerEntry;
import io.github.consentd.v1.ListControllersRequest;
import io.github.consentd.v1.ListControllersResponse;
import io.github.consentd.v1.ListEventsRequest;
import io.github.consentd.v1.ListEventsResponse;
import io.github.consentd.v1.PolicyServiceGrpc;
import io.grpc.CallCredentials;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * Talks to one consentd, over one connection that is made when it is first needed, or to several in turn. Safe for use
 * by many threads, virtual ones too; make one and share it.
 *
 * <p>Each call blocks, or has a form that returns a future. Interrupting a thread ends its call with CANCELLED; to
 * cancel a future ends the call too. Futures are completed on threads of this package, or on the builder's executor.
 *
 * <p>Over several servers a client is one session: its checks see what it wrote.
 */
public final class Client extends Calls implements AutoCloseable {
  private final Freshness fresh; // null where there is one server
  private final boolean owner; // of the connections

  Client(Transport transport, Retrier retrier, Duration timeout) {
    this(new Core(transport, retrier, null, new Core.Settings(timeout, List.of(), null)), null);
  }

  /**
   * @param fresh null where all calls go to one server
   */
  Client(Core core, Freshness fresh) {
    this(core, fresh, true);
  }

  private Client(Core core, Freshness fresh, boolean owner) {
    super(core, fresh);
    this.fresh = fresh;
    this.owner = owner;
  }

  /**
   * A client with the defaults of {@link ClientBuilder}.
   *
   * @param target host:port, several of them separated by commas, dns:///host:port, or unix:///path (on Linux, where
   *     grpc-java has Unix sockets)
   * @return the client, not connected yet
   * @throws IllegalArgumentException if the target cannot be meant
   */
  public static Client connect(String target) {
    return builder(target).build();
  }

  /**
   * A client with options of its own.
   *
   * @param target as of {@link #connect}
   * @return its builder
   */
  public static ClientBuilder builder(String target) {
    return new ClientBuilder(target);
  }

  /**
   * Closes the connections; calls under way and later ones fail with CANCELLED. Of a client that shares another's
   * connections it does nothing. It may be called again.
   */
  @Override
  public void close() {
    if (owner) {
      core.close();
    }
  }

  /**
   * What the near cache did. Of a client that shares another's connections all is zero: no near cache answers its checks.
   *
   * @return the counts so far
   */
  public NearCacheStats nearCacheStats() {
    return core.nearStats();
  }

  /**
   * A session sees its own writes, on whichever node its checks are answered.
   *
   * @return a new one; it needs no closing
   */
  public Session session() {
    return new Session(core, fresh == null ? new Freshness() : fresh);
  }

  /**
   * A client over the same connections, for calls with headers of their own, such as a request's id. Its checks leave
   * one by one, and no near cache answers them.
   *
   * @param metadata names, in lower case, and values of visible ASCII; beside the client's own
   * @return the client, which needs no closing
   * @throws IllegalArgumentException for a name that HTTP/2 does not have
   */
  public Client withMetadata(Map<String, String> metadata) {
    return new Client(core.with(Headers.of(metadata), null), fresh, false);
  }

  /**
   * A client over the same connections, for calls of another caller. Its checks leave one by one, and no near cache
   * answers them.
   *
   * @param credentials instead of the client's
   * @return the client, which needs no closing
   */
  public Client withCredentials(CallCredentials credentials) {
    return new Client(core.with(Headers.NONE, Objects.requireNonNull(credentials, "credentials")), fresh, false);
  }

  /**
   * A client over the same connections, for calls with a bearer token or API key of their own, as
   * {@link #withCredentials} has them.
   *
   * @param token what follows "Bearer "
   * @return the client, which needs no closing
   */
  public Client withToken(String token) {
    Objects.requireNonNull(token, "token");
    return withCredentials(Headers.bearer(() -> token));
  }

  /**
   * A subject's state as policies read it, and the ids of their person. One for whom nothing was recorded is not known;
   * that is no error.
   *
   * @param request names the controller and the subject
   * @param timeout of all attempts together
   * @return the state
   */
  public GetSubjectResponse getSubject(GetSubjectRequest request, Duration timeout) {
    return Futures.await(plain(ConsentServiceGrpc.getGetSubjectMethod(), request, timeout));
  }

  /**
   * As {@link #getSubject(GetSubjectRequest, Duration)}.
   *
   * @param request names the controller and the subject
   * @return the state
   */
  public GetSubjectResponse getSubject(GetSubjectRequest request) {
    return getSubject(request, timeout());
  }

  /**
   * As {@link #getSubject(GetSubjectRequest, Duration)}.
   *
   * @param request names the controller and the subject
   * @param timeout of all attempts together
   * @return the state, later
   */
  public CompletableFuture<GetSubjectResponse> getSubjectAsync(GetSubjectRequest request, Duration timeout) {
    return handOver(plain(ConsentServiceGrpc.getGetSubjectMethod(), request, timeout));
  }

  /**
   * The ledger of the person whom the id names, from the request's page on, in the order in which the events were
   * recorded. A link comes once; each entry says under which id it was said. The pages are read as the iteration goes,
   * which throws {@link ConsentException} where one cannot be.
   *
   * @param request names the controller and the subject, and the first page
   * @param timeout of each page
   * @return the entries; it may be iterated over again
   */
  public Iterable<LedgerEntry> listEvents(ListEventsRequest request, Duration timeout) {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(timeout, "timeout");
    return () -> new Pages(request, page -> Futures.await(plain(ConsentServiceGrpc.getListEventsMethod(), page, timeout)));
  }

  /**
   * As {@link #listEvents(ListEventsRequest, Duration)}.
   *
   * @param request names the controller and the subject, and the first page
   * @return the entries
   */
  public Iterable<LedgerEntry> listEvents(ListEventsRequest request) {
    return listEvents(request, timeout());
  }

  /**
   * One page of a ledger. The next is the one whose token it names.
   *
   * @param request names the controller and the subject, and the page
   * @param timeout of all attempts together
   * @return the page, later
   */
  public CompletableFuture<ListEventsResponse> listEventsAsync(ListEventsRequest request, Duration timeout) {
    return handOver(plain(ConsentServiceGrpc.getListEventsMethod(), request, timeout));
  }

  /**
   * Describes the active policies.
   *
   * @param request which
   * @param timeout of all attempts together
   * @return the policies
   */
  public GetPolicyResponse getPolicy(GetPolicyRequest request, Duration timeout) {
    return Futures.await(plain(PolicyServiceGrpc.getGetPolicyMethod(), request, timeout));
  }

  /**
   * As {@link #getPolicy(GetPolicyRequest, Duration)}.
   *
   * @param request which
   * @return the policies
   */
  public GetPolicyResponse getPolicy(GetPolicyRequest request) {
    return getPolicy(request, timeout());
  }

  /**
   * As {@link #getPolicy(GetPolicyRequest, Duration)}.
   *
   * @param request which
   * @param timeout of all attempts together
   * @return the policies, later
   */
  public CompletableFuture<GetPolicyResponse> getPolicyAsync(GetPolicyRequest request, Duration timeout) {
    return handOver(plain(PolicyServiceGrpc.getGetPolicyMethod(), request, timeout));
  }

  /**
   * Lists the controllers of the active policies and the purposes that they declare.
   *
   * @param request which
   * @param timeout of all attempts together
   * @return the controllers
   */
  public ListControllersResponse listControllers(ListControllersRequest request, Duration timeout) {
    return Futures.await(plain(PolicyServiceGrpc.getListControllersMethod(), request, timeout));
  }

  /**
   * As {@link #listControllers(ListControllersRequest, Duration)}.
   *
   * @param request which
   * @return the controllers
   */
  public ListControllersResponse listControllers(ListControllersRequest request) {
    return listControllers(request, timeout());
  }

  /**
   * As {@link #listControllers(ListControllersRequest, Duration)}.
   *
   * @param request which
   * @param timeout of all attempts together
   * @return the controllers, later
   */
  public CompletableFuture<ListControllersResponse> listControllersAsync(ListControllersRequest request, Duration timeout) {
    return handOver(plain(PolicyServiceGrpc.getListControllersMethod(), request, timeout));
  }
}
