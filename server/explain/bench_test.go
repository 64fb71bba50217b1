package explain_test

import (
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
)

// BenchmarkExplain explains a denial and an ALLOW of the controller example.
func BenchmarkExplain(b *testing.B) {
	now := consent.InstantOf(time.Now())
	place := "DE"
	event := func(id string, fact consent.Fact) consent.Event {
		return consent.Event{ID: id, OccurredAt: now - 1e9, Source: "support", Fact: fact}
	}
	for _, purpose := range []string{"marketing_email", "service_messages"} {
		b.Run(purpose, func(b *testing.B) {
			w := newWorld(b, shipped(b), now)
			w.record(now, event("1", consent.Profile{Jurisdiction: &place}),
				event("2", consent.Consent{Purpose: "marketing_email", Status: consent.Withdrawn}),
				event("3", consent.Restriction{Ground: consent.AccuracyContested, Purposes: []string{"ai_training"}}))
			request := &consent.Request{Subject: consent.Subject{Controller: "example", ID: "u"}, Purpose: purpose}
			for b.Loop() {
				if _, err := w.explainer.Explain(b.Context(), explain.Question{Request: request}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
