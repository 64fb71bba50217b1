package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.consentd.client.NearTable.Entry;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.Decision;
import io.github.consentd.v1.Recipient;
import io.github.consentd.v1.RecipientKind;
import io.github.consentd.v1.ReportAnswersRequest;
import io.github.consentd.v1.ReportAnswersResponse;
import io.github.consentd.v1.ReportedAnswers;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What a near cache tells the server of what it answered: each answer once. */
class NearReportsTest {
  private Status.Code failure = Status.Code.OK;
  private String denied = ""; // a purpose for which reports are refused whole
  private final List<ReportedAnswers> got = new ArrayList<>();
  private final FakeTransport server =
      new FakeTransport(
          a -> {
            List<ReportedAnswers> answers = ((ReportAnswersRequest) a.request()).getAnswersList();
            if (answers.size() > 1000) {
              throw ConsentException.of(Status.Code.INVALID_ARGUMENT, "too many");
            }
            if (answers.stream().anyMatch(r -> r.getPurpose().equals(denied))) {
              throw ConsentException.of(Status.Code.PERMISSION_DENIED, denied);
            }
            if (failure != Status.Code.OK) {
              throw ConsentException.of(failure, "a test");
            }
            got.addAll(answers);
            return ReportAnswersResponse.getDefaultInstance();
          });
  private final NearReports reports = new NearReports(server, true);

  private static Entry entry(String id, int answers, String purpose, String subject) {
    CheckRequest key =
        Requests.check("example", subject, purpose)
            .addDataCategories("user.contact.email")
            .setRecipient(Recipient.newBuilder().setKind(RecipientKind.RECIPIENT_KIND_PROCESSOR))
            .build();
    CheckResponse response = DecisionTest.allow().setDecisionId(id).build();
    Entry e = new Entry(key, io.github.consentd.client.Decision.of(response), 70, 0, 0);
    e.answers.set(answers);
    return e;
  }

  private static Entry entry(String id, int answers) {
    return entry(id, answers, "marketing_email", "u");
  }

  private void report(NearTable table) {
    reports.report(table, Duration.ofSeconds(5)).join();
  }

  private Map<String, Long> counts() {
    return got.stream()
        .collect(Collectors.groupingBy(ReportedAnswers::getDecisionId, Collectors.summingLong(ReportedAnswers::getCount)));
  }

  @Test
  void eachAnswerOnce() {
    NearTable table = new NearTable(1 << 16);
    for (int i = 0; i < 2500; i++) {
      reports.retire(table.put(entry("many", 1, "marketing_email", "s" + i), e -> true));
    }
    table.put(entry("unused", 0), e -> true);
    reports.retire(entry("gone", 7));
    reports.retire(entry("never used", 0));
    reports.retire(null);
    report(table);
    report(table);
    assertEquals(Map.of("many", 2500L, "gone", 7L), counts());
    assertEquals(3, server.attempts.size());
    ReportedAnswers first = got.get(0);
    assertEquals("example marketing_email", first.getController() + " " + first.getPurpose());
    assertEquals(List.of("user.contact.email"), first.getDataCategoriesList());
    assertEquals(RecipientKind.RECIPIENT_KIND_PROCESSOR, first.getRecipientKind());
    assertEquals(Decision.DECISION_ALLOW, first.getDecision());
    table.forEach(e -> e.answers.incrementAndGet());
    table.forEach(reports::retire);
    report(null);
    assertEquals(5000L, counts().get("many"));
  }

  @Test
  void ofARightThatWasLost() {
    denied = "ai_training";
    for (int i = 0; i < 1500; i++) {
      reports.retire(i % 2 == 0 ? entry("lost", 1, "ai_training", "u") : entry("kept", 1));
    }
    report(null);
    assertEquals(Map.of("kept", 750L), counts());
    assertEquals(3, server.attempts.size());
  }

  @Test
  void whatCannotBeToldNowIsToldNextTimeButForWhatMayHaveArrived() {
    for (Status.Code code : List.of(Status.Code.UNAVAILABLE, Status.Code.RESOURCE_EXHAUSTED, Status.Code.UNAUTHENTICATED)) {
      failure = code;
      reports.retire(entry(code.name(), 5));
      report(null);
      failure = Status.Code.OK;
      report(null);
      assertEquals(5L, counts().get(code.name()));
    }
    got.clear();
    failure = Status.Code.DEADLINE_EXCEEDED;
    reports.retire(entry("once", 5));
    report(null);
    failure = Status.Code.OK;
    report(null);
    assertEquals(Map.of(), counts());
  }

  @Test
  void aServerThatDoesNotKnowTheCallIsAskedNoMore() {
    failure = Status.Code.UNIMPLEMENTED;
    for (int i = 0; i < 3; i++) {
      reports.retire(entry("c", 1));
      report(null);
    }
    assertEquals(1, server.attempts.size());
  }

  @Test
  void whatWaitsIsBounded() {
    Entry one = entry("d", 1);
    for (int i = 0; i < NearReports.MAX_GONE + 5000; i++) {
      one.answers.set(1);
      reports.retire(i == 0 ? one : entry("d", 1));
    }
    report(null);
    assertEquals((long) NearReports.MAX_GONE, counts().get("d"));
    NearReports unwanted = new NearReports(server, false);
    int before = server.attempts.size();
    unwanted.retire(one);
    unwanted.report(null, Duration.ofSeconds(1)).join();
    assertEquals(before, server.attempts.size());
  }
}
