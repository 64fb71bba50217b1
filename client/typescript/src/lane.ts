import { onAbort } from "./abort.js";
import { decode } from "./codec.js";
import { batchError, closedError, ConsentError } from "./errors.js";
import { frame, fullFrameBytes, maxChecks, type FramedCheck } from "./frames.js";
import { CheckStreamResponseSchema, type CheckResponse, type StreamedResult } from "./gen/consent/v1/decision_service_pb.js";
import type { Bounds, Stream, StreamEvents } from "./transport.js";

/**
 * When a stream is replaced: it stays with one server, and with the credentials that it was opened with.
 * Milliseconds, all.
 */
const streamAgeMs = 60_000;

/** How long a stream is kept open on which nothing is asked. While it is open the process does not end by itself. */
const idleMs = 100;

/**
 * How long a stream with checks under way may say nothing before this side of it is closed. The server answers what
 * is under way all the same, and something in between that holds back what is not complete lets go of it.
 */
const quietMs = 400;

/** How much longer it may say nothing for each check under way: a busy server needs it. */
const quietMsForEach = 0.4;

/** How many times as quick a call of its own must be answered to show that it is the stream, and no busy server. */
const quicker = 3;

/**
 * For how long checks are calls of their own after a stream was quiet; it doubles each time, until one answers soon
 * enough. The first of these calls that is answered shows that the stream does not get through: its checks are made
 * again by calls too.
 */
const shortestPauseMs = 5_000;
const longestPauseMs = 60_000;

/** What a lane needs. */
export interface LaneParts {
  open(events: StreamEvents): Promise<Stream>;
  now(): number;
}

/** The failure of a stream that is no single check's: the check may be made again by itself. */
export class StreamError extends ConsentError {
  constructor(cause: ConsentError) {
    super(cause.code, cause.message, { cause, violations: cause.violations, retryDelayMs: cause.retryDelayMs });
  }
}

/** Who asks: gets one of the two, once. */
export interface Asker {
  answered(response: CheckResponse): void;
  /** With the check's own error, or a `StreamError`. */
  failed(error: ConsentError): void;
}

/** One check that waits for its answer. */
class Call implements FramedCheck {
  /** Set when it is sent. */
  id = 0;
  on: CheckStream | undefined = undefined;
  timeoutMs = 0;
  /** Frees what waits for the caller's signal. */
  forget: (() => void) | undefined = undefined;

  constructor(
    readonly request: Uint8Array,
    /** When the caller has its answer at the latest. */
    readonly end: number,
    readonly asker: Asker,
  ) {}
}

/** One stream of a lane. */
interface CheckStream {
  stream: Stream | undefined; // undefined: it is being opened
  opened: number;
  lastId: number;
  /** By their ids, those that have no answer. */
  readonly calls: Map<number, Call>;
  readonly cancelled: number[];
  /** A message is on its way out: what is asked meanwhile leaves in the next. */
  sending: boolean;
  /** When the first check was sent after the stream was heard last; undefined: none was. */
  asked: number | undefined;
  /** It was quiet, so that this side of it is closed. */
  mute: boolean;
}

/**
 * Carries checks over a CheckStream, one stream at a time, and opens the next when it ends.
 *
 * Batching is natural. What is asked in one turn of the event loop leaves in one message at the end of the turn
 * (setImmediate), as do the checks of callers whose answers came in one message; what is asked while a message goes
 * out leaves in the next. A lone check leaves at once, and nothing waits for a clock. A check waits for its turn as
 * long as its deadline allows: none is refused because there are many.
 *
 * There is one timer for all checks, not one for each. It ends checks only after what has arrived was read: in a
 * burst the answers may be in the socket when the timer goes off.
 */
export class Lane {
  private readonly waiting = new Set<Call>();
  private queue: Call[] = [];
  private current: CheckStream | undefined;
  /** All that have not ended, the current one too. */
  private readonly streams = new Set<CheckStream>();
  private scheduled = false;
  private closed = false;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Infinity;
  private idleTimer: NodeJS.Timeout | undefined;
  private streamlessUntil = -Infinity;
  private pauseMs = shortestPauseMs;

  constructor(private readonly parts: LaneParts) {}

  /** Whether checks are to be calls of their own, because streams do not get through. */
  streamless(): boolean {
    return this.parts.now() < this.streamlessUntil;
  }

  /** Has one check decided, which is encoded already. The asker is not told before this returns. */
  check(request: Uint8Array, { timeoutMs, signal }: Bounds, asker: Asker): void {
    if (this.closed) {
      queueMicrotask(() => asker.failed(closedError()));
      return;
    }
    const call = new Call(request, this.parts.now() + timeoutMs, asker);
    if (signal !== undefined) {
      call.forget = onAbort(signal, () => {
        this.drop(call, new ConsentError("CANCELLED", "the caller's signal was aborted", { cause: signal.reason }));
      });
    }
    this.waiting.add(call);
    this.queue.push(call);
    this.wakeBy(call.end);
    this.schedule();
  }

  /** Told how long a call took that answered a check: a stream that is quiet for much longer does not get through. */
  answeredAlone(tookMs: number): void {
    const now = this.parts.now();
    for (const s of this.streams) {
      if (s.mute && s.asked !== undefined && now - s.asked > quicker * tookMs) {
        this.giveUp(s, new ConsentError("UNKNOWN", "the stream does not answer, though the server does"));
      }
    }
  }

  /** Ends all checks with CANCELLED. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.idleTimer);
    this.queue = [];
    for (const call of [...this.waiting]) {
      this.fail(call, closedError());
    }
    this.streams.forEach((s) => s.stream?.cancel());
  }

  private schedule(): void {
    if (!this.scheduled && !this.closed) {
      this.scheduled = true;
      setImmediate(() => {
        this.scheduled = false;
        this.send();
      });
    }
  }

  /** Sends one message at most. */
  private send(): void {
    const s = this.streamToSendOn();
    if (s?.stream === undefined || s.sending || this.closed) {
      return;
    }
    const checks = this.gather(s);
    if (checks.length + s.cancelled.length === 0) {
      if (s.calls.size === 0) {
        this.idle(); // whoever had it opened waits no longer
      }
      return;
    }
    s.sending = true;
    try {
      s.stream.send(frame(checks, s.cancelled.splice(0)), () => {
        s.sending = false;
        if (this.queue.length + s.cancelled.length > 0) {
          this.schedule();
        }
      });
    } catch (error) {
      this.giveUp(s, errorOf(error)); // nobody above would catch it
    }
  }

  private streamToSendOn(): CheckStream | undefined {
    const now = this.parts.now();
    if (this.current !== undefined) {
      this.muteIfQuiet(this.current, now);
    }
    if (this.current !== undefined && now - this.current.opened > streamAgeMs) {
      this.retire(this.current);
    }
    if (this.current === undefined && this.queue.length > 0 && !this.closed) {
      this.open();
    }
    return this.current;
  }

  /** Takes what waits, up to a full message. */
  private gather(s: CheckStream): Call[] {
    const now = this.parts.now();
    const taken: Call[] = [];
    let bytes = 0;
    let n = 0;
    for (; n < this.queue.length && taken.length < maxChecks && bytes < fullFrameBytes; n++) {
      const call = this.queue[n]!;
      if (this.waiting.has(call) && call.end > now) {
        call.id = ++s.lastId;
        call.on = s;
        call.timeoutMs = call.end - now;
        s.calls.set(call.id, call);
        taken.push(call);
        bytes += call.request.length;
      }
    }
    this.queue = this.queue.slice(n);
    if (taken.length > 0 && s.asked === undefined) {
      s.asked = now;
      this.wakeBy(now + quietMs);
    }
    return taken;
  }

  private open(): void {
    const s: CheckStream = {
      stream: undefined,
      opened: this.parts.now(),
      lastId: 0,
      calls: new Map(),
      cancelled: [],
      sending: false,
      asked: undefined,
      mute: false,
    };
    this.current = s;
    this.streams.add(s);
    const events = { message: (m: Uint8Array) => this.receive(s, m), end: (e: ConsentError) => this.ended(s, e) };
    this.parts.open(events).then(
      (stream) => this.opened(s, stream),
      (error: unknown) => this.unopened(s, error),
    );
  }

  private opened(s: CheckStream, stream: Stream): void {
    s.stream = stream;
    if (this.closed) {
      stream.cancel();
    } else if (this.streams.has(s)) {
      this.send();
    }
  }

  /** What waits to be sent shares the failure: the next stream would fare alike. */
  private unopened(s: CheckStream, error: unknown): void {
    this.ended(
      s,
      error instanceof ConsentError ? error : new ConsentError("INTERNAL", "no stream can be opened", { cause: error }),
    );
    const queue = this.queue;
    this.queue = [];
    for (const call of queue) {
      this.fail(call, new StreamError(errorOf(error)));
    }
  }

  private receive(s: CheckStream, message: Uint8Array): void {
    s.asked = undefined;
    if (!s.mute) {
      this.pauseMs = shortestPauseMs;
    }
    try {
      const { results, draining } = decode(CheckStreamResponseSchema, message);
      for (const result of results) {
        this.answer(s, result);
      }
      if (draining) {
        this.retire(s);
      }
    } catch (error) {
      this.giveUp(s, errorOf(error));
      return;
    }
    if (s.calls.size > 0 && !s.mute) {
      s.asked = this.parts.now();
      this.wakeBy(s.asked + quietMs);
    }
  }

  private answer(s: CheckStream, { id, outcome }: StreamedResult): void {
    const call = s.calls.get(Number(id));
    if (call === undefined) {
      return; // given up
    }
    switch (outcome.case) {
      case "response":
        this.settle(call);
        call.asker.answered(outcome.value);
        return;
      case "error":
        this.fail(call, batchError(outcome.value));
        return;
      default:
        this.fail(call, new ConsentError("INTERNAL", "the server sent a result without an outcome that is known"));
    }
  }

  /** Takes a stream out of use; the server answers what is under way, and ends it. */
  private retire(s: CheckStream): void {
    if (this.current === s) {
      this.current = undefined;
    }
    s.stream?.end();
    if (this.queue.length > 0) {
      this.schedule();
    }
  }

  /** Ends a stream that is of no use. */
  private giveUp(s: CheckStream, error: ConsentError): void {
    this.ended(s, error);
    s.stream?.cancel();
  }

  private ended(s: CheckStream, error: ConsentError): void {
    if (!this.streams.delete(s)) {
      return;
    }
    if (this.current === s) {
      this.current = undefined;
    }
    const why = new StreamError(this.closed ? closedError() : endOf(error));
    for (const call of [...s.calls.values()]) {
      this.fail(call, why);
    }
    if (this.queue.length > 0) {
      this.schedule();
    }
  }

  /** The call has its answer, or nobody waits for it. */
  private settle(call: Call): void {
    this.waiting.delete(call);
    call.forget?.();
    if (call.on?.calls.delete(call.id) === true && call.on.calls.size === 0) {
      this.idle();
    }
    if (this.waiting.size === 0) {
      clearTimeout(this.timer); // it would keep the process alive
      this.timerAt = Infinity;
    }
  }

  private fail(call: Call, error: ConsentError): void {
    this.settle(call);
    call.asker.failed(error);
  }

  /** Ends a call whose caller does not wait any longer, and tells the server. */
  private drop(call: Call, error: ConsentError): void {
    const sent = call.on?.calls.get(call.id) === call ? call.on : undefined;
    this.fail(call, error);
    if (sent?.mute === true && sent.calls.size === 0) {
      sent.stream?.cancel();
    }
    if (sent !== undefined && sent === this.current) {
      sent.cancelled.push(call.id);
      this.schedule();
    }
  }

  private idle(): void {
    if (this.queue.length > 0 || this.current === undefined) {
      return;
    }
    this.idleTimer ??= setTimeout(() => this.endIdle(), idleMs).unref();
    this.idleTimer.refresh();
  }

  private endIdle(): void {
    const s = this.current;
    if (s !== undefined && s.calls.size === 0 && this.queue.length === 0) {
      this.retire(s);
      if (s.asked !== undefined) {
        s.stream?.cancel(); // nobody waits for the answers, which may never come
      }
    }
  }

  /** Has the timer go off at this time, if it does not before. */
  private wakeBy(time: number): void {
    if (time >= this.timerAt || this.closed) {
      return;
    }
    clearTimeout(this.timer);
    this.timerAt = time;
    this.timer = setTimeout(() => setImmediate(() => this.wake()), Math.max(0, time - this.parts.now()));
  }

  private wake(): void {
    this.timerAt = Infinity;
    if (this.closed) {
      return;
    }
    const now = this.parts.now();
    let next = Infinity;
    for (const s of this.streams) {
      next = Math.min(next, this.muteIfQuiet(s, now));
    }
    for (const call of [...this.waiting]) {
      if (call.end <= now) {
        this.drop(call, new ConsentError("DEADLINE_EXCEEDED", "the deadline has passed"));
      } else {
        next = Math.min(next, call.end);
      }
    }
    if (next < Infinity) {
      this.wakeBy(next);
    }
  }

  /** Returns when to look again; Infinity: not before something happens. */
  private muteIfQuiet(s: CheckStream, now: number): number {
    if (s.asked === undefined || s.mute) {
      return Infinity;
    }
    if (s.stream?.ready?.() === false) {
      s.asked = now; // it is still being connected: that is not its silence
    }
    const patience = quietMs + quietMsForEach * s.calls.size;
    if (now - s.asked < patience) {
      return s.asked + patience;
    }
    s.mute = true;
    this.retire(s);
    this.streamlessUntil = now + this.pauseMs;
    this.pauseMs = Math.min(2 * this.pauseMs, longestPauseMs);
    return Infinity;
  }
}

function errorOf(error: unknown): ConsentError {
  return error instanceof ConsentError ? error : new ConsentError("INTERNAL", "the stream failed", { cause: error });
}

/** A server that stops, or a stream that was given up, is one that may be there again. */
function endOf(error: ConsentError): ConsentError {
  return error.code === "CANCELLED" ? new ConsentError("UNAVAILABLE", "the stream to the server ended before it answered") : error;
}
