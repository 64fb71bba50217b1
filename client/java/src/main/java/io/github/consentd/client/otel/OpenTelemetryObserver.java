package io.github.consentd.client.otel;

import io.github.consentd.client.CallObserver;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import java.util.Objects;

/**
 * Makes each call a span of OpenTelemetry, below the caller's: {@code
 * Client.builder(target).observer(new OpenTelemetryObserver(openTelemetry))}. It names no subject. It needs
 * io.opentelemetry:opentelemetry-api, which the client does not bring along.
 */
public final class OpenTelemetryObserver implements CallObserver {
  private static final AttributeKey<String> PURPOSE = AttributeKey.stringKey("consentd.purpose");
  private static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("consentd.outcome");

  private final Tracer tracer;

  /**
   * An observer that makes spans with a tracer named io.github.consentd.client.
   *
   * @param telemetry such as GlobalOpenTelemetry.get()
   */
  public OpenTelemetryObserver(OpenTelemetry telemetry) {
    tracer = Objects.requireNonNull(telemetry, "telemetry").getTracer("io.github.consentd.client");
  }

  @Override
  public Ended began(String method, String purpose) {
    Span span = tracer.spanBuilder("consentd " + method).setSpanKind(SpanKind.CLIENT).startSpan();
    if (!purpose.isEmpty()) {
      span.setAttribute(PURPOSE, purpose);
    }
    return (outcome, took) -> {
      span.setAttribute(OUTCOME, outcome);
      if (!outcome.equals("OK") && !outcome.equals("ALLOW") && !outcome.equals("DENY")) {
        span.setStatus(StatusCode.ERROR, outcome);
      }
      span.end();
    };
  }
}
