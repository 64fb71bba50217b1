import type { MessageInitShape } from "@bufbuild/protobuf";

import type { Decision, DecisionObligation } from "./decision.js";
import type { ConsentError } from "./errors.js";
import type {
  LinkSubjectsRequestSchema,
  LinkSubjectsResponse,
  RecordEventsRequestSchema,
  RecordEventsResponse,
  UnlinkSubjectsRequestSchema,
  UnlinkSubjectsResponse,
} from "./gen/consent/v1/consent_service_pb.js";
import type {
  BatchCheckRequestSchema,
  CheckRequestSchema,
  ExplainRequestSchema,
  ExplainResponse,
  ListPurposesRequestSchema,
} from "./gen/consent/v1/decision_service_pb.js";
import type { Headers } from "./transport.js";

/** How one call is made. */
export interface CallOptions {
  /**
   * How long it may take, all attempts together, in milliseconds; at most an hour, Infinity too. Default the
   * client's; zero and less have passed already.
   */
  timeoutMs?: number | undefined;
  /** Ends the call early: CANCELLED. */
  signal?: AbortSignal | undefined;
  /**
   * What this call sends besides what all do, and rather than it. A check with metadata of its own is a call of its
   * own.
   */
  metadata?: Headers | undefined;
  /** An API key or a token for this call, rather than the client's. */
  token?: string | undefined;
}

/** What a check asks. */
export type CheckInit = MessageInitShape<typeof CheckRequestSchema>;

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

/** What a guard runs: it is given what it must also do, and the decision. */
export type Guarded<T> = (obligations: readonly DecisionObligation[], decision: Decision) => T | Promise<T>;

/** The calls whose answers rest on a subject's state: a `Client`, or a `Session` of one. They may run concurrently. */
export interface Checker {
  /** Decides one purpose for one subject. A denial is an answer, no error. */
  check(request: CheckInit, options?: CallOptions): Promise<Decision>;
  /**
   * Whether the check allows; false on any error. It never rejects. Use `check` or `guard` where the purpose carries
   * obligations: they are yours to meet and this does not show them.
   */
  isAllowed(request: CheckInit, options?: CallOptions): Promise<boolean>;
  /**
   * Runs a function only where the use is allowed, and hands it the obligations that come with the permission. It
   * resolves to what the function returns, and is rejected with what that throws; with a `DeniedError` where the use
   * is denied, and with the `ConsentError` of the check where there is no decision: the function did not run then.
   */
  guard<T>(request: CheckInit, run: Guarded<T>, options?: CallOptions): Promise<T>;
  /**
   * Decides many requests, with their results in their order. Up to 1,000 are one call, and each subject's are
   * decided on one state; more are several calls, at most 4 at a time, within the one timeout. It is rejected only
   * for the whole.
   */
  batchCheck(request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions): Promise<BatchResult[]>;
  /**
   * Those of the requests, or of the subjects' ids for one use, that are allowed, in their order. One whose check
   * fails is left out. It is rejected where nothing is known of a whole batch; batches are made as `batchCheck` makes
   * them.
   */
  filter<R extends CheckInit>(requests: readonly R[], options?: CallOptions): Promise<R[]>;
  filter(subjectIds: readonly string[], use: Omit<CheckInit, "subjectId">, options?: CallOptions): Promise<string[]>;
  /** Decides all purposes that the controller declares or prohibits, for one subject, sorted by purpose. */
  listPurposes(request: MessageInitShape<typeof ListPurposesRequestSchema>, options?: CallOptions): Promise<PurposeDecision[]>;
  /** Makes a decision again and tells its story, for people and audits. Its texts are not to be parsed. */
  explain(request: MessageInitShape<typeof ExplainRequestSchema>, options?: CallOptions): Promise<ExplainResponse>;
  /**
   * Records one subject's events, all or none; `newEvent` makes one. Once it resolves they are durable. It may be
   * repeated: the events' ids are idempotency keys. The answer's `outcomes` say what became of each event, in their
   * order: what is on record may outrank a late withdrawal, and a misspelt purpose is recorded all the same. A server
   * of an older version tells none.
   *
   * With `fence` it resolves when no near cache answers from the older state any more, which takes up to two of the
   * server's leases where one is cut off: without a timeout of the call it may take 6 s. DEADLINE_EXCEEDED then says
   * that the events are recorded, or may be, and some cache may not know yet; repeat the call with the same events.
   */
  recordEvents(request: MessageInitShape<typeof RecordEventsRequestSchema>, options?: CallOptions): Promise<RecordEventsResponse>;
  /**
   * Makes two ids of a controller one person; `newLink` makes the request. Every id of a person is answered alike, by
   * what was said under all of them. Once it resolves it is durable, and it may be repeated with its event id;
   * `fence` is as in `recordEvents`. The answer's `person` names all ids, its `outcome` says what became of the link.
   * FAILED_PRECONDITION says why the two cannot be one person, and what to do.
   */
  linkSubjects(request: MessageInitShape<typeof LinkSubjectsRequestSchema>, options?: CallOptions): Promise<LinkSubjectsResponse>;
  /**
   * Parts two ids that were linked; `newUnlink` makes the request. Each has what was said under it again. For the rest
   * it is as `linkSubjects`. FAILED_PRECONDITION where no link of the two stands.
   */
  unlinkSubjects(
    request: MessageInitShape<typeof UnlinkSubjectsRequestSchema>,
    options?: CallOptions,
  ): Promise<UnlinkSubjectsResponse>;
}
