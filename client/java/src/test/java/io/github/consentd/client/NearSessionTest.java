package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import io.github.consentd.client.NearWire.ProtocolException;
import io.github.consentd.v1.WatchHello;
import io.github.consentd.v1.WatchInvalidationsResponse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What a stream may say. */
class NearSessionTest {
  private static byte[] count(int n) {
    byte[] bytes = new byte[n];
    for (int i = 0; i < n; i++) {
      bytes[i] = (byte) i;
    }
    return bytes;
  }

  @Test
  void theSlotIsThatOfTheProtocol() {
    // The number is in the tests of the Go client too.
    WatchHello terms = WatchHello.newBuilder().setSlotKey(ByteString.copyFrom(count(32))).setSlotCount(1 << 16).build();
    assertEquals(53783, NearWire.slot(terms, "example", "user-42"));
    assertNotEquals(NearWire.slot(terms, "a", "bc"), NearWire.slot(terms, "ab", "c"));
  }

  @Test
  void aTokenIsThatOfTheServer() {
    String whole = NearWire.tokenText(count(16), 70);
    NearWire.Token token = NearWire.token(whole);
    assertTrue(token.isOf(count(16)));
    assertEquals(70, token.revision());
    String marked = NearWire.markedText(count(16), 70, 0xa1b2c3d4);
    assertTrue(NearWire.token(marked).isOf(count(16)));
    assertEquals(70, NearWire.token(marked).revision());
    for (String text : List.of("AQ" + marked.substring(2), marked.substring(0, 40), marked + "A", marked.substring(0, 43) + "=")) {
      assertNull(NearWire.token(text), text);
    }
    Map<String, String> others =
        Map.of(
            "empty", "",
            "short", whole.substring(1),
            "long", whole + "A",
            "another version", "B" + whole.substring(1),
            "a letter", whole.substring(0, 20) + (whole.charAt(20) == 'A' ? "B" : "A") + whole.substring(21),
            "no base64", whole.substring(0, 20) + "!" + whole.substring(21),
            "padding", whole.substring(0, 38) + "=",
            "bits behind the end", whole.substring(0, 38) + (char) (whole.charAt(38) + 1),
            "not ASCII", whole.substring(0, 20) + "\u0661" + whole.substring(21));
    others.forEach((what, text) -> assertNull(NearWire.token(text), what));
  }

  @Test
  void hellosOutOfBoundsAreRefused() {
    Map<String, Consumer<WatchHello.Builder>> terms = new LinkedHashMap<>();
    terms.put("store id", WatchHello.Builder::clearStoreId);
    terms.put("key", WatchHello.Builder::clearSlotKey);
    terms.put("no slots", WatchHello.Builder::clearSlotCount);
    terms.put("odd slots", h -> h.setSlotCount(100));
    terms.put("too many slots", h -> h.setSlotCount(1 << 30));
    terms.put("more than there are", h -> h.setSlotCount(1 << 31));
    terms.put("no lease", WatchHello.Builder::clearLease);
    terms.put("a negative lease", h -> h.setLease(Duration.newBuilder().setSeconds(-1)));
    terms.put("a lease of a day", h -> h.setLease(Duration.newBuilder().setSeconds(86_400)));
    terms.put("an absurd lease", h -> h.setLease(Duration.newBuilder().setSeconds(Long.MAX_VALUE)));
    terms.put("one that overflows to two seconds", h -> h.setLease(Duration.newBuilder().setSeconds(2 + (1L << 55))));
    terms.put("no interval", WatchHello.Builder::clearHeartbeatInterval);
    Map<String, Consumer<WatchInvalidationsResponse.Builder>> changes = new LinkedHashMap<>();
    terms.forEach((what, change) -> changes.put(what, m -> change.accept(m.getHelloBuilder())));
    changes.put("no hello", WatchInvalidationsResponse.Builder::clearHello);
    changes.put("no policies", WatchInvalidationsResponse.Builder::clearPolicyRevision);
    changes.put("a lease granted", m -> m.setHeartbeat(1));
    changes.put("another position", m -> m.setPosition(6));
    changes.put("slots in a hello", m -> m.addSlots(1));
    new NearSession(NearWorld.signed(NearWorld.hello()), 64);
    changes.forEach(
        (what, change) -> {
          WatchInvalidationsResponse.Builder m = NearWorld.hello();
          change.accept(m);
          assertThrows(ProtocolException.class, () -> new NearSession(NearWorld.signed(m), 64), what);
        });
    assertThrows(ProtocolException.class, () -> new NearSession(NearWorld.hello().setChecksum(1).build(), 64));
  }

  private static NearSession session(int beats) {
    NearSession session = new NearSession(NearWorld.signed(NearWorld.hello()), 64);
    for (int i = 0; i < beats; i++) {
      session.beat(new NearClock.Reading(i, i));
    }
    return session;
  }

  private static WatchInvalidationsResponse.Builder change() {
    return NearWorld.message(5, 6, 71).addSlots(7);
  }

  @Test
  void aBrokenStreamIsNotTrusted() {
    Map<String, Consumer<WatchInvalidationsResponse.Builder>> damages = new LinkedHashMap<>();
    damages.put("a gap", m -> m.setFromPosition(6));
    damages.put("a position of before", m -> m.setPosition(4));
    damages.put("a revision of before", m -> m.setRevision(69));
    damages.put("another hello", m -> m.setHello(WatchHello.getDefaultInstance()));
    damages.put("a slot too far", m -> m.setSlots(0, 1 << 16));
    damages.put("a slot far too far", m -> m.setSlots(0, -1));
    damages.put("slots without a position", m -> m.addSlots(8));
    damages.put("a change of no revision", m -> m.setRevision(70));
    damages.put("a heartbeat never sent", m -> m.setHeartbeat(1000));
    damages.put("a heartbeat of old", m -> m.setHeartbeat(1));
    damages.put("a negative heartbeat", m -> m.setHeartbeat(-1));
    damages.put("a time before all time", m -> m.setHeartbeat(40).setServerTime(-1));
    damages.put("a time too far", m -> m.setHeartbeat(40).setServerTime(Long.MAX_VALUE));
    session(40).apply(NearWorld.signed(change().setHeartbeat(40)));
    damages.forEach(
        (what, damage) -> {
          WatchInvalidationsResponse.Builder m = change();
          damage.accept(m);
          assertThrows(ProtocolException.class, () -> session(40).apply(NearWorld.signed(m)), what);
        });
    assertThrows(ProtocolException.class, () -> session(1).apply(change().build()), "without a checksum");
  }

  @Test
  void revisionsAndPositionsHaveNoSign() {
    NearSession session = session(1);
    session.apply(NearWorld.signed(NearWorld.message(5, Long.MIN_VALUE, -2)));
    session.apply(NearWorld.signed(NearWorld.message(Long.MIN_VALUE, -1, -1).addSlots(7)));
    assertThrows(ProtocolException.class, () -> session.apply(NearWorld.signed(NearWorld.message(-1, -1, 71))));
  }

  @Test
  void noDamagedByteChangesWhatIsSaid() {
    WatchInvalidationsResponse whole =
        NearWorld.signed(
            NearWorld.message(5, 8, 77)
                .addAllSlots(List.of(1, 3, 65535))
                .setPolicyRevision("p2")
                .setHeartbeat(1)
                .setServerTime(99));
    byte[] encoded = whole.toByteArray();
    int accepted = 0;
    for (int at = 0; at < encoded.length; at++) {
      for (int flip : new int[] {1, 0x80, 0xff}) {
        byte[] damaged = encoded.clone();
        damaged[at] ^= (byte) flip;
        try {
          WatchInvalidationsResponse m = WatchInvalidationsResponse.parseFrom(damaged);
          session(1).apply(m);
          accepted++;
          assertEquals(whole, m.toBuilder().setUnknownFields(UnknownFieldSet.getDefaultInstance()).build());
        } catch (ProtocolException | InvalidProtocolBufferException e) {
          continue;
        }
      }
    }
    assertTrue(accepted < encoded.length, "accepted: " + accepted);
  }

  @Test
  void memoryIsBoundedAndWhatIsUsedStays() {
    NearWorld world = new NearWorld(256);
    world.learn("hot");
    int there = 0;
    for (int i = 0; i < 5000; i++) {
      world.learn("subject-" + i);
      if (world.knows("hot")) {
        there++;
      } else {
        world.learn("hot");
      }
    }
    int kept = 0;
    for (int i = 0; i < 5000; i++) {
      kept += world.knows("subject-" + i) ? 1 : 0;
    }
    assertTrue(kept > 200 && kept <= 256, "kept: " + kept);
    assertTrue(there > 4900, "there: " + there);
    assertFalse(world.knows("never"));
  }
}
