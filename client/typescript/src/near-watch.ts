import { randomBytes } from "node:crypto";

import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";

import {
  WatchInvalidationsRequestSchema,
  WatchInvalidationsResponseSchema,
  type WatchInvalidationsResponse,
} from "./gen/consent/v1/decision_service_pb.js";
import { NearSession, type Reading } from "./near-session.js";

// The waits between streams: a server that restarts is found soon, one that has no such call is not bothered.
const firstRewatchMs = 50;
const maxRewatchMs = 5_000;
/** How long a stream may take to begin, connecting included. */
const helloMs = 10_000;
/** How long closing waits for the server to hear that the lease is given up. */
const releaseMs = 250;

/** The sending side of a stream of invalidations. Its methods never throw. */
export interface NearStream {
  send(message: Uint8Array): void;
  /** Closes the sending side: the lease is given up. */
  end(): void;
  /** Ends the stream. */
  cancel(): void;
}

/** Who hears a stream; `end` comes once, last. */
export interface NearListener {
  message(bytes: Uint8Array): void;
  end(): void;
}

/** Opens WatchInvalidations; the stream waits until there is a connection. */
export type OpenStream = (listener: NearListener) => NearStream;

/** Time as a near cache needs it. */
export interface NearClock {
  now(): Reading;
  random(): number;
  /** Calls once after so many milliseconds; the function that it returns keeps it from that. */
  after(ms: number, then: () => void): () => void;
}

/** What a watch tells of. */
export interface NearEvents {
  /** The session that may be used; undefined: none. */
  current(session: NearSession | undefined): void;
  /** A session that will not be used again. */
  ended(session: NearSession): void;
  /** Sees each message before it is applied: tests plant faults there. */
  tap?: ((session: NearSession, m: WatchInvalidationsResponse) => void) | undefined;
}

/** What a watch is made of. */
export interface NearParts {
  readonly open: OpenStream;
  readonly clock: NearClock;
  readonly events: NearEvents;
  readonly maxEntries: number;
}

/** Keeps one stream of invalidations after the other, until it is closed. */
export class NearWatch {
  private readonly cacheId = randomBytes(16);
  private stream: WatchedStream | undefined;
  private waitMs = firstRewatchMs;
  private stopWaiting: () => void = () => undefined;
  private closed = false;

  constructor(private readonly parts: NearParts) {
    this.watch();
  }

  /** Gives the lease up. Resolves once the server has heard, or after a quarter of a second. */
  async close(): Promise<void> {
    if (this.closed) {
      return;
    }
    this.closed = true;
    this.stopWaiting();
    await this.stream?.release();
  }

  private watch(): void {
    this.stream = new WatchedStream(this.parts, this.cacheId, (useful) => this.again(useful));
  }

  private again(useful: boolean): void {
    this.stream = undefined;
    if (this.closed) {
      return;
    }
    this.waitMs = useful ? firstRewatchMs : this.waitMs;
    const { clock } = this.parts;
    this.stopWaiting = clock.after(this.waitMs / 2 + clock.random() * this.waitMs, () => this.watch());
    this.waitMs = Math.min(2 * this.waitMs, maxRewatchMs);
  }
}

/** One stream, from its opening to its end. */
class WatchedStream {
  private readonly stream: NearStream;
  private session: NearSession | undefined;
  private began: Reading;
  private stopTimer: () => void;
  private released: (() => void) | undefined;
  private over = false;

  /** @param ended is called once, with whether a lease was granted. */
  constructor(
    private readonly parts: NearParts,
    cacheId: Uint8Array,
    private readonly ended: (useful: boolean) => void,
  ) {
    this.began = parts.clock.now();
    this.stream = parts.open({ message: (bytes) => this.hear(bytes), end: () => this.end() });
    this.send({ cacheId });
    this.stopTimer = parts.clock.after(helloMs, () => this.break());
  }

  /** Gives the lease up: no decision may be used from now on. */
  release(): Promise<void> {
    this.parts.events.current(undefined);
    if (this.session === undefined) {
      this.break();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.released = resolve;
      this.stopTimer();
      this.stopTimer = this.parts.clock.after(releaseMs, () => this.break());
      this.stream.end();
    });
  }

  private send(m: MessageInitShape<typeof WatchInvalidationsRequestSchema>): void {
    this.stream.send(toBinary(WatchInvalidationsRequestSchema, create(WatchInvalidationsRequestSchema, m)));
  }

  private hear(bytes: Uint8Array): void {
    if (this.over) {
      return;
    }
    try {
      this.take(fromBinary(WatchInvalidationsResponseSchema, bytes));
    } catch {
      this.break(); // a new stream begins with nothing
    }
  }

  private take(m: WatchInvalidationsResponse): void {
    if (this.session === undefined) {
      this.greeted(new NearSession(m, this.parts.maxEntries));
      return;
    }
    this.parts.events.tap?.(this.session, m);
    this.session.apply(m);
    if (m.position !== m.fromPosition) {
      this.send({ appliedPosition: m.position }); // after it is applied: a fence counts on it
    }
  }

  private greeted(session: NearSession): void {
    this.stopTimer();
    this.session = session;
    this.began = this.parts.clock.now();
    this.parts.events.current(session);
    this.beat(session);
  }

  /** A server that has not answered for two leases is taken for lost. */
  private beat(session: NearSession): void {
    const now = this.parts.clock.now();
    const last = session.granted?.sent ?? this.began;
    if (now.mono - last.mono > 2 * session.leaseMs) {
      this.break();
      return;
    }
    this.send({ heartbeat: BigInt(session.beat(now)) });
    this.stopTimer = this.parts.clock.after(session.heartbeatMs, () => this.beat(session));
  }

  private break(): void {
    this.end();
    this.stream.cancel();
  }

  private end(): void {
    if (this.over) {
      return;
    }
    this.over = true;
    this.stopTimer();
    this.parts.events.current(undefined);
    if (this.session !== undefined) {
      this.parts.events.ended(this.session);
    }
    this.released?.();
    this.ended(this.session?.granted !== undefined);
  }
}
