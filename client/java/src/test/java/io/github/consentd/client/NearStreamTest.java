package io.github.consentd.client;

import static io.github.consentd.client.NearWorld.LEASE;
import static io.github.consentd.client.NearWorld.MILLISECOND;
import static io.github.consentd.client.NearWorld.SECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.v1.WatchInvalidationsRequest;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How a near cache watches: what it sends, when it gives a stream up, and when another one begins. */
class NearStreamTest {
  private final NearWorld world = new NearWorld();

  @Test
  void itSaysItsNameAndThenHeartbeatsAndConfirmsWhatItHasApplied() {
    world.learn("u");
    world.onSent = m -> assertFalse(world.knows("u"), "it is confirmed before it is applied");
    int before = world.call().sent.size();
    world.change("u", "v");
    assertFalse(world.knows("u"));
    assertEquals(7, world.call().last().getAppliedPosition());
    assertEquals(before + 1, world.call().sent.size());
    world.onSent = m -> {};
    world.renew();
    assertEquals(List.of(0L, 1L, 0L, 2L), world.call().sent.stream().map(WatchInvalidationsRequest::getHeartbeat).toList());
    assertEquals(16, world.call().sent.get(0).getCacheId().size());
    world.call().close(Status.UNAVAILABLE);
    world.fireWithin(25 * MILLISECOND, 75 * MILLISECOND);
    assertEquals(world.near.id(), world.call().last().getCacheId(), "it comes back under its name");
  }

  @Test
  void aDamagedMessageEndsTheStream() {
    world.learn("u");
    world.call().listener.onMessage(NearWorld.message(5, 5, 70).build()); // without its checksum
    assertTrue(world.call().cancelled);
    assertFalse(world.knows("u"));
    assertFalse(world.near.stats().leased());
  }

  @Test
  void aServerThatDoesNotAnswerIsTakenForLost() {
    world.learn("u");
    for (int i = 0; i < 4; i++) {
      world.pass(LEASE / 2);
      world.beat();
    }
    assertFalse(world.call().cancelled);
    world.pass(1);
    world.fire(NearWorld.INTERVAL);
    assertTrue(world.call().cancelled);
    world.fireWithin(25 * MILLISECOND, 75 * MILLISECOND);
    assertEquals(2, world.calls.size());
  }

  @Test
  void aServerThatDoesNotGreetIsGivenUpAndAskedLessAndLess() {
    world.call().close(Status.UNAVAILABLE);
    long least = 25 * MILLISECOND;
    for (int i = 0; i < 12; i++) {
      world.fireWithin(least, 3 * least);
      assertFalse(world.call().cancelled);
      if (i % 2 == 0) {
        world.fire(NearWorld.HELLO);
        assertTrue(world.call().cancelled);
      } else {
        world.call().close(Status.UNIMPLEMENTED);
      }
      least = Math.min(2 * least, 5 * SECOND / 2);
    }
    assertEquals(5 * SECOND / 2, least);
    world.fireWithin(least, 3 * least);
    world.greet();
    assertFalse(world.waits(NearWorld.HELLO), "it has greeted");
    world.grant();
    world.call().close(Status.UNAVAILABLE);
    world.fireWithin(25 * MILLISECOND, 75 * MILLISECOND); // it was of use
  }

  @Test
  void aStreamThatEndsSendsNoMore() {
    world.call().close(Status.PERMISSION_DENIED);
    int sent = world.call().sent.size();
    assertFalse(world.waits(NearWorld.INTERVAL));
    assertEquals(sent, world.call().sent.size());
  }

  @Test
  void closeGivesTheLeaseUpAndNothingBeginsAfterIt() {
    world.learn("u");
    world.near.close();
    assertTrue(world.call().halfClosed);
    assertFalse(world.knows("u"));
    assertEquals(1, world.calls.size());
    assertFalse(world.near.stats().leased());
    world.near.close();
    for (NearWorld other : List.of(new NearWorld())) {
      other.call().close(Status.UNAVAILABLE);
      other.near.close();
      other.fireWithin(25 * MILLISECOND, 75 * MILLISECOND);
      assertEquals(1, other.calls.stream().filter(c -> c.listener != null).count());
    }
  }

  @Test
  void closeWhileAStreamBegins() {
    world.call().close(Status.UNAVAILABLE);
    world.fireWithin(25 * MILLISECOND, 75 * MILLISECOND);
    world.near.close();
    world.greet(); // it was under way
    assertFalse(world.near.stats().leased());
    assertFalse(world.knows("u"));
  }

  @Test
  void aFenceKnowsTheLease() {
    assertEquals(Duration.ofSeconds(2), world.near.lease());
    world.call().close(Status.UNAVAILABLE);
    assertEquals(Duration.ofSeconds(2), world.near.lease(), "a fence may wait for this very cache");
  }
}
