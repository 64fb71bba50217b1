/**
 * Reports a client's calls to OpenTelemetry: a span for each, a child of the one that its caller was in, and a
 * histogram of durations. The package @opentelemetry/api, of which the tracer and the meter are, is the program's own.
 *
 *     const observer = telemetry({ tracer: trace.getTracer("app"), meter: metrics.getMeter("app") });
 *     const client = new Client(target, { observer });
 *
 * @packageDocumentation
 */
import type { Meter, Tracer } from "@opentelemetry/api";

import type { ObservedCall, Observer } from "./observe.js";

/** Where calls are reported; what is absent is not. */
export interface TelemetryOptions {
  tracer?: Tracer | undefined;
  meter?: Meter | undefined;
}

const clientKind = 2; // SpanKind.CLIENT
const errorStatus = 2; // SpanStatusCode.ERROR

/**
 * An observer for a client's options. A span is called "consentd check" and has consentd.controller, consentd.purpose
 * and consentd.outcome as its attributes; the histogram is consentd.client.duration, in seconds. A denial is no
 * error.
 */
export function telemetry({ tracer, meter }: TelemetryOptions): Observer {
  const durations = meter?.createHistogram("consentd.client.duration", {
    unit: "s",
    description: "How long calls to consentd took.",
  });
  return (call) => {
    const attributes = attributesOf(call);
    durations?.record(call.durationMs / 1_000, attributes);
    const end = Date.now();
    const span = tracer?.startSpan(`consentd ${call.method}`, { kind: clientKind, startTime: end - call.durationMs, attributes });
    if (isError(call)) {
      span?.setStatus({ code: errorStatus, message: call.outcome });
    }
    span?.end(end);
  };
}

function attributesOf(call: ObservedCall): Record<string, string> {
  return {
    "consentd.method": call.method,
    "consentd.outcome": call.outcome,
    ...(call.controller === undefined ? {} : { "consentd.controller": call.controller }),
    ...(call.purpose === undefined ? {} : { "consentd.purpose": call.purpose }),
  };
}

function isError({ outcome }: ObservedCall): boolean {
  return outcome !== "ALLOW" && outcome !== "DENY" && outcome !== "OK";
}
