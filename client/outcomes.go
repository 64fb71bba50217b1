package client

import (
	"strings"
	"time"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// OutcomeText says for people what became of an event: "SUPERSEDED by the consent sms-7 of 2026-01-02T12:00:00Z", or
// "COUNTED; PURPOSE_NOT_DECLARED: marketing_emial (nearest: marketing_email)". The time is cut to the second.
func OutcomeText(o *consentv1.EventOutcome) string {
	parts := []string{EnumName(o.GetEffect()) + supersederText(o)}
	for _, w := range o.GetWarnings() {
		parts = append(parts, warningText(w))
	}
	return strings.Join(parts, "; ")
}

func supersederText(o *consentv1.EventOutcome) string {
	if o.GetSupersededBy() == "" {
		return ""
	}
	kind := o.GetSupersededByKind()
	if kind == "" {
		kind = "event"
	}
	text := " by the " + kind + " " + o.GetSupersededBy()
	if at := o.GetSupersededByOccurredAt(); at.IsValid() {
		text += " of " + at.AsTime().Truncate(time.Second).Format(time.RFC3339)
	}
	return text
}

func warningText(w *consentv1.EventWarning) string {
	text := EnumName(w.GetCode())
	if w.GetPurpose() != "" {
		text += ": " + w.GetPurpose()
	}
	if w.GetNearest() != "" {
		text += " (nearest: " + w.GetNearest() + ")"
	}
	return text
}
