import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { fromBinary } from "@bufbuild/protobuf";

import { CheckRequestSchema, CheckResponseSchema, Client, RecordEventsResponseSchema, type ClientOptions } from "../src/index.js";
import { ask, message } from "./fakes.js";

type Handle = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void;

/** A server that counts checks, says whether it serves, and keeps the last token that was demanded. */
class Node {
  checks = 0;
  demanded: unknown;
  authorization: unknown;
  serving: 0 | 1 | 2 | undefined = 1; // undefined: it never says
  private readonly server = new Server();

  private constructor(
    private readonly name: string,
    readonly port: number,
  ) {}

  static async start(t: TestContext, name: string, port = 0): Promise<Node> {
    const node = new Node(name, port);
    node.serve("/consent.v1.DecisionService/Check", (call, done) => node.check(call, done));
    node.serve("/grpc.health.v1.Health/Check", (_, done) => {
      if (node.serving !== undefined) {
        done(null, Buffer.from([8, node.serving]));
      }
    });
    node.serve("/consent.v1.ConsentService/RecordEvents", (_, done) =>
      done(null, Buffer.from(message(RecordEventsResponseSchema, { consistencyToken: `of ${name}`, revision: 1n }))),
    );
    const bound = await new Promise<number>((resolve, reject) =>
      node.server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (e, p) =>
        e === null ? resolve(p) : reject(e),
      ),
    );
    t.after(() => node.stop());
    return Object.assign(node, { port: bound });
  }

  stop(): void {
    this.server.forceShutdown();
  }

  private check(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void {
    this.checks++;
    this.demanded = fromBinary(CheckRequestSchema, call.request).consistency?.requirement.value;
    this.authorization = call.metadata.get("authorization")[0];
    done(null, Buffer.from(message(CheckResponseSchema, { decision: 1, decisionId: this.name })));
  }

  private serve(path: string, handle: Handle): void {
    const same = (b: Buffer) => b;
    const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
    this.server.addService({ m: { path, requestStream: false, responseStream: false, ...codec } }, { m: handle });
  }
}

function over(t: TestContext, nodes: Node[], options: ClientOptions = {}): Client {
  const client = new Client(nodes.map((n) => `127.0.0.1:${n.port}`).join(), { coalesce: false, timeoutMs: 10_000, ...options });
  t.after(() => client.close());
  return client;
}

/** Asks until the condition holds; every check must be answered. */
async function asking(client: Client, condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !condition();) {
    assert.equal((await client.check(ask)).allowed, true);
    assert.ok(performance.now() < end, "it never came about");
  }
}

test("several servers are asked in turn, and one that is gone is done without", async (t) => {
  const [a, b] = [await Node.start(t, "a"), await Node.start(t, "b")];
  const client = over(t, [a, b]);
  for (let i = 0; i < 20; i++) {
    await client.check(ask);
  }
  assert.deepEqual([a.checks, b.checks], [10, 10]);
  a.stop();
  for (let i = 0; i < 20; i++) {
    assert.equal((await client.check(ask)).allowed, true);
  }
  assert.equal(a.checks, 10);
  b.checks = 0;
  const again = await Node.start(t, "a again", a.port);
  await asking(client, () => again.checks > 0);
});

test("one that does not serve, or does not say, is asked only where no other is there", async (t) => {
  const [a, b] = [await Node.start(t, "a"), await Node.start(t, "b")];
  const client = over(t, [a, b]);
  a.serving = 2;
  let before = -1;
  await asking(client, () => {
    const same = a.checks === before && b.checks > a.checks + 3;
    before = a.checks;
    return same;
  });
  const [kept] = [a.checks];
  for (let i = 0; i < 20; i++) {
    await client.check(ask);
  }
  assert.equal(a.checks, kept);
  b.serving = undefined;
  a.serving = 1;
  await asking(client, () => a.checks > kept);
});

test("a client over several servers is one session, and so are its sessions with it", async (t) => {
  const [a, b] = [await Node.start(t, "a"), await Node.start(t, "b")];
  const client = over(t, [a, b]);
  await client.recordEvents({ controller: "c", subjectId: "s" });
  await client.check(ask);
  await client.check(ask);
  assert.match(`${String(a.demanded)},${String(b.demanded)}`, /^of (.),of \1$/);
  a.demanded = undefined;
  await client.session().check(ask);
  await client.session().check(ask);
  assert.match(String(a.demanded), /^of/);
  const one = over(t, [b]);
  await one.recordEvents({ controller: "c", subjectId: "s" });
  await one.check(ask);
  assert.equal(b.demanded, undefined);
});

test("a token goes along with each call, the call's own rather than the client's, and one that cannot be had fails the call", async (t) => {
  const a = await Node.start(t, "a");
  let n = 0;
  const client = over(t, [a], { token: async () => `t${++n}` });
  await client.check(ask);
  assert.equal(a.authorization, "Bearer t1");
  await client.check(ask, { token: "own" });
  assert.equal(a.authorization, "Bearer own");
  await client.check(ask, { metadata: { authorization: "Basic x" } });
  assert.equal(a.authorization, "Basic x");
  assert.equal(n, 1);
  await over(t, [a], { token: "constant" }).check(ask);
  assert.equal(a.authorization, "Bearer constant");
  for (const token of [() => Promise.reject(new Error("no")), () => Promise.resolve(7 as never), () => "line\nbreak"]) {
    await assert.rejects(over(t, [a], { token }).check(ask), { name: "ConsentError", code: "UNAUTHENTICATED" });
  }
  const never = over(t, [a], { token: () => new Promise<string>(() => undefined) });
  await assert.rejects(never.check(ask, { timeoutMs: 30 }), { code: "DEADLINE_EXCEEDED" });
  await assert.rejects(client.check(ask, { metadata: { "bad key": "x" } }), { name: "ConsentError" });
});

test("targets with commas are hosts with ports", () => {
  for (const target of ["a:1,", ",a:1", "a:1,b", "a:1,unix:///x", "dns:///a:1,b:2", "a:1,dns:///b:2"]) {
    assert.throws(() => new Client(target), TypeError, target);
  }
});
