import { create, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";

import { Client, CheckResponseSchema, ConsentError, Decision, type ClientOptions } from "../src/index.js";
import { Retrier, type Clock } from "../src/retry.js";
import type { Bounds, Stream, Transport } from "../src/transport.js";

/** One attempt that arrived at a `FakeTransport`. */
export interface Attempt {
  path: string;
  request: Uint8Array;
  bounds: Bounds;
}

/** A transport whose server is a function, and which remembers the attempts. */
export class FakeTransport implements Transport {
  readonly attempts: Attempt[] = [];
  closed = false;

  constructor(private readonly answer: (a: Attempt) => Uint8Array | Promise<Uint8Array>) {}

  async unary(path: string, request: Uint8Array, bounds: Bounds): Promise<Uint8Array> {
    const attempt = { path, request, bounds };
    this.attempts.push(attempt);
    return this.answer(attempt);
  }

  /** As a server of an older version answers. */
  async stream(): Promise<Stream> {
    throw new ConsentError("UNIMPLEMENTED", "no streams");
  }

  close(): void {
    this.closed = true;
  }
}

/** A clock that stands still but for sleeps, which pass at once. */
export class FakeClock implements Clock {
  ms = 0;
  readonly sleeps: number[] = [];
  onSleep: () => void = () => undefined;

  constructor(private readonly chance = 0.5) {}

  now(): number {
    return this.ms;
  }

  async sleep(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
    this.sleeps.push(ms);
    this.onSleep();
    this.ms += signal?.aborted === true ? 0 : ms;
    return signal?.aborted !== true;
  }

  random(): number {
    return this.chance;
  }
}

/** A client over a fake transport; what is left of the options is real. */
export function clientOver(transport: Transport, more: { clock?: Clock; options?: ClientOptions } = {}): Client {
  const options = { coalesce: false, ...more.options }; // so that each check is one attempt
  return new Client("127.0.0.1:1", options, { transport, retrier: new Retrier(more.clock ?? new FakeClock()) });
}

export function message<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array {
  return toBinary(schema, create(schema, init));
}

export const allow = message(CheckResponseSchema, { decision: 1, decisionId: "d1" });

export const unavailable = (retryDelayMs = 0) => new ConsentError("UNAVAILABLE", "down", { retryDelayMs });

export function decision(init: MessageInitShape<typeof CheckResponseSchema>): Decision {
  return new Decision(create(CheckResponseSchema, init));
}

export const ask = { controller: "example", subjectId: "u", purpose: "p" };
