import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Decision } from "./decision.js";
import type { BatchCheckRequestSchema, CheckRequestSchema, CheckResponse } from "./gen/consent/v1/decision_service_pb.js";
import type { NearSession } from "./near-session.js";
import type { Transport } from "./transport.js";

/** What stands for the state of a near cache when a request left. */
export interface Ticket {
  readonly session: NearSession;
  readonly sent: Uint8Array;
}

/**
 * A cache of decisions within this process, asked before the server. None of its methods throws, and none but close
 * waits.
 *
 * A session's newest write is part of the requests that it is given: as their consistency.
 */
export interface NearCache {
  /** A decision that may be used now. */
  lookup(request: MessageInitShape<typeof CheckRequestSchema>): Decision | undefined;
  /** A decision for each request of a batch, all of them right at one instant. */
  lookupAll(batch: MessageInitShape<typeof BatchCheckRequestSchema>): Decision[] | undefined;
  /**
   * Taken for a check or a batch before it leaves, by the bytes that are sent: the caller may change the request while
   * it is under way. Undefined: its answer is not to be kept.
   */
  ticket(sent: Uint8Array): Ticket | undefined;
  /** Told of the server's answer to the check that the ticket was taken for; it freezes the answer. */
  admit(ticket: Ticket | undefined, response: CheckResponse): void;
  /** The same for a batch; undefined stands for a request that got no decision. */
  admitAll(ticket: Ticket | undefined, responses: readonly (CheckResponse | undefined)[]): void;
  /** The server's lease in milliseconds; 0 where none is known. */
  leaseMs(): number;
  stats(): NearCacheStats;
  /** Lookups miss from the call on; it resolves once the server knows, or soon. */
  close(): Promise<void>;
}

/** What became of checks since the start; all zero without a near cache. */
export interface NearCacheStats {
  /** How many were answered within this process. */
  readonly hits: number;
  /** How many by the server, though the near cache was asked. */
  readonly misses: number;
  /** How many streams of invalidations there have been. */
  readonly streams: number;
  /** Whether checks can be answered within this process at the moment. */
  readonly leased: boolean;
}

/** Makes a near cache that watches, and reports, over connections of its own. */
export type MakeNearCache = (transport: Transport) => NearCache;
