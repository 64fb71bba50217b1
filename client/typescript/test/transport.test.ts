import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Metadata, Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import { toBinary, create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";

import { Client, type ConsentError } from "../src/index.js";
import { BadRequestSchema, RetryInfoSchema } from "../src/gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "../src/gen/google/rpc/status_pb.js";
import { statusError } from "../src/errors.js";
import { allow, ask } from "./fakes.js";

const server = new Server();
let target = "";
/** What the server does with a check; set by each test. */
let handle: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void;

before(async () => {
  const same = (b: Buffer) => b;
  const check = {
    path: "/consent.v1.DecisionService/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ check }, { check: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => handle(call, done) });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, p) => (error === null ? resolve(p) : reject(error))),
  );
  target = `127.0.0.1:${port}`;
});

after(() => server.forceShutdown());

async function withClient<T>(use: (client: Client) => Promise<T>, options = {}): Promise<T> {
  const client = new Client(target, options);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

test("credentials and the user agent go along with each call", async () => {
  let seen = new Metadata();
  handle = (call, done) => {
    seen = call.metadata;
    done(null, Buffer.from(allow));
  };
  const options = { metadata: () => ({ authorization: "Bearer t" }) };
  assert.equal(await withClient((c) => c.isAllowed(ask), options), true);
  assert.deepEqual(seen.get("authorization"), ["Bearer t"]);
  assert.match(String(seen.get("user-agent")[0]), /^consentd-typescript /);
});

test("credentials that cannot be had fail the call", async () => {
  handle = (_, done) => done(null, Buffer.from(allow));
  const options = {
    metadata: () => {
      throw new Error("expired");
    },
  };
  await withClient((c) => assert.rejects(c.check(ask), { name: "ConsentError", code: "UNAUTHENTICATED" }), options);
});

test("a signal ends a call under way", async () => {
  const controller = new AbortController();
  handle = () => controller.abort();
  await withClient((c) => assert.rejects(c.check(ask, { signal: controller.signal, timeoutMs: 60_000 }), { code: "CANCELLED" }));
});

test("closing the client ends a call under way", async () => {
  await withClient((c) => {
    handle = () => c.close();
    return assert.rejects(c.check(ask, { timeoutMs: 60_000 }), { code: "CANCELLED" });
  });
});

test("a call under way ends with its deadline", async () => {
  handle = () => undefined;
  await withClient((c) => assert.rejects(c.check(ask, { timeoutMs: 50 }), { code: "DEADLINE_EXCEEDED" }));
});

test("details of a status that cannot be read count as none", () => {
  const any = anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } }));
  const bad = anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [{ field: "f", description: "d" }] }));
  const whole = statusError(14, "m", toBinary(StatusSchema, create(StatusSchema, { details: [any, bad] })));
  assert.deepEqual([whole.code, whole.retryDelayMs, whole.violations], ["UNAVAILABLE", 1500, [{ field: "f", description: "d" }]]);
  assert.equal(statusError(14, "m", Buffer.from([0xff])).retryDelayMs, 0);
  any.value = Buffer.from([0xff]);
  assert.equal(statusError(14, "m", toBinary(StatusSchema, create(StatusSchema, { details: [any, bad] }))).retryDelayMs, 0);
  assert.equal(statusError(99, "m").code, "UNKNOWN");
  assert.equal(statusError(0, "m").code, "UNKNOWN");
});

test("closing ends all that is under way, waits for a connection or for its turn, with CANCELLED", async () => {
  handle = () => undefined;
  for (const at of [target, "127.0.0.1:1"]) {
    const client = new Client(at, { coalesce: false, timeoutMs: 60_000 });
    const asked = Array.from({ length: 400 }, () => client.check(ask).catch((e: ConsentError) => e.code));
    setImmediate(() => client.close());
    assert.deepEqual([...new Set(await Promise.all(asked))], ["CANCELLED"]);
  }
});
