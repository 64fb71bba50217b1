package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.v1.CheckError;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.CheckStreamRequest;
import io.github.consentd.v1.CheckStreamResponse;
import io.github.consentd.v1.FieldViolation;
import io.github.consentd.v1.StreamedResult;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LaneTest {
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();

  private TestServer server;
  private Client client;

  @BeforeEach
  void start() throws IOException {
    server = new TestServer();
    client = Client.builder(server.target()).timeout(Duration.ofSeconds(20)).build();
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
  }

  static void eventually(BooleanSupplier holds) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!holds.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "it did not come about");
      TimeUnit.MILLISECONDS.sleep(2); // a poll with a deadline
    }
  }

  @Test
  void twentyThousandChecksAtOnceAreAnswered() {
    List<CompletableFuture<Decision>> answers = IntStream.range(0, 20_000).mapToObj(i -> client.checkAsync(ASK)).toList();
    CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new)).join();
    assertTrue(answers.stream().allMatch(a -> a.join().allowed()));
    long streamed = server.streams.stream().mapToLong(s -> s.checks().count()).sum();
    assertTrue(streamed + server.alone.get() >= 20_000, streamed + " and " + server.alone);
    List<CheckStreamRequest> messages = server.streams.stream().flatMap(s -> s.messages.stream()).toList();
    assertTrue(messages.size() < 5_000, messages.size() + " messages");
    assertTrue(messages.stream().allMatch(m -> m.getChecksCount() <= Lane.MAX_CHECKS));
  }

  @Test
  void whatTheServerDoesNotTakeWaitsWithinItsDeadline() {
    server.onMessage = (stream, message) -> {}; // it reads, and never answers
    List<CompletableFuture<Decision>> answers =
        IntStream.range(0, 5_000).mapToObj(i -> client.checkAsync(ASK, Duration.ofMillis(900))).toList();
    for (CompletableFuture<Decision> answer : answers) {
      ConsentException e = (ConsentException) assertThrows(Exception.class, answer::join).getCause();
      // Those whose stream was given up shortly before their deadlines know it to be silent.
      assertTrue(e.code() == Status.Code.DEADLINE_EXCEEDED || e.code() == Status.Code.UNAVAILABLE, e.toString());
    }
    assertEquals(2 * Lane.MAX_CHECKS, server.streams.get(0).checks().count());
  }

  @Test
  void anErrorOfOneCheckLeavesTheOthersAlone() {
    server.onMessage =
        (stream, message) -> {
          CheckError error =
              CheckError.newBuilder().setCode(3).addFieldViolations(FieldViolation.newBuilder().setField("purpose")).build();
          CheckStreamResponse.Builder answer = CheckStreamResponse.newBuilder();
          message.getChecksList().forEach(
              c ->
                  answer.addResults(
                      c.getCheck().getPurpose().equals("p")
                          ? TestServer.allowed(c.getId())
                          : StreamedResult.newBuilder().setId(c.getId()).setError(error).build()));
          stream.answers.onNext(answer.build());
        };
    CompletableFuture<Decision> wrong = client.checkAsync(ASK.toBuilder().setPurpose("").build());
    assertTrue(client.check(ASK).allowed());
    ConsentException e = (ConsentException) assertThrows(Exception.class, wrong::join).getCause();
    assertEquals(Status.Code.INVALID_ARGUMENT, e.code());
    assertEquals("purpose", e.violations().get(0).field());
  }

  @Test
  void anOutcomeOfAnUnknownKindIsAnError() {
    server.onMessage =
        (stream, message) ->
            stream.answers.onNext(
                CheckStreamResponse.newBuilder()
                    .addResults(StreamedResult.newBuilder().setId(message.getChecks(0).getId()))
                    .build());
    assertEquals(Status.Code.INTERNAL, assertThrows(ConsentException.class, () -> client.check(ASK)).code());
  }

  @Test
  void aStreamThatIsHeldBackUntilItIsClosedGivesWayToCalls() {
    List<CheckStreamRequest> held = new ArrayList<>();
    server.onMessage = (stream, message) -> held.add(message);
    server.onHalfClose =
        stream -> {
          held.forEach(m -> TestServer.allow(stream, m));
          stream.answers.onCompleted();
        };
    for (int i = 0; i < 3; i++) {
      assertTrue(client.check(ASK, Duration.ofSeconds(1)).allowed());
    }
    assertEquals(1, server.alone.get());
    assertEquals(2, server.streams.size());
  }

  @Test
  void aStreamThatNeverAnswersGivesWayToCalls() {
    server.onMessage = (stream, message) -> {};
    server.onHalfClose = stream -> {};
    assertEquals(
        Status.Code.DEADLINE_EXCEEDED,
        assertThrows(ConsentException.class, () -> client.check(ASK, Duration.ofMillis(900))).code());
    assertTrue(client.check(ASK).allowed());
    assertEquals(1, server.alone.get());
  }

  @Test
  void aCheckWithTimeLeftGivesAStreamASecond() {
    server.onMessage = (stream, message) -> {};
    server.onHalfClose = stream -> {};
    assertTrue(client.check(ASK).allowed());
    assertEquals(1, server.alone.get());
  }

  @Test
  void aSlowCheckIsAskedOnce() {
    assertTrue(client.check(ASK).allowed());
    server.onMessage =
        (stream, message) ->
            Timer.SYSTEM.schedule(() -> TestServer.allow(stream, message), TimeUnit.MILLISECONDS.toNanos(1_500));
    assertTrue(client.check(ASK).allowed());
    assertEquals(0, server.alone.get());
    assertEquals(1, server.streams.size());
  }

  @Test
  void aStreamThatDrainsIsClosedAndTheNextOpened() throws InterruptedException {
    server.onMessage =
        (stream, message) -> {
          TestServer.allow(stream, message);
          stream.answers.onNext(CheckStreamResponse.newBuilder().setDraining(true).build());
        };
    assertTrue(client.isAllowed(ASK));
    eventually(() -> server.streams.get(0).halfClosed);
    server.onMessage = TestServer::allow;
    assertTrue(client.isAllowed(ASK));
    assertEquals(2, server.streams.size());
  }

  /** Where a server permits a connection one stream, other calls wait for its end. */
  @Test
  void aStreamWithoutChecksIsClosed() throws InterruptedException {
    assertTrue(client.isAllowed(ASK));
    eventually(() -> server.streams.get(0).halfClosed);
    assertTrue(client.isAllowed(ASK));
    eventually(() -> server.streams.size() == 2 && server.streams.get(1).halfClosed);
  }

  @Test
  void aStreamThatEndsIsOpenedAgainForTheSameCheck() {
    server.onMessage =
        (stream, message) -> {
          server.onMessage = TestServer::allow;
          stream.answers.onError(Status.UNAVAILABLE.asException());
        };
    assertTrue(client.check(ASK).allowed());
    assertEquals(2, server.streams.size());
  }

  @Test
  void aCheckWhoseStreamIsRefusedGoesByItself() {
    server.onMessage = (stream, message) -> stream.answers.onError(Status.UNAUTHENTICATED.asException());
    assertTrue(client.check(ASK).allowed());
    assertEquals(1, server.alone.get());
  }

  @Test
  void aLargeCheckGoesByItself() {
    assertTrue(client.check(ASK.toBuilder().setPurpose("p".repeat(Lane.LARGE_CHECK)).build()).allowed());
    assertEquals(1, server.alone.get());
  }

  @Test
  void theServerIsToldOfACheckThatIsNotWantedAnyMore() throws InterruptedException {
    server.onMessage = (stream, message) -> {};
    CompletableFuture<Decision> answer = client.checkAsync(ASK);
    eventually(() -> !server.streams.isEmpty() && server.streams.get(0).checks().count() == 1);
    answer.cancel(true);
    eventually(() -> server.streams.get(0).messages.stream().anyMatch(m -> m.getCancelList().contains(1L)));
  }

  @Test
  void closingMidwayLeavesNobodyWaiting() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    server.onMessage =
        (stream, message) -> {
          asked.countDown();
          if (Math.floorMod(message.hashCode(), 2) == 0) {
            TestServer.allow(stream, message);
          }
        };
    ExecutorService threads = Executors.newFixedThreadPool(200);
    AtomicBoolean over = new AtomicBoolean();
    List<Future<?>> callers = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      callers.add(
          threads.submit(
              () -> {
                while (!over.get()) {
                  client.isAllowed(ASK);
                }
                return assertThrows(ConsentException.class, () -> client.check(ASK)).code();
              }));
    }
    asked.await();
    client.close();
    over.set(true);
    for (Future<?> caller : callers) {
      assertEquals(Status.Code.CANCELLED, caller.get(10, TimeUnit.SECONDS));
    }
    threads.shutdown();
  }

  /** Nobody may wait any more when a stream opens at last: it must not stay for that. */
  @Test
  void aStreamThatOpensWhenNobodyWaitsIsClosed() {
    LaneWorld world = new LaneWorld();
    world.connected = false;
    world.check(ASK).cancel(true);
    LaneWorld.Call call = world.calls.get(0);
    call.connect();
    world.send();
    world.pass(Duration.ofNanos(Lane.IDLE_NANOS - 1));
    assertFalse(call.halfClosed, "it was not idle for long");
    world.pass(Duration.ofNanos(1));
    assertTrue(call.halfClosed);
    assertEquals(List.of(), call.messages);
    assertEquals(1, world.calls.size());
  }

  /** While a stream never opened its checks still wait, and go with the next; what was sent is lost. */
  @Test
  void checksThatWereSentOnAConnectionThatIsGivenUpEnd() {
    LaneWorld world = new LaneWorld();
    world.connected = false;
    CompletableFuture<CheckResponse> answer = world.check(ASK);
    world.calls.get(0).end(Link.GIVEN_UP);
    world.connected = true;
    world.send();
    assertFalse(answer.isDone(), "nothing of it had left");
    LaneWorld.Call second = world.calls.get(1);
    assertEquals(1, second.messages.size());
    second.end(Link.GIVEN_UP);
    assertTrue(answer.isDone(), "nobody looks after it any more");
    Lane.BrokenException e = (Lane.BrokenException) answer.handle((r, failure) -> failure).getNow(null);
    assertEquals(Status.Code.UNAVAILABLE, e.why().code());
  }

  /** Others ask while a caller's message is being sent, and go on to: it would never return. */
  @Test
  void aCallerSendsNoOthersChecksForLong() {
    LaneWorld world = new LaneWorld();
    assertFalse(world.check(ASK).isDone());
    LaneWorld.Call call = world.calls.get(0);
    call.answer(CheckStreamResponse.newBuilder().addResults(TestServer.allowed(1)).build());
    call.onMessage =
        () -> {
          if (call.messages.size() < 100) {
            world.check(ASK);
          }
        };
    world.check(ASK);
    assertTrue(call.messages.size() <= 3, call.messages.size() + " messages");
    world.send();
    assertEquals(100, call.messages.stream().mapToInt(CheckStreamRequest::getChecksCount).sum());
  }

  @Test
  void aStreamThatCannotBeMadeFailsItsChecksAndNoLaterOnes() {
    LaneWorld world = new LaneWorld();
    world.fault = new NoClassDefFoundError("a class of gRPC's");
    assertEquals(world.fault, world.check(ASK).handle((r, e) -> e).getNow(null));
    world.fault = null;
    CompletableFuture<CheckResponse> next = world.check(ASK);
    assertFalse(next.isDone());
    assertEquals(1, world.calls.get(0).messages.size());
  }

  @Test
  void aFaultOfTheSenderFailsWhatWaitsAndNoLaterChecks() {
    LaneWorld world = new LaneWorld();
    List<CompletableFuture<CheckResponse>> lost = new ArrayList<>();
    Error fault = new NoClassDefFoundError("a class of protobuf's");
    world.connected = false;
    lost.add(world.check(ASK));
    LaneWorld.Call call = world.calls.get(0);
    call.onMessage =
        () -> {
          lost.add(world.check(ASK)); // it waits
          call.fault = fault;
        };
    call.connect();
    world.send();
    assertEquals(2, lost.size());
    assertTrue(lost.get(0).isCompletedExceptionally(), "its stream has ended");
    assertEquals(fault, lost.get(1).handle((r, e) -> e).getNow(null));
    world.connected = true;
    CompletableFuture<CheckResponse> next = world.check(ASK);
    world.send();
    assertFalse(next.isDone());
    assertEquals(1, world.calls.get(1).messages.size());
  }
}
