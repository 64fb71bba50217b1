import { onAbort } from "./abort.js";
import { ConsentError } from "./errors.js";
import type { Bounds } from "./transport.js";

// Four attempts with waits of 25, 50 and 100 ms at most bridge a dropped connection and leave most of the default
// deadline to the attempts themselves; a server that needs longer says so in its RetryInfo.
const maxAttempts = 4;
const firstBackoffMs = 25;

// How much earlier than ours a server's timer may go off: it is told whole milliseconds, and timers are not exact.
const timerDriftMs = 10;

/** Time as the retries need it. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Waits; resolves to false at once when the signal ends the wait. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<boolean>;
  /** At least 0, below 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve(false);
        return;
      }
      const forget =
        signal &&
        onAbort(signal, () => {
          clearTimeout(timer);
          resolve(false);
        });
      const timer = setTimeout(() => {
        forget?.();
        resolve(true);
      }, ms);
    }),
  random: Math.random,
};

/**
 * Gives calls a deadline and repeats those that end UNAVAILABLE: all of the API's calls may be repeated, because they
 * either write nothing or carry idempotency keys. One for all calls of a client.
 */
export class Retrier {
  private readonly budget = new Budget();

  constructor(private readonly clock: Clock = systemClock) {}

  /** @throws ConsentError what the last attempt was rejected with. */
  async run<T>(bounds: Bounds, attempt: (bounds: Bounds) => Promise<T>): Promise<T> {
    return this.attempts({ bounds, end: this.clock.now() + bounds.timeoutMs }, attempt);
  }

  /** Notes that a first attempt outside of run was answered. */
  succeeded(): void {
    this.budget.observe(undefined);
  }

  /** `run` after a first attempt outside of it has failed; the end is in the milliseconds of performance.now. */
  async resume<T>(
    first: { bounds: Bounds; end: number; error: ConsentError },
    attempt: (bounds: Bounds) => Promise<T>,
  ): Promise<T> {
    return this.attempts(first, attempt);
  }

  private async attempts<T>(
    { bounds, end, error: failed }: { bounds: Bounds; end: number; error?: ConsentError },
    attempt: (bounds: Bounds) => Promise<T>,
  ): Promise<T> {
    for (let n = 1; ; n++) {
      try {
        if (n === 1 && failed !== undefined) {
          throw failed;
        }
        const timeoutMs = end - this.clock.now();
        refuseEnded(timeoutMs, bounds.signal);
        const answer = await attempt({ ...bounds, timeoutMs });
        this.budget.observe(undefined);
        return answer;
      } catch (caught) {
        const error = this.timedOut(caught, end, bounds.signal)
          ? new ConsentError("DEADLINE_EXCEEDED", "the deadline has passed", { cause: caught })
          : caught;
        const unavailable = error instanceof ConsentError && error.code === "UNAVAILABLE";
        this.budget.observe(unavailable ? error : undefined);
        if (
          !unavailable ||
          n === maxAttempts ||
          this.budget.exhausted() ||
          !(await this.pause(error, n, { end, signal: bounds.signal }))
        ) {
          throw error;
        }
      }
    }
  }

  /** A server whose timer goes off first resets the stream, which gRPC reports as CANCELLED. */
  private timedOut(error: unknown, end: number, signal: AbortSignal | undefined): boolean {
    const cancelled = error instanceof ConsentError && error.code === "CANCELLED" && signal?.aborted !== true;
    return cancelled && end - this.clock.now() <= timerDriftMs;
  }

  /**
   * Waits and says whether there is a point in another attempt. It does not wait for what the deadline forbids: the
   * caller is better served by the server's error now than by DEADLINE_EXCEEDED later.
   */
  private async pause(error: ConsentError, n: number, until: { end: number; signal: AbortSignal | undefined }): Promise<boolean> {
    const own = firstBackoffMs * 2 ** (n - 1);
    const ms = error.retryDelayMs + own / 2 + (this.clock.random() * own) / 2; // half is random: who failed together returns apart
    return until.end - this.clock.now() > ms && (await this.clock.sleep(ms, until.signal));
  }
}

export function refuseEnded(timeoutMs: number, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new ConsentError("CANCELLED", "the caller's signal was aborted", { cause: signal.reason });
  }
  if (!(timeoutMs > 0)) {
    throw new ConsentError("DEADLINE_EXCEEDED", "the deadline has passed");
  }
}

/**
 * Keeps retries from multiplying the load of a server that is down: as in gRPC's retry throttling, a failure costs
 * one token of 100, any other outcome restores a tenth, and below half nothing is repeated.
 */
class Budget {
  private spent = 0; // tenths of tokens
  private last: ConsentError | undefined;

  exhausted(): boolean {
    return this.spent >= 500;
  }

  /** A failure that many calls share, such as the end of their stream, is one. */
  observe(failure: ConsentError | undefined): void {
    if (failure === undefined) {
      this.spent = Math.max(0, this.spent - 1);
    } else if (failure !== this.last) {
      this.spent = Math.min(1_000, this.spent + 10);
      this.last = failure;
    }
  }
}
