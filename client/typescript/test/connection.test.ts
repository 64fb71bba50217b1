import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server as Listener, type Socket } from "node:net";
import { after, before, test, type TestContext } from "node:test";

import {
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from "@grpc/grpc-js";

import { Connection, failureOf } from "../src/connection.js";
import { ConsentError } from "../src/index.js";
import { parseTarget } from "../src/target.js";

const server = new Server();
let backend = 0;

before(async () => {
  const same = (b: Buffer) => b;
  const codec = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
  server.addService(
    {
      echo: { path: "/t/Echo", requestStream: false, responseStream: false, ...codec },
      talk: { path: "/t/Talk", requestStream: true, responseStream: true, ...codec },
    },
    {
      echo: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => done(null, call.request),
      talk: (call: ServerDuplexStream<Buffer, Buffer>) => call.on("data", (b: Buffer) => call.write(b)).on("end", () => call.end()),
    },
  );
  backend = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
});

after(() => server.forceShutdown());

/** Stands before the server; what it does with the bytes of a connection may change while that is open. */
class Front {
  /** pass: to the server; swallow: read, and never answered. */
  mode: "pass" | "swallow" = "pass";
  accepted = 0;
  /** How long the first answer of a connection takes. */
  delayMs = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly listener: Listener) {
    listener.on("connection", (client) => {
      this.accepted++;
      const mode = this.mode;
      const upstream = connect(backend, "127.0.0.1");
      upstream.pause();
      setTimeout(() => upstream.resume(), this.delayMs);
      this.join(client, upstream, () => mode === "pass" && !this.dead.has(client));
      this.join(upstream, client, () => mode === "pass" && !this.dead.has(client));
    });
  }

  static async start(t: TestContext): Promise<Front> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const front = new Front(listener);
    t.after(() => {
      listener.close();
      front.sockets.forEach((s) => s.destroy());
    });
    return front;
  }

  private readonly dead = new Set<Socket>();

  /** Those that are open now say nothing any more; connections that come work. */
  kill(): void {
    this.sockets.forEach((s) => this.dead.add(s));
  }

  get target(): string {
    return `127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  private join(from: Socket, to: Socket, passes: () => boolean): void {
    this.sockets.add(from);
    from.on("data", (b) => passes() && to.write(b));
    from.on("error", () => undefined);
    from.on("close", () => to.destroy());
  }
}

const patience = { connectMs: 300, lookMs: 50, silenceMs: 300, longestSilenceMs: 1_000 };

function connection(t: TestContext, front: Front): Connection {
  const made = new Connection(parseTarget(front.target), credentials.createInsecure(), patience);
  t.after(() => made.close());
  return made;
}

const ask = (c: Connection, timeoutMs = 100) =>
  c.unary("/t/Echo", Buffer.from("x"), { timeoutMs, signal: undefined, metadata: new Metadata() }).then(
    (b) => Buffer.from(b).toString(),
    (e: unknown) => (e instanceof ConsentError ? e.code : String(e)),
  );

/** Asks until it is answered, and returns what was answered before. */
async function recovers(c: Connection): Promise<Set<string>> {
  const seen = new Set<string>();
  for (const end = performance.now() + 10_000; performance.now() < end;) {
    const answer = await ask(c);
    if (answer === "x") {
      return seen;
    }
    seen.add(answer);
  }
  throw new Error(`never usable again: ${[...seen].join()}`);
}

test("a connection that is accepted and never answers is replaced", async (t) => {
  const front = await Front.start(t);
  const c = connection(t, front);
  front.mode = "swallow";
  do {
    assert.equal(await ask(c), "DEADLINE_EXCEEDED");
  } while (front.accepted === 0);
  front.mode = "pass"; // for connections that come
  assert.deepEqual(
    [...(await recovers(c))].filter((code) => !["DEADLINE_EXCEEDED", "UNAVAILABLE"].includes(code)),
    [],
  );
  assert.ok(front.accepted >= 2, String(front.accepted));
});

test("a connection that takes long to come about is not replaced, though calls run out of time", async (t) => {
  const front = await Front.start(t);
  front.delayMs = 2 * patience.silenceMs;
  const made = new Connection(parseTarget(front.target), credentials.createInsecure(), { ...patience, connectMs: 10_000 });
  t.after(() => made.close());
  assert.deepEqual([...(await recovers(made))], ["DEADLINE_EXCEEDED"]);
  assert.equal(front.accepted, 1);
});

test("a connection whose other end is gone without a word is replaced, and its streams end", async (t) => {
  const front = await Front.start(t);
  const c = connection(t, front);
  assert.equal(await ask(c, 5_000), "x");
  let heard = "";
  const ended = new Promise<ConsentError>((resolve) => {
    const stream = c.stream("/t/Talk", new Metadata(), { message: (m) => (heard += Buffer.from(m).toString()), end: resolve });
    stream.send(Buffer.from("y"), () => undefined);
  });
  for (const end = performance.now() + 5_000; heard === "" && performance.now() < end;) {
    await ask(c);
  }
  assert.equal(heard, "y");
  front.kill();
  assert.deepEqual([...(await recovers(c))], ["DEADLINE_EXCEEDED"]);
  assert.equal((await ended).code, "CANCELLED");
});

test("a connection on which other calls are answered is kept, however many run out of time", async (t) => {
  const front = await Front.start(t);
  const c = connection(t, front);
  assert.equal(await ask(c, 5_000), "x");
  for (const end = performance.now() + 3 * patience.silenceMs; performance.now() < end;) {
    await Promise.all([ask(c, 0.01), ask(c, 5_000)]);
  }
  assert.equal(front.accepted, 1);
});

test("what grpc-js reports in disguise is called by its name", () => {
  const code = (n: number, details: string) => failureOf({ code: n, details }).code;
  assert.equal(code(13, "Received RST_STREAM with code 0 (Call ended without gRPC status)"), "UNAVAILABLE");
  assert.equal(code(13, "Received RST_STREAM with code 2 triggered by internal client error: read EPIPE"), "UNAVAILABLE");
  assert.equal(code(13, "Received RST_STREAM with code 2 (Internal server error)"), "INTERNAL");
  assert.equal(code(8, "Received message larger than max (1751263592 vs 4194304)"), "INTERNAL");
  assert.equal(code(8, "too many"), "RESOURCE_EXHAUSTED");
});
