import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { create, fromBinary, type JsonValue } from "@bufbuild/protobuf";

import { encodeCheck } from "../src/encode-check.js";
import { ConsentError, type Code } from "../src/errors.js";
import {
  CheckRequestSchema,
  CheckResponseSchema,
  fullyConsistent,
  RecipientKind,
  RecipientSchema,
  ReportAnswersRequestSchema,
  WatchInvalidationsResponseSchema,
  type ReportedAnswers,
} from "../src/index.js";
import { checksum, parseToken, slotOf } from "../src/near-codec.js";
import { keyOf, type CheckInit } from "../src/near-key.js";
import { NearReports } from "../src/near-report.js";
import { NearTable, type NearEntry } from "../src/near-table.js";
import { tokenOf } from "./near-world.js";

// The numbers are from Python: hmac, zlib.crc32.
test("slots, checksums and tokens are those of the protocol", () => {
  const hello = create(WatchInvalidationsResponseSchema, {
    hello: {
      storeId: Buffer.alloc(16, 9),
      slotKey: Buffer.from(Array.from({ length: 32 }, (_, i) => i)),
      slotCount: 65_536,
      lease: { seconds: 2n },
    },
  }).hello!;
  assert.equal(slotOf(hello, "example", "user-42"), 53_783);
  assert.notEqual(slotOf(hello, "a", "bc"), slotOf(hello, "ab", "c"));
  const message = {
    fromPosition: 5n,
    position: 8n,
    revision: 77n,
    slots: [1, 3, 65_535],
    policyRevision: "p2é",
    heartbeat: 1n,
    serverTime: 99n,
  };
  assert.equal(checksum(create(WatchInvalidationsResponseSchema, message)), sums.message);
  assert.equal(checksum(create(WatchInvalidationsResponseSchema, { ...message, hello })), sums.hello);
  assert.deepEqual(parseToken(tokenOf(70)), { storeId: "07".repeat(16), revision: 70 });
  const marked = tokenOf(70, Buffer.alloc(16, 7), 0xa1b2c3d4);
  assert.deepEqual(parseToken(marked), { storeId: "07".repeat(16), revision: 70 });
  assert.equal(parseToken(tokenOf(Number.MAX_SAFE_INTEGER))?.revision, Number.MAX_SAFE_INTEGER);
  for (const text of [
    "",
    tokenOf(70).slice(1),
    `${tokenOf(70)}A`,
    tokenOf(70).replace("A", "B"),
    tokenOf(2 ** 60),
    tokenOf(70).replaceAll("A", "+"),
    marked.slice(0, 39),
    `${marked}A`,
    marked.replace("A", "B"),
    `B${marked.slice(1)}`,
  ]) {
    assert.equal(parseToken(text), undefined, text);
  }
});

const sums = { message: 1028320082, hello: 426428909 };

const base = (): CheckInit => ({
  controller: "c",
  subjectId: "s",
  purpose: "p",
  dataCategories: ["a", "b.c"],
  recipient: { kind: RecipientKind.AFFILIATE, id: "r", country: "DE" },
  context: { anonymized: true, role: "processor", n: 1.5, none: null, list: ["a", { b: false }] },
});

// A field that is added to the proto files fails here until somebody has thought of it.
test("each field of a request, and of what it holds, is part of the key", () => {
  const key = keyOf(base());
  assert.ok(key !== undefined);
  const others = new Map<string, CheckInit>();
  for (const { localName } of CheckRequestSchema.fields.filter((f) => f.name !== "consistency")) {
    others.set(`without ${localName}`, { ...base(), [localName]: undefined });
  }
  for (const { localName } of RecipientSchema.fields) {
    others.set(`without recipient.${localName}`, {
      ...base(),
      recipient: { ...base().recipient, [localName]: undefined } as never,
    });
  }
  for (const name of Object.keys(base().context!)) {
    const { [name]: dropped, ...context } = base().context as Record<string, never>;
    others.set(`without context.${name}, which is ${dropped}`, { ...base(), context });
    others.set(`another context.${name}`, { ...base(), context: { ...context, [name]: "x" } });
  }
  for (const [name, change] of Object.entries({
    "categories in another order": { dataCategories: ["b.c", "a"] },
    "one category of two": { dataCategories: ["ab.c"] },
    "an empty recipient": { recipient: {} },
    "an empty context": { context: {} },
    "false for true": { context: { ...(base().context as object), anonymized: false } },
    "null for false": { context: { ...(base().context as object), anonymized: null } },
    "a string for a number": { context: { ...(base().context as object), n: "1.5" } },
    "a nested value": { context: { ...(base().context as object), list: ["a", { b: true }] } },
    "a list that is nested otherwise": { context: { ...(base().context as object), list: [["a"], { b: false }] } },
    "a name that is longer": { context: { at: true, b: true } },
    "a name that is shorter": { context: { a: true, tb: true } },
    "minus zero": { context: { ...(base().context as object), n: -0 } },
    zero: { context: { ...(base().context as object), n: 0 } },
    "ids swapped": { controller: "s", subjectId: "c" },
    "ids shifted": { controller: "cs", subjectId: "" },
    "a border that moves": { controller: "c1:s", subjectId: "" },
  })) {
    others.set(name, { ...base(), ...change } as CheckInit);
  }
  const keys = new Map([[key, "the base"]]);
  for (const [name, request] of others) {
    const other = keyOf(request);
    assert.ok(other !== undefined && !keys.has(other), `${name} has the key of ${keys.get(other ?? "")}`);
    keys.set(other, name);
  }
});

test("a request asks the same in any order of its properties, and as a message", () => {
  const { context, recipient, ...rest } = base();
  const { list, ...facts } = context as { list: unknown[] };
  const turned = {
    context: { list, ...facts },
    recipient: { country: "DE", id: "r", kind: recipient!.kind! },
    ...rest,
  } as CheckInit;
  assert.equal(keyOf(turned), keyOf(base()));
  assert.equal(keyOf(create(CheckRequestSchema, base())), keyOf(base()));
  assert.equal(keyOf({ ...base(), consistency: fullyConsistent() } as CheckInit), keyOf(base()));
  assert.equal(keyOf({ controller: "c" }), keyOf({ controller: "c", subjectId: "", purpose: "", dataCategories: [] }));
  const sparse = { controller: "c", dataCategories: null, recipient: undefined, context: null };
  assert.equal(keyOf(sparse as never), keyOf({ controller: "c" }));
});

test("what is no plain JSON, or has fields that are not known, has no key", () => {
  const unknown = { $unknown: [{ no: 2047, wireType: 0, data: new Uint8Array([1]) }] };
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  for (const [name, request] of Object.entries({
    "a field of a later version": { ...base(), ...unknown },
    "one of the recipient": { ...base(), recipient: { ...base().recipient, ...unknown } },
    "a number for an id": { ...base(), subjectId: 42 },
    "an array for an id": { ...base(), subjectId: ["s"] },
    "a name for a kind": { ...base(), recipient: { kind: "AFFILIATE" } },
    "categories that are none": { ...base(), dataCategories: [1] },
    "a set of categories": { ...base(), dataCategories: new Set(["a"]) },
    "something with a length": { ...base(), dataCategories: { length: 0 } },
    "a recipient that is none": { ...base(), recipient: "r" },
    "a text that is an object": { ...base(), subjectId: new String("s") },
    NaN: { ...base(), context: { n: NaN } },
    "a date": { ...base(), context: { at: new Date() } },
    "a map": { ...base(), context: new Map() },
    "a bigint": { ...base(), context: { n: 1n } },
    undefined: { ...base(), context: { n: undefined } },
    "a hole": { ...base(), context: { list: [, 1] } }, // eslint-disable-line no-sparse-arrays
    "a function": { ...base(), context: { f: () => 1 } },
    circular: { ...base(), context: circular },
    nothing: null,
  })) {
    assert.equal(keyOf(request as never), undefined, name);
  }
});

/** Anything that JSON can say, small, of few words so that two are often alike. */
function anything(depth = 0): JsonValue {
  const pick = <T>(...of: T[]) => of[Math.floor(Math.random() * of.length)]!;
  switch (pick(0, 1, 2, 3, 4, depth < 3 ? 5 : 0, depth < 3 ? 6 : 1)) {
    case 0:
      return pick("", "a", "aa", "1:a", "é\u{1F600}", "o1;");
    case 1:
      return pick(0, -0, 1, 1.5, 1e300, -(2 ** 53), 5e-324);
    case 2:
      return pick(true, false);
    case 3:
      return null;
    case 4:
      return pick("t", "n1;", "z");
    case 5:
      return Array.from({ length: pick(0, 1, 2) }, () => anything(depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: pick(0, 1, 2) }, () => [pick("a", "b", "aa", "1:a", "__proto__"), anything(depth + 1)]),
      );
  }
}

test("what is sent has the key of what was asked, and two that are asked alike are sent alike", () => {
  const sent = new Map<string, string>();
  let alike = 0;
  for (let i = 0; i < 3_000; i++) {
    const context = anything();
    if (typeof context !== "object" || context === null || Array.isArray(context)) {
      continue;
    }
    const request = { ...base(), context };
    const decoded = fromBinary(CheckRequestSchema, encodeCheck(request));
    const key = keyOf(request);
    assert.equal(keyOf(decoded), key, JSON.stringify(request));
    const canonical = inspect(decoded.context, { sorted: true, depth: 9 });
    alike += sent.has(key!) ? 1 : 0;
    assert.equal(sent.get(key!) ?? canonical, canonical);
    sent.set(key!, canonical);
  }
  assert.ok(alike > 50 && new Set(sent.values()).size === sent.size, `${alike} were alike`);
});

function entry(key: string, more: Partial<NearEntry> = {}): NearEntry {
  const response = create(CheckResponseSchema, { decision: 1, decisionId: key, policyRevision: "p1" });
  const asked = {
    controller: "example",
    purpose: "p",
    dataCategories: ["user.contact"],
    recipient: create(RecipientSchema, { kind: 2 }),
  };
  return { key, response, asked, revision: 70, slot: 1, validUntilMs: Infinity, used: false, answers: 0, ...more };
}

test("the table never grows, and keeps what is used", () => {
  const table = new NearTable(1_024);
  let hot = 0;
  for (let i = 0; i < 50_000; i++) {
    table.put(entry(`k${i}`), () => false);
    const first = table.get("k0");
    if (first !== undefined) {
      first.used = true;
      hot++;
    } else {
      table.put(entry("k0"), () => false);
    }
    assert.ok(table.size <= 1_024);
  }
  assert.equal(table.size, 1_024);
  assert.ok(hot > 45_000, `an entry in use was there ${hot} of 50,000 times`);
});

test("what is stale goes before what is used, and an entry of one key takes the place of the other", () => {
  const table = new NearTable(3);
  for (const key of ["a", "b", "c"]) {
    table.put(entry(key, { used: true }), () => false);
  }
  assert.equal(table.put(entry("d"), (e) => e.key === "b")?.key, "b");
  assert.equal(table.put(entry("c", { revision: 71 }), () => false)?.revision, 70);
  assert.equal(table.get("c")?.revision, 71);
  assert.equal(table.size, 3);
  const one = new NearTable(1);
  one.put(entry("a", { used: true }), () => false);
  assert.equal(one.put(entry("b", { used: true }), () => false)?.key, "a");
  assert.equal(one.put(entry("c"), () => false)?.key, "b");
});

test("a table of used entries finds room in a bounded time", () => {
  const table = new NearTable(65_536);
  for (let i = 0; i < 65_536; i++) {
    table.put(entry(`k${i}`, { used: true }), () => false);
  }
  let looked = 0;
  table.put(entry("new"), () => (looked++, false));
  assert.ok(looked <= 64, `${looked} entries were looked at`);
});

/** A server that is told of answers. */
class Told {
  calls = 0;
  code: Code | undefined;
  /** A purpose for which reports are refused whole. */
  denied = "";
  readonly got: ReportedAnswers[] = [];
  readonly reports = new NearReports(async (path, request) => {
    this.calls++;
    assert.equal(path, "/consent.v1.DecisionService/ReportAnswers");
    const { answers } = fromBinary(ReportAnswersRequestSchema, request);
    if (this.code !== undefined || answers.some((a) => a.purpose === this.denied)) {
      throw new ConsentError(this.code ?? "PERMISSION_DENIED", "no");
    }
    assert.ok(answers.length <= 1_000);
    this.got.push(...answers);
  });

  /** How many answers of a decision were told. */
  count(id: string): number {
    return this.got.filter((a) => a.decisionId === id).reduce((n, a) => n + Number(a.count), 0);
  }
}

test("reports count each answer once", async () => {
  const server = new Told();
  const table = Array.from({ length: 2_500 }, () => entry("many", { answers: 1 }));
  table.push(entry("unused"));
  server.reports.retire(entry("gone", { answers: 7 }));
  server.reports.retire(entry("idle"));
  await Promise.all([server.reports.report(table, 1_000), server.reports.report(table, 1_000)]);
  assert.deepEqual([server.count("many"), server.count("gone"), server.count("unused"), server.calls], [2_500, 7, 0, 3]);
  const [first] = server.got;
  assert.deepEqual(
    [first?.controller, first?.purpose, first?.dataCategories, first?.recipientKind, first?.decision],
    ["example", "p", ["user.contact"], 2, 1],
  );
  table[5]!.answers += 3;
  table.forEach((e) => server.reports.retire(e));
  await server.reports.report([], 1_000);
  assert.equal(server.count("many"), 2_503);
});

test("of a right that was lost nothing is told, of those that are left all", async () => {
  const server = new Told();
  server.denied = "ai_training";
  for (let i = 0; i < 1_500; i++) {
    const lost = i % 2 === 0;
    const e = entry(lost ? "lost" : "kept", { answers: 1 });
    server.reports.retire(lost ? { ...e, asked: { ...e.asked, purpose: "ai_training" } } : e);
  }
  await server.reports.report([], 1_000);
  assert.deepEqual([server.count("kept"), server.count("lost")], [750, 0]);
  assert.ok(server.calls <= 4);
});

test("what the server has not seen it is told later, what may have arrived is not told twice", async () => {
  const server = new Told();
  for (const [code, told] of [
    ["UNAVAILABLE", 5],
    ["RESOURCE_EXHAUSTED", 5],
    ["UNAUTHENTICATED", 5],
    ["DEADLINE_EXCEEDED", 0],
    ["UNKNOWN", 0],
  ] as const) {
    server.code = code;
    server.reports.retire(entry(code, { answers: 5 }));
    await server.reports.report([], 1_000);
    server.code = undefined;
    await server.reports.report([], 1_000);
    assert.equal(server.count(code), told, code);
  }
  server.reports.retire(entry("late", { answers: 5 }));
  const { calls } = server;
  await server.reports.report([], 0);
  assert.equal(server.calls, calls, "there was no time");
  await server.reports.report([], 1_000);
  assert.equal(server.count("late"), 5);
});

test("a server that does not know reports is asked once, and what waits is bounded", async () => {
  const server = new Told();
  for (let i = 0; i < (1 << 16) + 10; i++) {
    server.reports.retire(entry("d", { answers: 1 }));
  }
  assert.equal(server.reports.waiting, 1 << 16);
  server.code = "UNIMPLEMENTED";
  for (let i = 0; i < 3; i++) {
    server.reports.retire(entry("c", { answers: 1 }));
    await server.reports.report([], 1_000);
  }
  assert.equal(server.calls, 1);
  assert.equal(server.reports.waiting, 0);
});
