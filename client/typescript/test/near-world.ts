import assert from "node:assert/strict";

import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";

import { DecisionCache, type NearCacheOptions, type NearTestParts } from "../src/near.js";
import { checksum, parseToken, slotOf } from "../src/near-codec.js";
import type { CheckInit } from "../src/near-key.js";
import type { NearClock, NearListener, NearStream } from "../src/near-watch.js";
import {
  CheckRequestSchema,
  CheckResponseSchema,
  WatchInvalidationsRequestSchema,
  WatchInvalidationsResponseSchema,
  type CheckResponse,
  type WatchHello,
  type WatchInvalidationsRequest,
  type WatchInvalidationsResponse,
} from "../src/index.js";

export const leaseMs = 2_000;
export const heartbeatMs = 500;
export const storeId = Buffer.alloc(16, 7);

/** A consistency token of the world's store, or of another. */
export function tokenOf(revision: number, store: Uint8Array = storeId, mark?: number): string {
  const bytes = Buffer.alloc(mark === undefined ? 29 : 33);
  bytes[0] = mark === undefined ? 1 : 2;
  Buffer.from(store).copy(bytes, 1);
  bytes.writeBigUInt64BE(BigInt(revision), 17);
  bytes.writeUInt32BE(mark ?? 0, 25);
  const sum = bytes.length - 4;
  bytes.writeUInt32BE(crc32c(bytes.subarray(0, sum)), sum);
  return bytes.toString("base64url");
}

/** Bit by bit, not by the table that is tested. */
function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
    }
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** Both clocks and the timers; time passes when it is told to. */
export class FakeTime implements NearClock {
  private timers: { at: number; then: () => void }[] = [];
  mono = 1_000;
  /** How far the wall clock has stepped. */
  stepped = 0;

  now() {
    return { mono: this.mono, wall: 1_800_000_000_000 + this.mono + this.stepped };
  }

  random() {
    return 0.5;
  }

  after(ms: number, then: () => void) {
    const timer = { at: this.mono + ms, then };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((t) => t !== timer));
  }

  /** Lets time pass, with what is due in its order. */
  pass(ms: number): void {
    const end = this.mono + ms;
    for (;;) {
      const [next] = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) {
        break;
      }
      this.timers = this.timers.filter((t) => t !== next);
      this.mono = Math.max(this.mono, next.at);
      next.then();
    }
    this.mono = end;
  }

  /** Lets time pass while the event loop is held up. */
  block(ms: number): void {
    this.mono += ms;
  }
}

/** One stream as the server has it. */
export class ServedStream implements NearStream {
  readonly heard: WatchInvalidationsRequest[] = [];
  /** What is under way while `mute`. */
  private held: Uint8Array[] = [];
  mute = false;
  /** The server is stopped. */
  silent = false;
  ended = false;
  cancelled = false;
  position = 5;
  /** What has become of the next message on the way. */
  damage: ((m: WatchInvalidationsResponse) => void) | undefined;

  constructor(
    private readonly world: Served,
    private readonly listener: NearListener,
  ) {}

  send(bytes: Uint8Array): void {
    const m = fromBinary(WatchInvalidationsRequestSchema, bytes);
    this.heard.push(m);
    if (m.heartbeat > 0n && !this.silent) {
      this.echo(m.heartbeat);
    }
  }

  end(): void {
    this.ended = true;
    if (this.world.ends) {
      this.listener.end();
    }
  }

  cancel(): void {
    this.cancelled = true;
  }

  /** The connection is lost. */
  lose(): void {
    this.listener.end();
  }

  greet(change: MessageInitShape<typeof WatchInvalidationsResponseSchema> = {}): void {
    const { hello } = this.world;
    this.tell({
      hello,
      position: 5n,
      fromPosition: 5n,
      revision: BigInt(this.world.revision),
      policyRevision: this.world.policy,
      ...change,
    });
  }

  echo(heartbeat: bigint): void {
    this.tell({ heartbeat, serverTime: this.world.serverTime(), policyRevision: this.world.policy });
  }

  /** Tells that these slots have changed, up to the world's revision. */
  changed(slots: number[]): void {
    this.tell({ slots, position: BigInt(this.position + slots.length) });
  }

  /** What was held up arrives. */
  unmute(): void {
    this.mute = false;
    this.deliver(this.held.length);
  }

  /** The oldest of it arrives. */
  deliver(count: number): void {
    this.held.splice(0, count).forEach((message) => this.hear(message));
  }

  hear(bytes: Uint8Array): void {
    this.listener.message(bytes);
  }

  tell(init: MessageInitShape<typeof WatchInvalidationsResponseSchema>): void {
    const m = create(WatchInvalidationsResponseSchema, {
      fromPosition: BigInt(this.position),
      position: BigInt(this.position),
      revision: BigInt(this.world.revision),
      ...init,
    });
    m.checksum = checksum(m);
    this.position = Number(m.position);
    this.damage?.(m);
    this.damage = undefined;
    this.held.push(toBinary(WatchInvalidationsResponseSchema, m));
    if (!this.mute) {
      this.unmute();
    }
  }
}

/** A server whose state is whether each subject is allowed. */
export class Served {
  readonly time = new FakeTime();
  readonly streams: ServedStream[] = [];
  readonly reports: Uint8Array[] = [];
  readonly allowed = new Set<string>();
  hello: WatchHello = create(WatchInvalidationsResponseSchema, {
    hello: {
      storeId,
      slotKey: Buffer.alloc(32, 3),
      slotCount: 1 << 16,
      lease: { seconds: BigInt(leaseMs / 1000) },
      heartbeatInterval: { nanos: heartbeatMs * 1e6 },
    },
  }).hello!;
  revision = 70;
  policy = "p1";
  /** What decisions have besides. */
  more: MessageInitShape<typeof CheckResponseSchema> = {};
  /** How many checks the server answered. */
  asked = 0;
  /** Whether the server ends a stream whose client has closed its side. */
  ends = true;

  open(listener: NearListener): NearStream {
    this.streams.push(new ServedStream(this, listener));
    return this.watched;
  }

  /** The newest stream. */
  get watched(): ServedStream {
    return this.streams.at(-1)!;
  }

  serverTime(): bigint {
    return BigInt(Math.round(1_900_000_000_000 + this.time.mono)) * 1_000_000n;
  }

  /** A timestamp by the server's clock, so many milliseconds from now. */
  in(ms: number) {
    const at = this.serverTime() + BigInt(ms) * 1_000_000n;
    return { seconds: at / 1_000_000_000n, nanos: Number(at % 1_000_000_000n) };
  }

  /** A change of a subject; it is told unless `silently`. */
  set(subjectId: string, allowed: boolean, silently = false): void {
    this.revision++;
    this.allowed[allowed ? "add" : "delete"](subjectId);
    if (!silently) {
      this.watched.changed([slotOf(this.hello, "example", subjectId)]);
    }
  }

  answer(request: CheckInit): CheckResponse {
    this.asked++;
    return create(CheckResponseSchema, {
      decision: this.allowed.has(request.subjectId ?? "") ? 1 : 2,
      decisionId: `d${this.asked}`,
      policyRevision: this.policy,
      consistencyToken: tokenOf(this.revision),
      ...this.more,
    });
  }
}

/** A server and one near cache over it. */
export class World extends Served {
  readonly near: DecisionCache;

  constructor(options: NearCacheOptions = {}, parts: NearTestParts = {}) {
    super();
    const tell = async (_: string, request: Uint8Array) => void this.reports.push(request);
    this.near = new DecisionCache({ open: (listener) => this.open(listener), tell }, options, { clock: this.time, ...parts });
  }

  /** Checks as a client does: the near cache first, then the server. */
  check(request: CheckInit): { allowed: boolean; remote: boolean; id: string } {
    const hit = this.near.lookup(request);
    if (hit !== undefined) {
      return { allowed: hit.allowed, remote: false, id: hit.id };
    }
    const ticket = this.near.ticket(toBinary(CheckRequestSchema, create(CheckRequestSchema, request)));
    const response = this.answer(request);
    this.near.admit(ticket, response);
    return { allowed: response.decision === 1, remote: true, id: response.decisionId };
  }
}

export const subject = (subjectId = "u"): CheckInit => ({ controller: "example", subjectId, purpose: "p" });

/** A world whose near cache is leased and holds an ALLOW of "u". */
export function cached(options?: NearCacheOptions, parts?: NearTestParts): World {
  const world = new World(options, parts);
  world.allowed.add("u");
  world.watched.greet();
  world.check(subject());
  if (world.check(subject()).remote || parseToken(tokenOf(1)) === undefined) {
    throw new Error("nothing is cached from the start: the test says nothing");
  }
  return world;
}

/** Checks, and says whether the server is to be asked. */
export function expect(world: World, allowed: boolean, remote: boolean, request = subject()): void {
  const got = world.check(request);
  assert.deepEqual({ allowed: got.allowed, remote: got.remote }, { allowed, remote });
}
