package policy_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// answering is a set whose controller answers with that Rego expression.
func answering(t *testing.T, rules string, log *bytes.Buffer) *policy.Set {
	t.Helper()
	files := with("controllers/acme/acme.rego", "package consentd.controllers.acme\n\n"+rules+"\n")
	set, err := policy.Load(fstest.MapFS(files), policy.Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func acmeRequest() *consent.Request {
	return &consent.Request{
		Subject: consent.Subject{Controller: "acme", ID: "s"}, Purpose: "storage", DataCategories: []string{"user.name"},
	}
}

const allow = `"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": "1"}], "legal_basis": "CONTRACT", ` +
	`"obligations": [], "permitted_data_categories": []`

// TestWhatIsNotWellFormedIsDenied: nothing but a whole, well-formed answer is ever ALLOW.
func TestWhatIsNotWellFormedIsDenied(t *testing.T) {
	replace := func(old, new string) string {
		if !strings.Contains(allow, old) {
			t.Fatalf("%q is not in the answer", old)
		}
		return "decision := {" + strings.Replace(allow, old, new, 1) + "}"
	}
	tests := []struct{ name, rules, cause string }{
		{"undefined", `decision := {"decision": "ALLOW"} if input.purpose == "other"`, "undefined"},
		{"a conflict", "decision := {" + allow + "} if input.controller\n\ndecision := {} if input.purpose", "conflicting values"},
		{"a built-in error", "decision := {" + allow + "} if to_number(input.purpose) != 1", "to_number"},
		{"a string", `decision := "ALLOW"`, "not an object"},
		{"true", `decision := true`, "not an object"},
		{"no decision", replace(`"decision": "ALLOW", `, ""), "decision"},
		{"another case", replace(`"ALLOW"`, `"allow"`), "allow"},
		{"a boolean decision", replace(`"ALLOW"`, `true`), "decision"},
		{"no reasons", replace(`[{"code": "BASIS_HOLDS", "clause": "1"}]`, `[]`), "reasons"},
		{"a reason to deny", replace(`BASIS_HOLDS`, `OBJECTED`), "OBJECTED on ALLOW"},
		{"an unknown reason", replace(`BASIS_HOLDS`, `WHIM`), "WHIM"},
		{"a reason without a clause", replace(`, "clause": "1"`, ``), "clause"},
		{"no basis", replace(`"CONTRACT"`, `""`), "legal_basis"},
		{"an unknown basis", replace(`"CONTRACT"`, `"WHIM"`), "WHIM"},
		{"obligations as an object", replace(`"obligations": []`, `"obligations": {}`), "obligations"},
		{"an unknown obligation", replace(`"obligations": []`, `"obligations": [{"code": "WHIM", "parameters": {}}]`), "WHIM"},
		{"an obligation without parameters", replace(`"obligations": []`, `"obligations": [{"code": "AGGREGATE_ONLY"}]`), "parameters"},
		{"safeguards without a country",
			replace(`"obligations": []`, `"obligations": [{"code": "TRANSFER_SAFEGUARDS", "parameters": {}}]`), "country"},
		{"a time that is none",
			replace(`"obligations": []`, `"obligations": [{"code": "REASK_NOT_BEFORE", "parameters": {"time": "x"}}]`), "time"},
		{"a category that was not asked for",
			replace(`"permitted_data_categories": []`, `"permitted_data_categories": ["user.contact"]`), "not asked for"},
		{"categories that are no strings", replace(`"permitted_data_categories": []`, `"permitted_data_categories": [1]`),
			"not a string"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			set := answering(t, test.rules, &log)
			d := set.Decide(context.Background(), acmeRequest(), &consent.Snapshot{State: &consent.State{}}, 1)
			want := consent.Failed()
			want.PolicyRevision = set.Revision()
			if diff := cmp.Diff(want, d); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if !strings.Contains(log.String(), test.cause) {
				t.Errorf("log = %q, want the cause %q", log.String(), test.cause)
			}
		})
	}
}

func TestWellFormedAnswers(t *testing.T) {
	tests := []struct {
		name, rules string
		want        consent.Decision
	}{
		{"allow", "decision := {" +
			strings.Replace(allow, `"permitted_data_categories": []`, `"permitted_data_categories": ["user.name"]`, 1) + "}",
			consent.Decision{
				Effect: consent.Allow, Basis: consent.BasisContract, Reasons: []consent.Reason{{Code: consent.BasisHolds, Clause: "1"}},
				PermittedDataCategories: []string{"user.name"},
			}},
		{"deny with obligations",
			`decision := {"decision": "DENY", "reasons": [{"code": "OPTED_OUT", "clause": "2"}], "legal_basis": "", ` +
				`"permitted_data_categories": [], "obligations": [
				{"code": "REASK_NOT_BEFORE", "parameters": {"time": 12}}, {"code": "RECORD_SIGNAL", "parameters": {"signal": "gpc"}},
				{"code": "TRANSFER_SAFEGUARDS", "parameters": {"country": "IN"}},
				{"code": "EXCLUDE_DATA_CATEGORIES", "parameters": {"categories": ["a", "b"]}}]}`,
			consent.Decision{
				Reasons: []consent.Reason{{Code: consent.OptedOut, Clause: "2"}},
				Obligations: []consent.Obligation{
					{Code: consent.ReaskNotBefore, Parameters: consent.Parameters{Time: 12}},
					{Code: consent.RecordSignal, Parameters: consent.Parameters{Signal: "gpc"}},
					{Code: consent.TransferSafeguards, Parameters: consent.Parameters{Country: "IN"}},
					{Code: consent.ExcludeDataCategories, Parameters: consent.Parameters{Categories: []string{"a", "b"}}},
				},
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			d := answering(t, test.rules, &log).Decide(context.Background(), acmeRequest(), &consent.Snapshot{State: &consent.State{}}, 1)
			if diff := cmp.Diff(test.want, d, cmpopts.IgnoreFields(consent.Decision{}, "PolicyRevision")); diff != "" {
				t.Errorf("decision (-want +got):\n%s\n%s", diff, log.String())
			}
		})
	}
}

func TestDecideUnderACancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var log bytes.Buffer
	set := answering(t, "decision := {"+allow+"} if count([x | some x in numbers.range(1, 1000000)]) > 0", &log)
	if d := set.Decide(ctx, acmeRequest(), &consent.Snapshot{State: &consent.State{}}, 1); d.Effect != consent.Deny {
		t.Errorf("effect = %v", d.Effect)
	}
}

// TestValidUntilIsNeverLate decides each case again at the last instant of its validity: nothing may have changed.
func TestValidUntilIsNeverLate(t *testing.T) {
	set := load(t)
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	dated := 0
	for _, c := range all {
		if c.Expect.Error != "" {
			continue
		}
		events, err := cases.DomainEvents(c.Events, "e", start)
		if err != nil {
			t.Fatal(err)
		}
		request, err := c.Request(consent.Subject{Controller: c.Controller, ID: "subject"})
		if err != nil {
			t.Fatal(err)
		}
		snapshot := &consent.Snapshot{State: consent.Fold(events)}
		d := set.Decide(context.Background(), &request, snapshot, consent.InstantOf(start))
		last := consent.InstantOf(start.AddDate(50, 0, 0))
		if d.ValidUntil != 0 {
			dated++
			last = d.ValidUntil - 1
		}
		later := set.Decide(context.Background(), &request, snapshot, last)
		if diff := cmp.Diff(d, later, sameButTime); diff != "" {
			t.Errorf("%s: decided at %v, and otherwise at %v:\n%s", c.Name, start, last.Time(), diff)
		}
	}
	if dated < 20 {
		t.Errorf("only %d of the cases have a valid_until: the test says little", dated)
	}
}

// sameButTime leaves out when asking again may begin: for a signal on the request that is a year from now.
var sameButTime = cmp.Options{
	cmpopts.IgnoreFields(consent.Decision{}, "ValidUntil"), cmpopts.IgnoreFields(consent.Parameters{}, "Time"),
}

func TestValidUntil(t *testing.T) {
	set := load(t)
	day := 24 * time.Hour
	now := time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC)
	at := consent.InstantOf(now.Add(-day))
	tests := []struct {
		name, controller string
		fact             consent.Fact
		want             time.Time
	}{
		{"nothing that time changes", "example", consent.Profile{AccountStatus: consent.AccountActive}, time.Time{}},
		{"an expiry", "example", consent.Consent{Purpose: "ai_training", Status: consent.Given, NoticeVersion: 3,
			ExpiresAt: consent.InstantOf(now.Add(day))}, now.Add(day)},
		{"dormancy", "jasminai", consent.Profile{LastActivityAt: consent.InstantOf(now.Add(-364 * day))}, now.Add(day)},
		{"retention", "jsers", consent.Profile{RetentionUntil: consent.InstantOf(now.Add(7 * day))}, now.Add(7 * day)},
		{"the anniversary of the age", "example", consent.Profile{Age: &consent.Age{Min: 15, Max: 15}},
			time.Date(2027, 2, 9, 0, 0, 0, 0, time.UTC)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			state := consent.Fold([]consent.Event{{ID: "1", OccurredAt: at, Fact: test.fact}})
			request := &consent.Request{Subject: consent.Subject{Controller: test.controller, ID: "s"}, Purpose: "service_delivery"}
			d := set.Decide(context.Background(), request, &consent.Snapshot{State: state}, consent.InstantOf(now))
			if got := d.ValidUntil.Time(); !got.Equal(test.want) {
				t.Errorf("ValidUntil = %v, want %v", got, test.want)
			}
		})
	}
}

// TestEffectiveDatesBoundValidity: before a table changes, the change bounds every decision.
func TestEffectiveDatesBoundValidity(t *testing.T) {
	request := &consent.Request{Subject: consent.Subject{Controller: "example", ID: "s"}, Purpose: "storage"}
	state := consent.Fold([]consent.Event{{ID: "1", OccurredAt: 1, Fact: consent.Profile{AccountStatus: consent.AccountActive}}})
	before := time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC)
	d := load(t).Decide(context.Background(), request, &consent.Snapshot{State: state}, consent.InstantOf(before))
	if want := before.AddDate(0, 0, 1); !d.ValidUntil.Time().Equal(want) {
		t.Errorf("ValidUntil = %v, want %v, when Denmark's age of digital consent changes", d.ValidUntil.Time(), want)
	}
}

// TestFailuresAreLoggedSparsely: a policy that fails on each check does not fill the disk, and hides no other's
// failure.
func TestFailuresAreLoggedSparsely(t *testing.T) {
	var log bytes.Buffer
	files := with("controllers/acme/acme.rego", "package consentd.controllers.acme\n\ndecision := 1\n")
	files["controllers/second/data.yaml"] = files["controllers/acme/data.yaml"]
	files["controllers/second/second.rego"] = &fstest.MapFile{Data: []byte("package consentd.controllers.second\n\ndecision := 2\n")}
	loader := policy.NewLoader(policy.Options{Logger: slog.New(slog.NewTextHandler(&log, nil)), ShadowRate: -1})
	set, err := loader.Read(fstest.MapFS(files))
	if err != nil {
		t.Fatal(err)
	}
	fail := func(s *policy.Set, controller string, times int) {
		r := acmeRequest()
		r.Subject.Controller = controller
		for range times {
			if d := s.Decide(t.Context(), r, &consent.Snapshot{State: &consent.State{}}, 1); d.Effect != consent.Deny {
				t.Fatalf("decision = %+v", d)
			}
		}
	}
	fail(set.Detached(), "acme", 3)
	fail(set, "acme", 1000)
	fail(set, "second", 3)
	fail(set, "nobody", 1000)
	for _, want := range []struct {
		controller string
		lines      int
	}{{"acme", 10}, {"second", 2}, {"nobody", 10}} { // the 1st, 2nd, 4th, 8th, …, 512th
		if n := strings.Count(log.String(), "controller="+want.controller+" "); n != want.lines {
			t.Errorf("%d failures of %s were logged, want %d", n, want.controller, want.lines)
		}
	}
	if n := loader.Stats().Errors; n != 2003 {
		t.Errorf("%d failures were counted, want 2003: those of a detached set are its own", n)
	}
	set, err = loader.Read(fstest.MapFS(files))
	if err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if fail(set, "acme", 1); !strings.Contains(log.String(), "failures=1 ") {
		t.Errorf("the first failure under another set was not logged: %s", log.String())
	}
}
