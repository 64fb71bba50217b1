package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

func TestShippedPoliciesDecide(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := consent.InstantOf(time.Now())
	state := consent.Fold([]consent.Event{{ID: "1", OccurredAt: now - 1, Fact: consent.Profile{AccountStatus: consent.AccountActive}}})
	d := set.Decide(context.Background(), &consent.Request{
		Subject: consent.Subject{Controller: "jasminai", ID: "s"}, Purpose: "service_delivery",
	}, &consent.Snapshot{State: state}, now)
	if d.Effect != consent.Allow || d.Basis != consent.BasisContract {
		t.Errorf("Decide = %+v", d)
	}
}
