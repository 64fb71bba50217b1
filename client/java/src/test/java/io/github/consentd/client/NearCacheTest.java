package io.github.consentd.client;

import static io.github.consentd.client.NearWorld.LEASE;
import static io.github.consentd.client.NearWorld.MILLISECOND;
import static io.github.consentd.client.NearWorld.SECOND;
import static io.github.consentd.client.NearWorld.answer;
import static io.github.consentd.client.NearWorld.ask;
import static io.github.consentd.client.NearWorld.token;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.Value;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.Degradation;
import io.github.consentd.v1.Reason;
import io.github.consentd.v1.ReasonCode;
import io.github.consentd.v1.Recipient;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** When a near cache may answer: its rules one by one, by clocks of the test's own. */
class NearCacheTest {
  private final NearWorld world = new NearWorld();

  private static final UnknownFieldSet UNKNOWN =
      UnknownFieldSet.newBuilder().addField(2047, UnknownFieldSet.Field.newBuilder().addVarint(1).build()).build();

  @Test
  void aChangeEndsWhatIsKnownOfItsSubject() {
    world.learn("u");
    world.learn("v");
    assertTrue(world.near.lookup(ask("u")).allowed());
    world.change("u");
    assertFalse(world.knows("u"));
    assertTrue(world.knows("v"));
    world.learn(ask("u"), r -> r.setDecisionValue(2));
    assertFalse(world.near.lookup(ask("u")).allowed());
  }

  @Test
  void aChangeOfAPersonEndsWhatIsKnownOfAllIds() {
    Stream.of("cookie:1", "account:1", "other").forEach(world::learn);
    world.change("cookie:1", "account:1");
    assertFalse(world.knows("cookie:1"));
    assertFalse(world.knows("account:1"));
    assertTrue(world.knows("other"));
  }

  @Test
  void anAnswerFromBeforeAChangeThatWasToldMeanwhileIsNotKept() {
    Map<String, Boolean> rows = new LinkedHashMap<>();
    rows.put(token(69), false); // from before the hello
    rows.put(token(70), false); // from before the change
    rows.put(token(71), true);
    rows.put(token(-1), true); // revisions have no sign
    rows.put(foreign(99), false);
    rows.put("", false);
    rows.put(token(71).substring(1) + "_", false);
    rows.forEach(
        (token, kept) -> {
          NearWorld own = new NearWorld();
          Near.Ticket ticket = own.near.ticket(Consistency.getDefaultInstance());
          own.change("u");
          CheckResponse late = answer(0).setConsistencyToken(token).build();
          own.near.admit(ticket, ask("u"), late, Decision.of(late));
          assertEquals(kept, own.knows("u"), token);
        });
  }

  @Test
  void aNewStreamBeginsWithNothing() {
    world.learn("u");
    Near.Ticket old = world.near.ticket(Consistency.getDefaultInstance());
    world.call().close(io.grpc.Status.PERMISSION_DENIED);
    assertFalse(world.knows("u"));
    assertNull(world.near.ticket(Consistency.getDefaultInstance()));
    world.fireWithin(25 * MILLISECOND, 75 * MILLISECOND);
    world.greet();
    world.grant();
    assertFalse(world.knows("u"));
    CheckResponse late = answer(70).build();
    world.near.admit(old, ask("late"), late, Decision.of(late));
    assertFalse(world.knows("late"), "it was asked under the stream before");
    world.learn("u");
    assertTrue(world.knows("u"));
    assertEquals(2, world.near.stats().streams());
  }

  @Test
  void withoutALeaseNothingIsAnswered() {
    world.call().close(io.grpc.Status.UNAVAILABLE);
    world.fireWithin(25 * MILLISECOND, 75 * MILLISECOND);
    world.greet();
    world.learn("u");
    assertFalse(world.knows("u"));
    assertFalse(world.near.stats().leased());
    world.grant();
    assertTrue(world.knows("u"));
    assertTrue(world.near.stats().leased());
  }

  @Test
  void aLeaseRunsFromBeforeItsHeartbeatWasSent() {
    world.learn("u");
    long heartbeat = world.beat();
    world.pass(LEASE - NearClock.WALL_GRAIN - 1);
    world.echo(heartbeat); // it was under way all that time
    assertTrue(world.knows("u"));
    world.pass(1);
    assertFalse(world.knows("u"));
    assertFalse(world.near.stats().leased());
  }

  @Test
  void heartbeatsRenewIt() {
    world.learn("u");
    for (int i = 0; i < 10; i++) {
      world.pass(LEASE * 3 / 4);
      assertTrue(world.knows("u"));
      world.renew();
    }
  }

  @Test
  void theWallClockCanOnlyEndALease() {
    record Row(String what, long wall, long mono, boolean used) {}
    long hour = 3600 * SECOND;
    for (Row row :
        List.of(
            new Row("it stepped forward", LEASE, 0, false),
            new Row("forward by less", LEASE - 2 * MILLISECOND, 0, true),
            new Row("forward by less than its grain", LEASE - MILLISECOND, 0, false),
            new Row("back, and the lease holds", -hour, LEASE - 1, true),
            new Row("back, and the lease is over", -hour, LEASE, false),
            new Row("the machine slept", 10 * LEASE, MILLISECOND, false))) {
      NearWorld own = new NearWorld();
      own.learn("u");
      own.wall += row.wall;
      own.mono += row.mono;
      assertEquals(row.used, own.knows("u"), row.what);
      own.renew();
      assertTrue(own.knows("u"), "the next lease is counted from where the clocks are now");
    }
  }

  /** Held up after the floor was read, by a collection or a signal, for longer than a lease: no answer. */
  @Test
  void theClockIsReadLast() {
    world.learn("u");
    BatchCheckRequest batch = BatchCheckRequest.newBuilder().addRequests(ask("u")).build();
    assertNotNull(world.near.lookupAll(batch));
    world.onClock = () -> world.pass(LEASE);
    assertFalse(world.knows("u"));
    world.renew();
    assertNull(world.near.lookupAll(batch));
    // A change that is applied while the clock is read was confirmed after that, so no fence has returned yet.
    NearWorld other = new NearWorld();
    other.learn("u");
    AtomicInteger reads = new AtomicInteger();
    other.onClock =
        () -> {
          if (reads.getAndIncrement() == 0) {
            other.change("u");
          }
        };
    assertTrue(other.knows("u"), "the floor was read before the clock");
    assertFalse(other.knows("u"));
  }

  @Test
  void otherPoliciesEndWhatIsKnown() {
    world.learn("u");
    world.activate("p2");
    assertFalse(world.knows("u"));
    world.learn(ask("u"), r -> r.setPolicyRevision("p1"));
    assertFalse(world.knows("u"), "decided by the policies of before");
    world.learn("u");
    assertTrue(world.knows("u"));
    world.policy = "p3";
    world.renew(); // they come with an echo too
    assertFalse(world.knows("u"));
  }

  @Test
  void validUntilIsNeverPassed() {
    long until = NearWorld.SERVER_TIME + world.mono + 1700 * MILLISECOND;
    world.learn(ask("u"), r -> r.setValidUntil(NearWorld.timestamp(until)));
    world.pass(1500 * MILLISECOND);
    assertTrue(world.knows("u"));
    world.pass(150 * MILLISECOND); // by a clock that runs a sixteenth faster it is over
    assertFalse(world.knows("u"));
    world.renew();
    assertTrue(world.knows("u"), "what the server's clock shows now is known better");
    world.mono += 50 * MILLISECOND;
    world.wall -= 3600 * SECOND; // it is the server's clock that counts
    assertFalse(world.knows("u"));
  }

  private static Value text(String s) {
    return Value.newBuilder().setStringValue(s).build();
  }

  private static CheckRequest.Builder rich() {
    Value list = Value.newBuilder().setListValue(ListValue.newBuilder().addValues(text("a"))).build();
    Struct facts =
        Struct.newBuilder()
            .putFields("anonymized", Value.newBuilder().setBoolValue(true).build())
            .putFields("n", Value.newBuilder().setNumberValue(0.0).build())
            .putFields("none", Value.newBuilder().setNullValue(NullValue.NULL_VALUE).build())
            .putFields("list", list)
            .build();
    return Requests.check("example", "s", "p")
        .addDataCategories("a")
        .addDataCategories("b.c")
        .setContext(facts)
        .setRecipient(Recipient.newBuilder().setKindValue(2).setId("r").setCountry("DE"));
  }

  private static void put(CheckRequest.Builder r, String name, Value.Builder value) {
    r.setContext(r.getContext().toBuilder().putFields(name, value.build()));
  }

  @Test
  void theKeyHoldsAllThatWasAsked() {
    Map<String, Consumer<CheckRequest.Builder>> changes = new LinkedHashMap<>();
    changes.put("categories in another order", r -> r.setDataCategories(0, "b.c").setDataCategories(1, "a"));
    changes.put("ids swapped", r -> r.setController("s").setSubjectId("example"));
    changes.put("shifted", r -> r.setController("examples").setSubjectId(""));
    changes.put("an unknown field", r -> r.setUnknownFields(UNKNOWN));
    changes.put("false for true", r -> put(r, "anonymized", Value.newBuilder().setBoolValue(false)));
    changes.put("null for true", r -> put(r, "anonymized", Value.newBuilder().setNullValueValue(0)));
    changes.put("minus zero", r -> put(r, "n", Value.newBuilder().setNumberValue(-0.0)));
    changes.put("text for a number", r -> put(r, "n", Value.newBuilder().setStringValue("0")));
    changes.put("more facts", r -> put(r, "m", Value.newBuilder().setBoolValue(true)));
    changes.put("in a list", r -> put(r, "list", Value.newBuilder().setListValue(ListValue.newBuilder().addValues(text("b")))));
    changes.put("a recipient of another kind", r -> r.getRecipientBuilder().setKindValue(99));
    changes.put("another country", r -> r.getRecipientBuilder().setCountry("AT"));
    CheckRequest.getDescriptor().getFields().stream()
        .filter(f -> !f.getName().equals("consistency"))
        .forEach(f -> changes.put("without " + f.getName(), r -> r.clearField(f)));
    Recipient.getDescriptor()
        .getFields()
        .forEach(f -> changes.put("without recipient's " + f.getName(), r -> r.getRecipientBuilder().clearField(f)));
    world.learn(rich().build(), r -> r);
    assertTrue(world.knows(rich().build()), "an equal request has the same key");
    changes.forEach(
        (what, change) -> {
          CheckRequest.Builder other = rich();
          change.accept(other);
          assertFalse(world.knows(other.build()), what);
        });
  }

  @Test
  void whatIsKept() {
    Map<String, Consumer<CheckResponse.Builder>> refused = new LinkedHashMap<>();
    refused.put("no decision", CheckResponse.Builder::clearDecision);
    refused.put("an unknown decision", r -> r.setDecisionValue(3));
    refused.put("POLICY_ERROR", r -> r.addReasons(Reason.newBuilder().setCode(ReasonCode.REASON_CODE_POLICY_ERROR)));
    refused.put("a degraded answer", r -> r.setDegraded(Degradation.DEGRADATION_STALE));
    refused.put("an unknown degradation", r -> r.setDegradedValue(9));
    refused.put("a field of a later version", r -> r.setUnknownFields(UNKNOWN));
    refused.put("a time that is none", r -> r.setValidUntil(Timestamp.newBuilder().setSeconds(9).setNanos(-1)));
    refused.put("a time before all time", r -> r.setValidUntil(Timestamp.newBuilder().setSeconds(-1)));
    refused.put("a time too far", r -> r.setValidUntil(Timestamp.newBuilder().setSeconds(1L << 34)));
    refused.put("too large", r -> r.addPermittedDataCategories("x".repeat(5000)));
    refused.put("other policies", r -> r.setPolicyRevision("p0"));
    Map<String, Consumer<CheckResponse.Builder>> kept = new LinkedHashMap<>();
    kept.put("ALLOW", r -> {});
    kept.put("DENY", r -> r.setDecisionValue(2));
    kept.put("another reason", r -> r.addReasons(Reason.newBuilder().setCode(ReasonCode.REASON_CODE_CONSENT_MISSING)));
    refused.forEach((what, change) -> assertFalse(keeps(rich().build(), change), what));
    kept.forEach((what, change) -> assertTrue(keeps(rich().build(), change), what));
    Struct strange = Struct.newBuilder().putFields("x", Value.newBuilder().setUnknownFields(UNKNOWN).build()).build();
    for (CheckRequest r :
        List.of(
            rich().setUnknownFields(UNKNOWN).build(),
            rich().setRecipient(Recipient.newBuilder().setUnknownFields(UNKNOWN)).build(),
            rich().setContext(strange).build())) {
      assertFalse(keeps(r, response -> {}), r.toString());
    }
  }

  /** A token of another store. */
  private static String foreign(long revision) {
    return NearWire.tokenText("another store...".getBytes(StandardCharsets.US_ASCII), revision);
  }

  private static boolean keeps(CheckRequest request, Consumer<CheckResponse.Builder> change) {
    NearWorld own = new NearWorld();
    own.learn(
        request,
        r -> {
          change.accept(r);
          return r;
        });
    return own.knows(request);
  }

  private static CheckRequest with(Consistency c) {
    return ask("u").toBuilder().setConsistency(c).build();
  }

  private static Consistency fresh(String token) {
    return Consistency.newBuilder().setAtLeastAsFresh(token).build();
  }

  @Test
  void howFreshADecisionMustBe() {
    world.learn("u");
    assertFalse(world.knows(with(fresh(token(70)))), "the server has not answered on it");
    for (long revision : new long[] {70, 5, 71}) {
      answered(world, with(fresh(token(revision))));
    }
    assertFalse(world.knows(with(fresh(NearWire.markedText(NearWorld.STORE, 70, 7)))), "one of another history");
    assertTrue(world.knows(with(Consistency.newBuilder().setMinimizeLatency(true).build())));
    assertTrue(world.knows(with(fresh(token(70)))));
    assertTrue(world.knows(with(fresh(token(5)))));
    assertFalse(world.knows(with(Consistency.newBuilder().setMinimizeLatency(false).build())));
    assertFalse(world.knows(with(Consistency.getDefaultInstance())));
    assertFalse(world.knows(with(Consistency.newBuilder().setFullyConsistent(true).build())));
    assertFalse(world.knows(with(fresh(token(71)))), "newer than what was told");
    assertFalse(world.knows(with(fresh(token(-1)))), "newer than all");
    assertFalse(world.knows(with(fresh(foreign(5)))));
    assertFalse(world.knows(with(fresh("garbage"))));
    world.change("somebody else");
    assertTrue(world.knows(with(fresh(token(71)))), "what no change touched is as fresh as what was told");
    world.change("u");
    assertFalse(world.knows(with(fresh(token(71)))));
  }

  /** The server answers a request that demands a token. */
  private static void answered(NearWorld world, CheckRequest request) {
    CheckResponse response = NearWorld.answer(70).build();
    world.near.admit(world.near.ticket(request.getConsistency()), request, response, Decision.of(response));
  }

  private static BatchCheckRequest batch(String... subjects) {
    return BatchCheckRequest.newBuilder().addAllRequests(Stream.of(subjects).map(NearWorld::ask).toList()).build();
  }

  private List<Boolean> look(BatchCheckRequest batch) {
    NearCacheStats before = world.near.stats();
    List<Decision> found = world.near.lookupAll(batch);
    NearCacheStats after = world.near.stats();
    int hits = found == null ? 0 : found.size();
    assertEquals(hits, after.hits() - before.hits());
    assertEquals(batch.getRequestsCount() - hits, after.misses() - before.misses());
    return found == null ? null : found.stream().map(Decision::allowed).toList();
  }

  @Test
  void aBatchIsAnsweredWholeOrNotAtAll() {
    world.learn("u");
    world.learn(ask("v"), r -> r.setDecisionValue(2));
    assertEquals(List.of(false, true, false), look(batch("v", "u", "v")));
    assertNull(look(batch("u", "x", "v")));
    world.change("u");
    assertEquals(List.of(false), look(batch("v")));
    assertNull(look(batch("v", "u")));
    world.learn(ask("u"), r -> r.setDecisionValue(2));
    assertEquals(List.of(false, false), look(batch("v", "u")));
    world.activate("p2");
    assertNull(look(batch("v")));
    assertNull(look(batch()));
  }

  @Test
  void aBatchRestsOnOneState() {
    world.learn("u");
    world.learn(ask("v"), r -> r.setConsistencyToken(token(71)));
    assertTrue(world.knows("u") && world.knows("v"));
    assertNull(look(batch("u", "v")), "a change of u may lie between");
    world.change("somebody else");
    assertNotNull(look(batch("u", "v")), "none does");
  }

  @Test
  void aBatchEndsWithTheLeaseAndWithItsFirstDecision() {
    long until = NearWorld.SERVER_TIME + world.mono + SECOND;
    world.learn(ask("u"), r -> r.setValidUntil(NearWorld.timestamp(until)));
    world.learn(ask("v"), r -> r.setValidUntil(NearWorld.timestamp(until + 3600 * SECOND)));
    world.learn("w");
    assertNotNull(look(batch("w", "v", "u")));
    world.pass(SECOND);
    assertNull(look(batch("w", "v", "u")));
    assertNotNull(look(batch("w", "v")));
    world.pass(SECOND);
    assertNull(look(batch("w", "v")));
  }

  @Test
  void whatABatchDemands() {
    world.learn("u");
    assertNull(look(batch("u").toBuilder().setConsistency(Consistency.newBuilder().setFullyConsistent(true)).build()));
    assertNull(look(BatchCheckRequest.newBuilder().addRequests(with(fresh(token(70)))).build()), "the server refuses it");
    BatchCheckRequest fresher = batch("u").toBuilder().setConsistency(fresh(token(71))).build();
    answered(world, with(fresh(token(71))));
    assertNull(look(fresher));
    world.change("somebody else");
    assertNotNull(look(fresher));
  }

  @Test
  void threadsCountEachAnswerOnceAndNeverSeeWhatAChangeEnded() throws InterruptedException {
    AtomicBoolean over = new AtomicBoolean();
    AtomicInteger version = new AtomicInteger(); // odd: no answer is right
    AtomicInteger wrong = new AtomicInteger();
    AtomicInteger right = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      threads.add(
          new Thread(
              () -> {
                while (!over.get()) {
                  int before = version.get();
                  if (world.knows("u")) {
                    right.incrementAndGet();
                    if (before % 2 == 1 && version.get() == before) {
                      wrong.incrementAndGet();
                    }
                  }
                }
              }));
    }
    version.set(1);
    threads.forEach(t -> t.setDaemon(true)); // they do not outlive a failure
    threads.forEach(Thread::start);
    int own = 0;
    for (int i = 0; i < 2000; i++) {
      version.incrementAndGet();
      CheckResponse response = answer(world.revision).build();
      world.near.admit(world.near.ticket(Consistency.getDefaultInstance()), ask("u"), response, Decision.of(response));
      for (int n = 0; n < 20; n++) {
        own += world.knows("u") ? 1 : 0;
      }
      world.change("u");
      version.incrementAndGet();
    }
    over.set(true);
    for (Thread t : threads) {
      t.join();
    }
    assertEquals(0, wrong.get());
    assertEquals(40_000, own);
    assertEquals(own + right.get(), world.near.stats().hits());
  }

  @Test
  void theBuilderBoundsIt() {
    ClientBuilder builder = Client.builder("127.0.0.1:1");
    assertThrows(IllegalArgumentException.class, () -> builder.nearCache(0));
    assertThrows(IllegalArgumentException.class, () -> builder.nearCache(Integer.MAX_VALUE));
    assertThrows(IllegalArgumentException.class, () -> builder.nearCache(1, Duration.ofSeconds(-1)));
    try (Client client = builder.build()) {
      assertEquals(NearCacheStats.NONE, client.nearCacheStats());
    }
  }
}
