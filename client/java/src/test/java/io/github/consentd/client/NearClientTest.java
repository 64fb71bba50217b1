package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.BatchCheckResponse;
import io.github.consentd.v1.BatchCheckResult;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.DecisionServiceGrpc;
import io.github.consentd.v1.ReportAnswersRequest;
import io.github.consentd.v1.ReportAnswersResponse;
import io.github.consentd.v1.ReportedAnswers;
import io.github.consentd.v1.WatchInvalidationsRequest;
import io.github.consentd.v1.WatchInvalidationsResponse;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A client with a near cache, over real streams of a server of the test's own. */
class NearClientTest extends DecisionServiceGrpc.DecisionServiceImplBase {
  private final AtomicInteger checks = new AtomicInteger();
  private final List<ReportedAnswers> reported = new CopyOnWriteArrayList<>();
  private final List<StreamObserver<WatchInvalidationsResponse>> streams = new CopyOnWriteArrayList<>();
  private final AtomicInteger released = new AtomicInteger();
  private volatile long confirmed;
  private Server server;
  private Client client;

  @BeforeEach
  void start() throws IOException {
    server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(this).build().start();
    client =
        Client.builder("localhost:" + server.getPort()).timeout(Duration.ofSeconds(10)).withoutCoalescing().nearCache(100).build();
  }

  @AfterEach
  void stop() {
    client.close();
    server.shutdownNow();
  }

  private CheckResponse decide() {
    checks.incrementAndGet();
    return NearWorld.answer(70 + confirmed).build();
  }

  @Override
  public void check(CheckRequest request, StreamObserver<CheckResponse> answer) {
    answer.onNext(decide());
    answer.onCompleted();
  }

  @Override
  public void batchCheck(BatchCheckRequest request, StreamObserver<BatchCheckResponse> answer) {
    BatchCheckResponse.Builder all = BatchCheckResponse.newBuilder();
    request.getRequestsList().forEach(r -> all.addResults(BatchCheckResult.newBuilder().setResponse(decide())));
    answer.onNext(all.build());
    answer.onCompleted();
  }

  @Override
  public void reportAnswers(ReportAnswersRequest request, StreamObserver<ReportAnswersResponse> answer) {
    reported.addAll(request.getAnswersList());
    answer.onNext(ReportAnswersResponse.getDefaultInstance());
    answer.onCompleted();
  }

  @Override
  public StreamObserver<WatchInvalidationsRequest> watchInvalidations(StreamObserver<WatchInvalidationsResponse> answers) {
    streams.add(answers);
    answers.onNext(NearWorld.signed(NearWorld.hello().setPosition(5 + confirmed).setFromPosition(5 + confirmed)));
    return new StreamObserver<>() {
      @Override
      public void onNext(WatchInvalidationsRequest m) {
        if (m.getAppliedPosition() > 0) {
          confirmed = m.getAppliedPosition() - 5;
        }
        if (m.getHeartbeat() > 0) {
          answers.onNext(
              NearWorld.signed(
                  NearWorld.message(5 + confirmed, 5 + confirmed, 70 + confirmed)
                      .setHeartbeat(m.getHeartbeat())
                      .setServerTime(NearWorld.SERVER_TIME)
                      .setPolicyRevision("p1")));
        }
      }

      @Override
      public void onError(Throwable e) {}

      @Override
      public void onCompleted() {
        released.incrementAndGet();
        answers.onCompleted();
      }
    };
  }

  private static void await(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + Duration.ofSeconds(15).toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, what + ": not within 15 s");
      Thread.onSpinWait();
    }
  }

  /** How often the server was asked when a check was made. */
  private int asked(Runnable check) {
    int before = checks.get();
    check.run();
    return checks.get() - before;
  }

  private void leased() {
    client.check(NearWorld.ask("another")); // it begins the stream, and may be kept
    await("a lease", () -> client.nearCacheStats().leased());
    assertEquals(1, asked(() -> client.check(NearWorld.ask("u"))));
    assertEquals(0, asked(() -> assertTrue(client.isAllowed(NearWorld.ask("u")))));
  }

  @Test
  void itAnswersUntilAChange() {
    leased();
    BatchCheckRequest batch =
        BatchCheckRequest.newBuilder().addRequests(NearWorld.ask("u")).addRequests(NearWorld.ask("v")).build();
    assertEquals(2, asked(() -> client.batchCheck(batch)));
    assertEquals(0, asked(() -> assertEquals(2, client.batchCheck(batch).size())));
    assertEquals(0, asked(() -> client.session().check(NearWorld.ask("v"))));
    int slot = NearWire.slot(NearWorld.hello().getHello(), "example", "u");
    streams.get(0).onNext(NearWorld.signed(NearWorld.message(5, 6, 71).addSlots(slot)));
    await("the confirmation", () -> confirmed == 1);
    assertEquals(1, asked(() -> client.check(NearWorld.ask("u"))));
    assertEquals(0, asked(() -> client.check(NearWorld.ask("u"))));
    assertEquals(0, asked(() -> client.check(NearWorld.ask("v"))));
  }

  @Test
  void whatIsForAnotherCallerOrFreshGoesToTheServer() {
    leased();
    for (Client other : List.of(client.withToken("t"), client.withMetadata(Map.of("tenant", "x")))) {
      assertEquals(1, asked(() -> other.check(NearWorld.ask("u"))));
      assertEquals(1, asked(() -> other.check(NearWorld.ask("w"))));
    }
    assertEquals(1, asked(() -> client.check(NearWorld.ask("w"))), "what another caller was told is not kept");
    assertEquals(0, asked(() -> client.withMetadata(Map.of()).check(NearWorld.ask("u"))), "the same caller");
    CheckRequest strict = NearWorld.ask("u").toBuilder().setConsistency(Requests.fullyConsistent()).build();
    assertEquals(1, asked(() -> client.check(strict)));
    assertEquals(0, asked(() -> client.check(NearWorld.ask("u"))));
    assertFalse(client.isAllowed(NearWorld.ask("u"), Duration.ZERO));
  }

  @Test
  void whenItsRightsAreTakenItIsEmptyAndItComesBack() {
    leased();
    streams.get(0).onError(Status.PERMISSION_DENIED.asRuntimeException());
    await("another stream", () -> streams.size() == 2 && client.nearCacheStats().leased());
    assertEquals(2, client.nearCacheStats().streams());
    assertEquals(1, asked(() -> client.check(NearWorld.ask("u"))));
  }

  @Test
  void closingGivesTheLeaseUpAndReports() {
    leased();
    client.check(NearWorld.ask("u"));
    long hits = client.nearCacheStats().hits();
    client.close();
    assertEquals(1, released.get());
    assertEquals(hits, reported.stream().mapToLong(ReportedAnswers::getCount).sum());
    assertFalse(client.nearCacheStats().leased());
  }
}
