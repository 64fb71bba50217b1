package io.github.consentd.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.Timestamp;
import io.github.consentd.client.NearTable.Entry;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.ReasonCode;
import io.github.consentd.v1.WatchInvalidationsResponse;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/**
 * A near cache: it answers where the server has decided the same before and nothing has changed since. {@link
 * ClientBuilder#nearCache()} says what it guarantees, {@link NearSession} why it does. It begins to watch at the first check.
 */
final class NearCache implements Near {
  static final int DEFAULT_ENTRIES = 1 << 16;
  static final int MAX_ENTRIES = 1 << 24;
  static final Duration REPORT_EVERY = Duration.ofSeconds(5);

  /** Bounds what one decision takes, request and answer in their encoded forms; larger ones are not kept. */
  private static final int MAX_BYTES = 4 << 10;

  private static final Duration REPORT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration LAST_REPORT = Duration.ofMillis(500);
  private static final int ID_BYTES = 16;
  private static final int SECOND = 1_000_000_000;

  private final int maxEntries;
  private final Duration reportEvery; // zero: never
  private final NearClock clock;
  private final Timer timer;
  private final ByteString id; // names this cache to the server
  private final NearReports reports;
  private final NearWatch watch;
  private final AtomicBoolean reporting = new AtomicBoolean();
  private final AtomicReference<NearSession> current = new AtomicReference<>(); // null: no decision may be used
  private final LongAdder hits = new LongAdder();
  private final LongAdder misses = new LongAdder();
  private final AtomicLong streams = new AtomicLong();
  private volatile Duration lease = Duration.ZERO; // of the newest stream, also beyond its end: a fence may wait for this cache
  private volatile boolean closed;
  private volatile Tap tap = (session, m) -> m;

  /** Sees each message before it is applied: tests plant faults there. */
  interface Tap {
    WatchInvalidationsResponse heard(NearSession session, WatchInvalidationsResponse m);
  }

  /** What an answer is admitted under: the stream under way before its request left, and the token that it must reflect. */
  private record Under(NearSession session, String demanded) implements Ticket {}

  /**
   * @param maxEntries at least 1
   * @param reportEvery how often the server is told; zero: never
   */
  NearCache(int maxEntries, Duration reportEvery, NearClock clock, Timer timer, Transport transport) {
    this.maxEntries = maxEntries;
    this.reportEvery = reportEvery;
    this.clock = clock;
    this.timer = timer;
    byte[] name = new byte[ID_BYTES];
    new SecureRandom().nextBytes(name);
    this.id = ByteString.copyFrom(name);
    this.reports = new NearReports(transport, !reportEvery.isZero());
    this.watch = new NearWatch(this, transport, timer);
  }

  ByteString id() {
    return id;
  }

  int maxEntries() {
    return maxEntries;
  }

  NearClock clock() {
    return clock;
  }

  void tap(Tap tap) {
    this.tap = tap;
  }

  WatchInvalidationsResponse heard(NearSession session, WatchInvalidationsResponse m) {
    return tap.heard(session, m);
  }

  /** Goes by a stream from now on. */
  void begin(NearSession session) {
    streams.incrementAndGet();
    lease = Duration.ofNanos(session.lease);
    current.set(session);
    if (closed) {
      end(session);
    } else if (!reportEvery.isZero() && reporting.compareAndSet(false, true)) {
      timer.schedule(this::report, reportEvery.toNanos());
    }
  }

  /** A stream is over: no decision is used that is known by it. It may be called again, and with none. */
  void end(NearSession session) {
    if (session != null && current.compareAndSet(session, null)) {
      session.table.forEach(reports::retire);
    }
  }

  private void report() {
    if (closed) {
      return;
    }
    NearSession session = current.get();
    reports
        .report(session == null ? null : session.table, REPORT_TIMEOUT)
        .whenComplete((done, e) -> timer.schedule(this::report, reportEvery.toNanos()));
  }

  /** The order of reading is what makes an answer right: first the lease, then seen and the floor, last the clock. */
  @Override
  public Decision lookup(CheckRequest request) {
    NearSession session = present();
    if (session == null) {
      return null;
    }
    NearSession.Grant granted = session.granted();
    long atLeast = request.hasConsistency() ? session.demand(request.getConsistency()) : 0;
    Entry e = granted == null || atLeast == NearSession.UNKNOWABLE ? null : session.find(keyOf(request), granted, atLeast);
    if (e != null && granted.holds(clock, e.validUntil)) {
      return answered(e);
    }
    misses.increment();
    return null;
  }

  /**
   * The server decides a batch by one set of policies, at one instant. One that was put together from answers of the cache
   * and of the server, or from answers of the cache alone that were right one after the other, would not keep that.
   */
  @Override
  public List<Decision> lookupAll(BatchCheckRequest batch) {
    NearSession session = present();
    if (session == null || batch.getRequestsCount() == 0) {
      return null;
    }
    NearSession.Grant granted = session.granted();
    long atLeast = batch.hasConsistency() ? session.demand(batch.getConsistency()) : 0;
    List<Entry> all = granted == null || atLeast == NearSession.UNKNOWABLE ? null : findAll(session, granted, batch);
    if (all != null && session.atOnce(all, atLeast) && granted.holds(clock, soonest(all))) {
      return all.stream().map(this::answered).toList();
    }
    misses.add(batch.getRequestsCount());
    return null;
  }

  /** An entry for each request by the policies of the grant; null unless all are there. */
  private static List<Entry> findAll(NearSession session, NearSession.Grant granted, BatchCheckRequest batch) {
    List<Entry> all = new ArrayList<>(batch.getRequestsCount());
    for (CheckRequest request : batch.getRequestsList()) {
      // One with a consistency of its own is the server's to refuse.
      Entry e = request.hasConsistency() ? null : session.find(request, granted, 0);
      if (e == null) {
        return null;
      }
      all.add(e);
    }
    return all;
  }

  /** When the first of their decisions ends; 0: none does. */
  private static long soonest(List<Entry> all) {
    return all.stream().mapToLong(e -> e.validUntil).filter(until -> until != 0).min().orElse(0);
  }

  private Decision answered(Entry e) {
    hits.increment();
    e.answers.incrementAndGet();
    return e.decision;
  }

  @Override
  public Ticket ticket(Consistency demanded) {
    NearSession session = present();
    return session == null ? null : new Under(session, demanded.getAtLeastAsFresh());
  }

  /** The stream under way; null: there is none, and somebody begins to watch. */
  private NearSession present() {
    NearSession session = current.get();
    if (session == null && !closed) {
      watch.start();
    }
    return session;
  }

  /** Answers may arrive after later changes were told: the revision in the token, not the time, says what they are worth. */
  @Override
  public void admit(Ticket ticket, CheckRequest request, CheckResponse response, Decision decision) {
    if (!(ticket instanceof Under under) || under.session != current.get()) {
      return;
    }
    under.session.accept(under.demanded);
    if (!isKeepable(request, response)) {
      return;
    }
    NearSession session = under.session;
    NearWire.Token token = NearWire.token(response.getConsistencyToken());
    if (token == null || !token.isOf(session.storeId)) {
      return;
    }
    Timestamp until = response.getValidUntil();
    long validUntil = response.hasValidUntil() ? until.getSeconds() * SECOND + until.getNanos() : 0;
    reports.retire(session.keep(new Entry(keyOf(request), decision, token.revision(), session.slot(request), validUntil)));
  }

  /** All that a decision depends on: its request but for consistency, with fields that this version does not know. */
  private static CheckRequest keyOf(CheckRequest request) {
    return request.hasConsistency() ? request.toBuilder().clearConsistency().build() : request;
  }

  /** Whether an answer may be given again. One that this version does not understand whole may say that it must not. */
  private static boolean isKeepable(CheckRequest request, CheckResponse response) {
    boolean decided =
        switch (response.getDecision()) {
          case DECISION_ALLOW, DECISION_DENY -> true;
          default -> false;
        };
    return decided
        && response.getDegradedValue() == 0
        && response.getReasonsList().stream().noneMatch(r -> r.getCode() == ReasonCode.REASON_CODE_POLICY_ERROR)
        && (!response.hasValidUntil() || isInTime(response.getValidUntil()))
        && request.getSerializedSize() + response.getSerializedSize() <= MAX_BYTES
        && response.getUnknownFields().asMap().isEmpty()
        && !hasUnknown(request);
  }

  private static boolean isInTime(Timestamp t) {
    return t.getSeconds() > 0 && t.getSeconds() < NearSession.MAX_SERVER_SECONDS && t.getNanos() >= 0 && t.getNanos() < SECOND;
  }

  private static boolean hasUnknown(MessageOrBuilder m) {
    return !m.getUnknownFields().asMap().isEmpty()
        || m.getAllFields().values().stream()
            .flatMap(v -> v instanceof List<?> all ? all.stream() : java.util.stream.Stream.of(v))
            .anyMatch(v -> v instanceof Message inner && hasUnknown(inner));
  }

  @Override
  public Duration lease() {
    return lease;
  }

  @Override
  public NearCacheStats stats() {
    NearSession session = current.get();
    NearSession.Grant granted = session == null ? null : session.granted();
    boolean leased = granted != null && granted.holds(clock, 0);
    return new NearCacheStats(hits.sum(), misses.sum(), streams.get(), leased);
  }

  /** Waits until the server has heard that the lease is given up, and of the last answers, a second at most. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    end(current.get());
    watch.close();
    try {
      reports.report(null, LAST_REPORT).get(LAST_REPORT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
      // Of no concern to whoever closes.
    }
  }
}
