import { Metadata, type ChannelCredentials } from "@grpc/grpc-js";

import { Connection } from "./connection.js";
import { closedError, ConsentError } from "./errors.js";
import { Health } from "./health.js";
import type { Target } from "./target.js";

/** What bounds one attempt of a call, and goes along with it. */
export interface Bounds {
  /** How long it may take, in milliseconds; above 0. */
  readonly timeoutMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal | undefined;
  /** What this call sends besides what all do. */
  readonly headers?: Headers | undefined;
}

/** Performs single attempts, with messages that are encoded already. */
export interface Transport {
  unary(path: string, request: Uint8Array, bounds: Bounds): Promise<Uint8Array>;
  /** Opens a bidirectional stream. It has no deadline: whoever opens it ends it. */
  stream(path: string, events: StreamEvents): Promise<Stream>;
  close(): void;
}

/** What a stream tells. */
export interface StreamEvents {
  message(message: Uint8Array): void;
  /** Comes once, last: the status; UNAVAILABLE for OK. */
  end(error: ConsentError): void;
}

/** The sending side of a stream. */
export interface Stream {
  /** Sends a message; `sent` is called when there is room for the next. */
  send(message: Uint8Array, sent: () => void): void;
  /** Lets the server end the stream when it has answered. */
  end(): void;
  /** Ends it at once. */
  cancel(): void;
  /** Whether there is a connection under it, so that an answer can be expected. Absent: there always is. */
  ready?(): boolean;
}

/** Metadata by their keys, such as { authorization: "Bearer …" }. */
export type Headers = Readonly<Record<string, string>>;

/**
 * What is sent along with a call. Asked for each attempt and each stream; it cannot wait, because every call has a
 * deadline: refresh what takes time beside it.
 */
export type MetadataSource = () => Headers;

/**
 * An API key or a token, or what gives the one of now; asked for each attempt and each stream, within the call's
 * deadline.
 */
export type TokenSource = string | (() => string | Promise<string>);

/** What says who calls. */
export interface Identity {
  readonly metadata?: MetadataSource | undefined;
  readonly token?: TokenSource | undefined;
}

/**
 * Takes the connections to its targets in turn, those first whose servers say that they serve. With one target there
 * is nothing to choose, and nobody asks for its health.
 */
export class GrpcTransport implements Transport {
  private readonly connections: Connection[];
  private readonly health: Health | undefined;
  private turn = 0;
  private closed = false;

  constructor(
    targets: readonly Target[],
    credentials: ChannelCredentials,
    private readonly identity: Identity = {},
  ) {
    this.connections = targets.map((target) => new Connection(target, credentials));
    this.health = targets.length > 1 ? new Health(this.connections) : undefined;
  }

  close(): void {
    this.closed = true;
    this.connections.forEach((connection) => connection.close());
  }

  async unary(path: string, request: Uint8Array, bounds: Bounds): Promise<Uint8Array> {
    const end = performance.now() + bounds.timeoutMs;
    const metadata = metadataOf(await this.headers(bounds.headers, bounds.timeoutMs));
    const timeoutMs = end - performance.now();
    if (timeoutMs <= 0) {
      throw new ConsentError("DEADLINE_EXCEEDED", "the deadline has passed");
    }
    return this.pick().unary(path, request, { timeoutMs, signal: bounds.signal, metadata });
  }

  async stream(path: string, events: StreamEvents): Promise<Stream> {
    return this.pick().stream(path, metadataOf(await this.headers()), events);
  }

  private pick(): Connection {
    if (this.closed) {
      throw closedError();
    }
    this.health?.refresh();
    for (let n = 0; n < this.connections.length; n++) {
      const next = this.next();
      if (this.health === undefined || this.health.serves(next)) {
        return next;
      }
    }
    return this.next(); // it tells by itself why it does not serve
  }

  private next(): Connection {
    this.turn = (this.turn + 1) % this.connections.length;
    return this.connections[this.turn]!;
  }

  /** Those of all calls, then those of this one. It waits only for a token that has to be waited for. */
  private headers(own: Headers = {}, timeoutMs?: number): Headers | Promise<Headers> {
    try {
      const { token, metadata } = this.identity;
      const common = metadata?.() ?? {};
      const given = "authorization" in own ? undefined : typeof token === "function" ? token() : token;
      if (typeof given === "object") {
        return inTime(Promise.resolve(given), timeoutMs)
          .then((t) => ({ ...bearer(t), ...common, ...own }))
          .catch(refuse);
      }
      return { ...bearer(given), ...common, ...own };
    } catch (cause) {
      return refuse(cause);
    }
  }
}

/** The metadata of a token: an API key is sent like one. */
export function bearer(token: string | undefined): Headers {
  if (token === undefined) {
    return {};
  }
  if (typeof token !== "string") {
    throw new TypeError("the token is no text");
  }
  return { authorization: `Bearer ${token}` };
}

function metadataOf(headers: Headers): Metadata {
  try {
    const metadata = new Metadata();
    for (const key in headers) {
      metadata.set(key, headers[key]!);
    }
    return metadata;
  } catch (cause) {
    return refuse(cause);
  }
}

function refuse(cause: unknown): never {
  throw cause instanceof ConsentError
    ? cause
    : new ConsentError("UNAUTHENTICATED", "the metadata or the token cannot be had", { cause });
}

/** How long a stream waits for its token, in milliseconds. */
const streamTokenMs = 5_000;

function inTime(token: Promise<string>, timeoutMs = streamTokenMs): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(
      () => reject(new ConsentError("DEADLINE_EXCEEDED", "the token took longer than the call may")),
      timeoutMs,
    );
    token.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
