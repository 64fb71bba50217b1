package admission_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
)

// staleable are shipped purposes and the invariant by which degraded: serve_stale is refused to them; empty: it is not.
var staleable = map[string]map[string]string{
	"example": {
		"service_delivery": "", "service_messages": "", "storage": "", "fraud_prevention": "", "legal_compliance": "", "legal_claims": "",
		"marketing_email": "STALE-CONSENT", "special_category_personalization": "STALE-CONSENT", "sale_of_data": "STALE-CONSENT",
		"product_analytics": "STALE-ACT",
	},
	// Anonymized data, and a place, give other bases; a deemed consent is ended as a given one is.
	"somesing": {"essential_cookies": "STALE-CONSENT", "ai_training": "STALE-CONSENT", "event_information": "STALE-ACT"},
	// By consent in Europe, by notice elsewhere.
	"livex": {"interest_based_advertising": "STALE-CONSENT", "service_delivery": "", "affiliate_sharing": "STALE-ACT"},
	"jsers": {"third_party_disclosure": "STALE-CONSENT", "legal_compliance": ""},
}

// TestWhatRestsOnThePersonsWordIsNeverServedStale: of consent, and of what an objection or an opt-out ends.
func TestWhatRestsOnThePersonsWordIsNeverServedStale(t *testing.T) {
	for controller, purposes := range staleable {
		for purpose, invariant := range purposes {
			t.Run(controller+"/"+purpose, func(t *testing.T) {
				if raceEnabled && controller != "livex" {
					t.Skip("under the race detector one controller's are proven; the others run the same code")
				}
				edited := staleSet(t, controller, purpose)
				report := proven(t, edited)
				found, place := "", ""
				for _, f := range report.Faults {
					if f.Counterexample != nil && strings.HasPrefix(f.Counterexample.Invariant, "STALE") {
						found, place = f.Counterexample.Invariant, f.Place()
						t.Log(f)
						reevaluateStale(t, edited, f.Counterexample)
					}
				}
				if found != invariant {
					t.Errorf("refused by %q, want %q", found, invariant)
				}
				if want := lineOfDegraded(edited, controller); found != "" && place != want {
					t.Errorf("the fault is at %s, want %s", place, want)
				}
			})
		}
	}
}

// staleSet is the shipped set with one purpose, which declares serve_stale.
func staleSet(t *testing.T, controller, purpose string) fstest.MapFS {
	t.Helper()
	files := shipped(t, controller+"/"+purpose, nil)
	table := files["controllers/"+controller+"/data.yaml"]
	row := fmt.Sprintf("    %s:\n", purpose)
	edited := strings.Replace(string(table.Data), row, row+"        degraded: serve_stale\n        stale_limit: 5m\n", 1)
	if edited == string(table.Data) {
		t.Fatalf("no row %q in:\n%s", purpose, table.Data)
	}
	table.Data = []byte(edited)
	return files
}

func lineOfDegraded(files fstest.MapFS, controller string) string {
	name := "controllers/" + controller + "/data.yaml"
	before, _, _ := strings.Cut(string(files[name].Data), "degraded:")
	return fmt.Sprintf("%s:%d", name, strings.Count(before, "\n")+1)
}

func proven(t *testing.T, files fstest.MapFS) consent.PolicyReport {
	t.Helper()
	set, err := policy.Load(files, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, _ := admission.Admit(t.Context(), files, set, admission.Options{Now: now, SkipTests: true})
	return report
}

// reevaluateStale: the case is allowed, by OPA itself.
func reevaluateStale(t *testing.T, files fstest.MapFS, c *consent.Counterexample) {
	t.Helper()
	if effect, err := eval(t, files, c.Query, c.Input); err != nil || effect != "ALLOW" {
		t.Errorf("OPA answers %s %v to the counterexample, want ALLOW", effect, err)
	}
}
