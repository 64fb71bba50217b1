package io.github.consentd.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.Timestamp;
import io.github.consentd.v1.CheckResponse;
import io.github.consentd.v1.EventEffect;
import io.github.consentd.v1.EventOutcome;
import io.github.consentd.v1.Obligation;
import io.github.consentd.v1.ObligationCode;
import io.github.consentd.v1.Reason;
import io.github.consentd.v1.ReasonCode;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DecisionTest {
  static CheckResponse.Builder allow() {
    return CheckResponse.newBuilder().setDecisionValue(1);
  }

  private static CheckResponse.Builder obliged(int... codes) {
    CheckResponse.Builder response = allow();
    for (int code : codes) {
      response.addObligations(Obligation.newBuilder().setCodeValue(code));
    }
    return response;
  }

  private static CheckResponse.Builder until(long seconds, int nanos) {
    return allow().setValidUntil(Timestamp.newBuilder().setSeconds(seconds).setNanos(nanos));
  }

  static Stream<Arguments> answers() {
    return Stream.of(
        Arguments.of("allow", allow(), true),
        Arguments.of("an obligation that is known", obliged(ObligationCode.OBLIGATION_CODE_AGGREGATE_ONLY_VALUE), true),
        Arguments.of("deny", allow().setDecisionValue(2), false),
        Arguments.of("an unspecified decision", allow().setDecisionValue(0), false),
        Arguments.of("an unknown decision", allow().setDecisionValue(3), false),
        Arguments.of("a negative decision", allow().setDecisionValue(-1), false),
        Arguments.of("an empty answer", CheckResponse.newBuilder(), false),
        Arguments.of("an unknown obligation", obliged(1000), false),
        Arguments.of("an unspecified obligation", obliged(0), false),
        Arguments.of("an unknown obligation after a known one", obliged(1, -1), false),
        Arguments.of("valid_until", until(1, 999_999_999), true),
        Arguments.of("nanos below 0", until(0, -1), false),
        Arguments.of("nanos of a second", until(0, 1_000_000_000), false),
        Arguments.of("after the year 9999", until(253402300800L, 0), false),
        Arguments.of("before the year 1", until(-62135596801L, 0), false));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("answers")
  void onlyAnUnderstoodAllowAllows(String name, CheckResponse.Builder answer, boolean allowed) {
    assertEquals(allowed, Decision.of(answer.build()).allowed());
  }

  @Test
  void noAnswerDenies() {
    assertEquals(false, Decision.NONE.allowed());
  }

  @Test
  void validUntilIsAbsentWhereItCannotBeRead() {
    assertEquals(Optional.of(Instant.ofEpochSecond(1, 5)), Decision.of(until(1, 5).build()).validUntil());
    assertEquals(Optional.empty(), Decision.of(until(1, -5).build()).validUntil());
    assertEquals(Optional.empty(), Decision.of(allow().build()).validUntil());
  }

  @Test
  void aDecisionReadsAsASentence() {
    CheckResponse denied =
        CheckResponse.newBuilder()
            .setDecisionValue(2)
            .addReasons(Reason.newBuilder().setCode(ReasonCode.REASON_CODE_CONSENT_MISSING).setClause("jasminai §3.7"))
            .addReasons(Reason.newBuilder().setCodeValue(999))
            .addReasons(Reason.newBuilder())
            .build();
    assertEquals("DENY: CONSENT_MISSING (jasminai §3.7), 999, UNSPECIFIED", Decision.of(denied).toString());
    assertEquals("ALLOW", Decision.of(allow().build()).toString());
  }

  @Test
  void whatBecameOfAnEventReadsAsASentence() {
    EventOutcome.Builder late = EventOutcome.newBuilder().setEffect(EventEffect.EVENT_EFFECT_SUPERSEDED).setSupersededBy("sms-7");
    Timestamp.Builder at = Timestamp.newBuilder().setSeconds(1).setNanos(999_999_999);
    assertEquals(
        "SUPERSEDED by the event sms-7 of 1970-01-01T00:00:01Z", Outcomes.text(late.setSupersededByOccurredAt(at).build()));
    assertEquals("SUPERSEDED by the event sms-7", Outcomes.text(late.setSupersededByOccurredAt(at.setNanos(-1)).build()));
  }
}
