package io.github.consentd.client;

import io.github.consentd.v1.CheckRequest;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Keeps decisions in buckets of a fixed size, each a second-chance queue without order. Its size is fixed, so its memory is;
 * a lookup reads eight references at most and takes no lock, and nothing in it needs to be right: an entry that is lost or
 * there twice costs a miss. Who chooses ids that share a bucket costs those who share it misses, and no time.
 */
final class NearTable {
  private static final int WAYS = 8;

  private final AtomicReferenceArray<Entry> slots;
  private final int mask; // of buckets

  /** A decision that is kept. Immutable but for used and answers. */
  static final class Entry {
    final long hash;
    final CheckRequest key; // the request without consistency
    final Decision decision;
    final long revision; // of the state behind the decision
    final int slot; // of the subject
    final long validUntil; // nanoseconds since the epoch; 0: no end
    final AtomicLong answers = new AtomicLong(); // the checks that it answered since they were last reported
    private volatile boolean used; // since put last looked for room

    Entry(CheckRequest key, Decision decision, long revision, int slot, long validUntil) {
      this.hash = hash(key);
      this.key = key;
      this.decision = decision;
      this.revision = revision;
      this.slot = slot;
      this.validUntil = validUntil;
    }

    private boolean isOf(long hash, CheckRequest key) {
      return this.hash == hash && this.key.equals(key);
    }

    private boolean wasUsed() {
      boolean was = used;
      used = false;
      return was;
    }
  }

  NearTable(int maxEntries) {
    int buckets = Math.max(1, Integer.highestOneBit(Math.max(1, maxEntries - 1)) * 2 / WAYS);
    slots = new AtomicReferenceArray<>(buckets * WAYS);
    mask = buckets - 1;
  }

  private static long hash(CheckRequest key) {
    return key.hashCode() * 0x9E3779B97F4A7C15L; // the high bits depend on all
  }

  private int bucket(long hash) {
    return ((int) (hash >>> 32) & mask) * WAYS;
  }

  /** The entry of a request which a caller may use; null: none. */
  Entry find(CheckRequest key, Predicate<Entry> current) {
    long hash = hash(key);
    int bucket = bucket(hash);
    for (int i = bucket; i < bucket + WAYS; i++) {
      Entry e = slots.get(i);
      if (e != null && e.isOf(hash, key) && current.test(e)) {
        if (!e.used) {
          e.used = true;
        }
        return e;
      }
    }
    return null;
  }

  /**
   * Makes room for an entry: in the place of the same request's, an empty one, one that is no longer current, or one that was
   * of no use since the last time; failing that, in any. Returns what was there, null: nothing.
   */
  Entry put(Entry e, Predicate<Entry> current) {
    int bucket = bucket(e.hash);
    int victim = bucket;
    int worth = Integer.MAX_VALUE;
    for (int i = 0; i < WAYS; i++) {
      // Which of the useful ones goes is as good as random: it depends on the hash of who comes.
      int at = bucket + (i + (int) (e.hash >>> 24) & WAYS - 1);
      Entry old = slots.get(at);
      if (old != null && old.isOf(e.hash, e.key)) {
        return slots.getAndSet(at, e);
      }
      int w = old == null ? 0 : !current.test(old) ? 1 : !old.wasUsed() ? 2 : 3;
      if (w < worth) {
        victim = at;
        worth = w;
      }
    }
    return slots.getAndSet(victim, e);
  }

  void forEach(Consumer<Entry> work) {
    for (int i = 0; i < slots.length(); i++) {
      Entry e = slots.get(i);
      if (e != null) {
        work.accept(e);
      }
    }
  }
}
