import { createHmac } from "node:crypto";

import type { WatchHello, WatchInvalidationsResponse } from "./gen/consent/v1/decision_service_pb.js";

// What both sides of WatchInvalidations compute, as the proto file says it.

/** The table of a reflected CRC-32 with this polynomial. */
function crcTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit++) {
      n = n & 1 ? (n >>> 1) ^ polynomial : n >>> 1;
    }
    return n;
  });
}

const ieee = crcTable(0xedb88320);
const castagnoli = crcTable(0x82f63b78);

function crc(table: Uint32Array, bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum = table[(sum ^ byte) & 0xff]! ^ (sum >>> 8);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** What the checksum of a message must be. */
export function checksum(m: WatchInvalidationsResponse): number {
  const policy = Buffer.from(m.policyRevision);
  const numbers = Buffer.alloc(40 + 4 * m.slots.length);
  [m.fromPosition, m.position, m.revision, m.heartbeat, BigInt.asUintN(64, m.serverTime)].forEach((n, i) =>
    numbers.writeBigUInt64BE(n, 8 * i),
  );
  m.slots.forEach((slot, i) => numbers.writeUInt32BE(slot, 40 + 4 * i));
  return crc(ieee, Buffer.concat([numbers, policy, ...(m.hello === undefined ? [] : [helloBytes(m.hello)])]));
}

function helloBytes(hello: WatchHello): Buffer {
  const terms = Buffer.alloc(12);
  terms.writeUInt32BE(hello.slotCount);
  terms.writeBigUInt64BE(BigInt.asUintN(64, nanoseconds(hello.lease)), 4);
  return Buffer.concat([hello.storeId, hello.slotKey, terms]);
}

/** A duration; 0 where there is none. */
export function nanoseconds(duration: { seconds: bigint; nanos: number } | undefined): bigint {
  return duration === undefined ? 0n : duration.seconds * 1_000_000_000n + BigInt(duration.nanos);
}

/** The hash slot of a subject. */
export function slotOf(hello: WatchHello, controller: string, subjectId: string): number {
  const name = Buffer.from(controller);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(name.length);
  const digest = createHmac("sha256", hello.slotKey).update(size).update(name).update(subjectId).digest();
  return Number(digest.readBigUInt64BE() % BigInt(hello.slotCount));
}

/** What a consistency token says. */
export interface Token {
  /** The id of the store, in hexadecimal. */
  readonly storeId: string;
  readonly revision: number;
}

/** How long the text of a token of each version is. */
export const tokenChars: readonly (number | undefined)[] = [undefined, 39, 44];

/**
 * The bytes of a consistency token: a version, the store's id, the revision, in version 2 the mark of the store's history, and
 * a sum; undefined where it is none, or is of a version that is not known. The sum is not looked at.
 */
export function tokenBytes(text: string): Buffer | undefined {
  const bytes = /^[A-Za-z0-9_-]+$/.test(text) ? Buffer.from(text, "base64url") : Buffer.alloc(1);
  return tokenChars[bytes[0]!] === text.length ? bytes : undefined;
}

/** Reads a consistency token; undefined where it is none, is damaged, or is of a version that is not known. */
export function parseToken(text: string): Token | undefined {
  const bytes = tokenBytes(text);
  const sum = (bytes?.length ?? 0) - 4;
  if (bytes === undefined || bytes.readUInt32BE(sum) !== crc(castagnoli, bytes.subarray(0, sum))) {
    return undefined;
  }
  const revision = whole(bytes.readBigUInt64BE(17));
  return revision === undefined ? undefined : { storeId: bytes.toString("hex", 1, 17), revision };
}

/**
 * A revision or position as a number, which is compared in a tenth of the time; undefined past 2^53, which no server
 * reaches: then nothing is kept.
 */
export function whole(n: bigint): number | undefined {
  return n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : undefined;
}
