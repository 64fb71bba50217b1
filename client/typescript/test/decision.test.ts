import assert from "node:assert/strict";
import { test } from "node:test";

import { create } from "@bufbuild/protobuf";

import {
  Decision,
  enumName,
  EventEffect,
  EventOutcomeSchema,
  ObligationCode,
  ObligationCodeSchema,
  outcomeText,
  ReasonCode,
} from "../src/index.js";
import { decision } from "./fakes.js";

const cases: [name: string, got: Decision, allowed: boolean][] = [
  ["allow", decision({ decision: 1 }), true],
  ["an obligation that is known", decision({ decision: 1, obligations: [{ code: ObligationCode.AGGREGATE_ONLY }] }), true],
  ["deny", decision({ decision: 2 }), false],
  ["an unspecified decision", decision({ decision: 0 }), false],
  ["an unknown decision", decision({ decision: 3 as never }), false],
  ["a negative decision", decision({ decision: -1 as never }), false],
  ["an empty answer", decision({}), false],
  ["no answer", new Decision(), false],
  ["an unknown obligation", decision({ decision: 1, obligations: [{ code: 1000 as ObligationCode }] }), false],
  ["an unspecified obligation", decision({ decision: 1, obligations: [{ code: 0 }] }), false],
  ["an unknown obligation after a known one", decision({ decision: 1, obligations: [{ code: 1 }, { code: -1 as ObligationCode }] }), false],
  ["valid_until", decision({ decision: 1, validUntil: { seconds: 1n, nanos: 999_999_999 } }), true],
  ["nanos below 0", decision({ decision: 1, validUntil: { nanos: -1 } }), false],
  ["nanos of a second", decision({ decision: 1, validUntil: { nanos: 1_000_000_000 } }), false],
  ["after the year 9999", decision({ decision: 1, validUntil: { seconds: 253402300800n } }), false],
  ["before the year 1", decision({ decision: 1, validUntil: { seconds: -62135596801n } }), false],
];

for (const [name, got, allowed] of cases) {
  test(`${name} ${allowed ? "allows" : "denies"}`, () => assert.equal(got.allowed, allowed));
}

test("valid_until is rounded down, and absent where it cannot be read", () => {
  assert.equal(decision({ validUntil: { seconds: 1n, nanos: 999_999_999 } }).validUntil?.getTime(), 1999);
  assert.equal(decision({ validUntil: { seconds: -1n, nanos: 1 } }).validUntil?.getTime(), -1000);
  assert.equal(decision({ validUntil: { nanos: -1 } }).validUntil, undefined);
});

test("a decision reads as a sentence", () => {
  const reasons = [{ code: ReasonCode.CONSENT_MISSING, clause: "jasminai §3.7" }, { code: 999 as ReasonCode }];
  assert.equal(String(decision({ decision: 2, reasons })), "DENY: CONSENT_MISSING (jasminai §3.7), 999");
  assert.equal(String(decision({ decision: 1 })), "ALLOW");
});

test("enum values have bare names", () => {
  assert.equal(enumName(ObligationCodeSchema, ObligationCode.INCLUDE_UNSUBSCRIBE), "INCLUDE_UNSUBSCRIBE");
  assert.equal(enumName(ObligationCodeSchema, 0), "UNSPECIFIED");
  assert.equal(enumName(ObligationCodeSchema, 99), "99");
});

test("what became of an event reads as a sentence", () => {
  const text = (supersededByOccurredAt: { seconds?: bigint; nanos?: number }) =>
    outcomeText(create(EventOutcomeSchema, { effect: EventEffect.SUPERSEDED, supersededBy: "sms-7", supersededByOccurredAt }));
  assert.equal(text({ seconds: 1n, nanos: 999_999_999 }), "SUPERSEDED by the event sms-7 of 1970-01-01T00:00:01Z");
  assert.equal(text({ nanos: -1 }), "SUPERSEDED by the event sms-7");
});
