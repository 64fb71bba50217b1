import { dateOf, enumName } from "./decision.js";
import {
  EventEffectSchema,
  EventWarningCodeSchema,
  type EventOutcome,
  type EventWarning,
} from "./gen/consent/v1/consent_service_pb.js";

/**
 * Says for people what became of an event: "SUPERSEDED by the consent sms-7 of 2026-01-02T12:00:00Z", the time cut to the second,
 * or "COUNTED; PURPOSE_NOT_DECLARED: marketing_emial (nearest: marketing_email)".
 */
export function outcomeText(outcome: EventOutcome): string {
  const effect = enumName(EventEffectSchema, outcome.effect) + supersederText(outcome);
  return [effect, ...outcome.warnings.map(warningText)].join("; ");
}

function supersederText(outcome: EventOutcome): string {
  if (outcome.supersededBy === "") {
    return "";
  }
  const at = dateOf(outcome.supersededByOccurredAt);
  const time = at === undefined ? "" : ` of ${at.toISOString().replace(/\.\d+/, "")}`;
  return ` by the ${outcome.supersededByKind || "event"} ${outcome.supersededBy}${time}`;
}

function warningText(warning: EventWarning): string {
  const code = enumName(EventWarningCodeSchema, warning.code);
  const purpose = warning.purpose === "" ? "" : `: ${warning.purpose}`;
  const nearest = warning.nearest === "" ? "" : ` (nearest: ${warning.nearest})`;
  return code + purpose + nearest;
}
