import { credentials, type ChannelCredentials } from "@grpc/grpc-js";

import type { CallOptions } from "./checker.js";
import { reading } from "./codec.js";
import type { NearCacheOptions } from "./near.js";
import type { Observer } from "./observe.js";
import { clampTimeout, defaultTimeoutMs } from "./timeouts.js";
import { bearer, type Bounds, type MetadataSource, type TokenSource } from "./transport.js";

/** How a client connects. */
export interface ClientOptions {
  /**
   * The deadline of calls that set none, in milliseconds. Default 1,000; zero and less mean the default, the most is
   * an hour, Infinity too.
   */
  timeoutMs?: number | undefined;
  /**
   * TLS also to loopback addresses and Unix sockets; PEM where the system's roots or no certificate of the client's
   * own will not do. Everywhere else TLS is the default.
   */
  tls?:
    | boolean
    | { ca?: string | Buffer | undefined; certificate?: string | Buffer | undefined; key?: string | Buffer | undefined }
    | undefined;
  /**
   * Allows plaintext to other machines: subjects' ids, decisions and tokens can then be read and changed on the way.
   */
  insecure?: boolean | undefined;
  /** What is sent along with every call. One that throws fails the call: UNAUTHENTICATED. */
  metadata?: MetadataSource | undefined;
  /** An API key or a token that says who calls. One that cannot be had fails the call: UNAUTHENTICATED. */
  token?: TokenSource | undefined;
  /**
   * Whether checks that are under way at the same time share messages of a stream; default true. False: each is a
   * call of its own, which costs several times as much.
   */
  coalesce?: boolean | undefined;
  /**
   * Answers checks within this process where the server has decided the same before and nothing has changed since; `true` or
   * options turn it on. Its stream keeps the process running until the client is closed. It is of the one caller that `metadata`
   * and `token` say: calls with their own go to the server.
   */
  nearCache?: boolean | NearCacheOptions | undefined;
  /** Told of each call. */
  observer?: Observer | undefined;
}

/**
 * What bounds a call, as the caller's options say. @throws ConsentError INVALID_ARGUMENT for options that cannot be
 * meant.
 */
export function boundsOf(options: CallOptions | undefined, usualMs: number): Bounds {
  return reading(() => {
    const { timeoutMs, signal, metadata, token } = options ?? {};
    const headers = metadata === undefined && token === undefined ? undefined : { ...bearer(token), ...metadata };
    const own = headers !== undefined && Object.keys(headers).length > 0; // else it is as all calls are
    return {
      timeoutMs: timeoutMs === undefined ? usualMs : clampTimeout(timeoutMs),
      signal,
      headers: own ? headers : undefined,
    };
  });
}

/** @throws TypeError for what is no number. */
export function usualTimeout(ms: number | undefined): number {
  if (ms === undefined) {
    return defaultTimeoutMs;
  }
  if (typeof ms !== "number" || Number.isNaN(ms)) {
    throw new TypeError("the option timeoutMs is not a number of milliseconds");
  }
  return ms > 0 ? clampTimeout(ms) : defaultTimeoutMs;
}

/** @throws TypeError where the options cannot be meant. */
export function channelCredentials(local: boolean, options: ClientOptions): ChannelCredentials {
  const tls = options.tls ?? false;
  if (tls !== false && options.insecure === true) {
    throw new TypeError("the options tls and insecure contradict each other");
  }
  if (tls === false && (local || options.insecure === true)) {
    return credentials.createInsecure();
  }
  const { ca, certificate, key } = typeof tls === "boolean" ? {} : tls;
  try {
    return credentials.createSsl(bytes(ca), bytes(key), bytes(certificate));
  } catch (cause) {
    throw new TypeError(`the option tls: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function bytes(pem: string | Buffer | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}
