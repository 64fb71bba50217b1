package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// fourConsents is the state of a subject with four consents to the controller's notice, as the benchmarks use it.
func fourConsents(controller string, now consent.Instant) *consent.State {
	notice := uint32(1)
	if controller == "example" {
		notice = 3
	}
	day := consent.Instant(24 * time.Hour)
	given := func(id, purpose string, recipients ...string) consent.Event {
		return consent.Event{ID: id, OccurredAt: now - 9*day, Source: "privacy_settings", Fact: consent.Consent{
			Purpose: purpose, Status: consent.Given, NoticeVersion: notice, Explicit: true, Recipients: recipients,
		}}
	}
	place := "DE"
	return consent.Fold([]consent.Event{
		given("1", "marketing_email"), given("2", "ai_training"), given("3", "special_category_personalization"),
		given("4", "affiliate_sharing", "partner-1"),
		{ID: "5", OccurredAt: now - day, Fact: consent.Profile{
			Jurisdiction: &place, AccountStatus: consent.AccountActive, LastActivityAt: now - day,
			Age: &consent.Age{Min: 30, Max: 30},
		}},
	})
}

// mainRequests are the four main purposes as a backend asks for them.
func mainRequests(controller string) []consent.Request {
	subject := consent.Subject{Controller: controller, ID: "subject-1"}
	return []consent.Request{
		{Subject: subject, Purpose: "marketing_email", DataCategories: []string{"user.contact.email"}},
		{Subject: subject, Purpose: "ai_training", DataCategories: []string{"user.behavior.site_usage"},
			Context: map[string]any{"anonymized": true}},
		{Subject: subject, Purpose: "special_category_personalization", DataCategories: []string{"user.behavior.site_usage"}},
		{Subject: subject, Purpose: "affiliate_sharing", DataCategories: []string{"user.location.country"},
			Recipient: consent.Recipient{Kind: consent.Affiliate, ID: "partner-1", Country: "DE"}},
	}
}

// BenchmarkDecide is a whole decision from a cached state: the request's input, evaluation, reading the answer,
// valid_until.
func BenchmarkDecide(b *testing.B) {
	for name, o := range map[string]policy.Options{
		"compiled": {ShadowRate: -1},
		"topdown":  {Engine: policy.Topdown},
	} {
		loader := policy.NewLoader(o)
		set, err := loader.Read(policies.FS)
		if err != nil {
			b.Fatal(err)
		}
		now := consent.InstantOf(time.Now())
		for _, controller := range []string{"jasminai", "example"} {
			snapshot := &consent.Snapshot{State: fourConsents(controller, now)}
			snapshot.Prepared, _ = loader.Prepare(snapshot.State)
			for _, request := range mainRequests(controller) {
				b.Run(controller+"/"+request.Purpose+"/"+name, func(b *testing.B) {
					b.ReportAllocs()
					report := reportCPU(b)
					for b.Loop() {
						if d := set.Decide(context.Background(), &request, snapshot, now); d.Effect != consent.Allow {
							b.Fatalf("decision = %+v", d)
						}
					}
					report()
				})
			}
		}
	}
}
