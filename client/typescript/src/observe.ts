import type { Code } from "./errors.js";
import { asConsentError } from "./errors.js";

/** What an observer is told of a call, when it has ended. No subject is named. */
export interface ObservedCall {
  /** As the client's method is called: "check". */
  readonly method: string;
  /** What was asked, in a check. */
  readonly controller: string | undefined;
  readonly purpose: string | undefined;
  /** ALLOW or DENY of a check, OK of any other call, or the error's code. */
  readonly outcome: "ALLOW" | "DENY" | "OK" | Code;
  /** From the call to its end, all attempts together, in milliseconds. */
  readonly durationMs: number;
}

/**
 * Told of each call when it has ended, in the asynchronous context of its caller. It must be quick. What it throws is
 * dropped: the call's outcome stands.
 */
export type Observer = (call: ObservedCall) => void;

/** What is known of a call when it begins. */
export interface Begun {
  readonly method: string;
  /** The caller's request, which may be anything. */
  readonly request: unknown;
}

/** Makes a call, tells the observer of it, and has it rejected with `ConsentError` alone. */
export async function observed<T>(observer: Observer | undefined, begun: Begun, call: () => Promise<T>): Promise<T> {
  const started = observer === undefined ? 0 : performance.now();
  try {
    const answer = await call();
    tell(observer, begun, outcomeOf(answer), started);
    return answer;
  } catch (thrown) {
    const error = asConsentError(thrown);
    tell(observer, begun, error.code, started);
    throw error;
  }
}

function outcomeOf(answer: unknown): ObservedCall["outcome"] {
  const allowed = typeof answer === "object" && answer !== null && "allowed" in answer ? answer.allowed : undefined;
  return allowed === undefined ? "OK" : allowed === true ? "ALLOW" : "DENY";
}

function tell(observer: Observer | undefined, { method, request }: Begun, outcome: ObservedCall["outcome"], started: number): void {
  if (observer === undefined) {
    return;
  }
  try {
    const { controller, purpose } = (request ?? {}) as { controller?: string; purpose?: string };
    observer({ method, controller, purpose, outcome, durationMs: performance.now() - started });
  } catch {
    // The call has its outcome.
  }
}
