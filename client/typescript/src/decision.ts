import type { DescEnum } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";

import type { CheckResponse } from "./gen/consent/v1/decision_service_pb.js";
import {
  Decision as Effect,
  Degradation,
  DegradationSchema,
  LegalBasis,
  LegalBasisSchema,
  ObligationCodeSchema,
  ReasonCodeSchema,
  type Obligation,
  type Reason,
} from "./gen/consent/v1/types_pb.js";

/** Why a decision is as it is. */
export type DecisionReason = Reason & {
  /** The code's name: CONSENT_MISSING; of one that this package does not know its number. */
  readonly codeName: string;
};

/** What you must also do. */
export type DecisionObligation = Obligation & {
  /** The code's name: INCLUDE_UNSUBSCRIBE; of one that this package does not know its number. */
  readonly codeName: string;
};

/** The answer to a check. One without an answer, `new Decision()`, denies. */
export class Decision {
  /**
   * True only where the server said ALLOW and this package understood the obligations that the permission depends on:
   * an obligation of an unknown code cannot be met, so it denies.
   */
  readonly allowed: boolean;
  /** Why, in order of precedence. */
  readonly reasons: readonly DecisionReason[];
  /** The one in effect, on a denial too; UNSPECIFIED where the purpose is undeclared or prohibited. */
  readonly legalBasis: LegalBasis;
  /** What you must also do, whether allowed or denied. */
  readonly obligations: readonly DecisionObligation[];
  /** Those of the request that are permitted. */
  readonly permittedDataCategories: readonly string[];
  /**
   * The first instant at which time alone could change the decision, rounded down to a millisecond; undefined if none
   * can. It does not say that no event will change it sooner.
   */
  readonly validUntil: Date | undefined;
  /** Stands for the state that was read; hand it to `atLeastAsFresh`. */
  readonly consistencyToken: string;
  /** The digest of the policies that decided. */
  readonly policyRevision: string;
  /** Names the decision in logs. */
  readonly id: string;
  /**
   * That the server could not read the subject's state, and decided as the controller declares for then; UNSPECIFIED: it
   * could. Such a decision is for this check alone: ask again rather than keep it.
   */
  readonly degraded: Degradation;
  /** Of a STALE one, how old the state may be by which it was decided, in milliseconds; else undefined. */
  readonly stateAgeMs: number | undefined;

  constructor(response?: CheckResponse) {
    this.allowed = allows(response);
    this.reasons = (response?.reasons ?? []).map(namedReason);
    this.legalBasis = response?.legalBasis ?? LegalBasis.UNSPECIFIED;
    this.obligations = (response?.obligations ?? []).map(namedObligation);
    this.permittedDataCategories = response?.permittedDataCategories ?? [];
    this.validUntil = dateOf(response?.validUntil);
    this.consistencyToken = response?.consistencyToken ?? "";
    this.policyRevision = response?.policyRevision ?? "";
    this.id = response?.decisionId ?? "";
    this.degraded = response?.degraded ?? Degradation.UNSPECIFIED;
    this.stateAgeMs = millisecondsOf(response?.stateAge);
  }

  /** In what way the decision is degraded, by its name: "STALE"; "UNSPECIFIED": it is not. */
  get degradedName(): string {
    return enumName(DegradationSchema, this.degraded);
  }

  /** The legal basis by its name: "CONSENT". */
  get legalBasisName(): string {
    return enumName(LegalBasisSchema, this.legalBasis);
  }

  /** What JSON.stringify prints: all that the decision says, with names for enumerations. */
  toJSON() {
    return {
      allowed: this.allowed,
      reasons: this.reasons.map(({ codeName, clause, message }) => ({ code: codeName, clause, message })),
      legalBasis: this.legalBasisName,
      obligations: this.obligations.map(({ codeName, parameters }) => ({ code: codeName, parameters })),
      permittedDataCategories: this.permittedDataCategories,
      validUntil: this.validUntil,
      consistencyToken: this.consistencyToken,
      policyRevision: this.policyRevision,
      id: this.id,
      degraded: this.degradedName,
      stateAgeMs: this.stateAgeMs,
    };
  }

  /** What console.log prints. */
  [Symbol.for("nodejs.util.inspect.custom")](): unknown {
    return { ...this.toJSON(), [Symbol.toStringTag]: "Decision" };
  }

  /** The decision and its reasons for people: "DENY: CONSENT_MISSING (jasminai §3.7)". */
  toString(): string {
    const degraded = this.degraded === Degradation.UNSPECIFIED ? "" : ` (degraded: ${this.degradedName})`;
    const effect = (this.allowed ? "ALLOW" : "DENY") + degraded;
    const reasons = this.reasons.map(reasonText).join(", ");
    return reasons === "" ? effect : `${effect}: ${reasons}`;
  }
}

function namedReason({ $typeName, code, clause, message }: Reason): DecisionReason {
  return { $typeName, code, codeName: enumName(ReasonCodeSchema, code), clause, message };
}

function namedObligation({ $typeName, code, parameters }: Obligation): DecisionObligation {
  const named = { $typeName, code, codeName: enumName(ObligationCodeSchema, code) };
  return parameters === undefined ? named : { ...named, parameters };
}

function reasonText({ codeName, clause }: DecisionReason): string {
  return clause === "" ? codeName : `${codeName} (${clause})`;
}

/**
 * The only place that turns an answer into a permission. An unreadable valid_until would come out as "never ends", so
 * it denies.
 */
function allows(response: CheckResponse | undefined): boolean {
  return (
    response?.decision === Effect.ALLOW &&
    (response.validUntil === undefined || isValid(response.validUntil)) &&
    response.obligations.every((o) => o.code !== 0 && ObligationCodeSchema.value[o.code] !== undefined)
  );
}

const firstSecond = -62135596800n; // 0001-01-01T00:00:00Z
const lastSecond = 253402300799n; // 9999-12-31T23:59:59Z

function isValid(t: Timestamp | undefined): t is Timestamp {
  return t !== undefined && t.seconds >= firstSecond && t.seconds <= lastSecond && t.nanos >= 0 && t.nanos <= 999_999_999;
}

/** Rounds up: a state may be younger than is said, never older. */
function millisecondsOf(d: Duration | undefined): number | undefined {
  return d === undefined ? undefined : Number(d.seconds) * 1000 + Math.ceil(d.nanos / 1e6);
}

/** Rounds down: valid_until may be early, never late. Undefined for what is no time. */
export function dateOf(t: Timestamp | undefined): Date | undefined {
  return isValid(t) ? new Date(Number(t.seconds) * 1000 + Math.floor(t.nanos / 1e6)) : undefined;
}

/**
 * The bare form of an enum value: CONSENT_MISSING for REASON_CODE_CONSENT_MISSING. A value that this package does not
 * know gives its number, the zero value UNSPECIFIED.
 */
export function enumName(schema: DescEnum, value: number): string {
  return schema.value[value]?.localName ?? String(value);
}
