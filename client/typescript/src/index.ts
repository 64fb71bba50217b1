/**
 * Asks consentd, over gRPC, whether a person's data may be used for a purpose, and records what happens to their consent.
 *
 *     const client = new Client("127.0.0.1:7070");
 *     const decision = await client.check({ controller: "example", subjectId: "user-42", purpose: "marketing_email" });
 *     if (!decision.allowed) return; // do not use the data
 *
 * @packageDocumentation
 */
export { AddressError, normalizeEmail, normalizePhone } from "./address.js";
export type { BatchResult, CallOptions, Checker, CheckInit, Guarded, PurposeDecision } from "./checker.js";
export { Client } from "./client.js";
export { Decision, enumName, type DecisionObligation, type DecisionReason } from "./decision.js";
export { ConsentError, DeniedError, StoreMismatchError, type Code, type Violation } from "./errors.js";
export type { NearCacheOptions } from "./near.js";
export type { ObservedCall, Observer } from "./observe.js";
export { outcomeText } from "./outcomes.js";
export { atLeastAsFresh, fullyConsistent, newEvent, newLink, newUnlink, type EventKind, type Pair } from "./requests.js";
export { Session } from "./session.js";
export { emailSha256, SubjectKey } from "./subject.js";
export type { ClientOptions } from "./options.js";
export type { NearCacheStats } from "./seam.js";
export type { Headers, MetadataSource, TokenSource } from "./transport.js";
export * from "./gen/consent/v1/consent_service_pb.js";
export * from "./gen/consent/v1/decision_service_pb.js";
export * from "./gen/consent/v1/policy_service_pb.js";
export * from "./gen/consent/v1/types_pb.js";
