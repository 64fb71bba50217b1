import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { credentials, type ChannelCredentials } from "@grpc/grpc-js";

import { Decision } from "./decision.js";
import { batchError, ConsentError } from "./errors.js";
import {
  ConsentService,
  type GetSubjectRequestSchema,
  type GetSubjectResponse,
  type LedgerEntry,
  type LinkSubjectsRequestSchema,
  type LinkSubjectsResponse,
  type ListEventsRequestSchema,
  type RecordEventsRequestSchema,
  type RecordEventsResponse,
  type UnlinkSubjectsRequestSchema,
  type UnlinkSubjectsResponse,
} from "./gen/consent/v1/consent_service_pb.js";
import {
  DecisionService,
  type BatchCheckRequestSchema,
  type BatchCheckResult,
  type CheckRequestSchema,
  type ListPurposesRequestSchema,
} from "./gen/consent/v1/decision_service_pb.js";
import {
  PolicyService,
  type GetPolicyRequestSchema,
  type GetPolicyResponse,
  type ListControllersRequestSchema,
  type ListControllersResponse,
} from "./gen/consent/v1/policy_service_pb.js";
import { defaultTimeoutMs, Retrier } from "./retry.js";
import { Session } from "./session.js";
import { parseTarget } from "./target.js";
import { decode, encode, GrpcTransport, pathOf, type MetadataSource, type Transport } from "./transport.js";

/** How a client connects. */
export interface ClientOptions {
  /** The deadline of calls that set none, in milliseconds. Default 1,000; zero and less mean the default. */
  timeoutMs?: number;
  /**
   * TLS also to loopback addresses and Unix sockets; PEM where the system's roots or no certificate of the client's own will
   * not do. Everywhere else TLS is the default.
   */
  tls?: boolean | { ca?: string | Buffer; certificate?: string | Buffer; key?: string | Buffer };
  /** Allows plaintext to other machines: subjects' ids and decisions can then be read and changed on the way. */
  insecure?: boolean;
  /** What is sent along with every call, such as credentials. One that fails fails the call: UNAUTHENTICATED. */
  metadata?: MetadataSource;
}

/** How one call is made. */
export interface CallOptions {
  /** How long it may take, all attempts together, in milliseconds. Default the client's; zero and less have passed already. */
  timeoutMs?: number;
  /** Ends the call early: CANCELLED. */
  signal?: AbortSignal;
}

/** What came of one request of a batch: a decision, or an error and a decision that denies. */
export interface BatchResult {
  readonly decision: Decision;
  /** What `check` would have been rejected with. */
  readonly error: ConsentError | undefined;
}

/** The decision on one purpose. */
export interface PurposeDecision {
  readonly purpose: string;
  readonly decision: Decision;
}

/** The calls whose answers rest on a subject's state: a `Client`, or a `Session` of one. */
export interface Checker {
  /** Decides one purpose for one subject. A denial is an answer, no error. */
  check(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<Decision>;
  /**
   * Whether the check allows; false on any error. It never rejects. Use `check` where the purpose carries obligations: they are
   * yours to meet and this does not show them.
   */
  isAllowed(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<boolean>;
  /** Decides up to 1,000 requests, with their results in their order. It is rejected only for the whole batch. */
  batchCheck(request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions): Promise<BatchResult[]>;
  /** Decides all purposes that the controller declares or prohibits, for one subject, sorted by purpose. */
  listPurposes(request: MessageInitShape<typeof ListPurposesRequestSchema>, options?: CallOptions): Promise<PurposeDecision[]>;
  /**
   * Records one subject's events, all or none; `newEvent` makes one. Once it resolves they are durable. It may be repeated: the
   * events' ids are idempotency keys. The answer's `outcomes` say what became of each event, in their order: what is on record
   * may outrank a late withdrawal, and a misspelt purpose is recorded all the same. A server of an older version tells none.
   */
  recordEvents(request: MessageInitShape<typeof RecordEventsRequestSchema>, options?: CallOptions): Promise<RecordEventsResponse>;
  /**
   * Makes two ids of a controller one person; `newLink` makes the request. Every id of a person is answered alike, by
   * what was said under all of them. Once it resolves it is durable, and it may be repeated with its event id. The
   * answer's `person` names all ids, its `outcome` says what became of the link. FAILED_PRECONDITION says why the two
   * cannot be one person, and what to do.
   */
  linkSubjects(request: MessageInitShape<typeof LinkSubjectsRequestSchema>, options?: CallOptions): Promise<LinkSubjectsResponse>;
  /**
   * Parts two ids that were linked; `newUnlink` makes the request. Each has what was said under it again. For the rest
   * it is as `linkSubjects`. FAILED_PRECONDITION where no link of the two stands.
   */
  unlinkSubjects(request: MessageInitShape<typeof UnlinkSubjectsRequestSchema>, options?: CallOptions): Promise<UnlinkSubjectsResponse>;
}

/**
 * Talks to one consentd, by default in plaintext to loopback addresses and Unix sockets and by TLS with the system's roots to
 * all else. Calls may run concurrently.
 *
 * Guarantees: a decision that allows never comes with an error, and whatever this package does not understand of an answer
 * denies. Every call ends: 1 s unless the client or the call says otherwise. UNAVAILABLE is retried within the deadline.
 *
 * Failure: calls are rejected with `ConsentError` and nothing else.
 */
export class Client implements Checker {
  private readonly transport: Transport;
  private readonly timeoutMs: number;
  private readonly retrier: Retrier;

  /**
   * @param target host:port, dns:///host:port or unix:///path. It is not connected to before the first call; an unreachable
   * server shows there, as UNAVAILABLE.
   * @throws TypeError if the target or the options cannot be meant.
   */
  constructor(target: string, options?: ClientOptions);
  /** @internal With parts of its own, for tests. */
  constructor(target: string, options: ClientOptions | undefined, parts: { transport?: Transport; retrier?: Retrier });
  constructor(target: string, options: ClientOptions = {}, parts: { transport?: Transport; retrier?: Retrier } = {}) {
    const parsed = parseTarget(target);
    const secrets = channelCredentials(parsed.local, options);
    this.transport = parts.transport ?? new GrpcTransport(parsed, secrets, options.metadata);
    this.retrier = parts.retrier ?? new Retrier();
    this.timeoutMs = options.timeoutMs !== undefined && options.timeoutMs > 0 ? options.timeoutMs : defaultTimeoutMs;
  }

  /** Closes the connection. Later calls are rejected with CANCELLED. */
  close(): void {
    this.transport.close();
  }

  /** A session sees its own writes, on whichever node its checks are answered. */
  session(): Session {
    return new Session(this);
  }

  async check(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<Decision> {
    return new Decision(await this.call(DecisionService.method.check, request, options));
  }

  async isAllowed(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<boolean> {
    return isAllowed(this.check(request, options));
  }

  async batchCheck(request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions): Promise<BatchResult[]> {
    const { results } = await this.call(DecisionService.method.batchCheck, request, options);
    const wanted = request.requests?.length ?? 0;
    if (results.length !== wanted) {
      throw new ConsentError("INTERNAL", `the server answered ${results.length} of ${wanted} requests`);
    }
    return results.map(batchResult);
  }

  async listPurposes(request: MessageInitShape<typeof ListPurposesRequestSchema>, options?: CallOptions): Promise<PurposeDecision[]> {
    const { purposes } = await this.call(DecisionService.method.listPurposes, request, options);
    return purposes.map((p) => ({ purpose: p.purpose, decision: new Decision(p.response) }));
  }

  async recordEvents(request: MessageInitShape<typeof RecordEventsRequestSchema>, options?: CallOptions): Promise<RecordEventsResponse> {
    return this.call(ConsentService.method.recordEvents, request, options);
  }

  async linkSubjects(request: MessageInitShape<typeof LinkSubjectsRequestSchema>, options?: CallOptions): Promise<LinkSubjectsResponse> {
    return this.call(ConsentService.method.linkSubjects, request, options);
  }

  async unlinkSubjects(
    request: MessageInitShape<typeof UnlinkSubjectsRequestSchema>,
    options?: CallOptions,
  ): Promise<UnlinkSubjectsResponse> {
    return this.call(ConsentService.method.unlinkSubjects, request, options);
  }

  /**
   * A subject's state as policies read it, and the ids of their `person`. One for whom nothing was recorded is not
   * known; that is no error.
   */
  async getSubject(request: MessageInitShape<typeof GetSubjectRequestSchema>, options?: CallOptions): Promise<GetSubjectResponse> {
    return this.call(ConsentService.method.getSubject, request, options);
  }

  /**
   * The ledger of the person whom the id names, from the request's page on, in the order in which the events were
   * recorded. A link comes once; each entry says under which id it was said. The pages are read as the loop goes; a
   * timeout is for each of them.
   */
  async *listEvents(
    request: MessageInitShape<typeof ListEventsRequestSchema>,
    options?: CallOptions,
  ): AsyncGenerator<LedgerEntry, void, undefined> {
    for (let token = request.pageToken ?? ""; ;) {
      const page = await this.call(ConsentService.method.listEvents, { ...request, pageToken: token }, options);
      yield* page.entries;
      if (page.nextPageToken === "") {
        return;
      }
      if (page.nextPageToken === token) {
        throw new ConsentError("INTERNAL", "the server returned the same page token twice");
      }
      token = page.nextPageToken;
    }
  }

  /** Describes the active policies. */
  async getPolicy(request: MessageInitShape<typeof GetPolicyRequestSchema> = {}, options?: CallOptions): Promise<GetPolicyResponse> {
    return this.call(PolicyService.method.getPolicy, request, options);
  }

  /** Lists the controllers of the active policies and the purposes that they declare. */
  async listControllers(
    request: MessageInitShape<typeof ListControllersRequestSchema> = {},
    options?: CallOptions,
  ): Promise<ListControllersResponse> {
    return this.call(PolicyService.method.listControllers, request, options);
  }

  /** The request is encoded once, so that all attempts carry the same bytes. */
  private async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    init: MessageInitShape<I>,
    options: CallOptions = {},
  ): Promise<MessageShape<O>> {
    const request = encode(method.input, init);
    const bounds = { timeoutMs: options.timeoutMs ?? this.timeoutMs, signal: options.signal };
    const response = await this.retrier.run(bounds, (b) => this.transport.unary(pathOf(method), request, b));
    return decode(method.output, response);
  }
}

/** What `isAllowed` makes of a check. */
export async function isAllowed(check: Promise<Decision>): Promise<boolean> {
  try {
    return (await check).allowed;
  } catch {
    return false;
  }
}

function batchResult(result: BatchCheckResult): BatchResult {
  switch (result.outcome.case) {
    case "response":
      return { decision: new Decision(result.outcome.value), error: undefined };
    case "error":
      return { decision: new Decision(), error: batchError(result.outcome.value) };
    default:
      return { decision: new Decision(), error: new ConsentError("INTERNAL", "the server sent a result without an outcome that is known") };
  }
}

function channelCredentials(local: boolean, options: ClientOptions): ChannelCredentials {
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
