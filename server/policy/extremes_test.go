package policy_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// everythingAt is the state of a person for whom all that can happen happened at one instant, and to whom all that has
// a term has that instant for it.
func everythingAt(at consent.Instant, purposes []consent.Purpose) *consent.State {
	yes, place := true, "US-CA"
	facts := []consent.Fact{
		consent.Profile{
			Jurisdiction: &place, Age: &consent.Age{Min: 30, Max: 30}, LastActivityAt: at, RetentionUntil: at,
			Relationship: &consent.Relationship{LastSaleAt: at, SellingEntity: "a"},
		},
		consent.Signals{GPC: &yes, DNT: &yes},
		consent.OptOut{Kind: consent.SaleOrSharing},
		consent.Objection{Purposes: []string{purposes[0].Name}},
		consent.Restriction{Ground: consent.Ground(1), Purposes: []string{purposes[0].Name}},
	}
	for _, p := range purposes {
		facts = append(facts, consent.Consent{Purpose: p.Name, Status: consent.Given, NoticeVersion: 9, Explicit: true, ExpiresAt: at})
	}
	events := make([]consent.Event, len(facts))
	for i, f := range facts {
		events[i] = consent.Event{ID: string(rune('a' + i)), OccurredAt: at, Source: "import", Fact: f}
	}
	return consent.Fold(events)
}

// No instant that a store may hold makes a decision an error, leaves the work to topdown, or makes valid_until late.
func TestDecisionsAtExtremeInstants(t *testing.T) {
	loader := policy.NewLoader(policy.Options{ShadowRate: -1})
	defer loader.Close()
	set, err := loader.Read(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	nows := []consent.Instant{1, consent.InstantOf(time.Now()), policy.Extremes[len(policy.Extremes)-1]}
	decided := 0
	for _, c := range set.Describe().Controllers {
		for _, at := range policy.Extremes {
			snapshot := consent.Snapshot{State: everythingAt(at, c.Purposes)}
			for _, p := range c.Purposes {
				for _, now := range nows {
					r := consent.Request{Subject: consent.Subject{Controller: c.ID, ID: "u"}, Purpose: p.Name}
					d := set.Decide(context.Background(), &r, &snapshot, now)
					decided++
					if slices.ContainsFunc(d.Reasons, func(r consent.Reason) bool { return r.Code == consent.PolicyError }) {
						t.Fatalf("%s, %s, all at %d, asked at %d: POLICY_ERROR", c.ID, p.Name, at, now)
					}
					if d.ValidUntil != 0 && d.ValidUntil <= now {
						t.Errorf("%s, %s, all at %d, asked at %d: valid until %d", c.ID, p.Name, at, now, d.ValidUntil)
					}
					for _, o := range d.Obligations {
						if o.Code == consent.ReaskNotBefore && at > 0 && o.Parameters.Time < min(at, consent.MaxInstant-1) {
							t.Errorf("%s, %s, all at %d: not to be asked before %d", c.ID, p.Name, at, o.Parameters.Time)
						}
					}
				}
			}
		}
	}
	if s := loader.Stats(); s.Topdown != 0 || s.Panics != 0 || decided < 1000 {
		t.Errorf("%d decisions: %+v", decided, s)
	}
}
