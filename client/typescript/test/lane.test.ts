import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";

import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";

import {
  CheckStreamRequestSchema,
  CheckStreamResponseSchema,
  Client,
  ConsentError,
  type CheckStreamRequest,
} from "../src/index.js";
import { Retrier } from "../src/retry.js";
import type { NearCache } from "../src/seam.js";
import type { Bounds, Stream, StreamEvents, Transport } from "../src/transport.js";
import { allow, ask, FakeClock, message } from "./fakes.js";

/** One stream of a `FakeStreams`. */
class FakeStream implements Stream {
  readonly messages: CheckStreamRequest[] = [];
  readonly bytes: number[] = [];
  ended = false;
  cancelled = false;
  connected = true;
  private room: (() => void) | undefined;

  constructor(
    readonly events: StreamEvents,
    private readonly server: FakeStreams,
  ) {}

  send(bytes: Uint8Array, sent: () => void): void {
    this.messages.push(fromBinary(CheckStreamRequestSchema, bytes));
    this.bytes.push(bytes.length);
    this.room = sent;
    if (!this.server.slow) {
      this.makeRoom();
    }
    this.server.sent(this, this.messages.at(-1)!);
  }

  ready(): boolean {
    return this.connected;
  }

  makeRoom(): void {
    const room = this.room;
    this.room = undefined;
    room?.();
  }

  /** Ids of all checks that arrived. */
  ids(): bigint[] {
    return this.messages.flatMap((m) => m.checks.map((c) => c.id));
  }

  answer(response: MessageInitShape<typeof CheckStreamResponseSchema>): void {
    this.events.message(message(CheckStreamResponseSchema, response));
  }

  allow(ids: bigint[]): void {
    this.answer({ results: ids.map((id) => ({ id, outcome: { case: "response", value: { decision: 1 } } })) });
  }

  end(): void {
    this.ended = true;
    this.server.halfClosed(this);
  }

  cancel(): void {
    this.cancelled = true;
    this.events.end(new ConsentError("CANCELLED", "cancelled"));
  }
}

/** A transport whose streams a test answers. */
class FakeStreams implements Transport {
  readonly streams: FakeStream[] = [];
  unaries = 0;
  took: () => void = () => undefined;
  /** There is no room for another message until the test makes it. */
  slow = false;
  sent: (s: FakeStream, m: CheckStreamRequest) => void = () => undefined;
  halfClosed: (s: FakeStream) => void = () => undefined;
  refusal: ConsentError | undefined;

  async unary(_path: string, _request: Uint8Array, _bounds: Bounds): Promise<Uint8Array> {
    this.unaries++;
    this.took();
    return allow;
  }

  async stream(_path: string, events: StreamEvents): Promise<Stream> {
    if (this.refusal !== undefined) {
      throw this.refusal;
    }
    const stream = new FakeStream(events, this);
    this.streams.push(stream);
    return stream;
  }

  close(): void {}
}

const answering = (streams: FakeStreams) => {
  streams.sent = (s, m) => queueMicrotask(() => s.allow(m.checks.map((c) => c.id)));
  return streams;
};

function over(transport: FakeStreams, timeoutMs = 5_000): Client {
  return new Client("127.0.0.1:1", { timeoutMs }, { transport, retrier: new Retrier() });
}

/**
 * One whose time stands still: no stream is ever quiet for too long, and no deadline passes, however busy the machine
 * is.
 */
function still(transport: FakeStreams): Client {
  return new Client("127.0.0.1:1", { timeoutMs: 5_000 }, { transport, retrier: new Retrier(new FakeClock()), now: () => 0 });
}

const many = (client: Client, n: number) => Array.from({ length: n }, (_, i) => client.isAllowed({ ...ask, subjectId: `u${i}` }));
const count = async (asked: Promise<boolean>[]) => (await Promise.all(asked)).filter((allowed) => allowed).length;

/** Lets what is ready to happen happen. */
async function turns(n = 5): Promise<void> {
  for (let i = 0; i < n; i++) {
    await setImmediate();
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 5_000; !condition(); await setImmediate()) {
    assert.ok(performance.now() < end, "it never came about");
  }
}

test("checks of one turn share messages, of which the next leaves when there is room", async () => {
  const streams = new FakeStreams();
  streams.slow = true;
  const client = still(streams);
  const asked = many(client, 2_500);
  await turns();
  const [stream] = streams.streams;
  assert.deepEqual(
    stream?.messages.map((m) => m.checks.length),
    [1_000],
  );
  asked.push(client.isAllowed(ask));
  await turns();
  assert.equal(stream?.messages.length, 1);
  stream!.makeRoom();
  await turns();
  stream!.makeRoom();
  await turns();
  assert.deepEqual(
    stream?.messages.map((m) => m.checks.length),
    [1_000, 1_000, 501],
  );
  const [first] = stream!.messages[0]!.checks;
  assert.deepEqual([first?.id, first?.check?.subjectId, first?.check?.purpose], [1n, "u0", "p"]);
  const { seconds, nanos } = first!.timeout!;
  const ms = Number(seconds) * 1_000 + nanos / 1e6;
  assert.ok(ms === 5_000, `${ms} ms are left`);
  stream!.allow(stream!.ids());
  assert.equal(await count(asked), 2_501);
  assert.equal(streams.unaries, 0);
  client.close();
});

test("20,000 checks at once are answered, each by its own answer", async () => {
  const streams = new FakeStreams();
  streams.sent = (s, m) =>
    queueMicrotask(() => {
      const results = m.checks.map(({ id, check }) => ({
        id,
        outcome: { case: "response" as const, value: { decision: 1, decisionId: check!.subjectId } },
      }));
      s.answer({ results: results.reverse() });
    });
  const client = still(streams);
  const decisions = await Promise.all(Array.from({ length: 20_000 }, (_, i) => client.check({ ...ask, subjectId: `u${i}` })));
  assert.equal(decisions.filter((d, i) => d.allowed && d.id === `u${i}`).length, 20_000);
  client.close();
});

test("a message has 256 KiB and a little more at most, and a large check goes by itself", async () => {
  const streams = answering(new FakeStreams());
  const client = still(streams);
  const large = (bytes: number) => client.isAllowed({ ...ask, context: { text: "x".repeat(bytes) } });
  assert.equal(await count(Array.from({ length: 100 }, () => large(10_000))), 100);
  const sizes = streams.streams[0]!.bytes;
  assert.ok(sizes.length === 4 && Math.max(...sizes) < 280_000, String(sizes));
  assert.equal(streams.unaries, 0);
  assert.equal(await large(70_000), true);
  assert.equal(streams.unaries, 1);
  client.close();
});

test("an error of one check leaves the others alone", async () => {
  const streams = new FakeStreams();
  streams.sent = (s) =>
    queueMicrotask(() =>
      s.answer({
        results: [
          { id: 1n, outcome: { case: "error", value: { code: 3, message: "bad", fieldViolations: [{ field: "purpose" }] } } },
          { id: 2n, outcome: { case: "response", value: { decision: 1 } } },
          { id: 3n },
          { id: 99n, outcome: { case: "response", value: { decision: 1 } } },
        ],
      }),
    );
  const client = still(streams);
  const outcomes = await Promise.allSettled([client.check(ask), client.check(ask), client.check(ask)]);
  assert.deepEqual(
    outcomes.map((o) => (o.status === "fulfilled" ? o.value.allowed : (o.reason as ConsentError).code)),
    ["INVALID_ARGUMENT", true, "INTERNAL"],
  );
  client.close();
});

test("a caller that leaves tells the server, and a late answer is nobody's", async () => {
  const streams = new FakeStreams();
  const client = still(streams);
  const controller = new AbortController();
  const left = client.check(ask, { signal: controller.signal });
  const stays = client.check(ask);
  await until(() => streams.streams[0]?.ids().length === 2);
  controller.abort();
  await assert.rejects(left, { name: "ConsentError", code: "CANCELLED" });
  await until(() => streams.streams[0]!.messages.length === 2);
  assert.deepEqual(streams.streams[0]!.messages[1]!.cancel, [1n]);
  streams.streams[0]!.allow([1n, 2n]);
  assert.equal((await stays).allowed, true);
  client.close();
});

test("a check ends with its deadline, counted from the call, also one that waits to be sent", async () => {
  const streams = new FakeStreams();
  streams.slow = true;
  let now = 0;
  const client = new Client("127.0.0.1:1", {}, { transport: streams, retrier: new Retrier(new FakeClock()), now: () => now });
  const sent = assert.rejects(client.check(ask, { timeoutMs: 30 }), { code: "DEADLINE_EXCEEDED" });
  await until(() => streams.streams[0]?.messages.length === 1);
  now = 10;
  const queued = assert.rejects(client.check(ask, { timeoutMs: 25 }), { code: "DEADLINE_EXCEEDED" });
  now = 20;
  const stays = client.isAllowed(ask, { timeoutMs: 100_000 });
  now = 40;
  await Promise.all([sent, queued]);
  streams.streams[0]!.makeRoom();
  await until(() => streams.streams[0]!.messages.length === 2);
  assert.deepEqual(streams.streams[0]!.ids(), [1n, 2n]);
  assert.deepEqual(streams.streams[0]!.messages[1]!.checks[0]!.timeout?.seconds, 99n);
  streams.streams[0]!.allow([2n]);
  assert.equal(await stays, true);
  client.close();
});

test("checks on a stream that breaks are made again, and it counts as one failure", async () => {
  const streams = new FakeStreams();
  const client = over(streams, 60_000);
  streams.sent = (s, m) => {
    queueMicrotask(() =>
      s === streams.streams[0] ? s.events.end(new ConsentError("UNAVAILABLE", "gone")) : s.allow(m.checks.map((c) => c.id)),
    );
  };
  assert.equal(await count(many(client, 500)), 500);
  assert.equal(streams.unaries, 0);
  client.close();
});

test("a stream that fails otherwise says nothing of its checks: each is asked alone", async () => {
  const streams = new FakeStreams();
  const client = still(streams);
  streams.sent = (s) => queueMicrotask(() => s.events.end(new ConsentError("UNAUTHENTICATED", "expired")));
  assert.equal(await count(many(client, 3)), 3);
  assert.equal(streams.unaries, 3);
  streams.sent = (s) => queueMicrotask(() => s.events.message(Buffer.from([0xff])));
  assert.equal(await count(many(client, 2)), 2);
  assert.equal(streams.unaries, 5);
  assert.equal(streams.streams[1]!.cancelled, true);
  streams.refusal = new ConsentError("UNIMPLEMENTED", "an older server");
  assert.equal(await count(many(client, 2)), 2);
  streams.refusal = undefined;
  assert.equal(await count(many(client, 2)), 2);
  assert.deepEqual([streams.unaries, streams.streams.length], [9, 2]);
  client.close();
});

test("what fails within the client is an error of the checks, and no crash", async () => {
  const streams = new FakeStreams();
  const client = still(streams);
  streams.sent = () => {
    throw new Error("a fault");
  };
  assert.equal(await count(many(client, 3)), 3); // each alone
  assert.deepEqual([streams.unaries, streams.streams[0]!.cancelled], [3, true]);
  client.close();
  const near = {
    lookup: () => undefined,
    ticket: () => ({}),
    admit: () => {
      throw new Error("a fault");
    },
    close: async () => undefined,
  } as unknown as NearCache;
  const cached = new Client("127.0.0.1:1", {}, { transport: answering(new FakeStreams()), near: () => near });
  await assert.rejects(cached.check(ask), { name: "ConsentError", code: "INTERNAL" });
  cached.close();
});

test("a stream that drains gets no more checks, and answers those that it has", async () => {
  const streams = new FakeStreams();
  const client = still(streams);
  const first = client.isAllowed(ask);
  await until(() => streams.streams[0]?.messages.length === 1);
  streams.streams[0]!.answer({ draining: true });
  assert.equal(streams.streams[0]!.ended, true);
  const second = client.isAllowed(ask);
  await until(() => streams.streams[1]?.messages.length === 1);
  streams.streams[1]!.allow([1n]);
  streams.streams[0]!.allow([1n]);
  assert.deepEqual(await Promise.all([first, second]), [true, true]);
  client.close();
});

test("what holds a stream back until it is complete lets go within a second, and checks are calls of their own then", async () => {
  const streams = new FakeStreams();
  streams.halfClosed = (s) => {
    s.allow(s.ids());
    s.events.end(new ConsentError("UNAVAILABLE", "done"));
  };
  const client = over(streams, 1_000);
  assert.equal(await count(many(client, 3)), 3);
  assert.equal(streams.unaries, 0);
  assert.equal(await count(many(client, 3)), 3);
  assert.deepEqual([streams.unaries, streams.streams.length], [3, 1]);
  client.close();
});

test("a stream that is still being connected is not quiet", async () => {
  const streams = new FakeStreams();
  let now = 0;
  const client = new Client("127.0.0.1:1", {}, { transport: streams, retrier: new Retrier(new FakeClock()), now: () => now });
  const asked = [client.isAllowed(ask, { timeoutMs: 60_000 })];
  await until(() => streams.streams[0]?.messages.length === 1);
  streams.streams[0]!.connected = false;
  now = 1_000;
  asked.push(client.isAllowed(ask, { timeoutMs: 60_000 }));
  await until(() => streams.streams[0]!.messages.length === 2);
  streams.streams[0]!.connected = true;
  now = 2_000;
  asked.push(client.isAllowed(ask, { timeoutMs: 60_000 }));
  await until(() => streams.streams[1]?.messages.length === 1);
  assert.equal(streams.streams[0]!.ended, true);
  streams.streams.forEach((s) => s.allow(s.ids()));
  assert.deepEqual(await Promise.all(asked), [true, true, true]);
  client.close();
});

test("a check on a stream that never answers is made again as soon as a call shows that the server does", async () => {
  const streams = new FakeStreams();
  const client = over(streams, 60_000);
  const waits = client.isAllowed(ask);
  await until(() => streams.streams[0]?.ended === true);
  assert.equal(streams.unaries, 0);
  assert.equal(await client.isAllowed(ask), true);
  assert.equal(await waits, true);
  assert.deepEqual([streams.unaries, streams.streams.length, streams.streams[0]!.cancelled], [2, 1, true]);
  client.close();
});

test("a busy server is not taken for one whose streams do not get through", async () => {
  const streams = new FakeStreams();
  let now = 0;
  const client = new Client("127.0.0.1:1", {}, { transport: streams, retrier: new Retrier(new FakeClock()), now: () => now });
  const options = { timeoutMs: 60_000 };
  const waits = Array.from({ length: 1_000 }, () => client.isAllowed(ask, options));
  await until(() => streams.streams[0]?.messages.length === 1);
  now = 700; // 400 ms, and 0.4 ms for each
  waits.push(client.isAllowed(ask, options));
  await until(() => streams.streams[0]!.messages.length === 2);
  assert.equal(streams.streams[0]!.ended, false);
  now = 900;
  waits.push(client.isAllowed(ask, options));
  await until(() => streams.streams[0]!.ended);
  streams.took = () => (now += 500); // a call is as slow
  assert.equal(await client.isAllowed(ask, options), true);
  assert.equal(streams.streams[0]!.cancelled, false);
  await until(() => streams.streams[1]?.messages.length === 1);
  streams.streams.forEach((s) => s.allow(s.ids()));
  assert.equal(await count(waits), 1_002);
  client.close();
});

test("after a stream that never answers checks are calls of their own", async () => {
  const streams = new FakeStreams();
  const client = over(streams, 600);
  assert.equal(await count(many(client, 3)), 0);
  assert.equal(await count(many(client, 3)), 3);
  assert.deepEqual([streams.unaries, streams.streams.length, streams.streams[0]!.cancelled], [3, 1, true]);
  client.close();
});

test("a stream on which nothing is asked is closed, so that the process may end", async () => {
  const streams = answering(new FakeStreams());
  const client = over(streams);
  assert.equal(await client.isAllowed(ask), true);
  await until(() => streams.streams[0]!.ended);
  assert.equal(await client.isAllowed(ask), true);
  assert.equal(streams.streams.length, 2);
  client.close();
});

test("closing ends what waits", async () => {
  const streams = new FakeStreams();
  const client = over(streams);
  const asked = client.check(ask);
  await until(() => streams.streams[0]?.messages.length === 1);
  client.close();
  client.close();
  await assert.rejects(asked, { code: "CANCELLED" });
  await assert.rejects(client.check(ask), { code: "CANCELLED" });
});

test("a check with metadata or a token of its own is a call of its own, and so is each where coalescing is off", async () => {
  const streams = answering(new FakeStreams());
  const client = over(streams);
  assert.equal(await client.isAllowed(ask, { metadata: { traceparent: "t" } }), true);
  assert.equal(await client.isAllowed(ask, { token: "t" }), true);
  assert.deepEqual([streams.unaries, streams.streams.length], [2, 0]);
  assert.equal(await client.isAllowed(ask, { metadata: {} }), true); // it has none
  assert.deepEqual([streams.unaries, streams.streams.length], [2, 1]);
  client.close();
  const alone = new Client("127.0.0.1:1", { coalesce: false }, { transport: streams, retrier: new Retrier(new FakeClock()) });
  assert.equal(await alone.isAllowed(ask), true);
  assert.deepEqual([streams.unaries, streams.streams.length], [3, 1]);
  alone.close();
});
