import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";

import {
  BatchCheckResponseSchema,
  BatchCheckResultSchema,
  Client,
  ConsentError,
  Decision,
  LinkSubjectsRequestSchema,
  ListEventsRequestSchema,
  ListEventsResponseSchema,
  ListPurposesResponseSchema,
  newEvent,
  newLink,
  newUnlink,
} from "../src/index.js";
import type { NearCache } from "../src/seam.js";
import { allow, ask, clientOver, FakeTransport, message, unavailable } from "./fakes.js";

const unencodable = { ...ask, recipient: { kind: "AFFILIATE" as never } };

test("isAllowed is false on any error", async () => {
  const failing = (error: unknown) =>
    clientOver(
      new FakeTransport(() => {
        throw error;
      }),
    );
  for (const error of [unavailable(), new ConsentError("PERMISSION_DENIED", "no"), new Error("a bug"), undefined]) {
    assert.equal(await failing(error).isAllowed(ask), false);
    assert.equal(await failing(error).session().isAllowed(ask), false);
  }
  assert.equal(await clientOver(new FakeTransport(() => Buffer.from([0xff]))).isAllowed(ask), false);
  assert.equal(await clientOver(new FakeTransport(() => allow)).isAllowed(unencodable), false);
  assert.equal(await clientOver(new FakeTransport(() => allow)).isAllowed(ask), true);
});

test("what cannot be encoded or read is refused with the documented error", async () => {
  for (const request of [
    unencodable,
    { ...ask, subjectId: "a\ud800" },
    { ...ask, dataCategories: ["\udc00"] },
    { ...ask, context: { "\ud800": true } },
  ]) {
    const transport = new FakeTransport(() => allow);
    await assert.rejects(clientOver(transport).check(request), { name: "ConsentError", code: "INVALID_ARGUMENT" });
    assert.equal(transport.attempts.length, 0);
  }
  assert.equal(await clientOver(new FakeTransport(() => allow)).isAllowed({ ...ask, subjectId: "\u{1F600}" }), true);
  await assert.rejects(clientOver(new FakeTransport(() => Buffer.from([0xff]))).check(ask), {
    name: "ConsentError",
    code: "INTERNAL",
  });
});

test("a batch has a result for each request", async () => {
  const results = [
    { outcome: { case: "response", value: { decision: 1 } } },
    {
      outcome: {
        case: "error",
        value: {
          code: 3,
          message: "bad",
          fieldViolations: [{ field: "purpose", description: "d" }],
          retryDelay: { nanos: 5_000_000 },
        },
      },
    },
    { outcome: { case: "error", value: { code: 0 } } },
    { outcome: { case: "error", value: { code: -1 } } },
    {},
  ] satisfies MessageInitShape<typeof BatchCheckResultSchema>[];
  const transport = new FakeTransport(() => message(BatchCheckResponseSchema, { results }));
  const got = await clientOver(transport).batchCheck({ requests: results.map(() => ask) });
  assert.deepEqual(
    got.map((r) => [r.decision.allowed, r.error?.code]),
    [
      [true, undefined],
      [false, "INVALID_ARGUMENT"],
      [false, "UNKNOWN"],
      [false, "UNKNOWN"],
      [false, "INTERNAL"],
    ],
  );
  assert.equal(got[1]?.error?.retryDelayMs, 5);
  assert.deepEqual(got[1]?.error?.violations, [{ field: "purpose", description: "d" }]);
  await assert.rejects(clientOver(transport).batchCheck({ requests: [ask] }), {
    code: "INTERNAL",
    message: "the server answered 5 of 1 requests",
  });
});

test("purposes have decisions, and one without an answer denies", async () => {
  const transport = new FakeTransport(() =>
    message(ListPurposesResponseSchema, { purposes: [{ purpose: "a", response: { decision: 1 } }, { purpose: "b" }] }),
  );
  const got = await clientOver(transport).listPurposes({ controller: "c", subjectId: "s" });
  assert.deepEqual(
    got.map((p) => [p.purpose, p.decision.allowed]),
    [
      ["a", true],
      ["b", false],
    ],
  );
});

test("the ledger is read page by page, and a page that names itself ends it", async () => {
  const next: Record<string, string> = { "": "p2", p2: "p3", p3: "p3" };
  const transport = new FakeTransport((a) => {
    const { pageToken } = fromBinary(ListEventsRequestSchema, a.request);
    return message(ListEventsResponseSchema, { entries: [{ revision: 1n }], nextPageToken: next[pageToken]! });
  });
  const read = async () => {
    for await (const entry of clientOver(transport).listEvents({ controller: "c", subjectId: "s" })) {
      assert.equal(entry.revision, 1n);
    }
  };
  await assert.rejects(read(), { code: "INTERNAL" });
  assert.equal(transport.attempts.length, 3);
});

test("an event has a fresh UUIDv7 and the time of now", () => {
  const before = Date.now();
  const events = Array.from({ length: 100 }, () => newEvent("support"));
  assert.equal(new Set(events.map((e) => e.id)).size, 100);
  for (const e of events) {
    assert.match(e.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const ms = parseInt(e.id.replace("-", "").slice(0, 12), 16);
    assert.ok(ms >= before && ms <= Date.now(), `${e.id} is of ${ms}`);
    assert.ok(Number(e.occurredAt.seconds) * 1000 + 999 >= before);
  }
});

test("a link and a parting are of now, with a fresh id, and carry what the pair says", async () => {
  const transport = new FakeTransport(() => Buffer.alloc(0));
  const client = clientOver(transport);
  const pair = { controller: "c", subjectId: "account:1", linkedId: "cookie:1" };
  const before = Date.now();
  await client.linkSubjects(newLink("login", { ...pair, fence: true }));
  await client.unlinkSubjects(newUnlink("support", { ...pair, evidence: "urn:case:1" }));
  const sent = transport.attempts.map((a) => fromBinary(LinkSubjectsRequestSchema, a.request)); // both have the same fields
  assert.deepEqual(
    sent.map((r) => [r.controller, r.subjectId, r.linkedId, r.source, r.evidence, r.fence]),
    [
      ["c", "account:1", "cookie:1", "login", "", true],
      ["c", "account:1", "cookie:1", "support", "urn:case:1", false],
    ],
  );
  // @ts-expect-error -- an event cannot say it: it is for both ids at once
  newEvent("login", { case: "link", value: { with: "cookie:1" } });
  assert.notEqual(sent[0]!.eventId, sent[1]!.eventId);
  for (const r of sent) {
    assert.match(r.eventId, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.ok(Number(r.occurredAt!.seconds) * 1000 + 999 >= before);
  }
});

test("a near cache is asked first, and not for who has left", async () => {
  const known = new Decision();
  const told: string[] = [];
  const near = {
    lookup: ({ subjectId }: { subjectId?: string }) => (subjectId === "known" ? known : undefined),
    lookupAll: ({ requests }: { requests: { subjectId: string }[] }) =>
      requests.every((r) => r.subjectId === "known") ? requests.map(() => known) : undefined,
    ticket: () => undefined,
    admit: () => undefined,
    admitAll: () => undefined,
    leaseMs: () => 5_000,
    stats: () => ({ hits: 1, misses: 2, streams: 3, leased: true }),
    close: async () => told.push("closed"),
  } as unknown as NearCache;
  const transport = new FakeTransport(() => allow);
  const client = new Client("127.0.0.1:1", { coalesce: false }, { transport, near: () => near });
  assert.equal(await client.check({ ...ask, subjectId: "known" }), known);
  const [hit] = await client.batchCheck({ requests: [{ ...ask, subjectId: "known" }] });
  assert.equal(hit?.decision, known);
  assert.equal(transport.attempts.length, 0);
  await assert.rejects(client.check({ ...ask, subjectId: "known" }, { signal: AbortSignal.abort() }), { code: "CANCELLED" });
  await assert.rejects(client.check({ ...ask, subjectId: "known" }, { timeoutMs: 0 }), { code: "DEADLINE_EXCEEDED" });
  assert.equal((await client.check({ ...ask, subjectId: "new" })).allowed, true);
  await client.recordEvents({ controller: "c", fence: true }).catch(() => undefined);
  const waits = transport.attempts.at(-1)!.bounds.timeoutMs;
  assert.ok(waits > 14_000 && waits <= 15_000, `${waits} ms are not three leases`);
  assert.deepEqual(client.nearCacheStats(), { hits: 1, misses: 2, streams: 3, leased: true });
  client.close();
  assert.deepEqual(told, ["closed"]);
});

test("a closed client rejects calls", async () => {
  const client = new Client("127.0.0.1:1");
  client.close();
  await assert.rejects(client.check(ask), { name: "ConsentError", code: "CANCELLED" });
});
