import { Metadata } from "@grpc/grpc-js";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

import type { Connection } from "./connection.js";
import { ConsentError } from "./errors.js";

const path = "/grpc.health.v1.Health/Check";
const service = "consent.v1.DecisionService";
const serving = 1;

/** How old what is known may be when a call asks for it, and how long a server may take to tell, in milliseconds. */
const freshMs = 1_000;
const timeoutMs = 1_000;

/**
 * What is known of the health of several servers. Calls have it refreshed, at most once a second; it has no timer of
 * its own, so that a client that is not used costs its servers nothing and keeps no process alive. One that cannot
 * tell in time does not serve; one that has no health service does.
 */
export class Health {
  private readonly down = new Set<Connection>();
  private refreshed = -Infinity;

  constructor(private readonly connections: readonly Connection[]) {}

  serves(connection: Connection): boolean {
    return !this.down.has(connection) && !connection.failing();
  }

  refresh(): void {
    const now = performance.now();
    if (now - this.refreshed < freshMs) {
      return;
    }
    this.refreshed = now;
    for (const connection of this.connections) {
      void this.ask(connection).then((up) => (up ? this.down.delete(connection) : this.down.add(connection)));
    }
  }

  private async ask(connection: Connection): Promise<boolean> {
    try {
      const answer = await connection.unary(path, request, { timeoutMs, signal: undefined, metadata: new Metadata() });
      return statusOf(answer) === serving;
    } catch (error) {
      return error instanceof ConsentError && error.code === "UNIMPLEMENTED";
    }
  }
}

/** HealthCheckRequest has the service as its field 1. */
const request = new BinaryWriter()
  .uint32((1 << 3) | WireType.LengthDelimited)
  .string(service)
  .finish();

/** HealthCheckResponse has the status as its field 1; 0, unknown, where it is absent. */
function statusOf(answer: Uint8Array): number {
  const reader = new BinaryReader(answer);
  let found = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && type === WireType.Varint) {
      found = reader.int32();
    } else {
      reader.skip(type);
    }
  }
  return found;
}
