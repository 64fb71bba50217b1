package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Message;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.BatchCheckResponse;
import io.github.consentd.v1.BatchCheckResult;
import io.github.consentd.v1.CheckError;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.ExplainRequest;
import io.github.consentd.v1.ExplainResponse;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.LinkSubjectsResponse;
import io.github.consentd.v1.ObligationCode;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CallsTest {
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();
  private static final Duration FOR_EVER = Duration.ofSeconds(Long.MAX_VALUE);

  private static final class Stop extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /** Allows subjects whose number is even, and fails for those whose number can be divided by five. */
  private static Message decide(FakeTransport.Attempt attempt) {
    if (attempt.request() instanceof CheckRequest) {
      return DecisionTest.allow().build();
    }
    BatchCheckResponse.Builder answer = BatchCheckResponse.newBuilder();
    for (CheckRequest request : ((BatchCheckRequest) attempt.request()).getRequestsList()) {
      int number = Integer.parseInt(request.getSubjectId());
      answer.addResults(
          number % 5 == 0
              ? BatchCheckResult.newBuilder().setError(CheckError.newBuilder().setCode(3))
              : BatchCheckResult.newBuilder()
                  .setResponse(number % 2 == 0 ? DecisionTest.allow() : CheckResponse.newBuilder()));
    }
    return answer.build();
  }

  @Test
  void guardRunsOnlyWhatIsAllowedAndHandsOverTheObligations() throws Exception {
    Client allowing = new FakeTransport(CallsTest::decide).client();
    List<ObligationCode> codes = allowing.guard(ASK, obligations -> obligations.stream().map(o -> o.getCode()).toList());
    assertEquals(DecisionTest.allow().getObligationsList().stream().map(o -> o.getCode()).toList(), codes);
    assertThrows(
        Stop.class,
        () ->
            allowing.guard(
                ASK,
                o -> {
                  throw new Stop();
                }));

    AtomicInteger runs = new AtomicInteger();
    Client denying = new FakeTransport(a -> CheckResponse.getDefaultInstance()).client();
    DeniedException denied = assertThrows(DeniedException.class, () -> denying.guard(ASK, o -> runs.incrementAndGet()));
    assertEquals(Status.Code.PERMISSION_DENIED, denied.code());
    assertFalse(denied.decision().allowed());
    assertThrows(ConsentException.class, () -> allowing.guard(ASK, Duration.ZERO, o -> runs.incrementAndGet()));
    Thread.currentThread().interrupt();
    ConsentException e = assertThrows(ConsentException.class, () -> allowing.guard(ASK, o -> runs.incrementAndGet()));
    assertTrue(Thread.interrupted());
    assertEquals(Status.Code.CANCELLED, e.code());
    assertEquals(0, runs.get());
  }

  @Test
  void batchesOfAnySizeAreSplitAndFiltered() {
    FakeTransport transport = new FakeTransport(CallsTest::decide);
    List<String> subjects = IntStream.range(0, 2_500).mapToObj(Integer::toString).toList();
    List<String> allowed = transport.client().filter(ASK, subjects, Duration.ofMinutes(1));
    assertEquals(subjects.stream().filter(s -> Integer.parseInt(s) % 10 != 0 && Integer.parseInt(s) % 2 == 0).toList(), allowed);
    assertEquals(
        List.of(1_000, 1_000, 500),
        transport.attempts.stream().map(a -> ((BatchCheckRequest) a.request()).getRequestsCount()).toList());
    assertEquals(List.of(), transport.client().filter(List.of()));
    FakeTransport down = new FakeTransport(a -> { throw ConsentException.of(Status.Code.INTERNAL, "down"); });
    assertThrows(ConsentException.class, () -> down.client().filter(ASK, subjects, Duration.ofMinutes(1)));
  }

  @Test
  void aFewBatchesAtMostAreUnderWay() {
    List<CompletableFuture<List<Integer>>> parts = new ArrayList<>();
    CompletableFuture<List<Integer>> all =
        Parts.of(
            IntStream.range(0, 100).boxed().toList(),
            10,
            part -> {
              parts.add(new CompletableFuture<>());
              return parts.get(parts.size() - 1);
            });
    assertEquals(4, parts.size());
    parts.get(2).complete(List.of(2));
    assertEquals(5, parts.size());
    for (int i = 0; i < parts.size(); i++) {
      parts.get(i).complete(List.of(i));
    }
    assertEquals(IntStream.range(0, 10).boxed().toList(), all.join());

    parts.clear();
    CompletableFuture<List<Integer>> given =
        Parts.of(
            List.of(1, 2),
            1,
            part -> {
              parts.add(new CompletableFuture<>());
              return parts.get(parts.size() - 1);
            });
    given.cancel(true);
    assertTrue(parts.stream().allMatch(CompletableFuture::isCancelled));
  }

  @Test
  void explainIsAskedWithTheSessionsToken() {
    FakeTransport transport =
        new FakeTransport(
            a ->
                a.method().equals("Explain")
                    ? ExplainResponse.newBuilder().addObligations("told").build()
                    : RecordEventsResponse.newBuilder().setConsistencyToken("t1").setRevision(1).build());
    Session session = transport.client().session();
    session.recordEvents(RecordEventsRequest.getDefaultInstance());
    ExplainRequest request = ExplainRequest.newBuilder().setCheck(ASK).build();
    assertEquals("told", session.explain(request).getObligations(0));
    assertEquals("t1", ((ExplainRequest) transport.last().request()).getCheck().getConsistency().getAtLeastAsFresh());
    session.explain(request.toBuilder().setAt(com.google.protobuf.Timestamp.getDefaultInstance()).build());
    assertFalse(((ExplainRequest) transport.last().request()).getCheck().hasConsistency());
  }

  @Test
  void aFencedWriteWaitsLongEnough() {
    FakeTransport transport =
        new FakeTransport(
            a ->
                a.method().equals("RecordEvents")
                    ? RecordEventsResponse.getDefaultInstance()
                    : LinkSubjectsResponse.getDefaultInstance());
    Client client = transport.client();
    client.recordEvents(RecordEventsRequest.getDefaultInstance());
    assertEquals(Timeouts.DEFAULT, transport.last().timeout());
    client.recordEvents(RecordEventsRequest.newBuilder().setFence(true).build());
    assertEquals(Timeouts.FENCE, transport.last().timeout());
    client.session().linkSubjectsAsync(LinkSubjectsRequest.newBuilder().setFence(true).build()).join();
    assertEquals(Timeouts.FENCE, transport.last().timeout());
    client.recordEvents(RecordEventsRequest.newBuilder().setFence(true).build(), Duration.ofMillis(5));
    assertEquals(Duration.ofMillis(5), transport.last().timeout());
  }

  @Test
  void absurdTimeoutsAreAnHourOrHavePassed() {
    FakeTransport transport = new FakeTransport(CallsTest::decide);
    transport.client().check(ASK, FOR_EVER);
    assertEquals(Duration.ofHours(1), transport.last().timeout());
    try (Client patient = Client.builder("127.0.0.1:1").timeout(FOR_EVER).build();
        Client usual = Client.builder("127.0.0.1:1").timeout(Duration.ofSeconds(Long.MIN_VALUE)).build()) {
      assertEquals(Duration.ofHours(1), patient.timeout());
      assertEquals(Timeouts.DEFAULT, usual.timeout());
    }
    for (Duration past : List.of(Duration.ZERO, Duration.ofSeconds(Long.MIN_VALUE))) {
      ConsentException e = assertThrows(ConsentException.class, () -> transport.client().check(ASK, past));
      assertEquals(Status.Code.DEADLINE_EXCEEDED, e.code());
    }
    assertEquals(1, transport.attempts.size());
  }

  @Test
  void aNullArgumentIsNamed() {
    Client client = new FakeTransport(CallsTest::decide).client();
    Map<String, org.junit.jupiter.api.function.Executable> calls =
        Map.of(
            "request", () -> client.check(null),
            "request ", () -> client.isAllowed(null),
            "request  ", () -> client.recordEventsAsync(null),
            "timeout", () -> client.checkAsync(ASK, null),
            "timeout ", () -> client.isAllowed(ASK, null),
            "requests", () -> client.filter((List<CheckRequest>) null),
            "subjects", () -> client.filter(ASK, null),
            "use", () -> client.guard(ASK, null),
            "metadata", () -> client.withMetadata(null),
            "target", () -> Client.connect(null));
    calls.forEach((name, call) -> assertEquals(name.strip(), assertThrows(NullPointerException.class, call).getMessage()));
  }

  @Test
  void observersAreToldOfCallsAndChangeNothing() {
    List<String> told = new ArrayList<>();
    FakeTransport transport = new FakeTransport(CallsTest::decide);
    CallObserver counts =
        (method, purpose) -> (outcome, took) -> told.add(method + " " + purpose + " " + outcome + " " + took.isNegative());
    CallObserver broken =
        (method, purpose) -> {
          throw new IllegalStateException();
        };
    Core core =
        new Core(transport, new Retrier(new FakeClock()), null, new Core.Settings(Timeouts.DEFAULT, List.of(broken, counts), null));
    Client client = new Client(core, null);
    assertTrue(client.isAllowed(ASK));
    assertFalse(client.isAllowed(ASK, Duration.ZERO));
    client.filter(ASK, List.of("1"));
    assertEquals(List.of("Check p ALLOW false", "Check p DEADLINE_EXCEEDED false", "BatchCheck  OK false"), told);
  }

  @Test
  void aFutureIsCompletedWhereItMayBeHeld() throws Exception {
    try (TestServer server = new TestServer();
        Client client = Client.builder(server.target()).timeout(Duration.ofSeconds(20)).build()) {
      CountDownLatch over = new CountDownLatch(1);
      CompletableFuture<Boolean> holding =
          client
              .checkAsync(ASK)
              .thenApply(
                  d -> {
                    try {
                      over.await();
                    } catch (InterruptedException e) {
                      return false;
                    }
                    return Thread.currentThread().getContextClassLoader() == Client.class.getClassLoader();
                  });
      for (int i = 0; i < 100; i++) {
        assertTrue(client.isAllowed(ASK));
        assertTrue(client.isAllowedAsync(ASK).join());
      }
      over.countDown();
      assertTrue(holding.join());
    }
  }

  @Test
  void aCallbackMayCallAgainEvenOnOneThread() throws Exception {
    ExecutorService one = Executors.newSingleThreadExecutor();
    try (TestServer server = new TestServer();
        Client client = Client.builder(server.target()).timeout(Duration.ofSeconds(20)).executor(one).build()) {
      assertTrue(client.checkAsync(ASK).thenApply(d -> client.check(ASK).allowed()).join());
    }
    one.shutdown();
  }

  @Test
  void headersOfSingleCallsGoAlong() throws IOException {
    FakeTransport transport = new FakeTransport(CallsTest::decide);
    Client client = transport.client();
    client.withMetadata(Map.of("x-request-id", "17")).check(ASK);
    assertEquals("17", transport.headers.get(Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER)));
    assertThrows(IllegalArgumentException.class, () -> client.withMetadata(Map.of("no header", "17")));
    try (TestServer server = new TestServer();
        Client own = Client.builder(server.target()).timeout(Duration.ofSeconds(20)).build()) {
      try (Client other = own.withToken("t")) {
        assertTrue(other.check(ASK).allowed());
        assertEquals(1, server.alone.get());
      }
      assertTrue(own.check(ASK).allowed(), "it was closed with another that shares its connections");
    }
  }

  @Test
  void cancellingAFutureIsNoFailureOfTheClients() {
    Client client = Client.connect("127.0.0.1:1");
    CompletableFuture<Decision> answer = client.checkAsync(ASK, Duration.ofMinutes(1));
    assertTrue(answer.cancel(true) || answer.isDone());
    client.close();
    client.close();
    Throwable e = assertThrows(Exception.class, () -> client.checkAsync(ASK).join()).getCause();
    assertSame(Status.Code.CANCELLED, assertInstanceOf(ConsentException.class, e).code());
  }
}
