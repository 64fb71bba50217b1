package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import io.github.consentd.v1.BatchCheckRequest;
import io.github.consentd.v1.BatchCheckResponse;
import io.github.consentd.v1.BatchCheckResult;
import io.github.consentd.v1.CheckError;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Event;
import io.github.consentd.v1.FieldViolation;
import io.github.consentd.v1.LedgerEntry;
import io.github.consentd.v1.LinkSubjectsRequest;
import io.github.consentd.v1.ListEventsRequest;
import io.github.consentd.v1.ListEventsResponse;
import io.github.consentd.v1.UnlinkSubjectsRequest;
import io.grpc.Status;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class ClientTest {
  private static final CheckRequest ASK = Requests.check("example", "u", "p").build();

  @Test
  void isAllowedIsFalseOnAnyError() {
    for (RuntimeException e : List.of(RetrierTest.unavailable(0), new IllegalStateException("a bug"))) {
      FakeTransport failing =
          new FakeTransport(
              a -> {
                throw e;
              });
      assertFalse(failing.client().isAllowed(ASK));
      assertFalse(failing.client().session().isAllowed(ASK));
    }
    Client allowing = new FakeTransport(a -> DecisionTest.allow().build()).client();
    assertFalse(allowing.isAllowed(ASK, Duration.ZERO));
    assertTrue(allowing.isAllowed(ASK));
  }

  @Test
  void halfASurrogatePairIsRefused() {
    FakeTransport transport = new FakeTransport(a -> DecisionTest.allow().build());
    CheckRequest nested = ASK.toBuilder().addDataCategories("\ud800").build();
    CheckRequest own = ASK.toBuilder().setSubjectId("a\udc00").build();
    Struct context = Struct.newBuilder().putFields("a\ud800", Value.newBuilder().setBoolValue(true).build()).build();
    for (CheckRequest request : List.of(nested, own, ASK.toBuilder().setContext(context).build())) {
      ConsentException e = assertThrows(ConsentException.class, () -> transport.client().check(request));
      assertEquals(Status.Code.INVALID_ARGUMENT, e.code());
    }
    ConsentException e =
        assertThrows(
            ConsentException.class,
            () -> transport.client().batchCheck(BatchCheckRequest.newBuilder().addRequests(own).build()));
    assertEquals(Status.Code.INVALID_ARGUMENT, e.code());
    assertEquals(0, transport.attempts.size());
    assertTrue(transport.client().isAllowed(ASK.toBuilder().setSubjectId("\ud83d\ude00").build()));
  }

  private static BatchCheckResult error(int code) {
    CheckError.Builder error =
        CheckError.newBuilder()
            .setCode(code)
            .setRetryDelay(com.google.protobuf.Duration.newBuilder().setNanos(5_000_000))
            .addFieldViolations(FieldViolation.newBuilder().setField("purpose").setDescription("d"));
    return BatchCheckResult.newBuilder().setError(error).build();
  }

  @Test
  void aBatchHasAResultForEachRequest() {
    BatchCheckResponse response =
        BatchCheckResponse.newBuilder()
            .addResults(BatchCheckResult.newBuilder().setResponse(DecisionTest.allow()))
            .addResults(error(3))
            .addResults(error(0))
            .addResults(error(-1))
            .addResults(BatchCheckResult.newBuilder())
            .build();
    Client client = new FakeTransport(a -> response).client();
    BatchCheckRequest.Builder request = BatchCheckRequest.newBuilder();
    for (int i = 0; i < 5; i++) {
      request.addRequests(ASK);
    }
    List<BatchResult> got = client.batchCheck(request.build());
    assertEquals(
        List.of("true", "false INVALID_ARGUMENT", "false UNKNOWN", "false UNKNOWN", "false INTERNAL"),
        got.stream().map(r -> r.decision().allowed() + r.error().map(e -> " " + e.code()).orElse("")).toList());
    assertEquals(Duration.ofMillis(5), got.get(1).error().orElseThrow().retryDelay());
    assertEquals(List.of(new Violation("purpose", "d")), got.get(1).error().orElseThrow().violations());
    ConsentException e =
        assertThrows(ConsentException.class, () -> client.batchCheck(request.removeRequests(0).build()));
    assertEquals(Status.Code.INTERNAL, e.code());
  }

  @Test
  void theLedgerIsReadPageByPageAndAPageThatNamesItselfEndsIt() {
    Map<String, String> next = Map.of("", "p2", "p2", "p3", "p3", "p3");
    FakeTransport transport =
        new FakeTransport(
            a ->
                ListEventsResponse.newBuilder()
                    .addEntries(LedgerEntry.newBuilder().setRevision(1))
                    .setNextPageToken(next.get(((ListEventsRequest) a.request()).getPageToken()))
                    .build());
    int[] read = {0};
    ConsentException e =
        assertThrows(
            ConsentException.class,
            () -> transport.client().listEvents(ListEventsRequest.getDefaultInstance()).forEach(entry -> read[0]++));
    assertEquals(Status.Code.INTERNAL, e.code());
    assertEquals(3, transport.attempts.size());
    assertEquals(3, read[0]);
  }

  @Test
  void anEventHasAFreshIdAndTheTimeOfNow() {
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      long before = System.currentTimeMillis();
      Event event = Requests.newEvent("support").build();
      UUID id = UUID.fromString(event.getId());
      assertEquals(7, id.version());
      assertEquals(2, id.variant());
      long millis = id.getMostSignificantBits() >>> 16;
      assertTrue(millis >= before && millis <= System.currentTimeMillis(), event.getId());
      assertEquals(millis, event.getOccurredAt().getSeconds() * 1000 + event.getOccurredAt().getNanos() / 1_000_000);
      assertEquals("support", event.getSource());
      ids.add(event.getId());
    }
    assertEquals(100, ids.size());
  }

  @Test
  void aLinkAndAPartingHaveFreshIdsAndTheTimeOfNow() {
    long before = System.currentTimeMillis() / 1000;
    LinkSubjectsRequest link = Requests.newLink("login").build();
    UnlinkSubjectsRequest unlink = Requests.newUnlink("support").build();
    assertEquals(List.of("login", "support"), List.of(link.getSource(), unlink.getSource()));
    assertEquals(2, Set.of(link.getEventId(), unlink.getEventId()).size());
    for (String id : List.of(link.getEventId(), unlink.getEventId())) {
      assertEquals(7, UUID.fromString(id).version());
    }
    assertTrue(link.getOccurredAt().getSeconds() >= before && unlink.getOccurredAt().getSeconds() >= before);
  }

  @Test
  void aClosedClientThrowsTheDocumentedException() {
    Client client = Client.connect("127.0.0.1:1");
    client.close();
    assertEquals(Status.Code.CANCELLED, assertThrows(ConsentException.class, () -> client.check(ASK)).code());
  }
}
