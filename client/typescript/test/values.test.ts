import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { inspect } from "node:util";
import { test } from "node:test";

import { create, toBinary, type JsonObject } from "@bufbuild/protobuf";

import {
  BatchCheckResponseSchema,
  CheckRequestSchema,
  CheckResponseSchema,
  Client,
  ConsentError,
  ConsentStatus,
  Decision,
  ReasonCode,
  DeniedError,
  ExplainResponseSchema,
  ListEventsResponseSchema,
  RecordEventsResponseSchema,
  type CallOptions,
  type CheckInit,
  type ObservedCall,
  type Observer,
} from "../src/index.js";
import { encodeCheck } from "../src/encode-check.js";
import { allow, ask, clientOver, decision, FakeTransport, message, unavailable } from "./fakes.js";

const refused = { name: "ConsentError", code: "INVALID_ARGUMENT" };
const allowing = () => clientOver(new FakeTransport(() => allow));

function nested(depth: number): JsonObject {
  let value: JsonObject = {};
  for (let i = 0; i < depth; i++) {
    value = { value };
  }
  return value;
}

const circular: Record<string, unknown> = {};
circular["self"] = circular;
const wide = Array.from({ length: 30 }).reduce((below: unknown) => ({ a: below, b: below }), {}) as JsonObject; // 2^30 values, as it is read
const throwing = {
  get purpose(): string {
    throw new Error("no");
  },
};
const proxied = new Proxy(
  {},
  {
    get() {
      throw undefined;
    },
    ownKeys() {
      throw Object.create(null);
    },
  },
);

test("what is no request is refused with the documented error, by every call", async () => {
  const requests: unknown[] = [
    undefined,
    null,
    7,
    "x",
    Symbol("s"),
    throwing,
    proxied,
    { ...ask, purpose: 7 },
    { ...ask, dataCategories: 7 },
  ];
  requests.push({ ...ask, subjectId: {} }, { ...ask, dataCategories: [{}] }, { ...ask, recipient: { id: [] } });
  for (const context of [
    circular,
    nested(3_000),
    nested(100_000),
    wide,
    { big: 1n },
    { f: () => 1 },
    { n: NaN },
    { n: [-Infinity] },
    { d: new Date() },
    { a: [{ m: new Map() }] },
    throwing,
    proxied,
  ]) {
    requests.push({ ...ask, context });
  }
  for (const request of requests as CheckInit[]) {
    const client = allowing();
    const where = inspect(request, { depth: 1 });
    for (const checker of [client, client.session()]) {
      await assert.rejects(checker.check(request), refused, where);
      assert.equal(await checker.isAllowed(request), false);
      await assert.rejects(checker.guard(request, assert.fail), refused, where);
      await assert.rejects(checker.batchCheck({ requests: [request] }), refused, where);
      await assert.rejects(checker.filter([request]), refused, where);
    }
  }
  for (const request of [undefined, null, 7, proxied] as never[]) {
    for (const checker of [allowing(), allowing().session()]) {
      await assert.rejects(checker.batchCheck(request), refused);
      await assert.rejects(checker.listPurposes(request), refused);
      await assert.rejects(checker.explain(request), refused);
      await assert.rejects(checker.recordEvents(request), refused);
      await assert.rejects(checker.linkSubjects(request), refused);
      await assert.rejects(checker.filter(request), refused);
    }
    await assert.rejects(allowing().getSubject(request), refused);
    await assert.rejects(allowing().listEvents(request).next(), refused);
  }
});

test("a request that is nested too deep, or contains itself, is told so", async () => {
  for (const context of [circular as JsonObject, nested(3_000)]) {
    await assert.rejects(allowing().check({ ...ask, context }), /nested deeper than 100 levels, or contains itself/);
  }
  assert.equal(await allowing().isAllowed({ ...ask, context: nested(50) }), true);
});

test("a timeout is a number, and an hour at most", async () => {
  for (const timeoutMs of [NaN, "1000", 1_000n, {}] as number[]) {
    await assert.rejects(allowing().check(ask, { timeoutMs }), refused);
    assert.throws(() => new Client("127.0.0.1:1", { timeoutMs }), TypeError);
  }
  const transport = new FakeTransport(() => allow);
  for (const timeoutMs of [Infinity, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE]) {
    await clientOver(transport).check(ask, { timeoutMs });
    await clientOver(transport, { options: { timeoutMs } }).check(ask);
  }
  assert.deepEqual([...new Set(transport.attempts.map((a) => a.bounds.timeoutMs))], [3_600_000]);
  for (const timeoutMs of [0, -1, -Infinity]) {
    await assert.rejects(clientOver(transport).check(ask, { timeoutMs }), { code: "DEADLINE_EXCEEDED" });
  }
  await assert.rejects(
    allowing()
      .check(ask, throwing as CallOptions)
      .then(() => allowing().check(ask, proxied as CallOptions)),
    refused,
  );
});

test("a write with fence may take six seconds, unless the call says otherwise", async () => {
  const transport = new FakeTransport(() => Buffer.alloc(0));
  const client = clientOver(transport);
  const slow = clientOver(transport, { options: { timeoutMs: 9_000 } });
  const write = { controller: "c", subjectId: "s", events: [] };
  await client.recordEvents(write);
  await client.recordEvents({ ...write, fence: true });
  await client.linkSubjects({ controller: "c", fence: true });
  await client.unlinkSubjects({ controller: "c", fence: true });
  await client.recordEvents({ ...write, fence: true }, { timeoutMs: 50 });
  await slow.recordEvents({ ...write, fence: true });
  await client.session().recordEvents({ ...write, fence: true });
  assert.deepEqual(
    transport.attempts.map((a) => a.bounds.timeoutMs),
    [1_000, 6_000, 6_000, 6_000, 50, 9_000, 6_000],
  );
});

test("results are printed with names, and survive JSON and cloning", async () => {
  const d = decision({
    decision: 1,
    reasons: [{ code: ReasonCode.SUBJECT_UNKNOWN, clause: "§1" }, { code: 99 as ReasonCode }] as never,
    legalBasis: 1,
    obligations: [{ code: 7, parameters: { by: "mail" } }],
    validUntil: { seconds: 0n },
    decisionId: "d",
  });
  const printed = JSON.parse(JSON.stringify(d)) as Record<string, unknown>;
  assert.deepEqual([printed["allowed"], printed["validUntil"], printed["id"]], [true, "1970-01-01T00:00:00.000Z", "d"]);
  const [reason, unknown] = d.reasons;
  assert.match(reason!.codeName, /^[A-Z_]+$/);
  assert.equal(unknown!.codeName, "99");
  assert.deepEqual(printed["reasons"], [
    { code: reason!.codeName, clause: "§1", message: "" },
    { code: "99", clause: "", message: "" },
  ]);
  assert.deepEqual(printed["obligations"], [{ code: d.obligations[0]!.codeName, parameters: { by: "mail" } }]);
  assert.equal(printed["legalBasis"], d.legalBasisName);
  assert.match(inspect(d), new RegExp(`allowed: true.*${d.obligations[0]!.codeName}`, "s"));
  assert.equal(structuredClone(d).allowed, true);
  assert.equal(JSON.stringify(new Decision()).includes('"allowed":false'), true);

  const written = message(RecordEventsResponseSchema, { revision: 7n, outcomes: [{ effect: 1 }] });
  const response = await clientOver(new FakeTransport(() => written)).recordEvents({ controller: "c" });
  assert.deepEqual(JSON.parse(JSON.stringify({ response, outcome: response.outcomes[0] })), {
    response: { revision: "7", outcomes: [{ effect: "EVENT_EFFECT_COUNTED" }] },
    outcome: { effect: "EVENT_EFFECT_COUNTED" },
  });
  assert.equal(structuredClone(response).revision, 7n);
  const page = message(ListEventsResponseSchema, {
    entries: [{ revision: 1n, event: { id: "e", kind: { case: "consent", value: { status: ConsentStatus.WITHDRAWN } } } }],
  });
  for await (const entry of clientOver(new FakeTransport(() => page)).listEvents({ controller: "c" })) {
    assert.deepEqual(JSON.parse(JSON.stringify(entry)), {
      revision: "1",
      event: { id: "e", consent: { status: "CONSENT_STATUS_WITHDRAWN" } },
    });
    const { kind } = entry.event!;
    assert.deepEqual(JSON.parse(JSON.stringify(kind.value)), { status: "CONSENT_STATUS_WITHDRAWN" });
  }
  const error = JSON.parse(
    JSON.stringify(new ConsentError("NOT_FOUND", "m", { violations: [{ field: "f", description: "d" }] })),
  ) as object;
  assert.deepEqual(error, {
    name: "ConsentError",
    code: "NOT_FOUND",
    message: "m",
    violations: [{ field: "f", description: "d" }],
    retryDelayMs: 0,
  });
});

test("a check that is encoded by hand is what the library writes", () => {
  const letters = ["a", "é", "€", "😀", ""];
  const text = (n: number) => Array.from({ length: n % 47 }, (_, i) => letters[(n * 7 + i * i) % letters.length]).join("");
  for (let n = 0; n < 5_000; n++) {
    const init: CheckInit = {
      controller: text(n),
      subjectId: text(n + 1),
      purpose: text(n * 3),
      dataCategories: Array.from({ length: n % 4 }, (_, i) => text(n + i)),
    };
    const one =
      n % 3 === 0 ? init : n % 3 === 1 ? create(CheckRequestSchema, init) : { ...init, subjectId: text(n + 1).repeat(n % 120) };
    assert.deepEqual(Buffer.from(encodeCheck(one)), Buffer.from(toBinary(CheckRequestSchema, create(CheckRequestSchema, one))));
  }
  for (const init of [
    { ...ask, consistency: { requirement: { case: "fullyConsistent", value: true } } },
    { ...ask, recipient: { kind: 1 } },
  ] as const) {
    assert.deepEqual(Buffer.from(encodeCheck(init)), Buffer.from(toBinary(CheckRequestSchema, create(CheckRequestSchema, init))));
  }
  let given = 0;
  const changing = { ...ask, get subjectId() { return given++ === 0 ? "short" : "x".repeat(100_000); } }; // prettier-ignore
  assert.deepEqual(
    Buffer.from(encodeCheck(changing)),
    Buffer.from(toBinary(CheckRequestSchema, create(CheckRequestSchema, { ...ask, subjectId: "short" }))),
  );
});

test("a guard runs its function only where the use is allowed, with the obligations", async () => {
  const granted = message(CheckResponseSchema, { decision: 1, obligations: [{ code: 7 }] });
  const client = clientOver(new FakeTransport(() => granted));
  assert.equal(await client.guard(ask, (obligations, d) => (d.allowed ? obligations[0]!.code : 0)), 7);
  assert.equal(await client.session().guard(ask, async () => "done"), "done");
  const thrown = new Error("theirs");
  await assert.rejects(
    client.guard(ask, () => {
      throw thrown;
    }),
    (e) => e === thrown,
  );
  const denying = clientOver(
    new FakeTransport(() => message(CheckResponseSchema, { decision: 2, reasons: [{ code: 99 as ReasonCode }] })),
  );
  await assert.rejects(
    denying.guard(ask, assert.fail),
    (e) => e instanceof DeniedError && e instanceof ConsentError && !e.decision.allowed && e.message === "DENY: 99",
  );
  const aborted = AbortSignal.abort();
  await assert.rejects(client.guard(ask, assert.fail, { signal: aborted }), { code: "CANCELLED" });
});

test("a filter gives those that are allowed, in batches of a thousand of which four are under way", async () => {
  let inside = 0;
  let most = 0;
  const sizes: number[] = [];
  const transport = new FakeTransport(async ({ request }) => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside--;
    const { BatchCheckRequestSchema } = await import("../src/index.js");
    const { fromBinary } = await import("@bufbuild/protobuf");
    const { requests } = fromBinary(BatchCheckRequestSchema, request);
    sizes.push(requests.length);
    const results = requests.map(({ subjectId }) => {
      const n = Number(subjectId);
      return n % 3 === 0
        ? { outcome: { case: "response" as const, value: { decision: 1 } } }
        : n % 3 === 1
          ? { outcome: { case: "response" as const, value: { decision: 2 } } }
          : { outcome: { case: "error" as const, value: { code: 14 } } };
    });
    return message(BatchCheckResponseSchema, { results });
  });
  const client = clientOver(transport, { options: { timeoutMs: 60_000 } });
  const ids = Array.from({ length: 9_500 }, (_, i) => String(i));
  assert.deepEqual(
    await client.filter(ids, { controller: "c", purpose: "p" }),
    ids.filter((id) => Number(id) % 3 === 0),
  );
  assert.deepEqual([most, sizes.length, Math.min(...sizes)], [4, 10, 500]);
  const requests = ids.slice(0, 4).map((subjectId) => ({ ...ask, subjectId, mine: subjectId }));
  assert.deepEqual(
    (await client.session().filter(requests)).map((r) => r.mine),
    ["0", "3"],
  );
  assert.deepEqual(await client.filter([], { controller: "c" }), []);
  const failing = clientOver(new FakeTransport(() => Promise.reject(new ConsentError("PERMISSION_DENIED", "no"))));
  await assert.rejects(failing.filter(ids, ask), { code: "PERMISSION_DENIED" });
});

test("an explanation is asked with the session's newest write", async () => {
  const { ExplainRequestSchema } = await import("../src/index.js");
  const { fromBinary } = await import("@bufbuild/protobuf");
  const answers = [
    message(RecordEventsResponseSchema, { consistencyToken: "t", revision: 1n }),
    message(ExplainResponseSchema, { decision: {} }),
  ];
  const transport = new FakeTransport(() => answers.shift() ?? message(ExplainResponseSchema, {}));
  const session = clientOver(transport).session();
  await session.recordEvents({ controller: "c" });
  await session.explain({ check: ask, trace: true });
  await session.explain({ check: ask, at: { seconds: 1n } });
  const sent = transport.attempts.slice(1).map((a) => fromBinary(ExplainRequestSchema, a.request));
  assert.deepEqual(
    sent.map((r) => [r.check?.purpose, r.trace, r.check?.consistency?.requirement.value]),
    [
      ["p", true, "t"],
      ["p", false, undefined],
    ],
  );
});

test("an observer is told of each call, and cannot change its outcome", async () => {
  const seen: ObservedCall[] = [];
  const observer: Observer = (call) => {
    seen.push(call);
    throw new Error("theirs");
  };
  assert.equal(await clientOver(new FakeTransport(() => allow), { options: { observer } }).isAllowed(ask), true);
  await clientOver(new FakeTransport(() => Buffer.alloc(0)), { options: { observer } }).getSubject({ controller: "c" });
  await clientOver(new FakeTransport(() => Promise.reject(unavailable())), { options: { observer } }).isAllowed(ask);
  await clientOver(new FakeTransport(() => Buffer.alloc(0)), { options: { observer } }).isAllowed(ask);
  assert.deepEqual(
    seen.map((c) => [c.method, c.controller, c.purpose, c.outcome, c.durationMs >= 0]),
    [
      ["check", "example", "p", "ALLOW", true],
      ["getSubject", "c", undefined, "OK", true],
      ["check", "example", "p", "UNAVAILABLE", true],
      ["check", "example", "p", "DENY", true],
    ],
  );
});

test("thousands of calls may share a signal without a warning, and leave nothing on it", async () => {
  const warnings: Error[] = [];
  const warn = (w: Error) => warnings.push(w);
  process.on("warning", warn);
  const { signal } = new AbortController();
  const client = new Client("127.0.0.1:1", { timeoutMs: 20 });
  const controller = new AbortController();
  const asked = Array.from({ length: 1_000 }, () => client.isAllowed(ask, { signal }));
  const cut = Array.from({ length: 1_000 }, () =>
    client.check(ask, { signal: controller.signal, timeoutMs: 60_000 }).catch((e: ConsentError) => e.code),
  );
  controller.abort();
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
  assert.equal(getEventListeners(signal, "abort").length, 1);
  assert.deepEqual([...new Set(await Promise.all(cut))], ["CANCELLED"]);
  assert.deepEqual([...new Set(await Promise.all(asked))], [false]);
  await new Promise((resolve) => setImmediate(resolve));
  client.close();
  assert.equal(getEventListeners(signal, "abort").length, 0);
  process.off("warning", warn);
  assert.deepEqual(warnings, []);
});
