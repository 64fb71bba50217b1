package io.github.consentd.client;

import com.google.protobuf.Message;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.BatchCheckResponse;
import io.github.consentd.v1.BatchCheckResult;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;

/** What a client and its sessions have in common: calls with a deadline, retries, the near cache and observers. */
final class Core {
  private final Transport transport;
  private final Retrier retrier;
  private final Near near; // null: none
  private final Settings settings;

  /**
   * How a client behaves.
   *
   * @param timeout of calls that name none
   * @param observers who is told of calls
   * @param executor completes callers' futures; null: threads of this package
   */
  record Settings(Duration timeout, List<CallObserver> observers, Executor executor) {}

  Core(Transport transport, Retrier retrier, Near near, Settings settings) {
    this.transport = transport;
    this.retrier = retrier;
    this.near = near;
    this.settings = settings;
  }

  /**
   * The same with more that goes along; what is told to one caller is no answer to another, so it has no near cache.
   * This one where there is no more.
   */
  Core with(Metadata headers, CallCredentials credentials) {
    boolean nothing = headers.keys().isEmpty() && credentials == null;
    return nothing ? this : new Core(transport.with(headers, credentials), retrier, null, settings);
  }

  Duration timeout() {
    return settings.timeout;
  }

  Duration writeTimeout(boolean fence) {
    if (!fence) {
      return settings.timeout;
    }
    Duration leases = near == null ? Duration.ZERO : near.lease().multipliedBy(Timeouts.LEASES_PER_FENCE);
    return longest(settings.timeout, longest(Timeouts.FENCE, leases));
  }

  private static Duration longest(Duration a, Duration b) {
    return a.compareTo(b) > 0 ? a : b;
  }

  NearCacheStats nearStats() {
    return near == null ? NearCacheStats.NONE : near.stats();
  }

  Executor executor() {
    return settings.executor;
  }

  void close() {
    if (near != null) {
      near.close();
    }
    transport.close();
  }

  <Q extends Message, A extends Message> CompletableFuture<A> call(MethodDescriptor<Q, A> method, Q request, Duration timeout) {
    Strings.requireWellFormed(request);
    return observed(method, "", () -> retrier.run(timeout, left -> transport.call(method, request, left)), answer -> "OK");
  }

  CompletableFuture<Decision> check(CheckRequest request, Duration timeout) {
    return observed(
        DecisionServiceGrpc.getCheckMethod(),
        request.getPurpose(),
        () -> decide(request, timeout),
        decision -> decision.allowed() ? "ALLOW" : "DENY");
  }

  private CompletableFuture<Decision> decide(CheckRequest request, Duration timeout) {
    Strings.requireWellFormed(request);
    Decision known = near == null || timeout.isZero() || timeout.isNegative() ? null : near.lookup(request);
    if (known != null) {
      return CompletableFuture.completedFuture(known);
    }
    Near.Ticket ticket = near == null ? null : near.ticket(request.getConsistency());
    CompletableFuture<CheckResponse> answer =
        retrier.run(timeout, left -> transport.call(DecisionServiceGrpc.getCheckMethod(), request, left));
    return Futures.map(
        answer,
        response -> {
          Decision decision = Decision.of(response);
          if (near != null) {
            near.admit(ticket, request, response, decision);
          }
          return decision;
        });
  }

  /** One batch of a size that the server takes. */
  CompletableFuture<List<BatchResult>> batch(BatchCheckRequest request, Duration timeout) {
    Strings.requireWellFormed(request);
    List<Decision> known = near == null || timeout.isZero() || timeout.isNegative() ? null : near.lookupAll(request);
    if (known != null) {
      return CompletableFuture.completedFuture(known.stream().map(d -> new BatchResult(d, Optional.empty())).toList());
    }
    Near.Ticket ticket = near == null ? null : near.ticket(request.getConsistency());
    return Futures.map(
        call(DecisionServiceGrpc.getBatchCheckMethod(), request, timeout), response -> results(ticket, request, response));
  }

  private List<BatchResult> results(Near.Ticket ticket, BatchCheckRequest request, BatchCheckResponse response) {
    if (response.getResultsCount() != request.getRequestsCount()) {
      throw ConsentException.of(
          Status.Code.INTERNAL,
          "the server answered " + response.getResultsCount() + " of " + request.getRequestsCount() + " requests");
    }
    List<BatchResult> results = new ArrayList<>(response.getResultsCount());
    for (int i = 0; i < response.getResultsCount(); i++) {
      BatchResult result = result(response.getResults(i));
      if (near != null && response.getResults(i).hasResponse()) {
        near.admit(ticket, request.getRequests(i), response.getResults(i).getResponse(), result.decision());
      }
      results.add(result);
    }
    return results;
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

  private <T> CompletableFuture<T> observed(
      MethodDescriptor<?, ?> method, String purpose, Supplier<CompletableFuture<T>> call, Function<T, String> outcome) {
    if (settings.observers.isEmpty()) {
      return Futures.start(call);
    }
    long began = System.nanoTime();
    List<CallObserver.Ended> told = new ArrayList<>();
    for (CallObserver observer : settings.observers) {
      quietly(() -> told.add(observer.began(method.getBareMethodName(), purpose)));
    }
    CompletableFuture<T> answer = Futures.start(call);
    answer.whenComplete(
        (value, e) -> {
          String what = e == null ? outcome.apply(value) : failure(Futures.cause(e));
          Duration took = Duration.ofNanos(System.nanoTime() - began);
          told.forEach(t -> quietly(() -> tell(t, what, took)));
        });
    return answer;
  }

  private static void tell(CallObserver.Ended told, String outcome, Duration took) {
    if (told != null) {
      told.ended(outcome, took);
    }
  }

  private static String failure(Throwable e) {
    if (e instanceof ConsentException c) {
      return c.code().name();
    }
    return (e instanceof java.util.concurrent.CancellationException ? Status.Code.CANCELLED : Status.Code.UNKNOWN).name();
  }

  /** An observer must not change what comes of a call. */
  private static void quietly(Runnable observer) {
    try {
      observer.run();
    } catch (RuntimeException ignored) {
      // Its documentation says so.
    }
  }
}
