package io.github.consentd.client;

import com.google.protobuf.Message;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.ConsentServiceGrpc;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.github.consentd.v1.ExplainRequest;
import io.github.consentd.v1.ExplainResponse;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.LinkSubjectsResponse;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import io.github.consentd.v1.UnlinkSubjectsResponse;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.IntStream;

/** The calls of a client or session. Each is made once, as a future; the one that blocks waits for it. */
abstract class Calls implements Checker {
  final Core core;
  private final Freshness fresh; // null: all calls go to one server, which knows what was written there

  Calls(Core core, Freshness fresh) {
    this.core = core;
    this.fresh = fresh;
  }

  @Override
  public final Duration timeout() {
    return core.timeout();
  }

  @Override
  public final Decision check(CheckRequest request, Duration timeout) {
    return Futures.await(startCheck(request, timeout));
  }

  @Override
  public final CompletableFuture<Decision> checkAsync(CheckRequest request, Duration timeout) {
    return handOver(startCheck(request, timeout));
  }

  private CompletableFuture<Decision> startCheck(CheckRequest request, Duration timeout) {
    require(request, timeout);
    return fresh(
        request.hasConsistency() ? Optional.of(request.getConsistency()) : Optional.empty(),
        c -> core.check(c.map(request.toBuilder()::setConsistency).map(CheckRequest.Builder::build).orElse(request), timeout),
        d -> List.of(d.consistencyToken()));
  }

  @Override
  public final List<BatchResult> batchCheck(BatchCheckRequest request, Duration timeout) {
    return Futures.await(startBatch(request, timeout));
  }

  @Override
  public final CompletableFuture<List<BatchResult>> batchCheckAsync(BatchCheckRequest request, Duration timeout) {
    return handOver(startBatch(request, timeout));
  }

  private CompletableFuture<List<BatchResult>> startBatch(BatchCheckRequest request, Duration timeout) {
    require(request, timeout);
    return fresh(
        request.hasConsistency() ? Optional.of(request.getConsistency()) : Optional.empty(),
        c -> split(c.map(request.toBuilder()::setConsistency).map(BatchCheckRequest.Builder::build).orElse(request), timeout),
        results -> results.stream().map(r -> r.decision().consistencyToken()).toList());
  }

  private CompletableFuture<List<BatchResult>> split(BatchCheckRequest request, Duration timeout) {
    if (request.getRequestsCount() <= MAX_BATCH) {
      return core.batch(request, timeout);
    }
    long end = System.nanoTime() + Timeouts.bounded(timeout).toNanos();
    return Parts.of(
        request.getRequestsList(),
        MAX_BATCH,
        part ->
            core.batch(
                request.toBuilder().clearRequests().addAllRequests(part).build(), Duration.ofNanos(end - System.nanoTime())));
  }

  @Override
  public final List<CheckRequest> filter(Collection<CheckRequest> requests, Duration timeout) {
    return Futures.await(startFilter(List.copyOf(Objects.requireNonNull(requests, "requests")), timeout));
  }

  @Override
  public final CompletableFuture<List<CheckRequest>> filterAsync(Collection<CheckRequest> requests, Duration timeout) {
    return handOver(startFilter(List.copyOf(Objects.requireNonNull(requests, "requests")), timeout));
  }

  private CompletableFuture<List<CheckRequest>> startFilter(List<CheckRequest> requests, Duration timeout) {
    if (requests.isEmpty()) {
      return CompletableFuture.completedFuture(List.of());
    }
    return Futures.map(
        startBatch(BatchCheckRequest.newBuilder().addAllRequests(requests).build(), timeout),
        results -> IntStream.range(0, results.size()).filter(i -> isAllowed(results.get(i))).mapToObj(requests::get).toList());
  }

  private static boolean isAllowed(BatchResult result) {
    return result.error().isEmpty() && result.decision().allowed();
  }

  @Override
  public final List<PurposeDecision> listPurposes(ListPurposesRequest request, Duration timeout) {
    return Futures.await(startPurposes(request, timeout));
  }

  @Override
  public final CompletableFuture<List<PurposeDecision>> listPurposesAsync(ListPurposesRequest request, Duration timeout) {
    return handOver(startPurposes(request, timeout));
  }

  private CompletableFuture<List<PurposeDecision>> startPurposes(ListPurposesRequest request, Duration timeout) {
    require(request, timeout);
    // The server refuses a consistency in a request about the past, which needs none.
    boolean past = request.hasAt() || request.hasKnownAt();
    return fresh(
        request.hasConsistency() ? Optional.of(request.getConsistency()) : Optional.empty(),
        c ->
            purposes(
                past ? request : c.map(request.toBuilder()::setConsistency).map(ListPurposesRequest.Builder::build).orElse(request),
                timeout),
        purposes -> purposes.stream().map(p -> p.decision().consistencyToken()).toList());
  }

  private CompletableFuture<List<PurposeDecision>> purposes(ListPurposesRequest request, Duration timeout) {
    return Futures.map(
        core.call(DecisionServiceGrpc.getListPurposesMethod(), request, timeout),
        response ->
            response.getPurposesList().stream()
                .map(p -> new PurposeDecision(p.getPurpose(), Decision.of(p.getResponse())))
                .toList());
  }

  @Override
  public final ExplainResponse explain(ExplainRequest request, Duration timeout) {
    return Futures.await(startExplain(request, timeout));
  }

  @Override
  public final CompletableFuture<ExplainResponse> explainAsync(ExplainRequest request, Duration timeout) {
    return handOver(startExplain(request, timeout));
  }

  private CompletableFuture<ExplainResponse> startExplain(ExplainRequest request, Duration timeout) {
    require(request, timeout);
    boolean past = request.hasAt() || request.hasKnownAt();
    CheckRequest check = request.getCheck();
    return fresh(
        check.hasConsistency() ? Optional.of(check.getConsistency()) : Optional.empty(),
        c -> core.call(DecisionServiceGrpc.getExplainMethod(), past ? request : withConsistency(request, c), timeout),
        response -> List.of(response.getDecision().getConsistencyToken()));
  }

  private static ExplainRequest withConsistency(ExplainRequest request, Optional<Consistency> consistency) {
    return consistency
        .map(c -> request.toBuilder().setCheck(request.getCheck().toBuilder().setConsistency(c)).build())
        .orElse(request);
  }

  @Override
  public final RecordEventsResponse recordEvents(RecordEventsRequest request, Duration timeout) {
    return Futures.await(startRecord(request, timeout));
  }

  @Override
  public final RecordEventsResponse recordEvents(RecordEventsRequest request) {
    return recordEvents(request, core.writeTimeout(Objects.requireNonNull(request, "request").getFence()));
  }

  @Override
  public final CompletableFuture<RecordEventsResponse> recordEventsAsync(RecordEventsRequest request, Duration timeout) {
    return handOver(startRecord(request, timeout));
  }

  @Override
  public final CompletableFuture<RecordEventsResponse> recordEventsAsync(RecordEventsRequest request) {
    return recordEventsAsync(request, core.writeTimeout(Objects.requireNonNull(request, "request").getFence()));
  }

  private CompletableFuture<RecordEventsResponse> startRecord(RecordEventsRequest request, Duration timeout) {
    require(request, timeout);
    return written(
        core.call(ConsentServiceGrpc.getRecordEventsMethod(), request, timeout),
        RecordEventsResponse::getConsistencyToken,
        RecordEventsResponse::getRevision);
  }

  @Override
  public final LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request, Duration timeout) {
    return Futures.await(startLink(request, timeout));
  }

  @Override
  public final LinkSubjectsResponse linkSubjects(LinkSubjectsRequest request) {
    return linkSubjects(request, core.writeTimeout(Objects.requireNonNull(request, "request").getFence()));
  }

  @Override
  public final CompletableFuture<LinkSubjectsResponse> linkSubjectsAsync(LinkSubjectsRequest request, Duration timeout) {
    return handOver(startLink(request, timeout));
  }

  @Override
  public final CompletableFuture<LinkSubjectsResponse> linkSubjectsAsync(LinkSubjectsRequest request) {
    return linkSubjectsAsync(request, core.writeTimeout(Objects.requireNonNull(request, "request").getFence()));
  }

  private CompletableFuture<LinkSubjectsResponse> startLink(LinkSubjectsRequest request, Duration timeout) {
    require(request, timeout);
    return written(
        core.call(ConsentServiceGrpc.getLinkSubjectsMethod(), request, timeout),
        LinkSubjectsResponse::getConsistencyToken,
        LinkSubjectsResponse::getRevision);
  }

  @Override
  public final UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request, Duration timeout) {
    return Futures.await(startUnlink(request, timeout));
  }

  @Override
  public final UnlinkSubjectsResponse unlinkSubjects(UnlinkSubjectsRequest request) {
    return unlinkSubjects(request, core.writeTimeout(Objects.requireNonNull(request, "request").getFence()));
  }

  @Override
  public final CompletableFuture<UnlinkSubjectsResponse> unlinkSubjectsAsync(UnlinkSubjectsRequest request, Duration timeout) {
    return handOver(startUnlink(request, timeout));
  }

  @Override
  public final CompletableFuture<UnlinkSubjectsResponse> unlinkSubjectsAsync(UnlinkSubjectsRequest request) {
    return unlinkSubjectsAsync(request, core.writeTimeout(Objects.requireNonNull(request, "request").getFence()));
  }

  private CompletableFuture<UnlinkSubjectsResponse> startUnlink(UnlinkSubjectsRequest request, Duration timeout) {
    require(request, timeout);
    return written(
        core.call(ConsentServiceGrpc.getUnlinkSubjectsMethod(), request, timeout),
        UnlinkSubjectsResponse::getConsistencyToken,
        UnlinkSubjectsResponse::getRevision);
  }

  <T> CompletableFuture<T> handOver(CompletableFuture<T> answer) {
    return Futures.handOver(answer, core.executor());
  }

  /** A call that reads and is not fresh by itself. */
  <Q extends Message, A extends Message> CompletableFuture<A> plain(MethodDescriptor<Q, A> method, Q request, Duration timeout) {
    require(request, timeout);
    return core.call(method, request, timeout);
  }

  private static void require(Object request, Duration timeout) {
    Objects.requireNonNull(request, "request");
    Objects.requireNonNull(timeout, "timeout");
  }

  private <A> CompletableFuture<A> fresh(
      Optional<Consistency> chosen,
      Function<Optional<Consistency>, CompletableFuture<A>> call,
      Function<A, List<String>> tokens) {
    return Futures.start(() -> fresh == null ? call.apply(chosen) : fresh.ask(chosen, call, tokens));
  }

  private <A> CompletableFuture<A> written(
      CompletableFuture<A> answer, Function<A, String> token, Function<A, Long> revision) {
    if (fresh == null) {
      return answer;
    }
    return Futures.map(
        answer,
        a -> {
          fresh.note(token.apply(a), revision.apply(a));
          return a;
        });
  }
}
