import type { MessageInitShape } from "@bufbuild/protobuf";

import type { BatchResult, CallOptions, Checker, CheckInit, Guarded, PurposeDecision } from "./checker.js";
import type { Decision } from "./decision.js";
import { Freshness, type Acknowledgement } from "./freshness.js";
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
  ExplainRequestSchema,
  ExplainResponse,
  ListPurposesRequestSchema,
} from "./gen/consent/v1/decision_service_pb.js";
import { filter, guard, isAllowed, type FilterArguments } from "./helpers.js";

/** What a session asks. */
type Asked = Omit<Checker, "isAllowed" | "guard" | "filter">;

/**
 * A client that sees its own writes: the newest consistency token of its writes goes into its later checks, on
 * whichever node they are answered. A consistency that a request sets itself is kept. Calls may run concurrently: the
 * newest token is the one with the highest revision.
 *
 * A session belongs to the store of its first answer: its calls are rejected with `StoreMismatchError` where the
 * servers show that they do not share it. The sessions of a client over several servers are one with it: they see all
 * its writes.
 */
export class Session implements Checker {
  constructor(
    private readonly client: Asked,
    private readonly freshness = new Freshness(),
  ) {}

  async check(request: CheckInit, options?: CallOptions): Promise<Decision> {
    return this.freshness.ask(request, (r) => this.client.check(r, options), (d) => [d.consistencyToken]);
  }

  async isAllowed(request: CheckInit, options?: CallOptions): Promise<boolean> {
    return isAllowed(this.check(request, options));
  }

  async guard<T>(request: CheckInit, run: Guarded<T>, options?: CallOptions): Promise<T> {
    return guard(this.check(request, options), run);
  }

  async batchCheck(request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions): Promise<BatchResult[]> {
    return this.freshness.ask(
      request,
      (r) => this.client.batchCheck(r, options),
      (results) => results.map((r) => r.decision.consistencyToken),
    );
  }

  async filter<R extends CheckInit>(requests: readonly R[], options?: CallOptions): Promise<R[]>;
  async filter(subjectIds: readonly string[], use: Omit<CheckInit, "subjectId">, options?: CallOptions): Promise<string[]>;
  async filter<R extends CheckInit>(...args: FilterArguments<R>): Promise<(R | string)[]> {
    return filter((request, options) => this.batchCheck(request, options), args);
  }

  async listPurposes(request: MessageInitShape<typeof ListPurposesRequestSchema>, options?: CallOptions): Promise<PurposeDecision[]> {
    return this.freshness.ask(
      request,
      (r) => this.client.listPurposes(r, options),
      (purposes) => purposes.map((p) => p.decision.consistencyToken),
    );
  }

  async explain(request: MessageInitShape<typeof ExplainRequestSchema>, options?: CallOptions): Promise<ExplainResponse> {
    return this.freshness.explain(request, (r) => this.client.explain(r, options));
  }

  async recordEvents(request: MessageInitShape<typeof RecordEventsRequestSchema>, options?: CallOptions): Promise<RecordEventsResponse> {
    return this.noted(await this.client.recordEvents(request, options));
  }

  async linkSubjects(request: MessageInitShape<typeof LinkSubjectsRequestSchema>, options?: CallOptions): Promise<LinkSubjectsResponse> {
    return this.noted(await this.client.linkSubjects(request, options));
  }

  async unlinkSubjects(
    request: MessageInitShape<typeof UnlinkSubjectsRequestSchema>,
    options?: CallOptions,
  ): Promise<UnlinkSubjectsResponse> {
    return this.noted(await this.client.unlinkSubjects(request, options));
  }

  /** What follows in the session reflects the write. */
  private noted<A extends Acknowledgement>(response: A): A {
    this.freshness.note(response);
    return response;
  }
}
