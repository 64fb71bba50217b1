/**
 * A process of the near cache's safety suite: it checks as fast as it can, and writes down what it was told and when,
 * until its stdin ends. The suite says what it is told: client/nearcache_languages_internal_test.go.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

import { Client, type Decision } from "../src/index.js";
import { DecisionCache, nearClock, nearConnection } from "../src/near.js";
import type { NearClock } from "../src/near-watch.js";
import { plants } from "./plants.js";

// As the suite has them.
const subjects = 64;
const checkers = 3;
const burst = 100;
const recordBytes = 20;

const { SAFETY_TARGET = "", SAFETY_RECORDS = "", SAFETY_PLANT = "", SAFETY_IDS = "1" } = process.env;

/** How far this process's wall clock is off, in milliseconds. */
let offsetMs = 0;
let ended = false;

const clock: NearClock = {
  ...nearClock,
  now: () => {
    const { mono, wall } = nearClock.now();
    return { mono, wall: wall + offsetMs };
  },
};

const below = (n: number) => Math.floor(Math.random() * n);
const idOf = (subject: number, n: number) => (n === 0 ? `subject-${subject}` : `subject-${subject}/${n}`);

/** Gathers records and writes many at once. */
class Records {
  private readonly file: number;
  private readonly buffer = Buffer.alloc(3_000 * recordBytes);
  private size = 0;

  constructor(name: string) {
    this.file = openSync(name, "w");
  }

  add(start: bigint, end: bigint, subject: number, allowed: boolean): void {
    this.buffer.writeBigInt64LE(start, this.size);
    this.buffer.writeBigInt64LE(end, this.size + 8);
    this.buffer.writeUInt16LE(subject, this.size + 16);
    this.buffer.writeUInt16LE(allowed ? 1 : 0, this.size + 18);
    this.size += recordBytes;
    if (this.size === this.buffer.length) {
      this.flush();
    }
  }

  flush(): void {
    writeSync(this.file, this.buffer, 0, this.size);
    this.size = 0;
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }
}

/**
 * Checks subjects from the first one on: one by `check`, several by `batchCheck`. It throws unless all have a decision.
 */
async function checkSome(client: Client, records: Records, first: number, size: number): Promise<void> {
  const all = Array.from({ length: size }, (_, i) => (first + i) % subjects);
  const requests = all.map((s) => ({
    controller: "example",
    subjectId: idOf(s, below(Number(SAFETY_IDS))),
    purpose: "ai_training",
  }));
  const start = process.hrtime.bigint();
  const decisions = size === 1 ? [await client.check(requests[0]!)] : (await client.batchCheck({ requests })).map(decisionOf);
  const end = process.hrtime.bigint();
  all.forEach((subject, i) => records.add(start, end, subject, decisions[i]!.allowed));
}

function decisionOf(result: { decision: Decision; error: Error | undefined }): Decision {
  if (result.error !== undefined) {
    throw result.error;
  }
  return result.decision;
}

/**
 * Checks in bursts: at full speed for a while, and then a pause that leaves the machine, and the event loop, to the
 * others.
 */
async function checkAndRecord(client: Client, name: string): Promise<void> {
  const records = new Records(name);
  while (!ended) {
    const next = performance.now() + 2;
    let subject = below(subjects);
    for (let n = 0; n < burst;) {
      const size = 1 + below(2) * below(8);
      try {
        await checkSome(client, records, subject, size);
      } catch {
        break;
      }
      subject = (subject + size) % subjects;
      n += size;
    }
    await new Promise((resolve) => setTimeout(resolve, next - performance.now()));
  }
  records.close();
}

const plant = plants[SAFETY_PLANT];
if (SAFETY_PLANT !== "" && plant === undefined) {
  throw new Error(`no fault is called ${SAFETY_PLANT}`);
}
// Checks that miss while the network is stalled must not keep the next from asking the near cache as soon as it has a
// lease.
const client = new Client(
  SAFETY_TARGET,
  { timeoutMs: 20 },
  {
    near: (transport) =>
      new DecisionCache(nearConnection(transport), {}, { clock, ...(plant && { tap: (s, m) => plant(s, m, clock.now) }) }),
  },
);
const checking = Array.from({ length: checkers }, (_, i) => checkAndRecord(client, `${SAFETY_RECORDS}-${i}`));
createInterface({ input: process.stdin })
  .on("line", (line) => (offsetMs = Number(line) / 1e6))
  .on("close", () => (ended = true));
await Promise.all(checking);
const { hits, misses, streams } = client.nearCacheStats();
console.log(JSON.stringify({ Hits: hits, Misses: misses, Streams: streams }));
client.close();
