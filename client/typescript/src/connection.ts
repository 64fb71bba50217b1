import {
  Client as Channel,
  connectivityState,
  status,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type Metadata,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";

import { onAbort } from "./abort.js";
import { closedError, ConsentError, statusError } from "./errors.js";
import type { Target } from "./target.js";
import type { Bounds, Stream, StreamEvents } from "./transport.js";

/** How long a connection is waited for, in milliseconds. */
export interface Patience {
  /** How long it may take to come about, until the server's settings are here, before another is tried. */
  readonly connectMs: number;
  /** How often it is looked at meanwhile. */
  readonly lookMs: number;
  /**
   * How long nothing may be heard while calls run out of time before it is replaced. It doubles each time, up to the
   * second, so that clients do not add connections to a server that is merely slow.
   */
  readonly silenceMs: number;
  readonly longestSilenceMs: number;
}

const usual: Patience = { connectMs: 5_000, lookMs: 1_000, silenceMs: 2_500, longestSilenceMs: 10_000 };

/**
 * The options of every channel.
 *
 * gRPC's own retries look at no RetryInfo; they are off, so that no call is repeated by both. The server permits a
 * ping every ten seconds: a call that may take longer learns within 15 s that the other end is gone. Reconnection
 * starts at 100 ms instead of 1 s, which is as long as a whole call may take. A proxy from the environment would
 * carry plaintext off this machine.
 */
const channelOptions = (local: boolean) => ({
  "grpc.primary_user_agent": "consentd-typescript",
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.keepalive_time_ms": 10_500,
  "grpc.keepalive_timeout_ms": 4_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5_000,
  "grpc.enable_channelz": 0,
  "grpc.enable_http_proxy": local ? 0 : 1,
});

/**
 * The connection to one target. It connects when it is first needed, and replaces the channel where gRPC would wait
 * for ever: for one that does not come about, and for one on which calls run out of time while nothing is heard.
 * Calls on the channel before go on until they end by themselves, streams end; calls that wait for it fail with
 * UNAVAILABLE, and are worth repeating.
 */
export class Connection {
  private channel: Channel;
  private closed = false;
  private readonly underWay = new Set<{ cancel(): void }>();
  /** Those of underWay that are streams. */
  private readonly streams = new Set<{ cancel(): void }>();
  /**
   * When the channel began to be waited for; undefined: it is not looked at. Of all times: milliseconds that only
   * grow.
   */
  private connectingSince: number | undefined;
  /**
   * When the first call began on a channel that was ready, after the server was heard last; undefined: there was
   * none.
   */
  private asked: number | undefined;
  private silenceMs: number;

  constructor(
    private readonly target: Target,
    private readonly credentials: ChannelCredentials,
    private readonly patience = usual,
  ) {
    this.silenceMs = patience.silenceMs;
    this.channel = this.newChannel();
  }

  /** Ends calls under way with CANCELLED. */
  close(): void {
    this.closed = true;
    this.channel.close();
    this.underWay.forEach((call) => call.cancel());
  }

  /** Whether the last attempt to connect failed. */
  failing(): boolean {
    return !this.closed && this.channel.getChannel().getConnectivityState(false) === connectivityState.TRANSIENT_FAILURE;
  }

  unary(path: string, request: Uint8Array, bounds: Bounds & { metadata: Metadata }): Promise<Uint8Array> {
    const began = this.begin();
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, response?: Uint8Array | null) => {
        forget?.();
        this.underWay.delete(call);
        this.judge(began, error?.code ?? status.OK);
        if (error !== null) {
          reject(this.closed ? closedError() : failureOf(error));
        } else if (response === undefined || response === null) {
          reject(new ConsentError("INTERNAL", "the server ended the call without an answer"));
        } else {
          resolve(response);
        }
      };
      const call: ClientUnaryCall = this.open(() =>
        this.channel.makeUnaryRequest(
          path,
          asBuffer,
          asBytes,
          request,
          bounds.metadata,
          { deadline: Date.now() + bounds.timeoutMs },
          done,
        ),
      );
      const forget = bounds.signal === undefined ? undefined : onAbort(bounds.signal, () => call.cancel());
    });
  }

  /** It has no deadline: who opened it ends it. */
  stream(path: string, metadata: Metadata, events: StreamEvents): Stream {
    const began = this.begin();
    const call = this.open(() => this.channel.makeBidiStreamRequest(path, asBuffer, asBytes, metadata));
    this.streams.add(call);
    call.on("data", (message: Uint8Array) => {
      this.heard();
      events.message(message);
    });
    call.on("error", () => undefined); // the status says it
    call.once("status", (ended: StatusObject) => {
      this.underWay.delete(call);
      this.streams.delete(call);
      this.judge(began, ended.code);
      events.end(endOf(ended));
    });
    return new GrpcStream(call, { asks: () => this.noteAsked(), ready: () => this.ready() });
  }

  private newChannel(): Channel {
    return new Channel(this.target.address, this.credentials, channelOptions(this.target.local));
  }

  /** gRPC throws where the channel is closed. */
  private open<C extends ClientUnaryCall | ClientDuplexStream<Uint8Array, Uint8Array>>(start: () => C): C {
    try {
      const call = start();
      this.underWay.add(call);
      return call;
    } catch (cause) {
      throw this.closed ? closedError(cause) : new ConsentError("INTERNAL", "the call cannot be made", { cause });
    }
  }

  /** Notes that a call begins, and when. */
  private begin(): number {
    this.noteAsked();
    this.watchConnecting();
    return performance.now();
  }

  /** What is sent while the channel is not ready waits for it, and says nothing of a silence. */
  private noteAsked(): void {
    if (this.ready()) {
      this.asked ??= performance.now();
    }
  }

  private heard(): void {
    this.asked = undefined;
    this.silenceMs = this.patience.silenceMs;
  }

  /** What a call's end says of the connection: all but running out of time, and what this side does, was heard. */
  private judge(began: number, code: number): void {
    if (code === status.DEADLINE_EXCEEDED) {
      this.timedOut(began);
    } else if (code !== status.CANCELLED) {
      this.heard();
    }
  }

  /** A call that began before the last answer says nothing of what came after. */
  private timedOut(began: number): void {
    const silent = this.asked === undefined || began < this.asked ? 0 : performance.now() - this.asked;
    if (silent >= this.silenceMs) {
      this.replace();
      this.silenceMs = Math.min(2 * this.silenceMs, this.patience.longestSilenceMs);
    }
  }

  private replace(): void {
    if (this.closed) {
      return;
    }
    const before = this.channel;
    this.channel = this.newChannel();
    this.asked = undefined;
    before.close();
    this.streams.forEach((stream) => stream.cancel());
  }

  private watchConnecting(): void {
    if (this.connectingSince === undefined && !this.closed && !this.ready()) {
      this.connectingSince = performance.now();
      this.lookLater();
    }
  }

  private ready(): boolean {
    return !this.closed && this.channel.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  private lookLater(): void {
    setTimeout(() => this.look(), this.patience.lookMs).unref();
  }

  /** Ends where the channel is ready, or nobody waits for it. */
  private look(): void {
    const since = this.connectingSince;
    if (since === undefined || this.closed || this.ready() || this.underWay.size === 0) {
      this.connectingSince = undefined;
      return;
    }
    if (this.failing()) {
      this.connectingSince = performance.now(); // gRPC tries again by itself
    } else if (performance.now() - since >= this.patience.connectMs) {
      this.connectingSince = performance.now();
      this.replace();
    }
    this.lookLater();
  }
}

/** A stream of gRPC. */
class GrpcStream implements Stream {
  constructor(
    private readonly call: ClientDuplexStream<Uint8Array, Uint8Array>,
    private readonly told: { asks(): void; ready(): boolean },
  ) {}

  send(message: Uint8Array, sent: () => void): void {
    this.told.asks();
    this.call.write(message, () => sent());
  }

  end(): void {
    this.call.end();
  }

  cancel(): void {
    this.call.cancel();
  }

  ready(): boolean {
    return this.told.ready();
  }
}

/** Why a stream ended; a server that says OK has said all that it had to. */
function endOf(ended: StatusObject): ConsentError {
  if (ended.code === status.OK) {
    return new ConsentError("UNAVAILABLE", "the server ended the stream");
  }
  return failureOf(ended);
}

/**
 * What @grpc/grpc-js reports by a code that hides what it was: a connection that ended under a call, and a page of a
 * portal, whose first letters it takes for the length of a message.
 */
const disguised: readonly (readonly [text: RegExp, code: status])[] = [
  [/^Received RST_STREAM with code 0 |^Received RST_STREAM with code .* triggered by internal client error/, status.UNAVAILABLE],
  [/^Received message larger than max/, status.INTERNAL],
];

/** The error of a status that is not OK. */
export function failureOf(ended: Pick<StatusObject, "code" | "details"> & { metadata?: Metadata }): ConsentError {
  const [, code] = disguised.find(([text]) => text.test(ended.details)) ?? [undefined, ended.code];
  return statusError(code, ended.details, detailsOf(ended));
}

const asBytes = (b: Buffer): Uint8Array => b;

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function detailsOf(ended: { metadata?: Metadata }): Uint8Array | undefined {
  const [details] = ended.metadata?.get("grpc-status-details-bin") ?? [];
  return typeof details === "string" ? undefined : details;
}
