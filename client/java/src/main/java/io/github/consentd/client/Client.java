package io.github.consentd.client;

import com.google.protobuf.Message;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.BatchCheckResponse;
import io.github.consentd.v1.BatchCheckResult;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.ConsentServiceGrpc;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.github.consentd.v1.GetPolicyRequest;
import io.github.consentd.v1.GetPolicyResponse;
import io.github.consentd.v1.GetSubjectRequest;
import io.github.consentd.v1.GetSubjectResponse;
import io.github.consentd.v1.LedgerEntry;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.LinkSubjectsResponse;
import io.github.consentd.v1.ListControllersRequest;
import io.github.consentd.v1.ListControllersResponse;
import io.github.consentd.v1.ListEventsRequest;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.PolicyServiceGrpc;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import io.github.consentd.v1.UnlinkSubjectsResponse;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionException;

/**
 * Talks to one consentd, over one connection that is made when it is first needed. Safe for use by many threads; make one and
 * share it. Calls block; interrupting the thread ends them with CANCELLED.
 */
public final class Client implements Checker, AutoCloseable {
  private final Transport transport;
  private final Retrier retrier;
  private final Duration timeout;
  private final Near near; // null: none

  Client(Transport transport, Retrier retrier, Duration timeout) {
    this(transport, retrier, timeout, null);
  }

  Client(Transport transport, Retrier retrier, Duration timeout, Near near) {
    this.near = near;
    this.transport = transport;
    this.retrier = retrier;
    this.timeout = timeout;
  }

  /**
   * A client with the defaults of {@link ClientBuilder}.
   *
   * @param target host:port, dns:///host:port, or unix:///path (on Linux, where grpc-java has Unix sockets)
   * @throws IllegalArgumentException if the target cannot be meant
   */
  public static Client connect(String target) {
    return builder(target).build();
  }

  /** A client with options of its own. */
  public static ClientBuilder builder(String target) {
    return new ClientBuilder(target);
  }

  /** Closes the connection; calls under way and later ones throw. */
  @Override
  public void close() {
    if (near != null) {
      near.close();
    }
    transport.close();
  }

  /** A session sees its own writes, on whichever node its checks are answered. */
  public Session session() {
    return new Session(this);
  }

  @Override
  public Duration timeout() {
    return timeout;
  }

  @Override
  public Decision check(CheckRequest request, Duration timeout) {
    Decision known = near == null ? null : near.lookup(request);
    if (known != null) {
      return known;
    }
    Near.Ticket ticket = near == null ? null : near.ticket();
    CheckResponse response = call(DecisionServiceGrpc.getCheckMethod(), request, timeout);
    Decision decision = Decision.of(response);
    if (near != null) {
      near.admit(ticket, request, response, decision);
    }
    return decision;
  }

  @Override
  public List<BatchResult> batchCheck(BatchCheckRequest request, Duration timeout) {
    BatchCheckResponse response = call(DecisionServiceGrpc.getBatchCheckMethod(), request, timeout);
    if (response.getResultsCount() != request.getRequestsCount()) {
      throw ConsentException.of(
          Status.Code.INTERNAL,
          "the server answered " + response.getResultsCount() + " of " + request.getRequestsCount() + " requests");
    }
    return response.getResultsList().stream().map(Client::result).toList();
  }

  @Override
  public List<PurposeDecision> listPurposes(ListPurposesRequest request, Duration timeout) {
    return call(DecisionServiceGrpc.getListPurposesMethod(), request, timeout).getPurposesList().stream()
        .map(p -> new PurposeDecision(p.getPurpose(), Decision.of(p.getResponse())))
        .toList();
  }

  @Override
  public RecordEventsResponse recordEvents(RecordEventsRequest request, Duration timeout) {
    return call(ConsentServiceGrpc.getRecordEventsMethod(), request, timeout);
  }

  @Override
  public LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request, Duration timeout) {
    return call(ConsentServiceGrpc.getLinkSubjectsMethod(), request, timeout);
  }

  @Override
  public UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request, Duration timeout) {
    return call(ConsentServiceGrpc.getUnlinkSubjectsMethod(), request, timeout);
  }

  /**
   * A subject's state as policies read it, and the ids of their person. One for whom nothing was recorded is not known;
   * that is no error.
   */
  public GetSubjectResponse getSubject(GetSubjectRequest request, Duration timeout) {
    return call(ConsentServiceGrpc.getGetSubjectMethod(), request, timeout);
  }

  /** As {@link #getSubject(GetSubjectRequest, Duration)}. */
  public GetSubjectResponse getSubject(GetSubjectRequest request) {
    return getSubject(request, timeout);
  }

  /**
   * The ledger of the person whom the id names, from the request's page on, in the order in which the events were
   * recorded. A link comes once; each entry says under which id it was said. The pages are read as the iteration goes,
   * which throws {@link ConsentException} where one cannot be; the timeout is for each page. It may be iterated over
   * again.
   */
  public Iterable<LedgerEntry> listEvents(ListEventsRequest request, Duration timeout) {
    return () -> new Pages(request, page -> call(ConsentServiceGrpc.getListEventsMethod(), page, timeout));
  }

  /** As {@link #listEvents(ListEventsRequest, Duration)}. */
  public Iterable<LedgerEntry> listEvents(ListEventsRequest request) {
    return listEvents(request, timeout);
  }

  /** Describes the active policies. */
  public GetPolicyResponse getPolicy(GetPolicyRequest request, Duration timeout) {
    return call(PolicyServiceGrpc.getGetPolicyMethod(), request, timeout);
  }

  /** As {@link #getPolicy(GetPolicyRequest, Duration)}. */
  public GetPolicyResponse getPolicy(GetPolicyRequest request) {
    return getPolicy(request, timeout);
  }

  /** Lists the controllers of the active policies and the purposes that they declare. */
  public ListControllersResponse listControllers(ListControllersRequest request, Duration timeout) {
    return call(PolicyServiceGrpc.getListControllersMethod(), request, timeout);
  }

  /** As {@link #listControllers(ListControllersRequest, Duration)}. */
  public ListControllersResponse listControllers(ListControllersRequest request) {
    return listControllers(request, timeout);
  }

  private <Q extends Message, A extends Message> A call(MethodDescriptor<Q, A> method, Q request, Duration timeout) {
    Strings.requireWellFormed(Objects.requireNonNull(request, "request"));
    return retrier.run(
        timeout,
        left -> {
          try {
            return transport.call(method, request, left).join();
          } catch (CompletionException e) {
            throw (ConsentException) e.getCause();
          }
        });
  }

  private static BatchResult result(BatchCheckResult result) {
    return switch (result.getOutcomeCase()) {
      case RESPONSE -> new BatchResult(Decision.of(result.getResponse()), Optional.empty());
      case ERROR -> new BatchResult(Decision.NONE, Optional.of(ConsentException.of(result.getError())));
      case OUTCOME_NOT_SET -> new BatchResult(
          Decision.NONE,
          Optional.of(ConsentException.of(Status.Code.INTERNAL, "the server sent a result without an outcome that is known")));
    };
  }
}
