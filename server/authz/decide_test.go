package authz_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// failed is the decision of a failed policy, as the fixture gives it.
var failed = consent.Decision{
	Effect: consent.Deny, Reasons: []consent.Reason{{Code: consent.PolicyError}}, PolicyRevision: "p1", StateRevision: 5,
}

func TestPanicDenies(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "a")
	f.policies.decide = func(*consent.Request, *consent.Snapshot, consent.Instant) consent.Decision { panic("boom") }
	d, err := f.Check(context.Background(), &r, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(failed, d, exceptID); diff != "" || d.ID == "" {
		t.Errorf("decision differs (-want +got):\n%s", diff)
	}
}

func TestFailuresAreCountedAndLoggedSparsely(t *testing.T) {
	f, r := newFixture(t, nil), request("u", "a")
	f.policies.decide = func(*consent.Request, *consent.Snapshot, consent.Instant) consent.Decision { panic("boom") }
	for range 10 {
		if _, err := f.Check(context.Background(), &r, authz.Consistency{}); err != nil {
			t.Fatal(err)
		}
	}
	var numbers []uint64
	for _, record := range f.log.all {
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "failures" {
				numbers = append(numbers, a.Value.Uint64())
			}
			return true
		})
	}
	if diff := cmp.Diff([]uint64{1, 2, 4, 8}, numbers); diff != "" {
		t.Errorf("other failures were logged (-want +got):\n%s", diff)
	}
}

// Each row makes a good ALLOW or DENY bad.
func TestMalformedDecisionsDeny(t *testing.T) {
	obligation := func(c consent.ObligationCode, p consent.Parameters) func(*consent.Decision) {
		return func(d *consent.Decision) { d.Obligations = []consent.Obligation{{Code: c, Parameters: p}} }
	}
	deny := func(d *consent.Decision) {
		d.Effect, d.Reasons, d.PermittedDataCategories = consent.Deny, []consent.Reason{{Code: consent.Objected}}, nil
	}
	for name, spoil := range map[string]func(*consent.Decision){
		"zero value":               func(d *consent.Decision) { *d = consent.Decision{} },
		"unknown effect":           func(d *consent.Decision) { d.Effect = consent.Allow + 1 },
		"allow without reasons":    func(d *consent.Decision) { d.Reasons = nil },
		"deny without reasons":     func(d *consent.Decision) { deny(d); d.Reasons = []consent.Reason{} },
		"deny because it holds":    func(d *consent.Decision) { d.Effect = consent.Deny },
		"allow for a denial":       func(d *consent.Decision) { deny(d); d.Effect = consent.Allow },
		"allow, with a denial too": func(d *consent.Decision) { d.Reasons = append(holds[:1:1], consent.Reason{Code: consent.Objected}) },
		"reason zero":              func(d *consent.Decision) { deny(d); d.Reasons = []consent.Reason{{}} },
		"unknown reason":           func(d *consent.Decision) { deny(d); d.Reasons[0].Code = firstUnknown(consent.BasisHolds) },
		"allow without basis":      func(d *consent.Decision) { d.Basis = 0 },
		"unknown basis":            func(d *consent.Decision) { d.Basis = firstUnknown(consent.BasisConsent) },
		"negative time":            func(d *consent.Decision) { d.ValidUntil = -1 },
		"obligation zero":          obligation(0, consent.Parameters{}),
		"unknown obligation":       obligation(firstUnknown(consent.DeactivateAccount), consent.Parameters{}),
		"no country":               obligation(consent.TransferSafeguards, consent.Parameters{Signal: "gpc"}),
		"no categories":            obligation(consent.ExcludeDataCategories, consent.Parameters{}),
		"unknown signal":           obligation(consent.RecordSignal, consent.Parameters{Signal: "x"}),
		"no time":                  obligation(consent.ReaskNotBefore, consent.Parameters{}),
		"permits too much":         func(d *consent.Decision) { d.PermittedDataCategories = []string{"x", "y", "z"} },
		"allows but not all":       func(d *consent.Decision) { d.PermittedDataCategories = []string{"x"} },
		"denies, permits unasked":  func(d *consent.Decision) { deny(d); d.PermittedDataCategories = []string{"z"} },
	} {
		t.Run(name, func(t *testing.T) {
			f, r := newFixture(t, nil), request("u", "a", "x", "y")
			f.policies.decide = func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
				d := allowAll(r, s, at)
				spoil(&d)
				return d
			}
			d, err := f.Check(context.Background(), &r, authz.Consistency{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(failed, d, exceptID); diff != "" || len(f.log.all) != 1 {
				t.Errorf("%d failures logged; decision differs (-want +got):\n%s", len(f.log.all), diff)
			}
		})
	}
}

func TestWellFormedDecisionsPass(t *testing.T) {
	one := func(code consent.ReasonCode) []consent.Reason { return []consent.Reason{{Code: code, Clause: "9"}} }
	for name, want := range map[string]consent.Decision{
		"allow, other order": {
			Effect: consent.Allow, Reasons: holds, Basis: consent.BasisConsent, PermittedDataCategories: []string{"y", "x"},
			Obligations: []consent.Obligation{
				{Code: consent.ExcludeDataCategories, Parameters: consent.Parameters{Categories: []string{"q"}}},
				{Code: consent.TransferSafeguards, Parameters: consent.Parameters{Country: "US"}},
				{Code: consent.RecordSignal, Parameters: consent.Parameters{Signal: "gpc"}},
				{Code: consent.IncludeUnsubscribe},
			},
		},
		"deny, undeclared":      {Reasons: one(consent.PurposeNotDeclared)},
		"deny, policy's error":  {Reasons: one(consent.PolicyError)},
		"deny, some categories": {Reasons: one(consent.DataCategoryNotPermitted), PermittedDataCategories: []string{"x"}},
		"deny, ask later": {
			Reasons: one(consent.ConsentRefused), Basis: consent.BasisConsent, ValidUntil: 9,
			Obligations: []consent.Obligation{{Code: consent.ReaskNotBefore, Parameters: consent.Parameters{Time: 9}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, r := newFixture(t, nil), request("u", "a", "x", "y")
			f.policies.decide = func(*consent.Request, *consent.Snapshot, consent.Instant) consent.Decision { return want }
			d, err := f.Check(context.Background(), &r, authz.Consistency{})
			if err != nil {
				t.Fatal(err)
			}
			want.PolicyRevision, want.StateRevision = "p1", 5
			if diff := cmp.Diff(want, d, exceptID); diff != "" || len(f.log.all) != 0 {
				t.Errorf("%d failures logged; decision differs (-want +got):\n%s", len(f.log.all), diff)
			}
		})
	}
}

// firstUnknown is the value after the last of an enumeration.
func firstUnknown[E interface {
	~uint8
	Known() bool
}](first E) E {
	for first.Known() {
		first++
	}
	return first
}

// TestEveryBasisAndObligationIsPassedOn: one that is appended must not deny everywhere.
func TestEveryBasisAndObligationIsPassedOn(t *testing.T) {
	parameters := consent.Parameters{Country: "JP", Categories: []string{"z"}, Signal: "gpc", Time: now}
	var wanted []consent.Decision
	for basis := consent.BasisConsent; basis.Known(); basis++ {
		wanted = append(wanted, consent.Decision{Basis: basis})
	}
	for code := consent.DeactivateAccount; code.Known(); code++ {
		wanted = append(wanted, consent.Decision{
			Basis: consent.BasisConsent, Obligations: []consent.Obligation{{Code: code, Parameters: parameters}},
		})
	}
	if last := wanted[len(wanted)-1]; len(wanted) < 20 || last.Obligations[0].Code < consent.ConfirmRecipientConsent {
		t.Fatalf("only %d bases and obligations, the last %+v", len(wanted), last)
	}
	f, r := newFixture(t, nil), request("u", "a", "x")
	for _, want := range wanted {
		f.policies.decide = func(r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
			d := allowAll(r, s, at)
			d.Basis, d.Obligations = want.Basis, want.Obligations
			return d
		}
		d, err := f.Check(context.Background(), &r, authz.Consistency{})
		if err != nil || d.Effect != consent.Allow || d.Basis != want.Basis || len(d.Obligations) != len(want.Obligations) {
			t.Errorf("%v with %+v: got %+v, %v", want.Basis, want.Obligations, d, err)
		}
	}
}
