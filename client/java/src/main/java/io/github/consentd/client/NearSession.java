package io.github.consentd.client;

import io.github.consentd.client.NearTable.Entry;
import io.github.consentd.client.NearWire.ProtocolException;
import io.github.consentd.client.NearWire.Token;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.WatchHello;
import io.github.consentd.v1.WatchInvalidationsResponse;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * What is known by one stream of invalidations, and the decisions that are kept under it. A new stream begins with nothing:
 * what an earlier one was told says nothing of what happened in between. Revisions and positions are unsigned.
 *
 * <p>Lookups take no lock; the order of writes and reads, all of them volatile, makes them right. The receiver ({@link
 * #apply}) raises the floors, then seen, and then stores granted. A lookup reads the other way round: granted, seen, the
 * floor, and last the clock. So
 *
 * <ul>
 *   <li>who reads a lease finds the floors of all that was told before it was granted;
 *   <li>who reads seen finds the floors of all changes up to it: an entry at or above its floor is as good as one read at seen;
 *   <li>who reads an older lease, and so perhaps older floors, learns from the clock, read after them, whether it has run out.
 *       A fence that returned before the lookup began waited for this cache to confirm, which it does after apply, or for its
 *       lease to run out by the server's clock, which is later than by this one.
 * </ul>
 *
 * <p>So the clock is never read before the floor: in between the thread may be held up, by a collection or a signal, for
 * longer than a lease. Held up after the clock was read it gives an answer that was right when its check was under way. The
 * floor is never read before seen, granted is read once, and nothing is confirmed before it is applied.
 */
final class NearSession {
  /** What {@link #demand} returns where only the server can tell. No revision is as high. */
  static final long UNKNOWABLE = -1;

  /** Up to the year 2242 no sum of a server's time with a lease overflows. */
  static final long MAX_SERVER_SECONDS = 1L << 33;

  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final long MAX_LEASE = 10 * SECOND;
  private static final int MAX_SLOTS = 1 << 20;
  private static final int STORE_ID_BYTES = 16;
  private static final int SLOT_KEY_BYTES = 32;
  private static final int BEATS_KEPT = 16;

  /** How many tokens a stream remembers, a power of 2: sessions that each demand their newest write are few at a time. */
  private static final int ACCEPTED = 256;

  /** The part by which the server's clock may run faster than this machine's. */
  private static final int DRIFT_PART = 16;

  /** Nanoseconds. */
  final long lease;

  final long interval; // of heartbeats, in nanoseconds
  final NearTable table;
  final byte[] storeId;
  private final WatchHello hello;
  private final AtomicLongArray floors; // per slot, the revision below which no decision counts
  private final AtomicReferenceArray<String> accepted = new AtomicReferenceArray<>(ACCEPTED); // tokens, by their revisions
  private volatile long seen; // a revision up to which all changes were told; raised after the floors
  private volatile Grant granted; // the newest lease, null: none yet; stored after seen

  // Those of the last message; the receiver's own.
  private long position;
  private String policy;

  // When the last heartbeats were about to be sent, and the number of the newest; guarded by sent.
  final NearClock.Reading[] sent = new NearClock.Reading[BEATS_KEPT];
  private long lastBeat;

  /**
   * A lease.
   *
   * @param nanos how long it lasts
   * @param sent when its heartbeat was about to be sent
   * @param serverTime what the server's clock showed later, nanoseconds since the epoch
   * @param policy the digest of the policies in force
   */
  record Grant(long nanos, NearClock.Reading sent, long serverTime, String policy) {
    /** Whether it holds, and a decision's time has not come (0: it has none), by clocks that are read now. */
    boolean holds(NearClock clock, long validUntil) {
      long since = clock.mono() - sent.mono();
      return since < nanos
          && clock.wall() - sent.wall() < nanos - NearClock.WALL_GRAIN
          && (validUntil == 0 || serverTime + since + since / DRIFT_PART < validUntil);
    }
  }

  /**
   * Begins with the first message of a stream.
   *
   * @throws ProtocolException for what makes no sense
   */
  NearSession(WatchInvalidationsResponse m, int maxEntries) {
    require(m.getChecksum() == NearWire.checksum(m), "the hello is damaged");
    hello = m.getHello();
    lease = nanoseconds(hello.getLease());
    interval = nanoseconds(hello.getHeartbeatInterval());
    int count = hello.getSlotCount();
    require(m.hasHello(), "there is no hello");
    require(hello.getStoreId().size() == STORE_ID_BYTES && hello.getSlotKey().size() == SLOT_KEY_BYTES, "an id or a key is cut");
    require(count > 0 && count <= MAX_SLOTS && Integer.bitCount(count) == 1, "the count of slots is out of bounds");
    require(lease > 0 && lease <= MAX_LEASE && interval > 0, "the lease is out of bounds");
    require(m.getPosition() == m.getFromPosition() && m.getSlotsCount() == 0 && m.getHeartbeat() == 0, "the hello tells more");
    require(!m.getPolicyRevision().isEmpty(), "the hello names no policies");
    storeId = hello.getStoreId().toByteArray();
    floors = new AtomicLongArray(count);
    for (int i = 0; i < count; i++) {
      floors.set(i, m.getRevision());
    }
    table = new NearTable(maxEntries);
    seen = m.getRevision();
    position = m.getPosition();
    policy = m.getPolicyRevision();
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new ProtocolException(what);
    }
  }

  /** A duration of at most some minutes; 0 for any other. */
  private static long nanoseconds(com.google.protobuf.Duration d) {
    boolean plain = d.getSeconds() >= 0 && d.getSeconds() <= 600 && d.getNanos() >= 0 && d.getNanos() < SECOND;
    return plain ? d.getSeconds() * SECOND + d.getNanos() : 0;
  }

  Grant granted() {
    return granted;
  }

  /** Numbers a heartbeat that is about to be sent; the clocks were read before that. */
  long beat(NearClock.Reading now) {
    synchronized (sent) {
      lastBeat++;
      sent[(int) (lastBeat % BEATS_KEPT)] = now;
      return lastBeat;
    }
  }

  /** When a heartbeat was about to be sent; null for one that never was, or too long ago. */
  private NearClock.Reading sentAt(long number) {
    synchronized (sent) {
      return number <= 0 || number > lastBeat || number + BEATS_KEPT <= lastBeat ? null : sent[(int) (number % BEATS_KEPT)];
    }
  }

  /**
   * Takes a message.
   *
   * @throws ProtocolException where the stream cannot be trusted any more
   */
  void apply(WatchInvalidationsResponse m) {
    check(m);
    for (int slot : m.getSlotsList()) {
      floors.set(slot, m.getRevision());
    }
    seen = m.getRevision();
    position = m.getPosition();
    if (!m.getPolicyRevision().isEmpty()) {
      policy = m.getPolicyRevision();
    }
    grant(m);
  }

  private void check(WatchInvalidationsResponse m) {
    int slots = m.getSlotsCount();
    require(m.getChecksum() == NearWire.checksum(m), "a message is damaged");
    require(
        !m.hasHello()
            && m.getFromPosition() == position
            && Long.compareUnsigned(m.getPosition(), position) >= 0
            && Long.compareUnsigned(m.getRevision(), seen) >= 0
            && Long.compareUnsigned(slots, m.getPosition() - position) <= 0
            && (slots == 0 || m.getRevision() != seen),
        "a message is missing or repeated");
    for (int slot : m.getSlotsList()) {
      require(slot >= 0 && slot < floors.length(), "there is no such slot");
    }
  }

  /** Takes the lease that a message carries, or the new policies into the lease that there is. */
  private void grant(WatchInvalidationsResponse m) {
    Grant old = granted;
    if (m.getHeartbeat() == 0) {
      if (old != null && !old.policy.equals(policy)) {
        granted = new Grant(lease, old.sent, old.serverTime, policy);
      }
      return;
    }
    NearClock.Reading at = sentAt(m.getHeartbeat());
    require(at != null && (old == null || at.mono() - old.sent.mono() >= 0), "an echo of no heartbeat, or an old one");
    require(m.getServerTime() >= 0 && m.getServerTime() < MAX_SERVER_SECONDS * SECOND, "the server's time is out of bounds");
    granted = new Grant(lease, at, m.getServerTime(), policy);
  }

  /** The revision that a decision must reflect; {@link #UNKNOWABLE}: only the server can tell. */
  long demand(Consistency c) {
    return switch (c.getRequirementCase()) {
      case MINIMIZE_LATENCY -> c.getMinimizeLatency() ? 0 : UNKNOWABLE;
      case AT_LEAST_AS_FRESH -> {
        Token token = NearWire.token(c.getAtLeastAsFresh());
        boolean known = token != null && token.isOf(storeId) && c.getAtLeastAsFresh().equals(accepted.get(slotOf(token)));
        yield known ? token.revision() : UNKNOWABLE;
      }
      default -> UNKNOWABLE;
    };
  }

  /**
   * Remembers that the server has answered on a state that reflects a token, within this stream. Until then only the server
   * can tell: where the store lost its newest changes, others have taken their revisions. The stream ends where that happens.
   */
  void accept(String text) {
    Token token = NearWire.token(text);
    if (token != null && token.isOf(storeId)) {
      accepted.set(slotOf(token), text);
    }
  }

  private static int slotOf(Token token) {
    return (int) (token.revision() & (ACCEPTED - 1));
  }

  /** The entry of a request whose policies are those of the grant and whose state no change has overtaken; null: none. */
  Entry find(CheckRequest key, Grant g, long atLeast) {
    return table.find(key, e -> isCurrent(e, g, atLeast));
  }

  /** An entry that no change up to seen has touched is as good as one read at seen. */
  private boolean isCurrent(Entry e, Grant g, long atLeast) {
    long told = seen; // before the floor
    return Long.compareUnsigned(e.revision, floors.get(e.slot)) >= 0
        && e.decision.policyRevision().equals(g.policy)
        && (Long.compareUnsigned(e.revision, atLeast) >= 0 || Long.compareUnsigned(told, atLeast) >= 0);
  }

  /**
   * Whether all entries show the state at one revision, the newest that was told, and it reflects atLeast. One that was read
   * at a newer one does not: a change that was not told yet may lie between it and the others.
   */
  boolean atOnce(List<Entry> all, long atLeast) {
    long told = seen; // before the floors
    for (Entry e : all) {
      if (Long.compareUnsigned(e.revision, told) > 0 || Long.compareUnsigned(e.revision, floors.get(e.slot)) < 0) {
        return false;
      }
    }
    return Long.compareUnsigned(told, atLeast) >= 0;
  }

  /** Keeps an entry, unless a change has overtaken it already. Returns what was thrown away for it; null: nothing. */
  Entry keep(Entry e) {
    Grant g = granted;
    if (Long.compareUnsigned(e.revision, floors.get(e.slot)) < 0) {
      return null;
    }
    return table.put(e, old -> g != null && isCurrent(old, g, 0));
  }

  int slot(CheckRequest request) {
    return NearWire.slot(hello, request.getController(), request.getSubjectId());
  }
}
