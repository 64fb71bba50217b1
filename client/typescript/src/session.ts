import type { MessageInitShape } from "@bufbuild/protobuf";

import { isAllowed, type BatchResult, type CallOptions, type Checker, type PurposeDecision } from "./client.js";
import type { Decision } from "./decision.js";
import type { RecordEventsRequestSchema, RecordEventsResponse } from "./gen/consent/v1/consent_service_pb.js";
import type {
  BatchCheckRequestSchema,
  CheckRequestSchema,
  ConsistencySchema,
  ListPurposesRequestSchema,
} from "./gen/consent/v1/decision_service_pb.js";
import { atLeastAsFresh } from "./requests.js";

/**
 * A client that sees its own writes: the newest consistency token of its writes goes into its later checks, on whichever node
 * they are answered. A consistency that a request sets itself is kept. Calls may run concurrently: the newest token is the one
 * with the highest revision.
 */
export class Session implements Checker {
  private token = "";
  private revision = 0n; // that the token stands for

  constructor(private readonly client: Checker) {}

  async check(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<Decision> {
    return this.client.check(this.fresh(request), options);
  }

  async isAllowed(request: MessageInitShape<typeof CheckRequestSchema>, options?: CallOptions): Promise<boolean> {
    return isAllowed(this.check(request, options));
  }

  async batchCheck(request: MessageInitShape<typeof BatchCheckRequestSchema>, options?: CallOptions): Promise<BatchResult[]> {
    return this.client.batchCheck(this.fresh(request), options);
  }

  async listPurposes(request: MessageInitShape<typeof ListPurposesRequestSchema>, options?: CallOptions): Promise<PurposeDecision[]> {
    return this.client.listPurposes(this.fresh(request), options);
  }

  async recordEvents(request: MessageInitShape<typeof RecordEventsRequestSchema>, options?: CallOptions): Promise<RecordEventsResponse> {
    const response = await this.client.recordEvents(request, options);
    const { consistencyToken, revision } = response;
    // A server that tells no revision has written what it acknowledges last.
    if (consistencyToken !== "" && (revision === 0n || revision > this.revision)) {
      this.token = consistencyToken;
      this.revision = revision;
    }
    return response;
  }

  private fresh<R extends { consistency?: MessageInitShape<typeof ConsistencySchema> | undefined }>(request: R): R {
    return this.token === "" || request.consistency !== undefined ? request : { ...request, consistency: atLeastAsFresh(this.token) };
  }
}
