package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.v1.CheckError;
import io.github.consentd.v1.CheckRequest;
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
}
