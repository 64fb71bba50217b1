package explain_test

import (
	"context"
	"fmt"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
)

// A story says which facts decided, and what would change the answer.
func ExampleExplainer_Explain() {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	now := consent.InstantOf(time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC))
	w, err := worldAt(set, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	day := consent.Instant(24 * time.Hour)
	w.record(now, consent.Event{
		ID: "1", OccurredAt: now - 2*day, Source: "privacy_settings",
		Fact: consent.Consent{Purpose: "marketing_email", Status: consent.Given, NoticeVersion: 3},
	}, consent.Event{
		ID: "2", OccurredAt: now - day, Source: "unsubscribe_link",
		Fact: consent.Consent{Purpose: "marketing_email", Status: consent.Withdrawn},
	})
	story, err := w.explainer.Explain(context.Background(), explain.Question{Request: &consent.Request{
		Subject: consent.Subject{Controller: "example", ID: "subject-1"}, Purpose: "marketing_email",
		DataCategories: []string{"user.contact.email"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(story.Decision.Effect, story.Decision.Reasons[0].Code)
	for _, f := range story.Facts {
		if f.Role == explain.Decisive {
			fmt.Printf("%s, by %s:\n%s\n", f.Key, f.Events[0].Event.Source, f.Text)
		}
	}
	for _, c := range story.Changes {
		fmt.Println(c.Then.Effect, "after", c.Texts)
	}
	// Output:
	// DENY CONSENT_WITHDRAWN
	// consents.marketing_email, by unsubscribe_link:
	// Consent to marketing_email was withdrawn on 31 May 2026, 12:00 UTC. It had been given on 30 May 2026, 12:00 UTC.
	// ALLOW after [a consent to marketing_email, to version 3 of the notice]
}
