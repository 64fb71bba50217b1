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
 * they are answered. A consistency that a request sets itself is kept.
 *
 * Its writes go one after the other, because tokens do not tell which of two is newer; use one session per person or per task.
 */
export class Session implements Checker {
  private token = "";
  private lastWrite: Promise<unknown> = Promise.resolve();

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

  /** As `Client.recordEvents`, when the session's writes before it have ended; their time does not count against its own. */
  recordEvents(request: MessageInitShape<typeof RecordEventsRequestSchema>, options?: CallOptions): Promise<RecordEventsResponse> {
    const write = this.lastWrite.then(() => this.record(request, options));
    this.lastWrite = write.catch(() => undefined);
    return write;
  }

  private async record(request: MessageInitShape<typeof RecordEventsRequestSchema>, options?: CallOptions): Promise<RecordEventsResponse> {
    const response = await this.client.recordEvents(request, options);
    this.token = response.consistencyToken || this.token;
    return response;
  }

  private fresh<R extends { consistency?: MessageInitShape<typeof ConsistencySchema> | undefined }>(request: R): R {
    return this.token === "" || request.consistency !== undefined ? request : { ...request, consistency: atLeastAsFresh(this.token) };
  }
}
