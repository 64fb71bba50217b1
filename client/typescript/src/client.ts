import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

import type { BatchResult, CallOptions, Checker, CheckInit, Guarded, PurposeDecision } from "./checker.js";
import { Checks } from "./checks.js";
import { decode, encode, pathOf, printable, reading, requireObject } from "./codec.js";
import { Decision } from "./decision.js";
import { asConsentError, ConsentError } from "./errors.js";
import { Freshness } from "./freshness.js";
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
  type ExplainRequestSchema,
  type ExplainResponse,
  type ListPurposesRequestSchema,
} from "./gen/consent/v1/decision_service_pb.js";
import {
  PolicyService,
  type GetPolicyRequestSchema,
  type GetPolicyResponse,
  type ListControllersRequestSchema,
  type ListControllersResponse,
} from "./gen/consent/v1/policy_service_pb.js";
import { filter, guard, isAllowed, type FilterArguments } from "./helpers.js";
import { nearCacheOf } from "./near.js";
import { observed } from "./observe.js";
import { boundsOf, channelCredentials, usualTimeout, type ClientOptions } from "./options.js";
import { Retrier } from "./retry.js";
import type { MakeNearCache, NearCache, NearCacheStats } from "./seam.js";
import { Session } from "./session.js";
import { parseTargets } from "./target.js";
import { fenceTimeoutMs, leasesPerFence } from "./timeouts.js";
import { GrpcTransport, type Transport } from "./transport.js";

/** Parts of a client that tests replace. */
export interface ClientParts {
  transport?: Transport;
  retrier?: Retrier;
  near?: MakeNearCache;
  /** Milliseconds that only grow. */
  now?: () => number;
}

/**
 * Talks to consentd, by default in plaintext to loopback addresses and Unix sockets and by TLS with the system's
 * roots to all else. Calls may run concurrently; checks that do share messages.
 *
 * Guarantees: a decision that allows never comes with an error, and whatever this package does not understand of an
 * answer denies. Every call ends: 1 s unless the client or the call says otherwise. UNAVAILABLE is retried within the
 * deadline.
 *
 * Failure: calls are rejected with `ConsentError` and nothing else.
 */
export class Client implements Checker {
  private readonly transport: Transport;
  private readonly timeoutMs: number;
  private readonly retrier: Retrier;
  private readonly checks: Checks;
  private readonly near: NearCache | undefined;
  /** The near cache's own: what it is told waits behind no answer, and it outlives the client until its lease is given up. */
  private readonly nearTransport: Transport | undefined;
  /** What the client has written; undefined where all calls go to one server. */
  private readonly freshness: Freshness | undefined;
  private readonly observer: ClientOptions["observer"];

  /**
   * @param target host:port, dns:///host:port or unix:///path; or several, host:port,host:port, which are taken in turn
   * as long as they say that they serve. The client is one session then: each check reflects the client's newest write.
   * It is not connected to before the first call; an unreachable server shows there, as UNAVAILABLE.
   * @throws TypeError if the target or the options cannot be meant.
   */
  constructor(target: string, options?: ClientOptions);
  /** @internal With parts of its own, for tests. */
  constructor(target: string, options: ClientOptions | undefined, parts: ClientParts);
  constructor(target: string, options: ClientOptions = {}, parts: ClientParts = {}) {
    const targets = parseTargets(target);
    const secrets = channelCredentials(
      targets.every((t) => t.local),
      options,
    );
    this.timeoutMs = usualTimeout(options.timeoutMs);
    this.observer = options.observer;
    this.retrier = parts.retrier ?? new Retrier();
    const connect = () =>
      parts.transport ?? new GrpcTransport(targets, secrets, { metadata: options.metadata, token: options.token });
    this.transport = connect();
    this.nearTransport = parts.near === undefined && !options.nearCache ? undefined : connect();
    this.near = this.nearTransport && (parts.near ?? nearCacheOf(options.nearCache))(this.nearTransport);
    this.freshness = targets.length > 1 ? new Freshness() : undefined;
    this.checks = new Checks({
      transport: this.transport,
      retrier: this.retrier,
      lanes: options.coalesce === false ? 0 : targets.length,
      near: this.near,
      now: parts.now ?? (() => performance.now()),
    });
  }

  /**
   * Closes the connections; a second time it does nothing. Calls under way and later ones are rejected with
   * CANCELLED. A near cache answers nothing from then on, and has told the server of its last answers within a second.
   */
  close(): void {
    // Not at once: gRPC never lets go of a socket whose channel is closed in the turn in which it began to connect.
    void this.near?.close().finally(() => setImmediate(() => this.nearTransport?.close()));
    this.checks.close();
    this.transport.close();
  }

  /** A session sees its own writes, on whichever node its checks are answered. */
  session(): Session {
    return new Session(this, this.freshness);
  }

  /** What became of checks since the start; all are zero without a near cache. */
  nearCacheStats(): NearCacheStats {
    return this.near?.stats() ?? { hits: 0, misses: 0, streams: 0, leased: false };
  }

  async check(request: CheckInit, options?: CallOptions): Promise<Decision> {
    if (this.observer !== undefined) {
      return observed(this.observer, { method: "check", request }, async () => this.decide(request, options));
    }
    try {
      return await this.decide(request, options);
    } catch (thrown) {
      throw asConsentError(thrown);
    }
  }

  private decide(request: CheckInit, options: CallOptions | undefined): Decision | Promise<Decision> {
    const bounds = boundsOf(options, this.timeoutMs);
    if (this.freshness === undefined) {
      return this.checks.check(request, bounds);
    }
    return this.freshness.ask(
      request,
      async (r) => this.checks.check(r, bounds),
      (d) => [d.consistencyToken],
    );
  }

  async isAllowed(request: CheckInit, options?: CallOptions): Promise<boolean> {
    return isAllowed(this.check(request, options));
  }

  async guard<T>(request: CheckInit, run: Guarded<T>, options?: CallOptions): Promise<T> {
    return guard(this.check(request, options), run);
  }

  async batchCheck(request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions): Promise<BatchResult[]> {
    return observed(this.observer, { method: "batchCheck", request }, () => {
      const bounds = boundsOf(options, this.timeoutMs);
      const ask = (r: typeof request) => this.checks.batch(r, bounds);
      return this.freshness === undefined
        ? ask(request)
        : this.freshness.ask(request, ask, (results) => results.map((r) => r.decision.consistencyToken));
    });
  }

  async filter<R extends CheckInit>(requests: readonly R[], options?: CallOptions): Promise<R[]>;
  async filter(subjectIds: readonly string[], use: Omit<CheckInit, "subjectId">, options?: CallOptions): Promise<string[]>;
  async filter<R extends CheckInit>(...args: FilterArguments<R>): Promise<(R | string)[]> {
    return filter((request, options) => this.batchCheck(request, options), args);
  }

  async listPurposes(
    request: MessageInitShape<typeof ListPurposesRequestSchema>,
    options?: CallOptions,
  ): Promise<PurposeDecision[]> {
    const ask = async (r: typeof request) => {
      const { purposes } = await this.call(DecisionService.method.listPurposes, r, options);
      return purposes.map((p) => ({ purpose: p.purpose, decision: new Decision(p.response) }));
    };
    return this.freshness === undefined
      ? ask(request)
      : this.freshness.ask(request, ask, (purposes) => purposes.map((p) => p.decision.consistencyToken));
  }

  async explain(request: MessageInitShape<typeof ExplainRequestSchema>, options?: CallOptions): Promise<ExplainResponse> {
    const ask = (r: typeof request) => this.call(DecisionService.method.explain, r, options);
    return this.freshness === undefined ? ask(request) : this.freshness.explain(request, ask);
  }

  async recordEvents(
    request: MessageInitShape<typeof RecordEventsRequestSchema>,
    options?: CallOptions,
  ): Promise<RecordEventsResponse> {
    return this.write(ConsentService.method.recordEvents, request, options);
  }

  async linkSubjects(
    request: MessageInitShape<typeof LinkSubjectsRequestSchema>,
    options?: CallOptions,
  ): Promise<LinkSubjectsResponse> {
    return this.write(ConsentService.method.linkSubjects, request, options);
  }

  async unlinkSubjects(
    request: MessageInitShape<typeof UnlinkSubjectsRequestSchema>,
    options?: CallOptions,
  ): Promise<UnlinkSubjectsResponse> {
    return this.write(ConsentService.method.unlinkSubjects, request, options);
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
    requireObject(request);
    for (let token = reading(() => request.pageToken ?? ""); ;) {
      const next = reading(() => ({ ...request, pageToken: token }));
      const page = await this.call(ConsentService.method.listEvents, next, options);
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
  async getPolicy(
    request: MessageInitShape<typeof GetPolicyRequestSchema> = {},
    options?: CallOptions,
  ): Promise<GetPolicyResponse> {
    return this.call(PolicyService.method.getPolicy, request, options);
  }

  /** Lists the controllers of the active policies and the purposes that they declare. */
  async listControllers(
    request: MessageInitShape<typeof ListControllersRequestSchema> = {},
    options?: CallOptions,
  ): Promise<ListControllersResponse> {
    return this.call(PolicyService.method.listControllers, request, options);
  }

  /** What follows reflects the write. One with fence waits for all caches, by default longer than other calls. */
  private async write<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    init: MessageInitShape<I>,
    options: CallOptions | undefined,
  ): Promise<MessageShape<O>> {
    const fenced = reading(() => (init as { fence?: boolean }).fence === true);
    const usualMs = fenced
      ? Math.max(this.timeoutMs, fenceTimeoutMs, leasesPerFence * (this.near?.leaseMs() ?? 0))
      : this.timeoutMs;
    const response = await this.call(method, init, options, usualMs);
    this.freshness?.note(response as unknown as Parameters<Freshness["note"]>[0]);
    return response;
  }

  /** The request is encoded once, so that all attempts carry the same bytes. */
  private async call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    init: MessageInitShape<I>,
    options: CallOptions | undefined,
    usualMs = this.timeoutMs,
  ): Promise<MessageShape<O>> {
    return observed(this.observer, { method: method.localName, request: init }, async () => {
      const bounds = boundsOf(options, usualMs);
      const request = encode(method.input, init);
      const response = await this.retrier.run(bounds, (b) => this.transport.unary(pathOf(method), request, b));
      return printable(method.output, decode(method.output, response));
    });
  }
}
