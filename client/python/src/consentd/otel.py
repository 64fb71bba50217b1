"""Spans and metrics of a client's calls, for OpenTelemetry. It needs opentelemetry-api: ``pip install consentd[otel]``.

    client = consentd.Client("127.0.0.1:7070", observer=consentd.otel.observer())

A span ``consentd.check`` of kind CLIENT for each call, with ``consentd.purpose`` and ``consentd.outcome``, and a histogram
``consentd.client.duration`` in seconds with ``consentd.method``, ``consentd.purpose`` and ``consentd.outcome``. Neither names
a subject. A call that failed sets the span's status to an error; a denial is none.
"""

from __future__ import annotations

from opentelemetry import metrics, trace

from consentd._observe import Call, Observer

_ANSWERS = ("ALLOW", "DENY", "OK")
_NANOSECONDS = 1_000_000_000


def observer(
    tracer_provider: trace.TracerProvider | None = None, meter_provider: metrics.MeterProvider | None = None
) -> Observer:
    """What a client's ``observer`` is to be. Without providers it takes those that are set for the whole program."""
    tracer = trace.get_tracer("consentd", tracer_provider=tracer_provider)
    meter = metrics.get_meter("consentd", meter_provider=meter_provider)
    duration = meter.create_histogram("consentd.client.duration", unit="s", description="How long calls to consentd took.")

    def observe(call: Call) -> None:
        told = {"consentd.outcome": call.outcome}
        if call.purpose:
            told["consentd.purpose"] = call.purpose
        span = tracer.start_span(
            f"consentd.{call.method}", kind=trace.SpanKind.CLIENT, attributes=told, start_time=call.began_ns
        )
        if call.outcome not in _ANSWERS:
            span.set_status(trace.StatusCode.ERROR, call.outcome)
        span.end(call.began_ns + int(call.seconds * _NANOSECONDS))
        duration.record(call.seconds, {"consentd.method": call.method, **told})

    return observe
