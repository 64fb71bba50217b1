import { timestampFromMs } from "@bufbuild/protobuf/wkt";

import { ReasonCode, ObligationCode, type Decision } from "../src/index.js";
import type { Decider, EnforceEvent } from "../src/enforce/enforcer.js";
import { decision } from "./fakes.js";

type Asked = Parameters<Decider["check"]>[0];

/** Allows the subject "yes", fails for "down" and denies all others; it remembers what was asked, and what came of it. */
export class Deciding {
  readonly asked: Asked[] = [];
  readonly seen: string[] = [];
  runs = 0;
  /** Who is allowed. */
  readonly allowed = new Set(["yes"]);
  /** How long an ALLOW is valid; undefined: for good. */
  validForMs: number | undefined;

  readonly options = {
    checker: { check: (request: Asked) => this.check(request) },
    controller: "example",
    observe: (e: EnforceEvent) => void this.seen.push(`${e.where} ${e.purpose} ${e.outcome}`),
  };

  ran(): void {
    this.runs++;
  }

  private async check(request: Asked): Promise<Decision> {
    this.asked.push(request);
    if (request.subjectId === "down") {
      throw new Error("down");
    }
    const validUntil = this.validForMs === undefined ? {} : { validUntil: timestampFromMs(Date.now() + this.validForMs) };
    return this.allowed.has(request.subjectId)
      ? decision({ decision: 1, decisionId: "d1", obligations: [{ code: ObligationCode.AGGREGATE_ONLY }], ...validUntil })
      : decision({ decision: 2, reasons: [{ code: ReasonCode.CONSENT_WITHDRAWN, message: `of ${request.subjectId}` }] });
  }
}
