import assert from "node:assert/strict";
import { test } from "node:test";

import { create, toBinary } from "@bufbuild/protobuf";

import { atLeastAsFresh, BatchCheckRequestSchema, fullyConsistent } from "../src/index.js";
import { cached, expect, leaseMs, subject, tokenOf, World } from "./near-world.js";

const batch = (...ids: string[]) => ({ requests: ids.map((id) => subject(id)) });

/** Checks a batch as a client does; how many of it the server was asked for. */
function askBatch(
  world: World,
  asked: { requests: ReturnType<typeof subject>[]; consistency?: never },
): { allowed: boolean[]; remote: number } {
  const hits = world.near.lookupAll(asked);
  if (hits !== undefined) {
    return { allowed: hits.map((d) => d.allowed), remote: 0 };
  }
  const ticket = world.near.ticket(toBinary(BatchCheckRequestSchema, create(BatchCheckRequestSchema, asked)));
  const answers = asked.requests.map((r) => world.answer(r));
  world.near.admitAll(ticket, answers);
  return { allowed: answers.map((a) => a.decision === 1), remote: answers.length };
}

test("a batch is answered whole or not at all", () => {
  const world = cached();
  assert.deepEqual(askBatch(world, batch("u", "v")), { allowed: [true, false], remote: 2 });
  assert.deepEqual(askBatch(world, batch("v", "u", "v")), { allowed: [false, true, false], remote: 0 });
  expect(world, true, false); // a batch fills the cache for checks, and the reverse
  assert.deepEqual(askBatch(world, batch("u", "x", "v")), { allowed: [true, false, false], remote: 3 });
  world.set("u", false);
  assert.deepEqual(askBatch(world, batch("v")), { allowed: [false], remote: 0 });
  assert.deepEqual(askBatch(world, batch("v", "u")), { allowed: [false, false], remote: 2 });
  assert.deepEqual(askBatch(world, batch("v", "u")), { allowed: [false, false], remote: 0 });
  assert.deepEqual(world.near.lookupAll({ requests: [] }), undefined);
  assert.deepEqual(askBatch(world, { ...batch("u"), consistency: fullyConsistent() as never }).remote, 1);
  const own = { requests: [{ ...subject(), consistency: fullyConsistent() }] };
  assert.equal(world.near.lookupAll(own), undefined, "the server refuses it");
  world.watched.silent = true;
  world.time.pass(leaseMs);
  assert.equal(askBatch(world, batch("u")).remote, 1);
});

test("a batch rests on one state: what was read at a revision that is not told yet is not mixed with what is older", () => {
  const world = cached();
  world.set("w", true, true); // not told yet: a change of "u" may lie before it
  world.check(subject("w"));
  expect(world, true, false, subject("w"));
  assert.equal(askBatch(world, batch("u", "w")).remote, 2);
  const told = cached();
  told.set("w", true);
  told.check(subject("w"));
  assert.equal(askBatch(told, batch("u", "w")).remote, 0);
  const fresh = (revision: number) => ({ ...batch("u", "w"), consistency: atLeastAsFresh(tokenOf(revision)) as never });
  assert.equal(askBatch(told, fresh(71)).remote, 2, "the server has not answered on it");
  assert.equal(askBatch(told, fresh(71)).remote, 0);
  assert.equal(askBatch(told, fresh(72)).remote, 2);
});

test("a batch ends with the decision in it that ends first", () => {
  const world = cached();
  for (const [id, ms] of [
    ["hour", 3_600_000],
    ["minute", 60_000],
  ] as const) {
    world.more = { validUntil: world.in(ms) };
    world.check(subject(id));
  }
  assert.equal(askBatch(world, batch("hour", "minute", "u")).remote, 0);
  world.time.pass(60_000);
  assert.equal(askBatch(world, batch("hour", "minute", "u")).remote, 3);
});
