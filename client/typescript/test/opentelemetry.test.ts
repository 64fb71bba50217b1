import assert from "node:assert/strict";
import { test } from "node:test";

import type { Meter, Tracer } from "@opentelemetry/api";

import { telemetry } from "../src/opentelemetry.js";

test("a call is a span and a duration, and an error says so", () => {
  const told: unknown[] = [];
  const tracer = {
    startSpan: (name: string, { kind, startTime, attributes }: { kind: number; startTime: number; attributes: object }) => ({
      setStatus: (status: object) => told.push(status),
      end: (at: number) => told.push([name, kind, at - startTime, attributes]),
    }),
  } as unknown as Tracer;
  const meter = {
    createHistogram: (name: string) => ({ record: (value: number, attributes: object) => told.push([name, value, attributes]) }),
  } as unknown as Meter;
  const observer = telemetry({ tracer, meter });
  observer({ method: "check", controller: "c", purpose: "p", outcome: "DENY", durationMs: 500 });
  observer({ method: "getSubject", controller: undefined, purpose: undefined, outcome: "UNAVAILABLE", durationMs: 1_000 });
  const check = { "consentd.method": "check", "consentd.outcome": "DENY", "consentd.controller": "c", "consentd.purpose": "p" };
  const failed = { "consentd.method": "getSubject", "consentd.outcome": "UNAVAILABLE" };
  assert.deepEqual(told, [
    ["consentd.client.duration", 0.5, check],
    ["consentd check", 2, 500, check],
    ["consentd.client.duration", 1, failed],
    { code: 2, message: "UNAVAILABLE" },
    ["consentd getSubject", 2, 1_000, failed],
  ]);
  telemetry({})({ method: "check", controller: "c", purpose: "p", outcome: "ALLOW", durationMs: 1 });
});
