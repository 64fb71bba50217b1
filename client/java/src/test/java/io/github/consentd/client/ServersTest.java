package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.v1.CheckRequest;
import io.grpc.InsecureChannelCredentials;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ServersTest {
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();

  private static Client over(String targets) {
    return Client.builder(targets).timeout(Duration.ofSeconds(20)).build();
  }

  @Test
  void checksGoToTheServersInTurn() throws Exception {
    try (TestServer a = new TestServer();
        TestServer b = new TestServer();
        Client client = over(a.target() + "," + b.target())) {
      LaneTest.eventually(() -> client.isAllowed(ASK) && !a.streams.isEmpty() && !b.streams.isEmpty());
    }
  }

  @Test
  void aServerThatIsGoneIsLeftOut() throws IOException {
    try (TestServer server = new TestServer();
        Client client = over("127.0.0.1:1," + server.target())) {
      for (int i = 0; i < 20; i++) {
        assertTrue(client.check(ASK).allowed());
      }
    }
  }

  @Test
  void aServerThatSaysItDoesNotServeIsLeftOut() throws Exception {
    try (TestServer serving = new TestServer(true);
        TestServer leaving = new TestServer(false);
        Client client = over(serving.target() + "," + leaving.target())) {
      LaneTest.eventually(() -> client.isAllowed(ASK) && leaving.asked.get() > 0 && serving.asked.get() > 0);
      long before = leaving.streams.stream().mapToLong(s -> s.checks().count()).sum();
      for (int i = 0; i < 20; i++) {
        assertTrue(client.check(ASK).allowed());
      }
      assertEquals(before, leaving.streams.stream().mapToLong(s -> s.checks().count()).sum());
    }
  }

  /** While no server is heard of there is no news, and each call waits for it anew. */
  @Test
  void callsLeaveNothingBehindOnNewsThatDoNotCome() throws Exception {
    List<Target> gone = List.of(Target.parse("127.0.0.1:1"), Target.parse("127.0.0.1:2"));
    Server.Calling calling = new Server.Calling(Servers.options(null), Headers.NONE);
    try (Servers servers = new Servers(gone, InsecureChannelCredentials.create(), calling, Timer.SYSTEM)) {
      for (int i = 0; i < 20; i++) {
        servers.withOne(2, (server, nanos) -> CompletableFuture.completedFuture("used")).get(20, TimeUnit.SECONDS);
      }
      assertEquals(0, servers.news.get().getNumberOfDependents());
    }
  }

  @Test
  void listsAreOfHostsAndPorts() {
    for (String targets : List.of("a:1,", ",", "a:1,unix:/b", "dns:///a:1,b:2", "a:1,b")) {
      assertThrows(IllegalArgumentException.class, () -> over(targets), targets);
    }
  }
}
