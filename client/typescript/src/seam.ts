import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Decision } from "./decision.js";
import type { BatchCheckRequestSchema, CheckRequestSchema, CheckResponse } from "./gen/consent/v1/decision_service_pb.js";
import type { Transport } from "./transport.js";

/** What stands for the state of a near cache when a request left; what is in it is the cache's own. */
export type Ticket = object;

/**
 * A cache of decisions within this process, asked before the server. None of its methods waits; none throws by itself, though a caller's
 * request may when it is read.
 *
 * A session's newest write is part of the requests that it is given: as their consistency.
 */
export interface NearCache {
  /** A decision that may be used now. */
  lookup(request: MessageInitShape<typeof CheckRequestSchema>): Decision | undefined;
  /** A decision for each request of a batch, all of them right at one instant. */
  lookupAll(batch: MessageInitShape<typeof BatchCheckRequestSchema>): Decision[] | undefined;
  /**
   * Taken for a request before it leaves; undefined: its answer is not to be kept. It holds a copy of what the answer depends on: the
   * caller may change the request while it is under way.
   */
  ticket(request: MessageInitShape<typeof CheckRequestSchema>): Ticket | undefined;
  /** Told of the server's answer to the request that the ticket was taken for. */
  admit(ticket: Ticket, answer: { readonly response: CheckResponse; readonly decision: Decision }): void;
  /** The server's lease in milliseconds; 0 where none is known. */
  leaseMs(): number;
  stats(): NearCacheStats;
  close(): void;
}

/** What became of checks since the start. */
export interface NearCacheStats {
  /** How many were answered within this process. */
  readonly hits: number;
  /** How many by the server. */
  readonly misses: number;
  /** How many streams of invalidations there have been. */
  readonly streams: number;
}

/** Makes a near cache that watches, and reports, over a client's connections. */
export type MakeNearCache = (transport: Transport) => NearCache;
