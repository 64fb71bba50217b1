package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.v1.CheckRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Connections that nobody says are broken. The timer of links is five times as fast, so their 15 s are 3 here. */
@Timeout(60)
class LinkTest {
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();

  private TestServer server;
  private FaultProxy proxy;
  private Client client;

  @BeforeEach
  void start() throws IOException {
    server = new TestServer();
    proxy = new FaultProxy(server.server.getPort());
    client = client(proxy.target());
  }

  private static Client client(String... targets) {
    return new Client(TestServer.transport(new FastTimer(), targets), new Retrier(Timer.SYSTEM), Duration.ofSeconds(1));
  }

  @AfterEach
  void stop() throws IOException {
    client.close();
    proxy.close();
    server.close();
  }

  /** Asks until it is allowed, and tells how long that took. */
  private long recovery() {
    long began = System.nanoTime();
    while (!client.isAllowed(ASK)) {
      assertTrue(System.nanoTime() - began < TimeUnit.SECONDS.toNanos(20), "it does not come back");
    }
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
  }

  @Test
  void aConnectionThatIsAcceptedAndNeverSpokenOnIsReplaced() throws InterruptedException {
    proxy.silent = true;
    assertEquals(false, client.isAllowed(ASK));
    assertEquals(1, proxy.accepted.get());
    proxy.silent = false;
    assertTrue(recovery() < 3_000);
    assertTrue(proxy.accepted.get() > 1);
  }

  @Test
  void callsThatWaitForAConnectionThatIsGivenUpGoToTheNext() throws InterruptedException {
    proxy.silent = true;
    CheckRequest large = ASK.toBuilder().setPurpose("p".repeat(Lane.LARGE_CHECK)).build();
    List<CompletableFuture<Decision>> waiting = new ArrayList<>();
    for (int i = 0; i < 200; i++) { // more than the budget of retries
      waiting.add(client.checkAsync(i % 2 == 0 ? ASK : large, Duration.ofMinutes(5)));
    }
    LaneTest.eventually(() -> proxy.accepted.get() > 0);
    proxy.silent = false;
    waiting.forEach(answer -> assertTrue(answer.join().allowed()));
  }

  /** A server that stops has its streams end by themselves, and the client connects anew beside them. */
  @Test
  void checksOnTheConnectionBeforeOneThatIsGivenUpGoToTheNext() throws Exception {
    try (TestServer next = new TestServer()) {
      assertTrue(client.check(ASK, Duration.ofSeconds(20)).allowed());
      server.onMessage = (stream, message) -> {}; // it stops before it answers
      CompletableFuture<Decision> waiting = client.checkAsync(ASK, Duration.ofMinutes(5));
      LaneTest.eventually(() -> server.streams.stream().mapToLong(s -> s.checks().count()).sum() == 2);
      proxy.silent = true;
      server.server.shutdown();
      CheckRequest large = ASK.toBuilder().setPurpose("p".repeat(Lane.LARGE_CHECK)).build();
      LaneTest.eventually(
          () -> {
            client.checkAsync(large, Duration.ofMinutes(5)); // has it connect
            return proxy.accepted.get() > 1;
          });
      assertFalse(waiting.isDone());
      proxy.backend = next.server.getPort();
      proxy.silent = false;
      assertTrue(waiting.get(20, TimeUnit.SECONDS).allowed());
    }
  }

  @Test
  void aConnectionWhoseBackendIsGoneIsReplaced() {
    recovery(); // from nothing
    proxy.swallow();
    assertTrue(recovery() < 3_000);
    assertTrue(proxy.accepted.get() > 1);
  }

  @Test
  void aServerThatIsSlowWithOneCallKeepsItsConnection() {
    server.onMessage = (stream, message) -> {};
    CheckRequest large = ASK.toBuilder().setPurpose("p".repeat(Lane.LARGE_CHECK)).build();
    assertTrue(client.isAllowed(large, Duration.ofSeconds(20)));
    for (int i = 0; i < 3; i++) {
      client.isAllowed(ASK, Duration.ofMillis(20)); // at once, for the link
    }
    assertEquals(1, proxy.accepted.get());
  }
}
