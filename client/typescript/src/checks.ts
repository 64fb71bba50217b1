import type { MessageInitShape } from "@bufbuild/protobuf";

import type { BatchResult, CheckInit } from "./checker.js";
import { decode, encode, pathOf, reading } from "./codec.js";
import { encodeCheck } from "./encode-check.js";
import { Decision } from "./decision.js";
import { asConsentError, batchError, ConsentError } from "./errors.js";
import { largeCheckBytes } from "./frames.js";
import { Gate } from "./gate.js";
import {
  BatchCheckRequestSchema,
  BatchCheckResponseSchema,
  CheckResponseSchema,
  DecisionService,
  type BatchCheckResult,
  type CheckResponse,
} from "./gen/consent/v1/decision_service_pb.js";
import { Lane, StreamError } from "./lane.js";
import { refuseEnded, type Retrier } from "./retry.js";
import type { NearCache } from "./seam.js";
import type { Bounds, Transport } from "./transport.js";

/** How many requests one BatchCheck takes, and how many of them are under way for one call. */
const maxBatch = 1_000;
const batchesAtOnce = 4;

/** How many checks are under way as calls of their own. */
const checksAtOnce = 256;

type BatchInit = MessageInitShape<typeof BatchCheckRequestSchema>;

/** What checks are made with. */
export interface ChecksParts {
  readonly transport: Transport;
  readonly retrier: Retrier;
  /** How many streams carry checks; 0: each check is a call of its own. */
  readonly lanes: number;
  readonly near: NearCache | undefined;
  /** Milliseconds that only grow. */
  now(): number;
}

/** Has checks decided: by the near cache, if there is one, over a stream where that is possible, else by calls. */
export class Checks {
  private readonly lanes: Lane[];
  private turn = 0;
  /** The server has no streams: it is an older one. */
  private streamless = false;
  private readonly gate = new Gate(checksAtOnce);

  constructor(private readonly parts: ChecksParts) {
    this.lanes = Array.from({ length: parts.lanes }, () => this.newLane());
  }

  close(): void {
    this.lanes.forEach((lane) => lane.close());
  }

  /** @throws ConsentError at once, for what is wrong before anything is asked. */
  check(request: CheckInit, bounds: Bounds): Decision | Promise<Decision> {
    refuseEnded(bounds.timeoutMs, bounds.signal);
    const near = this.nearOf(bounds);
    const known = near?.lookup(request);
    if (known !== undefined) {
      return known;
    }
    const sent = encodeCheck(request);
    const ticket = near?.ticket(sent);
    return this.remote(sent, bounds, ticket && ((response) => near?.admit(ticket, response)));
  }

  /** What another caller may be told is not this one's: a call with metadata of its own goes to the server. */
  private nearOf(bounds: Bounds): NearCache | undefined {
    return bounds.headers === undefined ? this.parts.near : undefined;
  }

  /** Splits what is too long for one call; each part is decided by itself. */
  async batch(request: BatchInit, bounds: Bounds): Promise<BatchResult[]> {
    refuseEnded(bounds.timeoutMs, bounds.signal);
    const { requests, consistency } = reading(() => partsOf(request));
    if (requests.length <= maxBatch) {
      return this.smallBatch(request, bounds);
    }
    const end = this.parts.now() + bounds.timeoutMs;
    const results: BatchResult[][] = [];
    let next = 0;
    const worker = async () => {
      while (next * maxBatch < requests.length) {
        const n = next++;
        const part: BatchInit = { requests: requests.slice(n * maxBatch, (n + 1) * maxBatch), ...consistency };
        results[n] = await this.smallBatch(part, { ...bounds, timeoutMs: end - this.parts.now() });
      }
    };
    await Promise.all(Array.from({ length: batchesAtOnce }, worker));
    return results.flat();
  }

  private async smallBatch(request: BatchInit, bounds: Bounds): Promise<BatchResult[]> {
    const { retrier, transport } = this.parts;
    const near = this.nearOf(bounds);
    const known = near?.lookupAll(request);
    if (known !== undefined) {
      return known.map((decision) => ({ decision, error: undefined }));
    }
    const bytes = encode(BatchCheckRequestSchema, request);
    const ticket = near?.ticket(bytes);
    const wanted = request.requests?.length ?? 0;
    const answer = await retrier.run(bounds, (b) => transport.unary(pathOf(DecisionService.method.batchCheck), bytes, b));
    const { results } = decode(BatchCheckResponseSchema, answer);
    if (results.length !== wanted) {
      throw new ConsentError("INTERNAL", `the server answered ${results.length} of ${wanted} requests`);
    }
    near?.admitAll(
      ticket,
      results.map(({ outcome }) => (outcome.case === "response" ? outcome.value : undefined)),
    );
    return results.map(resultOf);
  }

  private newLane(): Lane {
    const { transport } = this.parts;
    return new Lane({
      open: (events) => transport.stream(pathOf(DecisionService.method.checkStream), events),
      now: () => this.parts.now(),
    });
  }

  /**
   * Asks over a stream where that is possible, else by a call; the metadata of a call are not a stream's. A check
   * that is answered at once has one promise: several thousand under way would keep the garbage collector busy
   * otherwise.
   */
  private remote(request: Uint8Array, bounds: Bounds, seen?: (response: CheckResponse) => void): Promise<Decision> {
    const lane = bounds.headers === undefined && request.length < largeCheckBytes ? this.nextLane() : undefined;
    const end = this.parts.now() + bounds.timeoutMs;
    return new Promise((resolve, reject) => {
      const answered = (response: CheckResponse) => {
        try {
          seen?.(response);
          resolve(new Decision(response));
        } catch (error) {
          reject(asConsentError(error)); // nobody above would catch it
        }
      };
      if (lane === undefined) {
        this.alone(request, bounds).then(answered).catch(reject);
        return;
      }
      lane.check(request, bounds, {
        answered: (response) => {
          this.parts.retrier.succeeded();
          answered(response);
        },
        failed: (error) => this.again(request, { bounds, end, lane, error }).then(answered).catch(reject),
      });
    });
  }

  /** Goes on after a first attempt over a stream has failed. */
  private async again(
    request: Uint8Array,
    failed: { bounds: Bounds; end: number; lane: Lane; error: ConsentError },
  ): Promise<CheckResponse> {
    const { bounds, end, lane, error } = failed;
    try {
      return await this.parts.retrier.resume({ bounds, end, error }, (b) => asked(lane, request, b));
    } catch (thrown) {
      if (!(thrown instanceof StreamError)) {
        throw thrown;
      }
      if (thrown.code === "UNIMPLEMENTED") {
        this.streamless = true;
      } else if (thrown.code === "UNAVAILABLE" || thrown.code === "CANCELLED") {
        throw asConsentError(thrown.cause);
      }
      return this.alone(request, { ...bounds, timeoutMs: end - this.parts.now() });
    }
  }

  /** Each in its turn; undefined where checks are calls of their own. */
  private nextLane(): Lane | undefined {
    if (this.streamless || this.lanes.length === 0) {
      return undefined;
    }
    this.turn = (this.turn + 1) % this.lanes.length;
    const lane = this.lanes[this.turn]!;
    return lane.streamless() ? undefined : lane;
  }

  private async alone(request: Uint8Array, bounds: Bounds): Promise<CheckResponse> {
    return this.parts.retrier.run(bounds, (b) => this.gate.run(b, (c) => this.once(request, c)));
  }

  private async once(request: Uint8Array, bounds: Bounds): Promise<CheckResponse> {
    const began = this.parts.now();
    const answer = await this.parts.transport.unary(pathOf(DecisionService.method.check), request, bounds);
    const tookMs = this.parts.now() - began;
    this.lanes.forEach((lane) => lane.answeredAlone(tookMs));
    return decode(CheckResponseSchema, answer);
  }
}

/** @throws ConsentError INVALID_ARGUMENT where one of the requests is none: the library would make one up. */
function partsOf({ requests = [], consistency }: BatchInit) {
  const all = [...requests];
  if (!all.every((r) => typeof r === "object" && r !== null)) {
    throw new ConsentError("INVALID_ARGUMENT", "one of the batch's requests is no object");
  }
  return { requests: all, consistency: consistency === undefined ? {} : { consistency } };
}

/** A lane's check as a promise. */
function asked(lane: Lane, request: Uint8Array, bounds: Bounds): Promise<CheckResponse> {
  return new Promise((answered, failed) => lane.check(request, bounds, { answered, failed }));
}

function resultOf(result: BatchCheckResult): BatchResult {
  switch (result.outcome.case) {
    case "response":
      return { decision: new Decision(result.outcome.value), error: undefined };
    case "error":
      return { decision: new Decision(), error: batchError(result.outcome.value) };
    default:
      return {
        decision: new Decision(),
        error: new ConsentError("INTERNAL", "the server sent a result without an outcome that is known"),
      };
  }
}
