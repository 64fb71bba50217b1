import { create, toBinary } from "@bufbuild/protobuf";

import { pathOf } from "./codec.js";
import { ConsentError } from "./errors.js";
import type { NearEntry } from "./near-table.js";
import {
  DecisionService,
  ReportAnswersRequestSchema,
  ReportedAnswersSchema,
  type ReportedAnswers,
} from "./gen/consent/v1/decision_service_pb.js";

// What a near cache answers, the server is told of afterwards, by counts, so that its decision log and its record of
// processing know. A hit costs one addition; all else happens here, off the path of checks, and whatever goes wrong
// with it concerns no check. What was counted since the last report is missing when the process is killed.

/** How often, unless the configuration says otherwise, in milliseconds. */
export const defaultReportEveryMs = 5_000;
/** How many decisions one call may tell of, by the API. */
const maxReported = 1_000;
/** Bounds the decisions that are kept only to be reported, and the reports that could not be sent. */
const maxGone = 1 << 16;

/** Tells the server; it is rejected with a ConsentError. */
export type Tell = (path: string, request: Uint8Array, timeoutMs: number) => Promise<unknown>;

/** Gathers what a near cache answered, and tells the server. */
export class NearReports {
  private gone: NearEntry[] = [];
  private unsent: ReportedAnswers[] = [];
  /** The report under way; the next waits for it. */
  private last: Promise<void> = Promise.resolve();

  /** @param off nobody is told: by the configuration, or later because the server does not know the call. */
  constructor(
    private readonly tell: Tell,
    private off = false,
  ) {}

  /** How many wait to be told. */
  get waiting(): number {
    return this.gone.length + this.unsent.length;
  }

  /** Keeps an entry that is thrown away until it is reported. */
  retire(e: NearEntry | undefined): void {
    if (e !== undefined && e.answers > 0 && !this.off && this.gone.length < maxGone) {
      this.gone.push(e);
    }
  }

  /**
   * Tells the server what was answered since the last time. What it cannot be told now it is told next time, but for
   * what may have arrived. It never rejects.
   */
  report(current: Iterable<NearEntry>, timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    this.last = this.last.then(() => this.send(this.take(current), end)).catch(() => undefined);
    return this.last;
  }

  /**
   * A server refuses a report whole where one purpose in it is not this caller's any more: they are told one by one
   * then.
   */
  private async send(answers: ReportedAnswers[], end: number): Promise<void> {
    for (let apart = false; answers.length > 0 && !this.off;) {
      const chunk = answers.slice(0, apart ? alike(answers) : maxReported);
      const code = await this.tellOf(chunk, end - performance.now());
      if (code === "UNIMPLEMENTED") {
        this.off = true; // an older server
      }
      if (code === "UNAVAILABLE" || code === "RESOURCE_EXHAUSTED" || code === "UNAUTHENTICATED") {
        this.unsent.push(...answers.slice(0, maxGone - this.unsent.length));
        return;
      }
      if (code === "PERMISSION_DENIED" && !apart) {
        apart = true;
        answers.sort((a, b) => (rightOf(a) < rightOf(b) ? -1 : 1));
        continue;
      }
      answers = answers.slice(chunk.length);
    }
  }

  private async tellOf(answers: ReportedAnswers[], timeoutMs: number): Promise<string> {
    if (timeoutMs <= 0) {
      return "UNAVAILABLE"; // it was not sent
    }
    try {
      const request = toBinary(ReportAnswersRequestSchema, create(ReportAnswersRequestSchema, { answers }));
      await this.tell(pathOf(DecisionService.method.reportAnswers), request, timeoutMs);
      return "OK";
    } catch (error) {
      return error instanceof ConsentError ? error.code : "UNKNOWN";
    }
  }

  /** All counts, which are set back. */
  private take(current: Iterable<NearEntry>): ReportedAnswers[] {
    const { gone, unsent } = this;
    this.gone = [];
    this.unsent = [];
    return [...unsent, ...reported(gone), ...reported(current)];
  }
}

function* reported(entries: Iterable<NearEntry>): Iterable<ReportedAnswers> {
  for (const e of entries) {
    if (e.answers > 0) {
      const { controller, purpose, dataCategories, recipient } = e.asked;
      const count = BigInt(e.answers);
      e.answers = 0;
      yield create(ReportedAnswersSchema, {
        ...{ decisionId: e.response.decisionId, count, controller, purpose, dataCategories, decision: e.response.decision },
        ...(recipient === undefined ? {} : { recipientKind: recipient.kind }),
      });
    }
  }
}

/** What one right is for. */
function rightOf(a: ReportedAnswers): string {
  return JSON.stringify([a.controller, a.purpose, a.recipientKind]);
}

/** How many of the first answers are to what one right is for; no more than one call may tell of. */
function alike(answers: ReportedAnswers[]): number {
  const other = answers.findIndex((a) => rightOf(a) !== rightOf(answers[0]!));
  return Math.min(other < 0 ? answers.length : other, maxReported);
}
