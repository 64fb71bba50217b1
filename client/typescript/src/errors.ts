import { fromBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack, type Duration } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";

import type { Decision } from "./decision.js";
import type { CheckError } from "./gen/consent/v1/decision_service_pb.js";
import { BadRequestSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { StatusSchema, type Status } from "./gen/google/rpc/status_pb.js";

/** The name of a gRPC status other than OK: "UNAVAILABLE". */
export type Code = Exclude<keyof typeof status, "OK">;

/** One fault of a request that was refused with INVALID_ARGUMENT. */
export interface Violation {
  /** The field's path within the request, for example "data_categories[0]". */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/**
 * Marks the errors of this package for `instanceof`: a program may hold it twice, as an ES module and as CommonJS,
 * and an error of the one is an error of the other.
 */
const mark = Symbol.for("@consentd/client.error");

/** The only error that calls are rejected with; a `StoreMismatchError` and a `DeniedError` are ones. */
export class ConsentError extends Error {
  override readonly name: string = "ConsentError";
  /** The gRPC status. */
  readonly code: Code;
  /** The fields at fault; empty for any other error. */
  readonly violations: readonly Violation[];
  /** How long the server asks to wait before the next attempt, in milliseconds; 0: it does not say. */
  readonly retryDelayMs: number;

  constructor(
    code: Code,
    message: string,
    more: { violations?: readonly Violation[]; retryDelayMs?: number; cause?: unknown } = {},
  ) {
    super(message, "cause" in more ? { cause: more.cause } : undefined);
    this.code = code;
    this.violations = more.violations ?? [];
    this.retryDelayMs = more.retryDelayMs ?? 0;
  }

  /** @internal The names of the classes that the error is of. */
  get [mark](): readonly string[] {
    return ["ConsentError", this.name];
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOf(this, value, { of: ConsentError, name: "ConsentError" });
  }

  /** What JSON.stringify prints. */
  toJSON() {
    const { name, code, message, violations, retryDelayMs } = this;
    return { name, code, message, violations, retryDelayMs };
  }
}

/** `value instanceof asked`: by its mark for the class itself, as usual for one that is derived from it. */
function isOf(asked: unknown, value: unknown, own: { of: unknown; name: string }): boolean {
  if (asked !== own.of) {
    return Function.prototype[Symbol.hasInstance].call(asked as () => void, value);
  }
  return value instanceof Error && ((value as { [mark]?: readonly string[] })[mark]?.includes(own.name) ?? false);
}

/**
 * What a call is rejected with: a fault of this package, or of what a test puts in the place of a part, is INTERNAL.
 */
export function asConsentError(thrown: unknown): ConsentError {
  return thrown instanceof ConsentError ? thrown : new ConsentError("INTERNAL", "the client failed", { cause: thrown });
}

/**
 * What a session's calls show of the servers: they do not share a store, so what is written through one is not part
 * of the state behind another's answers, not even a withdrawal. A server refused the token of the session's newest
 * write, or answered or wrote with another store than the session's first. Its code is FAILED_PRECONDITION. Events
 * whose `recordEvents` is rejected with it are recorded, in the other store.
 *
 * A token is never dropped. Give the client servers of one store; where a store was replaced, or an older copy of it
 * restored, make a new session.
 */
export class StoreMismatchError extends ConsentError {
  override readonly name: string = "StoreMismatchError";

  constructor(what: string, cause?: unknown) {
    const remedy = "give the client servers of one store; after a store was replaced make a new session";
    super("FAILED_PRECONDITION", `the servers do not share a store: ${what}: ${remedy}`, { cause });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOf(this, value, { of: StoreMismatchError, name: "StoreMismatchError" });
  }
}

/**
 * What a guard is rejected with that did not run its function because the server denied. Its code is
 * PERMISSION_DENIED.
 */
export class DeniedError extends ConsentError {
  override readonly name: string = "DeniedError";

  constructor(readonly decision: Decision) {
    super("PERMISSION_DENIED", decision.toString());
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isOf(this, value, { of: DeniedError, name: "DeniedError" });
  }
}

/** What calls of a closed client are rejected with. */
export function closedError(cause?: unknown): ConsentError {
  return new ConsentError("CANCELLED", "the client is closed", { cause });
}

/**
 * The name of a status code. OK and what is no code are UNKNOWN: an error that says OK must not look like an answer.
 */
export function codeName(code: number): Code {
  const name = status[code] as Code | "OK" | undefined;
  return name === undefined || name === "OK" ? "UNKNOWN" : name;
}

/** A status as gRPC reports it; details are its grpc-status-details-bin, unreadable ones count as none. */
export function statusError(code: number, message: string, details?: Uint8Array): ConsentError {
  const parsed = parseStatus(details);
  const violations = unpack(parsed, BadRequestSchema)
    .flatMap((d) => d.fieldViolations)
    .map((v) => ({ field: v.field, description: v.description }));
  const [delay] = unpack(parsed, RetryInfoSchema).map((d) => d.retryDelay);
  return new ConsentError(codeName(code), message, { violations, retryDelayMs: milliseconds(delay) });
}

/** The error of one request of a batch, as the call for it alone would have been rejected. */
export function batchError(error: CheckError): ConsentError {
  return new ConsentError(codeName(error.code), error.message, {
    violations: error.fieldViolations.map((v) => ({ field: v.field, description: v.description })),
    retryDelayMs: milliseconds(error.retryDelay),
  });
}

function milliseconds(delay: Duration | undefined): number {
  return delay === undefined ? 0 : Math.max(0, Number(delay.seconds) * 1000 + delay.nanos / 1e6);
}

function parseStatus(details: Uint8Array | undefined): Status | undefined {
  if (details === undefined) {
    return undefined;
  }
  try {
    return fromBinary(StatusSchema, details);
  } catch {
    return undefined;
  }
}

function unpack<D extends DescMessage>(s: Status | undefined, schema: D): MessageShape<D>[] {
  try {
    return (s?.details ?? []).map((d) => anyUnpack(d, schema)).filter((d) => d !== undefined);
  } catch {
    return [];
  }
}
