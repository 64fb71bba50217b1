import { randomFillSync } from "node:crypto";

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";

import { ConsistencySchema, type Consistency } from "./gen/consent/v1/decision_service_pb.js";
import type { EventSchema } from "./gen/consent/v1/types_pb.js";

/** What happened, as an event says it: `{ case: "consent", value: { purpose, status, noticeVersion } }`. */
export type EventKind = NonNullable<MessageInitShape<typeof EventSchema>["kind"]>;

/**
 * An event of now with a fresh UUIDv7 as its id. Make an event once and repeat it with the same id; a new id would record it
 * twice. An annulment and the restart of an erasure need `evidence` too.
 */
export function newEvent(source: string, kind?: EventKind) {
  const event = { id: uuid7(), occurredAt: timestampNow(), source };
  return kind === undefined ? event : { ...event, kind };
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
