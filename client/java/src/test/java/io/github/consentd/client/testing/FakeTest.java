package io.github.consentd.client.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.consentd.client.Client;
import io.github.consentd.client.ConsentException;
import io.github.consentd.client.Requests;
import io.github.consentd.v1.CheckRequest;
import io.github.consentd.v1.Event;
import io.github.consentd.v1.ObjectionEvent;
import io.github.consentd.v1.RecordEventsRequest;
import io.grpc.Status;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;

class FakeTest {
  private static final CheckRequest ASK = Requests.check("example", "user-42", "marketing_email").build();
  private static final String ALLOW = "rules:\n  - {subject: user-42, purpose: marketing_email, decision: ALLOW}\n";

  @Test
  void withoutTheProgramTheErrorSaysHowToGetIt() {
    String said = assertThrows(IllegalStateException.class, () -> Fake.begin("/nowhere/consentctl")).getMessage();
    assertTrue(said.contains("/nowhere/consentctl") && said.contains("/client/consentctl@latest"), said);
    String java = ProcessHandle.current().info().command().orElseThrow(); // it is no consentctl
    said = assertThrows(IllegalStateException.class, () -> Fake.address(Fake.begin(java))).getMessage();
    assertTrue(said.contains("does not start: "), said);
  }

  /** ./check builds consentctl; where there is none these are skipped. */
  @Nested
  @ExtendWith(FakeExtension.class)
  @EnabledIfEnvironmentVariable(named = "CONSENTCTL", matches = ".+")
  class WithTheProgram {
    private Fake before;

    @BeforeEach
    void allow(Fake fake) {
      before = fake;
      fake.rules(ALLOW);
    }

    @Test
    void rulesDecideAndChange(Fake fake) {
      assertSame(before, fake);
      try (Client client = Client.connect(fake.target())) {
        assertTrue(client.isAllowed(ASK));
        fake.rules("rules: [{purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}]");
        assertFalse(client.isAllowed(ASK));
        String said =
            assertThrows(IllegalArgumentException.class, () -> fake.rules(ALLOW + "  - {decision: MAYBE}")).getMessage();
        assertTrue(said.contains("line 3: decision: \"MAYBE\""), said);
        assertFalse(client.isAllowed(ASK));
      }
    }

    @Test
    void itRefusesWhatTheServerRefuses(Fake fake) {
      fake.rules("rules: [{decision: ALLOW}]");
      try (Client client = Client.connect(fake.target())) {
        CheckRequest unknown = ASK.toBuilder().setController("nobody").build();
        CheckRequest malformed = ASK.toBuilder().addDataCategories("A").build();
        assertEquals(Status.Code.NOT_FOUND, assertThrows(ConsentException.class, () -> client.check(unknown)).code());
        assertEquals(Status.Code.INVALID_ARGUMENT, assertThrows(ConsentException.class, () -> client.check(malformed)).code());
      }
    }

    @Test
    void callsAreKept(Fake fake) {
      try (Client client = Client.connect(fake.target())) {
        client.check(ASK);
        Event event =
            Requests.newEvent("support").setObjection(ObjectionEvent.newBuilder().addPurposes("marketing_email")).build();
        client.recordEvents(
            RecordEventsRequest.newBuilder().setController("example").setSubjectId("user-42").addEvents(event).build());
        assertEquals("user-42", fake.checks().get(0).getSubjectId());
        assertEquals(event, fake.recorded().get(0).getEvents(0));
        fake.forget();
        assertEquals(List.of(), fake.checks());
        client.check(ASK);
        assertEquals(1, fake.checks().size());
      }
    }

    @Test
    void faultsAtTheStart() {
      String said = assertThrows(IllegalArgumentException.class, () -> Fake.start("rules:\n  - {subject: u}")).getMessage();
      assertTrue(said.contains("line 2: want either decision"), said);
    }

    @Test
    void closeTwice() {
      Fake own = Fake.start();
      own.close();
      own.close();
    }
  }
}
