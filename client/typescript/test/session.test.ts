import assert from "node:assert/strict";
import { test } from "node:test";

import { create, fromBinary } from "@bufbuild/protobuf";

import {
  atLeastAsFresh,
  BatchCheckRequestSchema,
  CheckRequestSchema,
  CheckResponseSchema,
  ConsentError,
  fullyConsistent,
  LinkSubjectsResponseSchema,
  ListPurposesRequestSchema,
  RecordEventsResponseSchema,
  StoreMismatchError,
  type Consistency,
} from "../src/index.js";
import { storeOf } from "../src/freshness.js";
import { allow, ask, clientOver, FakeTransport, message, unavailable, type Attempt } from "./fakes.js";

/** A server that acknowledges writes with these tokens and revisions when told to, and answers checks. */
function server(...tokens: [token: string, revision: bigint][]) {
  const writes: (() => void)[] = [];
  const transport = new FakeTransport((a) => {
    if (!a.path.endsWith("RecordEvents")) {
      return a.path.endsWith("BatchCheck") || a.path.endsWith("ListPurposes") ? Buffer.alloc(0) : allow;
    }
    return new Promise((resolve) => {
      const [consistencyToken, revision] = tokens.shift() ?? ["", 0n];
      writes.push(() => resolve(message(RecordEventsResponseSchema, { consistencyToken, revision })));
    });
  });
  return { transport, writes, session: clientOver(transport).session() };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const write = { controller: "c", subjectId: "s" };

function demanded(a: Attempt | undefined): Consistency | undefined {
  const schema = a!.path.endsWith("BatchCheck")
    ? BatchCheckRequestSchema
    : a!.path.endsWith("ListPurposes")
      ? ListPurposesRequestSchema
      : CheckRequestSchema;
  return fromBinary(schema, a!.request).consistency;
}

test("a write's token goes into later checks of every kind", async () => {
  const { transport, writes, session } = server(["t1", 1n], ["", 2n]);
  await session.check(ask);
  assert.equal(demanded(transport.attempts.at(-1)), undefined);
  for (const reads of [
    () => session.check(ask),
    () => session.isAllowed(ask),
    () => session.batchCheck({}),
    () => session.listPurposes({}),
  ]) {
    const recorded = session.recordEvents(write);
    await settle();
    writes.shift()!();
    await recorded;
    await reads();
    assert.deepEqual(demanded(transport.attempts.at(-1))?.requirement, { case: "atLeastAsFresh", value: "t1" });
  }
});

test("links and partings are writes: the newest token of them counts", async () => {
  const revisions = [4n, 3n, 5n];
  const transport = new FakeTransport((a) => {
    if (!a.path.endsWith("Subjects")) {
      return allow;
    }
    const revision = revisions.shift()!; // both responses have the same fields
    return message(LinkSubjectsResponseSchema, { consistencyToken: `t${revision}`, revision });
  });
  const session = clientOver(transport).session();
  const pair = { ...write, linkedId: "l", eventId: "e", source: "login" };
  for (const [record, newest] of [
    [() => session.linkSubjects(pair), "t4"],
    [() => session.unlinkSubjects(pair), "t4"],
    [() => session.unlinkSubjects(pair), "t5"],
  ] as const) {
    await record();
    await session.check(ask);
    assert.equal(demanded(transport.attempts.at(-1))?.requirement.value, newest);
  }
});

test("a consistency of the caller's own is kept", async () => {
  const { transport, writes, session } = server(["t1", 1n]);
  const recorded = session.recordEvents(write);
  await settle();
  writes.shift()!();
  await recorded;
  await session.check({ ...ask, consistency: fullyConsistent() });
  assert.equal(demanded(transport.attempts.at(-1))?.requirement.case, "fullyConsistent");
  for (const nothing of [{ consistency: null }, { at: null }, { knownAt: null }]) {
    await session.check({ ...ask, ...nothing } as never); // plain JavaScript
    assert.equal(demanded(transport.attempts.at(-1))?.requirement.value, "t1");
  }
  const request = create(CheckRequestSchema, ask);
  await session.check(request);
  assert.equal(demanded(transport.attempts.at(-1))?.requirement.value, "t1");
  assert.equal(request.consistency, undefined, "the caller's request was changed");
});

test("the newest token is that of the highest revision, whichever write ends last", async () => {
  const { transport, writes, session } = server(["t1", 1n], ["t2", 2n], ["t3", 0n]);
  const first = session.recordEvents(write);
  const second = session.recordEvents(write);
  await settle();
  writes[1]!();
  await second;
  writes[0]!();
  await first;
  await session.check(ask);
  assert.equal(demanded(transport.attempts.at(-1))?.requirement.value, "t2");
  const untold = session.recordEvents(write);
  await settle();
  writes[2]!();
  await untold;
  await session.check(ask);
  assert.equal(demanded(transport.attempts.at(-1))?.requirement.value, "t3");
});

test("a failed write changes nothing", async () => {
  const { transport, writes, session } = server(["t1", 1n]);
  const recorded = session.recordEvents(write);
  await settle();
  writes[0]!();
  await recorded;
  await assert.rejects(session.recordEvents({ ...write, controller: "\ud800" }), { code: "INVALID_ARGUMENT" });
  await session.check(ask);
  assert.equal(demanded(transport.attempts.at(-1))?.requirement.value, "t1");
});

test("sessions know nothing of each other", async () => {
  const transport = new FakeTransport((a) => {
    if (a.path.endsWith("RecordEvents")) {
      return message(RecordEventsResponseSchema, { consistencyToken: "t1" });
    }
    throw unavailable();
  });
  const client = clientOver(transport);
  await client.session().recordEvents(write);
  await client.session().isAllowed(ask);
  assert.equal(demanded(transport.attempts.at(-1)), undefined);
});

/** A consistency token of a store. */
function tokenOf(store: number, version = 1, rest = 12): string {
  return Buffer.concat([Buffer.of(version), Buffer.alloc(16, store), Buffer.alloc(rest)]).toString("base64url");
}

const mismatch = (error: unknown) => error instanceof StoreMismatchError && error.code === "FAILED_PRECONDITION";

test("tokens that cannot be read are of no store", () => {
  assert.equal(storeOf(tokenOf(7)), "07".repeat(16));
  assert.equal(storeOf(tokenOf(7, 2, 16)), "07".repeat(16));
  for (const text of ["", "t1", tokenOf(7, 2), tokenOf(7, 1, 16), tokenOf(7, 3), tokenOf(7, 3, 16), tokenOf(7) + "=", tokenOf(7).slice(1), tokenOf(7).slice(1) + "+", tokenOf(7) + "A"]) {
    assert.equal(storeOf(text), undefined, text);
  }
});

test("an answer of another store than the first is a mismatch", async () => {
  const stores = [1, 1, 2, 1];
  const transport = new FakeTransport(() => message(CheckResponseSchema, { decision: 1, consistencyToken: tokenOf(stores.shift()!) }));
  const session = clientOver(transport).session();
  assert.equal(await session.isAllowed(ask), true);
  assert.equal(await session.isAllowed(ask), true);
  await assert.rejects(session.check(ask), mismatch);
  assert.equal(await session.isAllowed(ask), true);
});

test("a token that the caller chose is a mismatch only if it is of the session's store", async () => {
  const refusal = new ConsentError("INVALID_ARGUMENT", "no", {
    violations: [{ field: "consistency.at_least_as_fresh", description: "of another store" }],
  });
  const answers: (Uint8Array | undefined)[] = [message(CheckResponseSchema, { decision: 1, consistencyToken: tokenOf(1) })];
  const transport = new FakeTransport(async () => answers.shift() ?? Promise.reject(refusal));
  const session = clientOver(transport).session();
  await session.check(ask);
  await assert.rejects(session.check({ ...ask, consistency: atLeastAsFresh(tokenOf(1)) }), mismatch);
  for (const consistency of [atLeastAsFresh(tokenOf(2)), atLeastAsFresh("garbage")]) {
    await assert.rejects(session.check({ ...ask, consistency }), refusal);
  }
  await assert.rejects(session.check(ask), refusal); // it has written nothing
});
