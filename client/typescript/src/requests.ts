import { randomFillSync } from "node:crypto";

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";

import type { LinkSubjectsRequestSchema, UnlinkSubjectsRequestSchema } from "./gen/consent/v1/consent_service_pb.js";
import { ConsistencySchema, type Consistency } from "./gen/consent/v1/decision_service_pb.js";
import type { EventSchema } from "./gen/consent/v1/types_pb.js";

/**
 * What happened, as an event says it: `{ case: "consent", value: { purpose, status, noticeVersion } }`. Links and
 * partings are recorded by `linkSubjects` and `unlinkSubjects`.
 */
export type EventKind = Exclude<NonNullable<MessageInitShape<typeof EventSchema>["kind"]>, { case: "link" | "unlink" }>;

/**
 * An event of now with a fresh UUIDv7 as its id. Make an event once and repeat it with the same id; a new id would record it
 * twice. An annulment and the restart of an erasure need `evidence` too.
 */
export function newEvent(source: string, kind?: EventKind) {
  const event = { id: uuid7(), occurredAt: timestampNow(), source };
  return kind === undefined ? event : { ...event, kind };
}

/**
 * Two ids of a controller, of which `subjectId` is one of the person's and `linkedId` the one that was found to be
 * theirs.
 */
export interface Pair {
  controller: string;
  subjectId: string;
  linkedId: string;
  /** A URI of what shows it. */
  evidence?: string;
  /** No cache anywhere answers from the older state once the call resolves. */
  fence?: boolean;
}

/**
 * A request of now that makes two ids one person, with a fresh UUIDv7 as its event's id. Make it once and repeat it as
 * it is; a new id would record it twice. An import needs evidence.
 */
export function newLink(source: string, pair: Pair) {
  return { ...pair, eventId: uuid7(), occurredAt: timestampNow(), source } satisfies MessageInitShape<typeof LinkSubjectsRequestSchema>;
}

/** A request that parts two ids, made as `newLink` makes one. The evidence shows that they are two people. */
export function newUnlink(source: string, pair: Pair & { evidence: string }) {
  return { ...pair, eventId: uuid7(), occurredAt: timestampNow(), source } satisfies MessageInitShape<typeof UnlinkSubjectsRequestSchema>;
}

/** Forbids a state older than the one that a consistency token stands for. */
export function atLeastAsFresh(token: string): Consistency {
  return create(ConsistencySchema, { requirement: { case: "atLeastAsFresh", value: token } });
}

/** Has the server read its store, past its cache. */
export function fullyConsistent(): Consistency {
  return create(ConsistencySchema, { requirement: { case: "fullyConsistent", value: true } });
}

/** RFC 9562: 48 bits of milliseconds, the version, the variant, and 74 random bits. */
function uuid7(): string {
  const bytes = randomFillSync(Buffer.alloc(16));
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
