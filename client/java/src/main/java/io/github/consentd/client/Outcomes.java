package io.github.consentd.client;

import io.github.consentd.v1.EventOutcome;
import io.github.consentd.v1.EventWarning;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Says what became of events. */
public final class Outcomes {
  private Outcomes() {}

  /**
   * What became of an event, for people: "SUPERSEDED by the consent sms-7 of 2026-01-02T12:00:00Z", the time cut to the second, or
   * "COUNTED; PURPOSE_NOT_DECLARED: marketing_emial (nearest: marketing_email)".
   *
   * @param outcome of an answer to a write
   * @return one line
   */
  public static String text(EventOutcome outcome) {
    String effect = EnumNames.of(outcome.getEffect(), outcome.getEffectValue()) + superseder(outcome);
    return Stream.concat(Stream.of(effect), outcome.getWarningsList().stream().map(Outcomes::text))
        .collect(Collectors.joining("; "));
  }

  private static String superseder(EventOutcome outcome) {
    if (outcome.getSupersededBy().isEmpty()) {
      return "";
    }
    String kind = outcome.getSupersededByKind().isEmpty() ? "event" : outcome.getSupersededByKind();
    Optional<Instant> at =
        outcome.hasSupersededByOccurredAt() ? Decision.instant(outcome.getSupersededByOccurredAt()) : Optional.empty();
    String time = at.map(t -> " of " + t.truncatedTo(ChronoUnit.SECONDS)).orElse("");
    return " by the " + kind + " " + outcome.getSupersededBy() + time;
  }

  private static String text(EventWarning warning) {
    String purpose = warning.getPurpose().isEmpty() ? "" : ": " + warning.getPurpose();
    String nearest = warning.getNearest().isEmpty() ? "" : " (nearest: " + warning.getNearest() + ")";
    return EnumNames.of(warning.getCode(), warning.getCodeValue()) + purpose + nearest;
  }
}
