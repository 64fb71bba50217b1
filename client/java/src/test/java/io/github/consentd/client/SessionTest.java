package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Message;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.BatchCheckResponse;
import io.github.consentd.v1.CheckError;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Consistency;
import io.github.consentd.v1.FieldViolation;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.LinkSubjectsResponse;
import io.github.consentd.v1.ListPurposesRequest;
import io.github.consentd.v1.ListPurposesResponse;
import io.github.consentd.v1.RecordEventsRequest;
import io.github.consentd.v1.RecordEventsResponse;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import io.github.consentd.v1.UnlinkSubjectsResponse;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SessionTest {
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();
  private static final RecordEventsRequest WRITE = RecordEventsRequest.getDefaultInstance();

  /** Acknowledges writes with these tokens, in their order; each with its revision or none: "t7/7"; "refused" fails. */
  private static FakeTransport server(String... tokens) {
    Queue<String> left = new ArrayDeque<>(List.of(tokens));
    return new FakeTransport(a -> answer(a.method(), left));
  }

  private static Message answer(String method, Queue<String> tokens) {
    return switch (method) {
      case "RecordEvents" -> acknowledge(tokens.remove());
      case "LinkSubjects" -> linked(acknowledge(tokens.remove()));
      case "UnlinkSubjects" -> parted(acknowledge(tokens.remove()));
      case "BatchCheck" -> BatchCheckResponse.getDefaultInstance();
      case "ListPurposes" -> ListPurposesResponse.getDefaultInstance();
      default -> DecisionTest.allow().build();
    };
  }

  private static RecordEventsResponse acknowledge(String token) {
    if (token.equals("refused")) {
      throw ConsentException.of(io.grpc.Status.Code.FAILED_PRECONDITION, token);
    }
    String[] parts = token.split("/");
    long revision = parts.length > 1 ? Long.parseLong(parts[1]) : 0;
    return RecordEventsResponse.newBuilder().setConsistencyToken(parts[0]).setRevision(revision).build();
  }

  private static Message linked(RecordEventsResponse r) {
    return LinkSubjectsResponse.newBuilder().setConsistencyToken(r.getConsistencyToken()).setRevision(r.getRevision()).build();
  }

  private static Message parted(RecordEventsResponse r) {
    return UnlinkSubjectsResponse.newBuilder().setConsistencyToken(r.getConsistencyToken()).setRevision(r.getRevision()).build();
  }

  private static Consistency demanded(FakeTransport transport) {
    Message request = transport.last().request();
    return (Consistency) request.getField(request.getDescriptorForType().findFieldByName("consistency"));
  }

  @Test
  void aWritesTokenGoesIntoLaterChecksOfEveryKind() {
    FakeTransport transport = server("t1");
    Session session = transport.client().session();
    session.check(ASK);
    assertEquals(Consistency.getDefaultInstance(), demanded(transport));
    session.recordEvents(WRITE);
    List<Runnable> reads =
        List.of(
            () -> session.check(ASK),
            () -> session.isAllowed(ASK),
            () -> session.batchCheck(BatchCheckRequest.getDefaultInstance()),
            () -> session.listPurposes(ListPurposesRequest.getDefaultInstance()));
    for (Runnable read : reads) {
      read.run();
      assertEquals("t1", demanded(transport).getAtLeastAsFresh());
    }
  }

  @Test
  void aConsistencyOfTheCallersOwnIsKept() {
    FakeTransport transport = server("t1");
    Session session = transport.client().session();
    session.recordEvents(WRITE);
    session.check(ASK.toBuilder().setConsistency(Requests.fullyConsistent()).build());
    assertEquals(Requests.fullyConsistent(), demanded(transport));
  }

  @Test
  void aFailedWriteAndAnEmptyTokenChangeNothing() {
    FakeTransport transport = server("t1", "refused", "");
    Session session = transport.client().session();
    session.recordEvents(WRITE);
    assertThrows(ConsentException.class, () -> session.recordEvents(WRITE));
    session.recordEvents(WRITE);
    session.check(ASK);
    assertEquals("t1", demanded(transport).getAtLeastAsFresh());
  }

  @Test
  void sessionsKnowNothingOfEachOther() {
    FakeTransport transport = server("t1");
    Client client = transport.client();
    client.session().recordEvents(WRITE);
    client.session().check(ASK);
    assertEquals(Consistency.getDefaultInstance(), demanded(transport));
  }

  @Test
  void theNewestTokenIsThatOfTheHighestRevision() {
    FakeTransport transport = server("t7/7", "t5/5");
    Session session = transport.client().session();
    session.recordEvents(WRITE);
    session.recordEvents(WRITE);
    session.check(ASK);
    assertEquals("t7", demanded(transport).getAtLeastAsFresh());
  }

  @Test
  void linksAndPartingsAreWrites() {
    FakeTransport transport = server("t3/3", "t2/2", "t4/4");
    Session session = transport.client().session();
    for (String newest : List.of("t3", "t3", "t4")) {
      if (newest.equals("t3")) {
        session.linkSubjects(LinkSubjectsRequest.getDefaultInstance());
      } else {
        session.unlinkSubjects(UnlinkSubjectsRequest.getDefaultInstance());
      }
      session.check(ASK);
      assertEquals(newest, demanded(transport).getAtLeastAsFresh());
    }
  }

  @Test
  void writesThatEndInAnyOrderLeaveTheNewest() throws Exception {
    Queue<String> tokens = new ConcurrentLinkedQueue<>(IntStream.rangeClosed(1, 1_000).mapToObj(i -> "t" + i + "/" + i).toList());
    FakeTransport transport = new FakeTransport(a -> answer(a.method(), tokens));
    Session session = transport.client().session();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    List<Future<?>> writes = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      writes.add(threads.submit(() -> session.recordEvents(WRITE)));
    }
    for (Future<?> write : writes) {
      write.get();
    }
    threads.shutdown();
    session.check(ASK);
    assertEquals("t1000", demanded(transport).getAtLeastAsFresh());
  }

  /** A consistency token of a store. */
  private static String token(int store, int version) {
    return token(store, version, 29);
  }

  private static String token(int store, int version, int size) {
    byte[] bytes = new byte[size];
    Arrays.fill(bytes, 1, 17, (byte) store);
    bytes[0] = (byte) version;
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static Message allow(int store) {
    return DecisionTest.allow().setConsistencyToken(token(store, 1)).build();
  }

  @Test
  void tokensThatCannotBeReadAreOfNoStore() {
    String token = token(7, 1);
    assertEquals("07".repeat(16), Freshness.storeOf(token));
    assertEquals("07".repeat(16), Freshness.storeOf(token(7, 2, 33)));
    for (String text : List.of("", token(7, 1, 33), token(7, 3), token(7, 3, 33))) {
      assertNull(Freshness.storeOf(text), text);
    }
    for (String text : List.of("", "t1", token(7, 2), token + "=", token.substring(1), token.substring(1) + "+", token + "A")) {
      assertNull(Freshness.storeOf(text), text);
    }
  }

  @Test
  void anAnswerOfAnotherStoreThanTheFirstIsAMismatch() {
    Queue<Integer> stores = new ArrayDeque<>(List.of(1, 1, 2, 1));
    Session session = new FakeTransport(a -> allow(stores.remove())).client().session();
    session.check(ASK);
    session.check(ASK);
    StoreMismatchException e = assertThrows(StoreMismatchException.class, () -> session.check(ASK));
    assertEquals(io.grpc.Status.Code.FAILED_PRECONDITION, e.code());
    assertTrue(session.isAllowed(ASK));
  }

  @Test
  void nothingMeetsWritesToTwoStores() {
    FakeTransport transport = server(token(1, 1) + "/9", token(2, 1) + "/1");
    Session session = transport.client().session();
    session.recordEvents(WRITE);
    assertThrows(StoreMismatchException.class, () -> session.recordEvents(WRITE));
    assertThrows(StoreMismatchException.class, () -> session.check(ASK));
    assertFalse(session.isAllowed(ASK));
  }

  @Test
  void aTokenThatTheCallerChoseIsAMismatchOnlyIfItIsOfTheSessionsStore() {
    CheckError refusal =
        CheckError.newBuilder()
            .setCode(3)
            .addFieldViolations(FieldViolation.newBuilder().setField("consistency.at_least_as_fresh").setDescription("no"))
            .build();
    Queue<Message> answers = new ArrayDeque<>(List.of(allow(1)));
    Session session =
        new FakeTransport(
                a -> {
                  if (answers.isEmpty()) {
                    throw ConsentException.of(refusal);
                  }
                  return answers.remove();
                })
            .client()
            .session();
    session.check(ASK);
    Function<String, Class<?>> refused =
        token -> {
          CheckRequest chosen = ASK.toBuilder().setConsistency(Requests.atLeastAsFresh(token)).build();
          return assertThrows(ConsentException.class, () -> session.check(chosen)).getClass();
        };
    assertEquals(StoreMismatchException.class, refused.apply(token(1, 1)));
    assertEquals(ConsentException.class, refused.apply(token(2, 1)));
    assertEquals(ConsentException.class, refused.apply("garbage"));
    assertEquals(ConsentException.class, assertThrows(ConsentException.class, () -> session.check(ASK)).getClass());
  }
}
