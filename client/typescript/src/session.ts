import type { MessageInitShape } from "@bufbuild/protobuf";

import { isAllowed, type BatchResult, type CallOptions, type Checker, type PurposeDecision } from "./client.js";
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
import type { BatchCheckRequestSchema, CheckRequestSchema, ListPurposesRequestSchema } from "./gen/consent/v1/decision_service_pb.js";

/**
 * A client that sees its own writes: the newest consistency token of its writes goes into its later checks, on whichever node
 * they are answered. A consistency that a request sets itself is kept. Calls may run concurrently: the newest token is the one
 * with the highest revision.
 *
 * A session belongs to the store of its first answer: its calls are rejected with `StoreMismatchError` where the servers show that
 * they do not share it.
 */
export class Session implements Checker {
  private readonly freshness = new Freshness();

  constructor(private readonly client: Checker) {}

  async check(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<Decision> {
    return this.freshness.ask(request, (r) => this.client.check(r, options), (d) => [d.consistencyToken]);
  }

  async isAllowed(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<boolean> {
    return isAllowed(this.check(request, options));
  }

  async batchCheck(request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions): Promise<BatchResult[]> {
    return this.freshness.ask(
      request,
      (r) => this.client.batchCheck(r, options),
      (results) => results.map((r) => r.decision.consistencyToken),
    );
  }

  async listPurposes(request: MessageInitShape<typeof ListPurposesRequestSchema>, options?: CallOptions): Promise<PurposeDecision[]> {
    return this.freshness.ask(
      request,
      (r) => this.client.listPurposes(r, options),
      (purposes) => purposes.map((p) => p.decision.consistencyToken),
    );
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
