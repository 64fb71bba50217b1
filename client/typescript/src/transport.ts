import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  Client as Channel,
  Metadata,
  type CallOptions,
  type ChannelCredentials,
  type ClientUnaryCall,
  type ServiceError,
} from "@grpc/grpc-js";

import { ConsentError, statusError } from "./errors.js";
import type { Target } from "./target.js";

/** What bounds one attempt of a call. */
export interface Bounds {
  /** How long it may take, in milliseconds; above 0. */
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal | undefined;
}

/** Performs one attempt of a call with a request that is encoded already. */
export interface Transport {
  unary(path: string, request: Uint8Array, bounds: Bounds): Promise<Uint8Array>;
  close(): void;
}

/**
 * What is sent along with a call, such as credentials: { authorization: "Bearer …" }. Asked for each attempt; it cannot wait,
 * because every call has a deadline: refresh a token beside it.
 */
export type MetadataSource = () => Record<string, string>;

/**
 * The options of every channel.
 *
 * gRPC's own retries look at no RetryInfo; they are off, so that no call is repeated by both. A server by default closes
 * connections that ping more often than every five minutes. Reconnection starts at 100 ms instead of 1 s, which is as long as a
 * whole call may take. A proxy from the environment would carry plaintext off this machine.
 */
const channelOptions = (local: boolean) => ({
  "grpc.primary_user_agent": "consentd-typescript",
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.use_local_subchannel_pool": 1,
  "grpc.keepalive_time_ms": 6 * 60_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 5_000,
  "grpc.enable_http_proxy": local ? 0 : 1,
});

/** A transport over one gRPC channel. It connects when it is first needed. */
export class GrpcTransport implements Transport {
  private readonly channel: Channel;
  private readonly underWay = new Set<ClientUnaryCall>();

  constructor(
    target: Target,
    credentials: ChannelCredentials,
    private readonly metadata?: MetadataSource,
  ) {
    this.channel = new Channel(target.address, credentials, channelOptions(target.local));
  }

  /** Ends calls under way with CANCELLED. */
  close(): void {
    this.channel.close();
    this.underWay.forEach((call) => call.cancel());
  }

  unary(path: string, request: Uint8Array, bounds: Bounds): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const end = Date.now() + bounds.timeoutMs;
      const call = this.start(path, request, { deadline: end }, (error, response) => {
        bounds.signal?.removeEventListener("abort", cancel);
        this.underWay.delete(call);
        if (error !== null) {
          reject(statusError(error.code, error.details, detailsOf(error)));
        } else if (response === undefined || response === null) {
          reject(new ConsentError("INTERNAL", "the server ended the call without an answer"));
        } else {
          resolve(response);
        }
      });
      this.underWay.add(call);
      const cancel = () => call.cancel();
      bounds.signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  private start(
    path: string,
    request: Uint8Array,
    options: CallOptions,
    done: (error: ServiceError | null, response?: Uint8Array | null) => void,
  ) {
    const metadata = this.callMetadata();
    try {
      return this.channel.makeUnaryRequest(path, asBuffer, (b: Buffer): Uint8Array => b, request, metadata, options, done);
    } catch (cause) {
      throw new ConsentError("CANCELLED", "the client is closed", { cause });
    }
  }

  private callMetadata(): Metadata {
    try {
      const metadata = new Metadata();
      for (const [key, value] of Object.entries(this.metadata?.() ?? {})) {
        metadata.set(key, value);
      }
      return metadata;
    } catch (cause) {
      throw new ConsentError("UNAUTHENTICATED", "the client's metadata option failed", { cause });
    }
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function detailsOf(error: ServiceError): Uint8Array | undefined {
  const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
  return typeof details === "string" ? undefined : details;
}

/** The name by which gRPC calls a method: "/consent.v1.DecisionService/Check". */
export function pathOf(method: DescMethodUnary): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** @throws ConsentError INVALID_ARGUMENT if init does not fit the message. */
export function encode<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array {
  if (!isWellFormed(init)) {
    throw new ConsentError("INVALID_ARGUMENT", "the request has a string with half a surrogate pair");
  }
  try {
    return toBinary(schema, create(schema, init));
  } catch (cause) {
    throw new ConsentError("INVALID_ARGUMENT", `the request cannot be encoded: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** In UTF-8 all halves of surrogate pairs become the same character: two ids that have one would be those of one person. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === "string") {
    return !/\p{Surrogate}/u.test(value);
  }
  return typeof value !== "object" || value === null || Object.entries(value).every(([k, v]) => isWellFormed(k) && isWellFormed(v));
}

/** @throws ConsentError INTERNAL if the bytes are not the message. */
export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  try {
    return fromBinary(schema, bytes);
  } catch (cause) {
    throw new ConsentError("INTERNAL", "the server's answer cannot be read", { cause });
  }
}
