package policy_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// categoriesOfRules are those that a pack or a shipped table speaks of, with parts and parents of them, and some of
// none.
var categoriesOfRules = []string{
	"user", "user.account.registration", "user.behavior", "user.biometric", "user.contact", "user.content", "user.content.prompt",
	"user.demographic", "user.demographic.age_range", "user.demographic.political_opinion", "user.demographic.race_ethnicity",
	"user.demographic.religious_belief", "user.demographic.sexual_orientation", "user.device", "user.device.ip_address",
	"user.genetic",
	"user.health_and_medical.allergies", "user.location", "user.location.country", "user.location.precise", "user.name",
	"user.payment", "user.sensitive", "user.trade_union",
}

// TestExclusionsAreComplete: a request that names no data is allowed nothing, its exclusions honoured, that a request
// which names it would be denied; and what it excludes would be.
func TestExclusionsAreComplete(t *testing.T) {
	set := load(t)
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	purposes := map[string][]consent.Purpose{}
	for _, c := range set.Describe().Controllers {
		purposes[c.ID] = c.Purposes
	}
	allowed := map[string]int{}
	for i := range all {
		q, err := all[i].Question(corpusStart)
		if err != nil {
			t.Fatal(err)
		}
		recipients := recipientsFor(q.Request.Recipient)
		for _, p := range purposes[all[i].Controller] {
			q.Request.Purpose = p.Name
			for _, r := range recipients {
				q.Request.Recipient = r
				allowed[all[i].Controller] += expectExclusions(t, set, &q)
			}
		}
	}
	for id, n := range allowed {
		if n < 100 {
			t.Errorf("%s: %d answers were compared: too few to show anything", id, n)
		}
	}
}

// recipientsFor are the controller itself, the case's recipient, and an advertising partner whom its consents may name.
func recipientsFor(r consent.Recipient) []consent.Recipient {
	partner := r
	partner.Kind = consent.AdvertisingPartner
	return slices.Compact([]consent.Recipient{{}, r, partner})
}

// expectExclusions returns how many answers were compared.
func expectExclusions(t *testing.T, set *policy.Set, q *cases.Question) (n int) {
	t.Helper()
	snapshot := &consent.Snapshot{State: q.State}
	decide := func(named ...string) consent.Decision {
		r := q.Request
		r.DataCategories = named
		return set.Decide(context.Background(), &r, snapshot, q.Now)
	}
	silent := decide()
	if silent.Effect != consent.Allow {
		return 0
	}
	var excluded []string
	for _, o := range silent.Obligations {
		excluded = append(excluded, o.Parameters.Categories...)
	}
	for _, category := range categoriesOfRules {
		covered := slices.ContainsFunc(excluded, func(e string) bool { return overlap(category, e) })
		if got := decide(category); (got.Effect == consent.Deny) != covered {
			t.Errorf("%s %s to %+v: without data ALLOW but for %v, with %s %v because of %v",
				q.Request.Subject.Controller, q.Request.Purpose, q.Request.Recipient, excluded, category, got.Effect, got.Reasons)
		}
		n++
	}
	return n
}

// overlap reports whether what the categories name has something in common.
func overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

// TestAgesAtTheGrant: a record says how old the subject was on the day of the grant, by the newest age record.
func TestAgesAtTheGrant(t *testing.T) {
	day := func(s string) consent.Instant {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return consent.InstantOf(at)
	}
	for _, test := range []struct {
		recorded, given string
		age             consent.Age
		want            string
	}{
		{"2024-05-10T23:59:00Z", "2024-05-10T00:00:00Z", consent.Age{Min: 15, Max: 16}, "15 16"},
		{"2024-05-10T12:00:00Z", "2025-05-09T23:59:59Z", consent.Age{Min: 15, Max: 15}, "15 15"},
		{"2024-05-10T12:00:00Z", "2025-05-10T00:00:00Z", consent.Age{Min: 15, Max: 15}, "16 16"},
		{"2024-05-10T12:00:00Z", "2023-05-11T00:00:00Z", consent.Age{Min: 15, Max: 15}, "15 15"},
		{"2024-05-10T12:00:00Z", "2023-05-10T23:59:59Z", consent.Age{Min: 15, Max: 15}, "14 14"},
		{"2024-02-29T12:00:00Z", "2025-02-28T12:00:00Z", consent.Age{Min: 15, Max: 15}, "15 15"},
		{"2024-02-29T12:00:00Z", "2025-03-01T00:00:00Z", consent.Age{Min: 15, Max: 15}, "16 16"},
		{"2025-02-28T12:00:00Z", "2024-02-29T00:00:00Z", consent.Age{Min: 15, Max: 15}, "15 15"},
		{"2025-03-01T12:00:00Z", "2024-02-29T00:00:00Z", consent.Age{Min: 15, Max: 15}, "14 14"},
		{"2024-05-10T12:00:00Z", "2004-05-10T00:00:00Z", consent.Age{Min: 15, Max: 25}, "0 5"},
		{"2024-05-10T12:00:00Z", "2025-06-10T00:00:00Z", consent.Age{Min: consent.Unbounded, Max: 15}, "absent 16"},
		{"2024-05-10T12:00:00Z", "2025-06-10T00:00:00Z", consent.Age{Min: 15, Max: consent.Unbounded}, "16 absent"},
		{"", "2025-06-10T00:00:00Z", consent.Age{}, "absent absent"},
	} {
		grant := consent.Consent{Purpose: "p", Status: consent.Given, NoticeVersion: 1}
		events := []consent.Event{{ID: "g", OccurredAt: day(test.given), Source: "support", Fact: grant}}
		if test.recorded != "" {
			events = append(events, consent.Event{
				ID: "a", OccurredAt: day(test.recorded), Source: "support", Fact: consent.Profile{Age: &test.age},
			})
		}
		if got := agesOf(t, events, "p"); got != test.want {
			t.Errorf("%v recorded on %s, consent of %s: %s, want %s", test.age, test.recorded, test.given, got, test.want)
		}
	}
}

// agesOf are the ages in the record of a purpose.
func agesOf(t *testing.T, events []consent.Event, purpose string) string {
	t.Helper()
	request := &consent.Request{Subject: consent.Subject{Controller: "c", ID: "s"}, Purpose: purpose}
	input := policy.BuildInput(request, consent.Fold(events), consent.InstantOf(corpusStart))
	bounds := make([]string, 0, 2)
	for _, bound := range []string{"age_min", "age_max"} {
		v, err := input.Find(ast.MustParseRef("input.subject.consents[\"" + purpose + "\"]." + bound)[1:])
		if err != nil {
			bounds = append(bounds, "absent")
			continue
		}
		bounds = append(bounds, v.String())
	}
	return strings.Join(bounds, " ")
}
