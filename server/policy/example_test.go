package policy_test

import (
	"context"
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// A consent counts until it is withdrawn.
func Example() {
	loader := policy.NewLoader(policy.Options{})
	defer loader.Close()
	set, err := loader.Read(policies.FS)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := consent.InstantOf(time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC))
	said := func(id string, status consent.Status, ago time.Duration) consent.Event {
		return consent.Event{ID: id, OccurredAt: now - consent.Instant(ago), Source: "privacy_settings", Fact: consent.Consent{
			Purpose: "marketing_email", Status: status, NoticeVersion: 3,
		}}
	}
	decide := func(events ...consent.Event) {
		snapshot := &consent.Snapshot{State: consent.Fold(events)}
		d := set.Decide(context.Background(), &consent.Request{
			Subject: consent.Subject{Controller: "example", ID: "subject-1"}, Purpose: "marketing_email",
			DataCategories: []string{"user.contact.email"},
		}, snapshot, now)
		fmt.Println(d.Effect, d.Basis, d.Reasons[0].Code)
	}
	given := said("1", consent.Given, 48*time.Hour)
	decide(given)
	decide(given, said("2", consent.Withdrawn, time.Hour))
	// Output:
	// ALLOW CONSENT BASIS_HOLDS
	// DENY CONSENT CONSENT_WITHDRAWN
}

// acme is a set of one controller, whose policy allows what its table declares.
func acme() fstest.MapFS {
	return fstest.MapFS{
		"controllers/acme/data.yaml": {Data: []byte(`notice: {version: 1, material: 1}
purposes:
  storage: {basis: CONTRACT, clause: "2.1"}
`)},
		"controllers/acme/acme.rego": {Data: []byte(`package consentd.controllers.acme

row := data.controllers.acme.purposes[input.purpose]

# METADATA
# title: ACME-2.1
decision := {
	"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": row.clause}], "legal_basis": row.basis,
	"obligations": [], "permitted_data_categories": input.data_categories,
}
`)},
	}
}

// The purposes of a controller are those of its table.
func ExampleSet_Purposes() {
	set, err := policy.Load(acme(), policy.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	purposes, err := set.Purposes("acme")
	fmt.Println(purposes, err)
	_, err = set.Purposes("nobody")
	fmt.Println(err)
	// Output:
	// [storage] <nil>
	// unknown controller
}

// What does not load names its faults, each with its place and what to do.
func ExampleFaults() {
	files := acme()
	files["controllers/acme/more.rego"] = &fstest.MapFile{Data: []byte(`package consentd.controllers.acme

late if input.now > 5
`)}
	_, err := policy.Load(files, policy.Options{})
	for _, f := range policy.Faults(err) {
		fmt.Printf("%s:%d: %s\n", f.File, f.Line, strings.Replace(f.Message, ": ", ":\n", 1))
	}
	// Output:
	// controllers/acme/more.rego:3: input.now could read input.now outside consentd.lib.clock:
	// name the field of the input, and compare times by the functions of the clock
}

// A trace tells which rules with a title held.
func ExampleSet_Trace() {
	set, err := policy.Load(acme(), policy.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	trace, err := set.Trace(context.Background(), policy.Question{
		Request:  &consent.Request{Subject: consent.Subject{Controller: "acme", ID: "subject-1"}, Purpose: "storage"},
		Snapshot: &consent.Snapshot{State: &consent.State{}}, Now: 1,
	}, policy.TraceOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(trace.Decision.Effect)
	for _, rule := range trace.Fired {
		fmt.Printf("%s at %s:%d\n", rule.Title, rule.File, rule.Line)
	}
	// Output:
	// ALLOW
	// ACME-2.1 at controllers/acme/acme.rego:7
}
