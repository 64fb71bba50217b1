import { Decision, enumName } from "../decision.js";
import type { CheckRequest } from "../gen/consent/v1/decision_service_pb.js";
import { ReasonCodeSchema } from "../gen/consent/v1/types_pb.js";

/** What enforces asks of: a `Client`, a `Session`, or what a test puts in their place. */
export interface Decider {
  check(request: Pick<CheckRequest, "controller" | "subjectId" | "purpose" | "dataCategories">): Promise<Decision>;
}

/** What is asked, and of whom. */
export interface EnforceOptions {
  /** Decides. A `Client` is one; with a near cache it answers most checks without the network. */
  checker: Decider;
  /** Whose policy decides. */
  controller: string;
  /** Is told of every outcome. It must be quick; what it throws is dropped. */
  observe?: (event: EnforceEvent) => void;
}

/**
 * Tells who the data of a call are about, such as the user who is logged in. Nobody, and an error, keep the handler
 * from running.
 */
export type SubjectOf<Call> = (call: Call) => string | undefined | null | Promise<string | undefined | null>;

/** One call that was let through or not; a stream that was let through and is ended later is two. */
export interface EnforceEvent {
  /** The route's pattern, the handler or the gRPC method's path. */
  readonly where: string;
  readonly purpose: string;
  readonly outcome: EnforceOutcome;
}

/**
 * What became of a call: it was let through; it was denied by the policies; there was no decision, or nobody could tell
 * who it is about; or it declares no purpose, and was refused.
 */
export type EnforceOutcome = "allowed" | "denied" | "failed" | "undeclared";

/** One use of a subject's data that is to be allowed. */
export interface Use {
  readonly where: string;
  readonly purpose: string;
  readonly dataCategories: string[];
}

/** Why a call is refused, for who made it. The subject is not named. */
export interface Refusal {
  /** As HTTP says it: 403, 401 or 503. */
  readonly status: 401 | 403 | 503;
  readonly body: { readonly error: string; readonly reasons: string[] };
}

/** A call may run by the decision, or is refused. */
export type Verdict =
  { readonly decision: Decision; readonly refusal?: undefined } | { readonly decision?: undefined; readonly refusal: Refusal };

export const noSubject: Refusal = { status: 401, body: { error: "who the data are about cannot be told", reasons: [] } };
export const noDecision: Refusal = { status: 503, body: { error: "consent cannot be checked at the moment", reasons: [] } };

function denied(decision: Decision): Refusal {
  return {
    status: 403,
    body: { error: String(decision), reasons: decision.reasons.map((r) => enumName(ReasonCodeSchema, r.code)) },
  };
}

/** Lets calls through only where the subject allows their purpose: the part that no framework has a say in. */
export class Enforcer {
  private readonly decisions = new WeakMap<object, Decision>();

  /** @throws TypeError that names what the options lack. */
  constructor(private readonly options: EnforceOptions) {
    if (typeof options?.checker?.check !== "function") {
      throw new TypeError("the option checker is required: give a Client");
    }
    if (typeof options.controller !== "string" || options.controller === "") {
      throw new TypeError("the option controller is required: give the id that policies declare");
    }
  }

  /** @throws TypeError where a route declares no purpose: a slip must show when the server starts. */
  use(where: string, purpose: string, dataCategories: string[]): Use {
    if (typeof purpose !== "string" || purpose === "") {
      throw new TypeError(`${where}: name the purpose`);
    }
    return { where, purpose, dataCategories };
  }

  /** Tells who a call is about, and asks. It never rejects. */
  async ask<Call>(use: Use, call: Call, subjectOf: SubjectOf<Call>): Promise<Verdict> {
    let subject;
    try {
      subject = await subjectOf(call);
    } catch {
      subject = undefined;
    }
    if (typeof subject !== "string" || subject === "") {
      this.count(use, "failed");
      return { refusal: noSubject };
    }
    return this.decide(use, subject);
  }

  /** Asks about a subject. It never rejects. */
  async decide(use: Use, subjectId: string): Promise<Verdict> {
    const verdict = await this.again(use, subjectId);
    if (verdict.decision !== undefined) {
      this.count(use, "allowed");
    }
    return verdict;
  }

  /** The same for what goes on, and was counted when it began: only that it is refused is told of. */
  async again({ where, purpose, dataCategories }: Use, subjectId: string): Promise<Verdict> {
    const verdict = await this.verdict({ subjectId, purpose, dataCategories }).catch((): Verdict => ({ refusal: noDecision }));
    if (verdict.refusal !== undefined) {
      this.count({ where, purpose }, verdict.refusal.status === 403 ? "denied" : "failed");
    }
    return verdict;
  }

  private async verdict(asked: { subjectId: string; purpose: string; dataCategories: string[] }): Promise<Verdict> {
    const decision = await this.options.checker.check({ controller: this.options.controller, ...asked });
    return decision.allowed === true ? { decision } : { refusal: denied(decision) };
  }

  count(use: { where: string; purpose: string }, outcome: EnforceOutcome): void {
    try {
      this.options.observe?.({ where: use.where, purpose: use.purpose, outcome });
    } catch {
      // an observer decides nothing
    }
  }

  /** Hands the decision to the handler of a call. */
  let(call: object, decision: Decision): void {
    this.decisions.set(call, decision);
  }

  /** The decision that let a call run; one that denies if there was none. */
  decisionOf(call: object): Decision {
    return this.decisions.get(call) ?? new Decision();
  }
}
