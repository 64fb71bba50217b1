import assert from "node:assert/strict";
import { test } from "node:test";

import { create, toBinary } from "@bufbuild/protobuf";

import {
  atLeastAsFresh,
  CheckRequestSchema,
  CheckResponseSchema,
  fullyConsistent,
  Degradation,
  ReasonCode,
  type WatchInvalidationsResponse,
} from "../src/index.js";
import { change, plants } from "../conformance/plants.js";
import { slotOf } from "../src/near-codec.js";
import { cached, expect, heartbeatMs, leaseMs, subject, tokenOf, World, storeId } from "./near-world.js";

const slot = (world: World, id = "u") => slotOf(world.hello, "example", id);

test("a decision is used until its subject's slot changes", () => {
  const world = cached();
  world.set("u", false);
  expect(world, false, true);
  expect(world, false, false);
  world.set("v", true); // another slot
  expect(world, false, false);
  world.set("u", true); // a denial is forgotten as a permission is
  expect(world, true, true);
  assert.deepEqual(world.near.stats(), { hits: 3, misses: 3, streams: 1, leased: true });
  assert.equal(world.watched.heard.at(-1)!.appliedPosition, 8n, "each change is confirmed");
});

test("an id that shares a person's slots is forgotten with it", () => {
  const world = cached();
  world.allowed.add("v");
  world.check(subject("v"));
  world.revision++;
  world.allowed.clear();
  world.watched.changed([slot(world, "u"), slot(world, "v")].sort((a, b) => a - b)); // all ids of the person
  expect(world, false, true, subject("v"));
  expect(world, false, true);
});

test("a change is told while the disk syncs: what the server answers until then is not kept", () => {
  const world = cached();
  world.revision++; // told, and not visible yet
  world.watched.changed([slot(world)]);
  world.revision--;
  expect(world, true, true);
  expect(world, true, true);
  world.revision++;
  world.allowed.clear();
  expect(world, false, true);
  expect(world, false, false);
});

test("an answer that arrives after a change was told is not used", () => {
  const world = cached();
  const sent = toBinary(CheckRequestSchema, create(CheckRequestSchema, subject("late")));
  const ticket = world.near.ticket(sent);
  const response = { ...world.answer(subject("late")), decision: 1 };
  world.set("late", false);
  world.near.admit(ticket, response);
  expect(world, false, true, subject("late"));
});

test("an answer of a stream that has ended is not used", () => {
  const world = cached();
  const ticket = world.near.ticket(toBinary(CheckRequestSchema, create(CheckRequestSchema, subject("late"))));
  const response = { ...world.answer(subject("late")), decision: 1 };
  world.watched.lose();
  world.time.pass(100);
  world.watched.greet();
  world.near.admit(ticket, response);
  expect(world, false, true, subject("late"));
});

test("a decision is kept for what was sent, not for what its caller's object says later", () => {
  const world = cached();
  const request = { ...subject("u2"), context: { a: [1] } };
  world.allowed.add("u2");
  const ticket = world.near.ticket(toBinary(CheckRequestSchema, create(CheckRequestSchema, request)));
  const response = world.answer(request);
  request.subjectId = "u3";
  request.context.a[0] = 2;
  world.near.admit(ticket, response);
  expect(world, false, true, request);
  expect(world, true, false, { ...subject("u2"), context: { a: [1] } });
});

test("what a caller does to an answer does not reach the next", () => {
  const world = new World();
  world.more = { obligations: [{ code: 1, parameters: { days: 3 } }], validUntil: world.in(60_000) };
  world.watched.greet();
  world.check(subject());
  const first = world.near.lookup(subject())!;
  (first.permittedDataCategories as string[]) = [];
  assert.throws(() => ((first.obligations[0]!.parameters as Record<string, unknown>)["days"] = 4), TypeError);
  first.validUntil!.setTime(0);
  (first as { allowed: boolean }).allowed = true;
  (first.obligations as unknown[]).pop();
  const second = world.near.lookup(subject())!;
  assert.equal(second.allowed, false);
  assert.deepEqual(second.obligations[0]?.parameters, { days: 3 });
  assert.ok(second.validUntil!.getTime() > 0);
});

test("a lease ends by the monotonic clock, counted from before its heartbeat was sent", () => {
  const world = cached();
  world.watched.silent = true;
  world.time.pass(leaseMs - 1);
  assert.equal(world.near.stats().leased, false, "the wall clock's grain counts");
  expect(world, true, true);
  const exact = cached();
  exact.watched.silent = true;
  exact.time.pass(leaseMs - 2);
  expect(exact, true, false);
});

test("a wall clock that steps back lengthens no lease", () => {
  const world = cached();
  world.watched.silent = true;
  world.time.pass(leaseMs);
  world.time.stepped -= 2 * leaseMs;
  expect(world, true, true);
});

test("an echo that was long under way grants what is left", () => {
  const world = cached();
  world.watched.mute = true;
  world.time.pass(heartbeatMs); // an echo is under way
  world.time.pass(leaseMs - 100); // and so are others, that are younger
  world.watched.unmute();
  world.watched.silent = true;
  world.time.pass(leaseMs - heartbeatMs);
  expect(world, true, false); // by the youngest, which was sent 400 ms before it came
  world.time.pass(100);
  expect(world, true, true);
});

test("a blocked event loop lets the lease run out, whatever lies unread", () => {
  const world = cached();
  world.watched.mute = true;
  world.set("u", false); // it was told, and lies in the socket's buffer
  world.time.block(leaseMs - 2);
  expect(world, true, false); // within the lease: a fence waits for it
  world.time.block(2);
  expect(world, false, true); // no timer has run since
  world.watched.unmute();
  expect(world, false, true);
});

for (const [name, step, held] of [
  ["forward", 3_600_000, false],
  ["back", -3_600_000, true],
] as const) {
  test(`a step of the wall clock ${name} ends a lease early or not at all`, () => {
    const world = cached();
    world.time.stepped += step;
    expect(world, true, !held);
    world.time.pass(heartbeatMs);
    expect(world, true, false);
    world.watched.silent = true;
    world.time.pass(leaseMs);
    expect(world, true, true);
  });
}

test("a machine that was suspended for a lease has none", () => {
  const world = cached();
  world.time.stepped += leaseMs; // the monotonic clock stood still
  expect(world, true, true);
});

test("other policies end what the ones before decided, by an echo or a word of their own", () => {
  for (const tell of [(w: World) => w.time.pass(heartbeatMs), (w: World) => w.watched.tell({ policyRevision: "p2" })]) {
    const world = cached();
    world.policy = "p2";
    tell(world);
    expect(world, true, true);
    expect(world, true, false);
  }
  const late = cached(); // decided by policies that are not in force any more when it arrives
  late.policy = "p2";
  late.watched.tell({ policyRevision: "p2" });
  late.policy = "p1";
  expect(late, true, true);
  expect(late, true, true);
});

test("validUntil is never passed, by the server's clock", () => {
  const world = new World();
  world.more = { validUntil: world.in(60_000) };
  world.watched.greet();
  world.check(subject());
  let hits = 0;
  for (; !world.check(subject()).remote; hits++) {
    world.time.pass(100);
  }
  const left = 1_900_000_060_000 - (1_900_000_000_000 + world.time.mono - 1_000);
  assert.ok(hits > 500, `${hits} hits`);
  assert.ok(left >= 0 && left <= 200, `${left} ms were left`);
});

test("a stream that is lost means that the server decides, until another grants a lease", () => {
  const world = cached();
  world.watched.lose();
  assert.equal(world.near.stats().leased, false);
  expect(world, true, true);
  world.time.pass(100);
  assert.equal(world.streams.length, 2);
  expect(world, true, true); // no hello yet
  world.watched.greet();
  expect(world, true, true); // nothing is known
  expect(world, true, false);
  assert.deepEqual(world.streams.map((s) => Buffer.from(s.heard[0]!.cacheId).toString("hex")).length, 2);
  assert.deepEqual(world.streams[0]!.heard[0]!.cacheId, world.streams[1]!.heard[0]!.cacheId, "it comes back under its name");
  assert.equal(world.watched.heard[0]!.cacheId.length, 16);
});

test("a server that does not answer for two leases, or never greets, is given up", () => {
  const world = cached();
  world.watched.silent = true;
  world.time.pass(3 * leaseMs);
  assert.ok(world.streams[0]!.cancelled);
  const mute = new World();
  mute.time.pass(9_999);
  assert.equal(mute.streams.length, 1);
  mute.time.pass(200);
  assert.equal(mute.streams.length, 2);
  assert.ok(mute.streams[0]!.cancelled);
});

test("the waits between streams that are of no use grow to five seconds, and start again with one that is", () => {
  const world = new World();
  for (let n = 0; n < 20; n++) {
    world.watched.lose();
    world.time.pass(5_000);
  }
  const before = world.streams.length;
  world.watched.lose();
  world.time.pass(4_999);
  assert.equal(world.streams.length, before);
  world.time.pass(1);
  world.watched.greet();
  world.watched.lose();
  world.time.pass(51);
  assert.equal(world.streams.length, before + 2);
});

const damages: Record<string, (m: WatchInvalidationsResponse, newest: bigint) => void> = {
  checksum: (m) => void (m.checksum = (m.checksum ^ 1) >>> 0),
  "a gap": (m) => change(m, { fromPosition: m.fromPosition + 1n, position: m.position + 1n }),
  back: (m) => change(m, { revision: m.revision - 2n }),
  "another hello": (m) => change(m, { hello: cached().hello }),
  "a slot too far": (m) => change(m, { slots: [...m.slots, 1 << 16], position: m.position + 1n }),
  "slots without a position": (m) => change(m, { slots: [...m.slots, 1] }),
  "slots without a revision": (m) => change(m, { slots: [1], revision: 70n, position: m.fromPosition + 1n }),
  "a heartbeat never sent": (m) => change(m, { heartbeat: m.heartbeat + 1_000n }),
  "a heartbeat of old": (m) => change(m, { heartbeat: 1n }),
  "a time before all": (m, newest) => change(m, { heartbeat: newest, serverTime: -1n }),
  "a time past all": (m, newest) => change(m, { heartbeat: newest, serverTime: 2n ** 33n * 1_000_000_000n }),
  "a revision past what a number can tell": (m) => change(m, { revision: 2n ** 53n }),
};

for (const [name, damage] of Object.entries(damages)) {
  test(`a stream that is broken ends, and a new one begins with nothing: ${name}`, () => {
    const world = cached();
    world.time.pass(30 * leaseMs);
    const newest = BigInt(30 * (leaseMs / heartbeatMs) + 1);
    world.watched.damage = (m) => damage(m, newest);
    world.set("u", false);
    assert.ok(world.streams[0]!.cancelled);
    expect(world, false, true);
    world.time.pass(100);
    world.watched.greet();
    expect(world, false, true);
    expect(world, false, false);
    assert.equal(world.near.stats().streams, 2);
  });
}

test("bytes that are no message end the stream", () => {
  const world = cached();
  world.watched.hear(Buffer.from([0xff]));
  assert.ok(world.watched.cancelled);
  expect(world, true, true);
});

/** What shows each of the faults. */
const scenarios: Record<string, (w: World) => void> = {
  floor: (w) => w.set("u", false),
  lease: (w) => {
    w.watched.mute = true;
    w.time.pass(heartbeatMs); // an echo is under way, for longer than any fence waits
    w.set("u", false);
    w.time.pass(1.9 * leaseMs - heartbeatMs);
    w.watched.deliver(1);
  },
  policy: (w) => {
    w.policy = "p2";
    w.allowed.clear();
    w.time.pass(heartbeatMs);
  },
};

for (const [name, scenario] of Object.entries(scenarios)) {
  for (const planted of [false, true]) {
    test(`the fault ${name}, planted ${planted}: a wrong ALLOW is seen ${planted}`, () => {
      let world: World | undefined;
      world = cached({}, { tap: (s, m) => planted && world !== undefined && plants[name]!(s, m, () => world!.time.now()) });
      scenario(world);
      assert.equal(world.check(subject()).allowed, planted);
    });
  }
}

test("how fresh a decision must be", () => {
  const other = Buffer.alloc(16, 8);
  const requirement = (r: object) => ({ requirement: r }) as never;
  for (const [name, consistency, remote] of [
    ["none", undefined, false],
    ["a token that is known", atLeastAsFresh(tokenOf(70)), false],
    ["an older token", atLeastAsFresh(tokenOf(5)), false],
    ["a newer token", atLeastAsFresh(tokenOf(72)), true],
    ["another store's", atLeastAsFresh(tokenOf(5, other)), true],
    ["no token", atLeastAsFresh("garbage"), true],
    ["a damaged token", atLeastAsFresh(tokenOf(70).replace(/.$/, "A")), true],
    ["fully consistent", fullyConsistent(), true],
    ["an empty one", requirement({ case: undefined }), true],
    ["none at all", {} as never, true],
    ["minimize latency", requirement({ case: "minimizeLatency", value: true }), false],
    ["a false one", requirement({ case: "minimizeLatency", value: false }), true],
  ] as const) {
    const world = cached();
    for (const revision of [70, 5, 72]) {
      world.check({ ...subject("w"), consistency: atLeastAsFresh(tokenOf(revision)) }); // answered once
    }
    const got = world.check({ ...subject(), ...(consistency === undefined ? {} : { consistency }) });
    assert.equal(got.remote, remote, name);
  }
  const world = cached();
  world.revision = 75;
  world.watched.changed([slot(world, "other")]);
  const fresh = { ...subject(), consistency: atLeastAsFresh(tokenOf(75)) };
  expect(world, true, true, fresh); // the server has not answered on it: it may be of another history
  expect(world, true, false, fresh); // untouched up to 75
  expect(world, true, true, { ...subject(), consistency: atLeastAsFresh(tokenOf(75, storeId, 7)) });
});

test("what is not kept", () => {
  const unknown = [{ no: 2047, wireType: 0, data: Buffer.from([1]) }];
  for (const [name, more] of Object.entries({
    "as it is": {},
    "no decision": { decision: 0 },
    "an unknown decision": { decision: 3 },
    POLICY_ERROR: { reasons: [{ code: 1 }, { code: ReasonCode.POLICY_ERROR }] },
    "a degraded answer": { degraded: Degradation.STALE },
    "an unknown degradation": { degraded: 9 },
    "no token": { consistencyToken: "" },
    "a token of another store": { consistencyToken: tokenOf(70, Buffer.alloc(16, 8)) },
    "an older state": { consistencyToken: tokenOf(69) },
    "a field of a later version": { $unknown: unknown },
    "an end that is none": { validUntil: { seconds: 0n, nanos: 5 } },
    "an end past all": { validUntil: { seconds: 2n ** 40n, nanos: 0 } },
    "too large": { permittedDataCategories: ["a".repeat(4096)] },
  })) {
    const world = new World();
    world.watched.greet();
    const request = subject();
    const ticket = world.near.ticket(toBinary(CheckRequestSchema, create(CheckRequestSchema, request)));
    const { $typeName: _, ...answer } = world.answer(request);
    const response = create(CheckResponseSchema, { ...answer, ...(more as object) });
    Object.assign(response, "$unknown" in more ? more : {});
    toBinary(CheckResponseSchema, response); // it could come from a server
    world.near.admit(ticket, response);
    assert.equal(world.near.lookup(request) !== undefined, name === "as it is", name);
  }
});

test("hellos out of bounds are refused", () => {
  const good = cached().hello;
  for (const [name, terms] of Object.entries({
    "no hello": { hello: undefined },
    "store id": { hello: { ...good, storeId: Buffer.alloc(0) } },
    key: { hello: { ...good, slotKey: Buffer.alloc(31) } },
    "no slots": { hello: { ...good, slotCount: 0 } },
    "odd slots": { hello: { ...good, slotCount: 100 } },
    "too many slots": { hello: { ...good, slotCount: 2 ** 30 } },
    "no lease": { hello: { ...good, lease: undefined } },
    "a lease of a day": { hello: { ...good, lease: { ...good.lease, seconds: 86_400n } } },
    "no interval": { hello: { ...good, heartbeatInterval: undefined } },
    "no policies": { policyRevision: "" },
    "a lease granted": { heartbeat: 1n },
    "another position": { position: 6n },
    "slots in a hello": { slots: [1] },
    "a revision past what a number can tell": { revision: 2n ** 53n },
  })) {
    const world = new World();
    world.watched.greet(terms as never);
    assert.ok(world.watched.cancelled, name);
    assert.equal(world.near.stats().streams, 0, name);
  }
  const damaged = new World();
  damaged.watched.damage = (m) => damages["checksum"]!(m, 0n);
  damaged.watched.greet();
  assert.ok(damaged.watched.cancelled);
});

test("nothing that a request does makes a lookup throw", () => {
  const world = cached();
  const throws = () => {
    throw new Error("a getter");
  };
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  for (const request of [
    Object.defineProperty(subject(), "subjectId", { get: throws }),
    Object.defineProperty(subject(), "consistency", { get: throws }),
    new Proxy(subject(), { get: throws }),
    { ...subject(), context: circular },
  ]) {
    assert.equal(world.near.lookup(request as never), undefined);
    assert.equal(world.near.lookupAll({ requests: [request as never] }), undefined);
  }
  assert.equal(world.near.lookupAll(new Proxy({}, { get: throws })), undefined);
  world.near.admit({ ...world.near.ticket(Buffer.from([0xff]))! }, world.answer(subject()));
});

test("closing gives the lease up at once, and tells what was answered", async () => {
  const world = cached();
  const { watched: stream } = world;
  const closed = world.near.close();
  assert.equal(world.near.lookup(subject()), undefined);
  await closed;
  assert.ok(stream.ended);
  assert.equal(world.reports.length, 1);
  world.time.pass(60_000);
  assert.equal(world.streams.length, 1, "no other stream begins");
  await world.near.close();
});

test("closing does not wait for a server that does not hear", async () => {
  const world = cached({ reportEveryMs: -1 });
  world.ends = false;
  const closed = world.near.close();
  world.time.pass(250);
  await closed;
  assert.ok(world.watched.cancelled);
  assert.equal(world.reports.length, 0);
  await new World().near.close(); // before any hello
});
