import { fromBinary, toBinary } from "@bufbuild/protobuf";

import { Decision } from "./decision.js";
import {
  BatchCheckRequestSchema,
  CheckRequestSchema,
  CheckResponseSchema,
  type CheckRequest,
  type CheckResponse,
  type WatchInvalidationsResponse,
} from "./gen/consent/v1/decision_service_pb.js";
import { Decision as Effect, Degradation, ReasonCode } from "./gen/consent/v1/types_pb.js";
import { parseToken, slotOf } from "./near-codec.js";
import { keyOf, type CheckInit } from "./near-key.js";
import { defaultReportEveryMs, NearReports, type Tell } from "./near-report.js";
import { maxServerSeconds, type NearSession } from "./near-session.js";
import type { NearEntry } from "./near-table.js";
import { OpenedStream } from "./near-stream.js";
import { NearWatch, type NearClock, type OpenStream } from "./near-watch.js";
import type { MakeNearCache, NearCache, NearCacheStats, Ticket } from "./seam.js";
import type { Transport } from "./transport.js";

/** Configures a near cache; `{}` is ready for use. */
export interface NearCacheOptions {
  /** Bounds how many decisions are kept, of about 1 KiB each. Default 65,536; zero and less mean the default. */
  maxEntries?: number | undefined;
  /**
   * How often the server is told how many checks were answered by which decision, so that its decision log and its
   * record of processing know of them; milliseconds. Default 5,000; zero means the default, less means never.
   */
  reportEveryMs?: number | undefined;
}

/** A batch as a lookup reads it. */
export interface BatchInit {
  requests?: CheckInit[];
  consistency?: CheckInit["consistency"];
}

/** What a near cache needs of its connection. */
export interface NearConnection {
  readonly open: OpenStream;
  readonly tell: Tell;
}

/** A transport as a near cache needs it. */
export function nearConnection(transport: Transport): NearConnection {
  return {
    open: (listener) => new OpenedStream(transport, listener),
    tell: (path, request, timeoutMs) => transport.unary(path, request, { timeoutMs, signal: undefined }),
  };
}

/** What tests put in place of the real parts. */
export interface NearTestParts {
  readonly clock?: NearClock;
  readonly tap?: (session: NearSession, m: WatchInvalidationsResponse) => void;
}

const defaultMaxEntries = 1 << 16;

/** Bounds what one decision takes, request and answer in their encoded forms; larger ones are not kept. */
const maxNearBytes = 4 << 10;

// How long a report may take, in milliseconds: one on the way, and the last one, which closing waits for.
const reportMs = 5_000;
const lastReportMs = 500;

// The clocks as they are when this file is loaded: what replaces timers and dates in a test must not stop a lease.
const monotonic = performance.now.bind(performance);
const wall = Date.now;

/** The clocks of this machine. Its timers keep no process from ending. */
export const nearClock: NearClock = {
  now: () => ({ mono: monotonic(), wall: wall() }),
  random: Math.random,
  after: (ms, then) => {
    const timer = setTimeout(then, ms).unref();
    return () => clearTimeout(timer);
  },
};

/**
 * Answers checks within this process where the server has decided the same before and nothing has changed since.
 *
 * What it guarantees: once a write with fence has resolved, anywhere, no check that starts later is answered from the
 * older state. Without fence a check may be answered so for one lease after the write was acknowledged (the server's
 * setting, two seconds), no longer; the same goes for a change of policies. A decision is never used past its
 * validUntil, by the server's clock.
 *
 * How: the server tells, over a stream, which hash slots of subjects have changed, and grants leases. A decision is
 * used only while its revision is at or above its slot's floor, its policies are those in force, and the lease holds,
 * by this machine's monotonic clock, counted from before the heartbeat was sent. The wall clock can only end a lease
 * early: it goes on while a machine is suspended. A lost, late or damaged stream means that all checks go to the
 * server.
 *
 * A lookup is synchronous, and what it found is what the check resolves to. An event loop that is held up delays what
 * is told, and so lets the lease run out: the clock is read by the lookup itself. What no clock shows is a virtual
 * machine that its host pauses and continues with both its clocks where they were.
 */
export class DecisionCache implements NearCache {
  private session: NearSession | undefined;
  private hits = 0;
  private misses = 0;
  private streams = 0;
  private lease = 0;
  private readonly clock: NearClock;
  private readonly reports: NearReports;
  private readonly watch: NearWatch;
  private stopReporting: () => void = () => undefined;

  constructor(connection: NearConnection, options: NearCacheOptions = {}, parts: NearTestParts = {}) {
    this.clock = parts.clock ?? nearClock;
    const every = options.reportEveryMs || defaultReportEveryMs;
    this.reports = new NearReports(connection.tell, every < 0);
    const maxEntries =
      options.maxEntries !== undefined && options.maxEntries >= 1 ? Math.floor(options.maxEntries) : defaultMaxEntries;
    const events = {
      current: (s: NearSession | undefined) => this.use(s),
      ended: (s: NearSession) => this.retire(s),
      tap: parts.tap,
    };
    this.watch = new NearWatch({ open: connection.open, clock: this.clock, events, maxEntries });
    if (every > 0) {
      this.reportEvery(every);
    }
  }

  /** A decision that may be used now. */
  lookup(request: CheckInit): Decision | undefined {
    const { session } = this;
    if (session === undefined) {
      return undefined;
    }
    const entry = quietly(() => this.entryOf(session, request));
    if (entry !== undefined && session.valid(entry, this.clock.now())) {
      return this.answer(entry);
    }
    this.misses++;
    return undefined;
  }

  private entryOf(session: NearSession, request: CheckInit): NearEntry | undefined {
    const key = keyOf(request);
    const atLeast = session.demand(request.consistency);
    return key === undefined || atLeast === undefined ? undefined : session.find(key, atLeast);
  }

  /**
   * A decision for each request of a batch. The server decides one by one set of policies, at one instant, and each
   * subject's requests on one state: so it is answered here only if all its decisions are there and were right at one
   * instant.
   */
  lookupAll(batch: BatchInit): Decision[] | undefined {
    const { session } = this;
    const requests = quietly(() => batch.requests) ?? [];
    if (session === undefined || requests.length === 0) {
      return undefined;
    }
    const entries = quietly(() => this.entriesOf(session, requests, batch.consistency));
    if (entries !== undefined && session.valid(soonest(entries), this.clock.now())) {
      return entries.map((e) => this.answer(e));
    }
    this.misses += requests.length;
    return undefined;
  }

  /** A request with a consistency of its own is the server's to refuse. */
  private entriesOf(session: NearSession, requests: CheckInit[], consistency: CheckInit["consistency"]): NearEntry[] | undefined {
    const atLeast = session.demand(consistency);
    const entries: NearEntry[] = [];
    for (const request of requests) {
      const own = request.consistency !== undefined && request.consistency !== null;
      const key = own || atLeast === undefined ? undefined : keyOf(request);
      const entry = key === undefined ? undefined : session.find(key, 0);
      if (entry === undefined) {
        return undefined;
      }
      entries.push(entry);
    }
    return session.atOnce(entries, atLeast ?? Infinity) ? entries : undefined;
  }

  private answer(entry: NearEntry): Decision {
    this.hits++;
    entry.answers++;
    return new Decision(entry.response);
  }

  /** What `admit` wants with the answer to a check or a batch that is sent now; undefined: it is not to be kept. */
  ticket(sent: Uint8Array): Ticket | undefined {
    return this.session === undefined ? undefined : { session: this.session, sent };
  }

  /**
   * Keeps the server's answer to a check, before its caller sees it: it is frozen. Answers may arrive after later
   * changes were told: the revision in the token, not the time, says what they are worth.
   */
  admit(ticket: Ticket | undefined, response: CheckResponse): void {
    quietly(() => {
      if (ticket !== undefined) {
        const asked = fromBinary(CheckRequestSchema, ticket.sent);
        ticket.session.accept(asked.consistency);
        this.keep(ticket.session, asked, response);
      }
    });
  }

  /** The same for a batch; undefined stands for a request that got no decision. */
  admitAll(ticket: Ticket | undefined, responses: readonly (CheckResponse | undefined)[]): void {
    quietly(() => {
      if (ticket !== undefined) {
        const batch = fromBinary(BatchCheckRequestSchema, ticket.sent);
        ticket.session.accept(batch.consistency);
        batch.requests.forEach((asked, i) => this.keep(ticket.session, asked, responses[i]));
      }
    });
  }

  private keep(session: NearSession, asked: CheckRequest, response: CheckResponse | undefined): void {
    if (response === undefined || !keepable(asked, response)) {
      return;
    }
    const token = parseToken(response.consistencyToken);
    const key = keyOf(asked);
    if (key !== undefined && token?.storeId === session.storeId) {
      this.reports.retire(session.keep(newEntry(session, { key, asked, response, revision: token.revision })));
    }
  }

  stats(): NearCacheStats {
    const leased = this.session?.leased(this.clock.now()) ?? false;
    return { hits: this.hits, misses: this.misses, streams: this.streams, leased };
  }

  /** How long the newest lease is, in milliseconds; 0 where none was known yet. It outlives its stream. */
  leaseMs(): number {
    return this.lease;
  }

  /** Gives the lease up, and resolves once the server was told of the last answers, or half a second later. */
  async close(): Promise<void> {
    this.stopReporting();
    await this.watch.close();
    await Promise.race([
      this.reports.report([], lastReportMs),
      new Promise<void>((resolve) => this.clock.after(lastReportMs, resolve)),
    ]);
  }

  private use(session: NearSession | undefined): void {
    this.session = session;
    if (session !== undefined) {
      this.streams++;
      this.lease = session.leaseMs;
    }
  }

  private retire(session: NearSession): void {
    for (const e of session.table.all()) {
      this.reports.retire(e);
    }
  }

  private reportEvery(ms: number): void {
    this.stopReporting = this.clock.after(ms, () => {
      void this.reports.report(this.session?.table.all() ?? [], reportMs);
      this.reportEvery(ms);
    });
  }
}

/** What goes wrong with a near cache concerns no check: the server decides, or says what is wrong with the request. */
function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** Makes the near cache that a client's option asks for. */
export function nearCacheOf(option: boolean | NearCacheOptions | undefined): MakeNearCache {
  return (transport) => new DecisionCache(nearConnection(transport), typeof option === "object" ? option : {});
}

/** The entry that ends first. */
function soonest(all: NearEntry[]): NearEntry {
  return all.reduce((first, e) => (e.validUntilMs < first.validUntilMs ? e : first));
}

/**
 * Whether an answer may be given again. One that this version does not understand whole may say that it must not, and a
 * denial because a policy failed, or what is degraded, may be another answer the next time.
 */
function keepable(asked: CheckRequest, response: CheckResponse): boolean {
  const { decision, reasons, validUntil, degraded } = response;
  const soundEnd =
    validUntil === undefined ||
    (validUntil.seconds > 0n && validUntil.seconds < maxServerSeconds && validUntil.nanos >= 0 && validUntil.nanos < 1e9);
  return (
    (decision === Effect.ALLOW || decision === Effect.DENY) &&
    degraded === Degradation.UNSPECIFIED &&
    soundEnd &&
    toBinary(CheckRequestSchema, asked).length + toBinary(CheckResponseSchema, response).length <= maxNearBytes &&
    !reasons.some((r) => r.code === ReasonCode.POLICY_ERROR) &&
    ![response, ...reasons, ...response.obligations].some((m) => (m.$unknown?.length ?? 0) > 0)
  );
}

function newEntry(
  session: NearSession,
  of: { key: string; asked: CheckRequest; response: CheckResponse; revision: number },
): NearEntry {
  const { controller, subjectId, purpose, dataCategories, recipient } = of.asked;
  const { validUntil: until } = of.response;
  return {
    key: of.key,
    response: frozen(of.response),
    asked: { controller, purpose, dataCategories, recipient },
    revision: of.revision,
    slot: slotOf(session.hello, controller, subjectId),
    validUntilMs: until === undefined ? Infinity : Number(until.seconds) * 1000 + Math.floor(until.nanos / 1000) / 1000,
    used: false,
    answers: 0,
  };
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
