import { checksum } from "../src/near-codec.js";
import type { NearSession, Reading } from "../src/near-session.js";
import type { WatchInvalidationsResponse } from "../src/index.js";

/** A fault that a near cache must not have: it is done to each message before that is applied. */
export type Plant = (session: NearSession, m: WatchInvalidationsResponse, now: () => Reading) => void;

/** By the names that the safety suite has for them. */
export const plants: Readonly<Record<string, Plant>> = {
  /** No change is heard of. */
  floor: (_, m) => change(m, { slots: [] }),
  /** A lease runs from when its echo arrives. */
  lease: (session, _, now) => session.sentBeats.forEach((_, n) => session.sentBeats.set(n, now())),
  /** Other policies are not heard of. */
  policy: (session, m) => change(m, { policyRevision: session.policy }),
};

/** Changes a message as if it had been sent so. */
export function change(m: WatchInvalidationsResponse, to: Partial<WatchInvalidationsResponse>): void {
  Object.assign(m, to);
  m.checksum = checksum(m);
}
