package clienttest_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/clienttest"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

const rules = `
rules:
  - {subject: user-42, purpose: marketing_email, decision: ALLOW, legal_basis: CONSENT, valid_until: 2030-01-01T00:00:00Z,
     obligations: [INCLUDE_UNSUBSCRIBE, {code: EXCLUDE_DATA_CATEGORIES, parameters: {categories: [user.location]}}]}
  - {subject: broken, error: INTERNAL}
  - {purpose: marketing_email, decision: DENY, reasons: [CONSENT_WITHDRAWN]}
  - {controller: other, decision: ALLOW}
`

func TestTheFirstRuleThatMatchesAnswers(t *testing.T) {
	fake := clienttest.Start(t, rules)
	for name, test := range map[string]struct {
		controller, subject, purpose string
		allowed                      bool
		code                         codes.Code
		reason                       string
	}{
		"allowed":     {"example", "user-42", "marketing_email", true, codes.OK, "BASIS_HOLDS"},
		"denied":      {"example", "user-1", "marketing_email", false, codes.OK, "CONSENT_WITHDRAWN"},
		"an error":    {"example", "broken", "marketing_email", false, codes.Internal, ""},
		"controller":  {"other", "user-1", "storage", true, codes.OK, "BASIS_HOLDS"},
		"unknown":     {"nobody", "user-42", "marketing_email", false, codes.NotFound, ""},
		"no rule":     {"example", "user-42", "storage", false, codes.OK, "PURPOSE_NOT_DECLARED"},
		"no question": {"example", "", "storage", false, codes.InvalidArgument, ""},
	} {
		t.Run(name, func(t *testing.T) {
			request := client.NewCheck(test.controller, test.subject, test.purpose)
			d, err := fake.Client.Check(t.Context(), request)
			batch := &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{request}}
			results, batchErr := fake.Client.BatchCheck(t.Context(), batch)
			if status.Code(err) != test.code || d.Allowed != test.allowed || batchErr != nil ||
				status.Code(results[0].Err) != test.code || results[0].Decision.Allowed != test.allowed {
				t.Errorf("Check = %v, %v; in a batch %v, %v; want allowed %v, %v", d, err, results, batchErr, test.allowed, test.code)
			}
			if err == nil && client.EnumName(d.Reasons[0].GetCode()) != test.reason {
				t.Errorf("reasons %v, want %s", d.Reasons, test.reason)
			}
		})
	}
	d, err := fake.Client.Check(t.Context(), client.NewCheck("example", "user-42", "marketing_email"))
	if err != nil || len(d.Obligations) != 2 || d.ValidUntil.Year() != 2030 || client.EnumName(d.LegalBasis) != "CONSENT" {
		t.Errorf("Check = %+v, %v", d, err)
	}
	purposes, err := fake.Client.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "user-42"})
	if err != nil || len(purposes) != 1 || !purposes[0].Decision.Allowed {
		t.Errorf("ListPurposes = %v, %v", purposes, err)
	}
}

func TestTheTestSeesWhatWasDone(t *testing.T) {
	fake := clienttest.Start(t, "")
	session := fake.Client.Session()
	request := &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "u",
		Events: []*consentv1.Event{client.NewEvent("support")}}
	request.Events[0].Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{}}
	if _, err := session.RecordEvents(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	check := client.NewCheck("example", "u", "marketing_email")
	if session.Allowed(t.Context(), check) {
		t.Error("allowed without a rule")
	}
	if got := fake.Recorded(); len(got) != 1 || got[0].GetEvents()[0].GetId() != request.GetEvents()[0].GetId() {
		t.Errorf("Recorded = %v", got)
	}
	if got := fake.Checks(); len(got) != 1 || got[0].GetConsistency().GetAtLeastAsFresh() != session.ConsistencyToken() {
		t.Errorf("Checks = %v", got)
	}
	fake.Rules(t, "rules: [{decision: ALLOW}]")
	if !session.Allowed(t.Context(), check) {
		t.Error("the new rules do not answer")
	}
}

func TestRulesMayChangeInACleanup(t *testing.T) {
	fake := clienttest.Start(t, "")
	t.Cleanup(func() { fake.Rules(t, "rules: [{decision: ALLOW}]") })
}

// fatal is a test that keeps what it fails with.
type fatal struct {
	testing.TB
	said string
}

func (f *fatal) Helper() {}
func (f *fatal) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	panic(f)
}

func TestFaultsInRulesFailTheTest(t *testing.T) {
	fake := clienttest.Start(t, "")
	for name, set := range map[string]func(testing.TB){
		"Start": func(t testing.TB) { clienttest.Start(t, "rules:\n  - {decision: MAYBE}") },
		"Rules": func(t testing.TB) { fake.Rules(t, "rules:\n  - {decision: MAYBE}") },
	} {
		f := &fatal{TB: t}
		func() {
			defer func() {
				if p := recover(); p != nil && p != any(f) {
					panic(p)
				}
			}()
			set(f)
		}()
		if !strings.Contains(f.said, `line 2: decision: "MAYBE"`) {
			t.Errorf("%s: %q", name, f.said)
		}
	}
}
