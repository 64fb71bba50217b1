import assert from "node:assert/strict";
import { test } from "node:test";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import {
  atLeastAsFresh,
  BatchCheckRequestSchema,
  BatchCheckResponseSchema,
  CheckRequestSchema,
  CheckResponseSchema,
  Client,
  ConsentError,
  fullyConsistent,
  ReportAnswersRequestSchema,
} from "../src/index.js";
import { DecisionCache, nearConnection, type NearCacheOptions } from "../src/near.js";
import type { Bounds, Stream, StreamEvents, Transport } from "../src/transport.js";
import { Served, subject, tokenOf } from "./near-world.js";

/** A served state as a client's transport. */
class ServedTransport extends Served implements Transport {
  closed = 0;
  readonly headers: (Bounds["headers"] | undefined)[] = [];

  async unary(path: string, request: Uint8Array, bounds: Bounds): Promise<Uint8Array> {
    this.headers.push(bounds.headers);
    switch (path.split("/").at(-1)) {
      case "Check":
        return toBinary(CheckResponseSchema, this.answer(fromBinary(CheckRequestSchema, request)));
      case "BatchCheck":
        return this.batch(request);
      case "ReportAnswers":
        this.reports.push(request);
        return new Uint8Array();
    }
    throw new ConsentError("UNIMPLEMENTED", path);
  }

  private batch(request: Uint8Array): Uint8Array {
    const results = fromBinary(BatchCheckRequestSchema, request).requests.map((r) => ({
      outcome: { case: "response" as const, value: this.answer(r) },
    }));
    return toBinary(BatchCheckResponseSchema, create(BatchCheckResponseSchema, { results }));
  }

  async stream(path: string, events: StreamEvents): Promise<Stream> {
    if (!path.endsWith("/WatchInvalidations")) {
      throw new ConsentError("UNIMPLEMENTED", path);
    }
    const stream = this.open({
      message: (m) => events.message(m),
      end: () => events.end(new ConsentError("UNAVAILABLE", "ended")),
    });
    return { send: (m, sent) => (stream.send(m), sent()), end: () => stream.end(), cancel: () => stream.cancel() };
  }

  close(): void {
    this.closed++;
  }
}

/** A client whose near cache has a lease. */
async function leased(options: NearCacheOptions = {}): Promise<{ server: ServedTransport; client: Client }> {
  const server = new ServedTransport();
  const near = (transport: Transport) => new DecisionCache(nearConnection(transport), options, { clock: server.time });
  const client = new Client("127.0.0.1:1", {}, { transport: server, near });
  await settle(); // the stream is opened
  server.watched.greet();
  assert.ok(client.nearCacheStats().leased);
  return { server, client };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a client with a near cache asks the server once", async () => {
  const { server, client } = await leased();
  server.allowed.add("u");
  const first = await client.check(subject());
  for (let i = 0; i < 10; i++) {
    const again = await client.check({ purpose: "p", subjectId: "u", controller: "example" });
    assert.deepEqual({ ...again }, { ...first }, "it has the id and the token of the decision that it repeats");
    assert.ok(await client.isAllowed(subject()));
  }
  assert.equal(server.asked, 1);
  assert.deepEqual(client.nearCacheStats(), { hits: 20, misses: 1, streams: 1, leased: true });
  server.set("u", false);
  assert.equal(await client.isAllowed(subject()), false);
  assert.equal(server.asked, 2);
});

test("batches and filters are answered by the near cache", async () => {
  const { server, client } = await leased();
  server.allowed.add("u");
  const requests = ["u", "v"].map((id) => subject(id));
  for (let i = 0; i < 3; i++) {
    const results = await client.batchCheck({ requests });
    assert.deepEqual(
      results.map((r) => r.decision.allowed),
      [true, false],
    );
    assert.deepEqual(await client.filter(["u", "v"], { controller: "example", purpose: "p" }), ["u"]);
    const asked = ["v", "u", "v"];
    const may = client.filter(asked, { controller: "example", purpose: "p" });
    asked.shift();
    assert.deepEqual(await may, ["u"]);
  }
  assert.equal(server.asked, 2);
});

test("what must be decided by the server is", async () => {
  const { server, client } = await leased();
  server.allowed.add("u");
  await client.check(subject());
  let asked = server.asked;
  for (const [request, options] of [
    [{ ...subject(), consistency: fullyConsistent() }, {}],
    [{ ...subject(), consistency: atLeastAsFresh(tokenOf(1_000)) }, {}],
    [subject(), { metadata: { tenant: "other" } }],
    [subject(), { token: "another caller's" }],
  ] as const) {
    await client.check(request, options);
    await client.batchCheck({ requests: [subject()] }, options).catch(() => undefined);
    assert.ok(server.asked > asked, JSON.stringify(options));
    asked = server.asked;
  }
  assert.ok(server.headers.some((h) => h?.["tenant"] === "other"));
});

test("what another caller was told is not kept", async () => {
  const { server, client } = await leased();
  server.allowed.add("u");
  assert.ok(await client.isAllowed(subject(), { token: "who may ask" }));
  server.allowed.delete("u"); // not told: the server would answer this client so all along
  assert.equal(await client.isAllowed(subject()), false);
});

test("a session's newest write counts in the near cache", async () => {
  const { server, client } = await leased();
  const session = client.session();
  server.allowed.add("u");
  await session.check(subject());
  await session.check(subject());
  assert.equal(server.asked, 1);
  session["freshness"].note({ consistencyToken: tokenOf(71), revision: 71n }); // not told yet
  server.allowed.delete("u");
  server.revision = 71;
  assert.equal(await session.isAllowed(subject()), false);
  assert.equal(server.asked, 2);
});

test("an answer is decided by what was sent, though the caller's object changes under way", async () => {
  const { server, client } = await leased();
  server.allowed.add("u");
  const request = subject("u");
  const checking = client.check(request);
  request.subjectId = "v";
  assert.ok((await checking).allowed);
  assert.equal(await client.isAllowed(request), false);
  const turning = { ...subject(), n: 0 };
  Object.defineProperty(turning, "subjectId", { get: () => (turning.n++ % 2 === 0 ? "w" : "u"), enumerable: true });
  await client.check(turning).catch(() => undefined); // whoever it was asked for
  assert.equal(await client.isAllowed(subject("w")), false);
});

test("closing rejects calls at once, and tells the last answers before the connection ends", async () => {
  const { server, client } = await leased();
  await client.check(subject());
  await client.check(subject());
  client.close();
  client.close();
  assert.equal(client.nearCacheStats().leased, false);
  assert.ok(server.watched.ended);
  await settle();
  const told = server.reports.flatMap((r) => fromBinary(ReportAnswersRequestSchema, r).answers);
  assert.deepEqual(
    told.map((a) => [a.decisionId, a.count, a.controller, a.purpose, a.decision]),
    [["d1", 1n, "example", "p", 2]],
  );
  assert.ok(server.closed >= 2);
});

test("answers are reported every five seconds", async () => {
  const { server, client } = await leased();
  for (let i = 0; i < 4; i++) {
    await client.check(subject());
  }
  server.time.pass(5_000);
  await settle();
  assert.deepEqual(
    server.reports.flatMap((r) => fromBinary(ReportAnswersRequestSchema, r).answers.map((a) => a.count)),
    [3n],
  );
  server.time.pass(5_000);
  await settle();
  assert.equal(server.reports.length, 1, "there was nothing to tell");
});

test("without the option there is no near cache, and with it a client of a server that is down still answers", async () => {
  const plain = new ServedTransport();
  const none = new Client("127.0.0.1:1", {}, { transport: plain });
  await none.check(subject());
  await none.check(subject());
  assert.deepEqual([plain.asked, plain.streams.length], [2, 0]);
  assert.deepEqual(none.nearCacheStats(), { hits: 0, misses: 0, streams: 0, leased: false });
  const down = new Client("127.0.0.1:1", { nearCache: { maxEntries: 10, reportEveryMs: -1 }, timeoutMs: 200 });
  await assert.rejects(down.check(subject()), { name: "ConsentError" });
  down.close();
});
