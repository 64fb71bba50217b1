import type { MessageInitShape } from "@bufbuild/protobuf";

import { checksum, nanoseconds, parseToken, whole } from "./near-codec.js";
import { NearTable, type NearEntry } from "./near-table.js";
import type { Consistency, ConsistencySchema, WatchHello, WatchInvalidationsResponse } from "./gen/consent/v1/decision_service_pb.js";

/** How many tokens a stream remembers: sessions that each demand their newest write are few at a time. */
const acceptedTokens = 256;

/** What the clocks show, in milliseconds. */
export interface Reading {
  /** Never steps; may stand still while the machine is suspended. */
  readonly mono: number;
  /** Goes on then, but may step. Since the epoch. */
  readonly wall: number;
}

/** A lease; immutable. */
export interface Grant {
  /** When the heartbeat was about to be sent. */
  readonly sent: Reading;
  /**
   * What the server's clock showed later, in milliseconds since the epoch; rounded up, and by what a number cannot
   * tell.
   */
  readonly serverMs: number;
  /** The digest of the policies in force. */
  readonly policy: string;
}

/** A message that cannot be trusted, or the stream that it came by. */
export class BrokenStream extends Error {}

// Bounds of what a server may say.
const maxSlotCount = 1 << 20;
const maxLeaseMs = 10_000;
/** Seconds since the epoch, up to the year 2242. */
export const maxServerSeconds = 2n ** 33n;

/** The part by which the server's clock may run faster than this machine's. */
const driftPart = 16;

/** How coarse the wall clock is: two readings may be as much further apart than their difference says. */
const wallGrainMs = 1;

/** Heartbeats whose times are kept: an echo of an older one breaks the stream. */
const keptBeats = 16;

/**
 * What is known by one stream of invalidations. A new stream begins with nothing: what an earlier one was told says
 * nothing of what happened in between.
 *
 * Messages are applied and lookups are made in one piece each, on one thread, so that a lookup never sees half a
 * message. What is left to get wrong is time. The event loop may be held up, so that the changes that were told lie
 * unread: a lookup judges the lease by clocks that it reads itself, after all else, and no timer decides. Whoever waits
 * for a fence waits until this cache has confirmed, which it does after it has applied, or for the lease to run out by
 * the server's clock, which is later than by this one, counted from before the heartbeat left.
 */
export class NearSession {
  readonly hello: WatchHello;
  readonly storeId: string;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly table: NearTable;
  /** The newest lease; undefined: none yet. */
  granted: Grant | undefined;

  /** Per slot the revision below which no decision counts. */
  private readonly floors: Float64Array;
  /** A revision up to which all changes were told. */
  private seen: number;
  private position: number;
  private policyRevision: string;
  /** Tokens that the server has answered on, by their revisions. */
  private readonly accepted: string[] = [];
  private readonly beats = { last: 0, sent: new Map<number, Reading>() };

  /** Begins with the first message of a stream. @throws BrokenStream if its terms are out of bounds. */
  constructor(m: WatchInvalidationsResponse, maxEntries: number) {
    const { hello } = m;
    const [position, revision] = [whole(m.position), whole(m.revision)];
    if (hello === undefined || position === undefined || revision === undefined || !soundHello(hello) || !opens(m)) {
      throw new BrokenStream("the hello is out of bounds or damaged");
    }
    this.hello = hello;
    this.storeId = Buffer.from(hello.storeId).toString("hex");
    this.leaseMs = Number(nanoseconds(hello.lease)) / 1e6;
    this.heartbeatMs = Number(nanoseconds(hello.heartbeatInterval)) / 1e6;
    this.table = new NearTable(maxEntries);
    this.floors = new Float64Array(hello.slotCount).fill(revision);
    this.seen = revision;
    this.position = position;
    this.policyRevision = m.policyRevision;
  }

  /** The digest of the policies that were told last. */
  get policy(): string {
    return this.policyRevision;
  }

  /** Numbers a heartbeat that is about to be sent. */
  beat(now: Reading): number {
    const number = ++this.beats.last;
    this.beats.sent.set(number, now);
    this.beats.sent.delete(number - keptBeats);
    return number;
  }

  /** When each heartbeat that is remembered was about to be sent. */
  get sentBeats(): Map<number, Reading> {
    return this.beats.sent;
  }

  /** Takes a message. @throws BrokenStream if the stream cannot be trusted any more. */
  apply(m: WatchInvalidationsResponse): void {
    const [position, revision] = [whole(m.position), whole(m.revision)];
    if (position === undefined || revision === undefined || !this.follows(m, position, revision)) {
      throw new BrokenStream("a message is missing, repeated or damaged");
    }
    for (const slot of m.slots) {
      this.floors[slot] = revision;
    }
    this.seen = revision;
    this.position = position;
    if (m.policyRevision !== "") {
      this.policyRevision = m.policyRevision;
    }
    this.grant(m);
  }

  private follows(m: WatchInvalidationsResponse, position: number, revision: number): boolean {
    return (
      m.checksum === checksum(m) &&
      m.hello === undefined &&
      m.fromPosition === BigInt(this.position) &&
      position >= this.position &&
      revision >= this.seen &&
      m.slots.length <= position - this.position &&
      (m.slots.length === 0 || revision > this.seen) &&
      m.slots.every((slot) => slot < this.floors.length)
    );
  }

  /** Takes the lease that a message carries, or the new policies into the lease that there is. */
  private grant(m: WatchInvalidationsResponse): void {
    const old = this.granted;
    if (m.heartbeat === 0n) {
      this.granted = old === undefined ? undefined : { ...old, policy: this.policyRevision };
      return;
    }
    const sent = this.beats.sent.get(Number(m.heartbeat));
    const early = old !== undefined && sent !== undefined && sent.mono < old.sent.mono;
    if (sent === undefined || early || m.serverTime < 0n || m.serverTime >= maxServerSeconds * 1_000_000_000n) {
      throw new BrokenStream("an echo is of no heartbeat that was sent, or of no time");
    }
    this.granted = { sent, serverMs: Number(m.serverTime / 1000n + 2n) / 1000, policy: this.policyRevision };
  }

  /** The revision that a decision must reflect; undefined: only the server can tell. */
  demand(consistency: MessageInitShape<typeof ConsistencySchema> | undefined | null): number | undefined {
    if (consistency === undefined || consistency === null) {
      return 0;
    }
    const need = consistency.requirement;
    if (need?.case === "minimizeLatency") {
      return need.value === true ? 0 : undefined;
    }
    if (need?.case !== "atLeastAsFresh" || typeof need.value !== "string") {
      return undefined;
    }
    const token = parseToken(need.value);
    return token?.storeId === this.storeId && this.accepted[token.revision % acceptedTokens] === need.value
      ? token.revision
      : undefined;
  }

  /**
   * Remembers that the server has answered on a state that reflects a token, within this stream. Until then only the server
   * can tell: where the store lost its newest changes, others have taken their revisions. The stream ends where that happens.
   */
  accept(consistency: Consistency | undefined): void {
    const need = consistency?.requirement;
    const token = need?.case === "atLeastAsFresh" ? parseToken(need.value) : undefined;
    if (token?.storeId === this.storeId) {
      this.accepted[token.revision % acceptedTokens] = need!.value as string;
    }
  }

  /** The entry whose policies are those in force and whose state no change has overtaken, and reflects `atLeast`. */
  find(key: string, atLeast: number): NearEntry | undefined {
    const e = this.table.get(key);
    if (e === undefined || !this.current(e, atLeast)) {
      return undefined;
    }
    e.used = true;
    return e;
  }

  /** An entry that no change up to `seen` has touched is as good as one read at `seen`. */
  private current(e: NearEntry, atLeast: number): boolean {
    return (
      this.granted !== undefined &&
      e.response.policyRevision === this.granted.policy &&
      this.untouched(e) &&
      Math.max(e.revision, this.seen) >= atLeast
    );
  }

  private untouched(e: NearEntry): boolean {
    return e.revision >= this.floors[e.slot]!;
  }

  /**
   * Whether all entries show the state at one revision, the newest that was told, and it reflects `atLeast`. One that
   * was read at a newer one does not: a change that was not told yet may lie between it and the others.
   */
  atOnce(all: readonly NearEntry[], atLeast: number): boolean {
    return this.seen >= atLeast && all.every((e) => e.revision <= this.seen && this.untouched(e));
  }

  /** By both clocks: the wall clock may end a lease early where it steps, and must where the machine slept. */
  leased(now: Reading): boolean {
    const sent = this.granted?.sent;
    return sent !== undefined && now.mono - sent.mono < this.leaseMs && now.wall - sent.wall < this.leaseMs - wallGrainMs;
  }

  /** Whether the lease holds and the decision's time has not come, by clocks that were read after all else. */
  valid(e: NearEntry, now: Reading): boolean {
    if (this.granted === undefined || !this.leased(now)) {
      return false;
    }
    const since = now.mono - this.granted.sent.mono;
    return this.granted.serverMs + since + since / driftPart < e.validUntilMs;
  }

  /** Keeps an entry, unless a change has overtaken it already; returns one that is thrown away for it. */
  keep(e: NearEntry): NearEntry | undefined {
    return this.untouched(e) ? this.table.put(e, (old) => !this.current(old, 0)) : undefined;
  }
}

function soundHello(hello: WatchHello): boolean {
  const { slotCount: count } = hello;
  const [lease, interval] = [nanoseconds(hello.lease), nanoseconds(hello.heartbeatInterval)];
  return (
    hello.storeId.length === 16 &&
    hello.slotKey.length === 32 &&
    count > 0 &&
    count <= maxSlotCount &&
    (count & (count - 1)) === 0 &&
    lease > 0n &&
    lease <= BigInt(maxLeaseMs) * 1_000_000n &&
    interval > 0n &&
    interval <= BigInt(maxLeaseMs) * 1_000_000n
  );
}

/** Whether a message is as the first one of a stream must be. */
function opens(m: WatchInvalidationsResponse): boolean {
  return (
    m.checksum === checksum(m) &&
    m.position === m.fromPosition &&
    m.policyRevision !== "" &&
    m.heartbeat === 0n &&
    m.slots.length === 0
  );
}
