import { ConsentError } from "./errors.js";

/**
 * How long a call may take unless the client or the call says otherwise, all its attempts together, in milliseconds.
 */
export const defaultTimeoutMs = 1_000;

/** The longest that a call may take; what asks for more, such as Infinity, gets this. */
export const maxTimeoutMs = 3_600_000;

/**
 * How long a write with fence may take that sets no timeout, in milliseconds: three of the server's default leases. A
 * fence takes two at most, and the write itself needs some time too.
 */
export const fenceTimeoutMs = 6_000;
export const leasesPerFence = 3;

/** @throws ConsentError INVALID_ARGUMENT for what is no number; infinity is one. */
export function clampTimeout(ms: number): number {
  if (typeof ms !== "number" || Number.isNaN(ms)) {
    throw new ConsentError("INVALID_ARGUMENT", "timeoutMs is not a number of milliseconds");
  }
  return Math.min(ms, maxTimeoutMs);
}
