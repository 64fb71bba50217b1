package servertest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// acme is a set of one controller, acme, whose purpose has this clause.
func acme(clause string) fstest.MapFS {
	return fstest.MapFS{
		"controllers/acme/data.yaml": {Data: fmt.Appendf(nil,
			"name: Acme\nnotice: {version: 1, material: 1}\npurposes:\n  storage: {basis: CONTRACT, clause: %q}\n", clause)},
		"controllers/acme/acme.rego": {Data: []byte(`package consentd.controllers.acme

decision := {
	"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": data.controllers.acme.purposes.storage.clause}],
	"legal_basis": "CONTRACT", "obligations": [], "permitted_data_categories": [],
}
`)},
	}
}

// hours is a clock that a test sets, in hours since its beginning.
type hours struct{ at atomic.Int64 }

var beginning = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (h *hours) now() consent.Instant {
	return consent.InstantOf(beginning) + consent.Instant(h.at.Load()*int64(time.Hour))
}

func hour(n int) *timestamppb.Timestamp {
	return timestamppb.New(beginning.Add(time.Duration(n) * time.Hour))
}

// run starts a server whose binary has these policies.
func (h *hours) run(t *testing.T, dir, clause string, keep int) *servertest.Server {
	t.Helper()
	return servertest.Start(t, servertest.Options{DataDir: dir, Policies: acme(clause), Now: h.now, PoliciesKeep: keep})
}

func stop(t *testing.T, s *servertest.Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func explainAt(
	t *testing.T, s *servertest.Server, at *timestamppb.Timestamp, policies consentv1.PolicyChoice,
) (*consentv1.ExplainResponse, error) {
	t.Helper()
	return s.Decisions.Explain(t.Context(), &consentv1.ExplainRequest{
		Check: &consentv1.CheckRequest{Controller: "acme", SubjectId: "s", Purpose: "storage"}, At: at, Policies: policies,
	})
}

func purposesAt(
	t *testing.T, s *servertest.Server, at *timestamppb.Timestamp, policies consentv1.PolicyChoice,
) (*consentv1.ListPurposesResponse, error) {
	t.Helper()
	return s.Decisions.ListPurposes(
		t.Context(), &consentv1.ListPurposesRequest{Controller: "acme", SubjectId: "s", At: at, Policies: policies},
	)
}

const now = consentv1.PolicyChoice_POLICY_CHOICE_NOW

// expectClause asks by Explain and by ListPurposes, which must be decided by the set of that clause.
func expectClause(
	t *testing.T, s *servertest.Server, at int, policies consentv1.PolicyChoice, want string,
) *consentv1.DecidingPolicies {
	t.Helper()
	told, err := explainAt(t, s, hour(at), policies)
	if err != nil {
		t.Fatalf("at hour %d: %v", at, err)
	}
	listed, err := purposesAt(t, s, hour(at), policies)
	if err != nil {
		t.Fatalf("at hour %d: %v", at, err)
	}
	p := told.GetPolicies()
	for _, d := range []*consentv1.CheckResponse{told.GetDecision(), listed.GetPurposes()[0].GetResponse()} {
		if d.GetReasons()[0].GetClause() != want || d.GetPolicyRevision() != p.GetPolicyRevision() {
			t.Errorf(
				"at hour %d: decided by %v, revision %s (told: %s), want %s", at, d.GetReasons(), d.GetPolicyRevision(),
				p.GetPolicyRevision(), want,
			)
		}
	}
	if listed.GetPolicies().GetPolicyRevision() != p.GetPolicyRevision() || listed.GetAsOf().GetAt().AsTime() != hour(at).AsTime() {
		t.Errorf("at hour %d: the list is as of %v by %v", at, listed.GetAsOf(), listed.GetPolicies())
	}
	return p
}

// expectNotKept asks for the past and must not be answered.
func expectNotKept(t *testing.T, s *servertest.Server, at int, says string) {
	t.Helper()
	_, told := explainAt(t, s, hour(at), 0)
	_, listed := purposesAt(t, s, hour(at), 0)
	for _, err := range []error{told, listed} {
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), says) ||
			!strings.Contains(err.Error(), "--policies now") {
			t.Errorf("at hour %d: %v, want FAILED_PRECONDITION that says %q and how to ask otherwise", at, err, says)
		}
	}
	expectClause(t, s, at, now, "now")
}

// TestPoliciesOfThen: three servers with policies of their own on the same data. Each time is answered by the policies
// of then, which are named; by those of now only where they are asked for; and what is not kept, or before the history,
// is not answered.
func TestPoliciesOfThen(t *testing.T) {
	dir, clock := t.TempDir(), &hours{}
	s := clock.run(t, dir, "first", 0)
	clock.at.Store(2)
	recordSignal(t, s, "first")
	stop(t, s)
	clock.at.Store(10)
	s = clock.run(t, dir, "second", 0)
	p := expectClause(t, s, 5, 0, "first")
	if !p.GetInForceThen() || p.GetInForceNow() || p.GetInForceFrom().AsTime() != hour(0).AsTime() ||
		p.GetInForceUntil().AsTime() != hour(10).AsTime() {
		t.Errorf("decided by %v", p)
	}
	p = expectClause(t, s, 10, 0, "second")
	if !p.GetInForceThen() || !p.GetInForceNow() || p.GetInForceUntil() != nil {
		t.Errorf("decided by %v", p)
	}
	if p = expectClause(t, s, 5, now, "second"); p.GetInForceThen() || !p.GetInForceNow() || p.GetInForceFrom() != nil {
		t.Errorf("decided by %v", p)
	}
	stop(t, s)

	clock.at.Store(20)
	s = clock.run(t, dir, "now", 2)
	expectClause(t, s, 15, 0, "second")
	expectClause(t, s, 20, 0, "now")
	expectNotKept(t, s, 5, "policies-keep is 2 sets")
	expectNotKept(t, s, -1, "begins on 1 March 2026, 12:00:00 UTC")
	history, err := s.Policies.ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, span := range history.GetSpans() {
		fmt.Fprintf(
			&text, "%v %v %v %s %v\n", span.GetInForceFrom().AsTime().Hour(), span.GetInForceUntil() == nil, span.GetKept(),
			span.GetSource(), span.GetControllers(),
		)
	}
	if want := "8 true true the binary [acme]\n22 false true the binary [acme]\n" +
		"12 false false the binary [acme]\n"; text.String() != want {
		t.Errorf("history\n%swant\n%s", text.String(), want)
	}

	// The kept set is compared with that in force, and damage is told, not answered.
	second := history.GetSpans()[1].GetPolicyRevision()
	result := diffFrom(t, s, second)
	if result.GetActivePolicyRevision() != second || result.GetCandidatePolicyRevision() != history.GetSpans()[0].GetPolicyRevision() {
		t.Errorf("compared %s with %s", result.GetActivePolicyRevision(), result.GetCandidatePolicyRevision())
	}
	stop(t, s)
	if err := os.WriteFile(filepath.Join(dir, "policies", "sets", second+".zip"), []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = clock.run(t, dir, "now", 2)
	expectNotKept(t, s, 15, "damaged")
	for _, revision := range []string{second, "unheard-of"} {
		stream, err := s.Policies.DiffPolicy(t.Context(), &consentv1.DiffPolicyRequest{FromPolicyRevision: revision, Sample: 1})
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "policy history") {
			t.Errorf("comparing with %s: %v", revision, err)
		}
	}
}

func recordSignal(t *testing.T, s *servertest.Server, id string) {
	t.Helper()
	_, err := s.Consents.RecordEvents(t.Context(),
		&consentv1.RecordEventsRequest{Controller: "acme", SubjectId: "s", Events: []*consentv1.Event{{
			Id: id, OccurredAt: hour(1), Source: "support",
			Kind: &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Gpc: new(bool)}},
		}}})
	if err != nil {
		t.Fatal(err)
	}
}

func diffFrom(t *testing.T, s *servertest.Server, revision string) *consentv1.DiffResult {
	t.Helper()
	stream, err := s.Policies.DiffPolicy(
		t.Context(), &consentv1.DiffPolicyRequest{FromPolicyRevision: revision, States: true, Examples: 1},
	)
	if err != nil {
		t.Fatal(err)
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if r := response.GetResult(); r != nil {
			return r
		}
	}
}

// TestAnUpgradeHasNoHistoryYet: a data directory of a version that kept no history begins one, with what it kept for
// the next start.
func TestAnUpgradeHasNoHistoryYet(t *testing.T) {
	dir, clock := t.TempDir(), &hours{}
	stop(t, clock.run(t, dir, "first", 0))
	for _, name := range []string{"history.jsonl", "sets"} {
		if err := os.RemoveAll(filepath.Join(dir, "policies", name)); err != nil {
			t.Fatal(err)
		}
	}
	clock.at.Store(5)
	s := clock.run(t, dir, "now", 0)
	expectNotKept(t, s, 2, "begins on 1 March 2026, 17:00:00 UTC")
	expectClause(t, s, 5, 0, "now")
}

// TestADamagedHistory: a server does not start over a history that it cannot read, and says what to do.
func TestADamagedHistory(t *testing.T) {
	dir, clock := t.TempDir(), &hours{}
	stop(t, clock.run(t, dir, "first", 0))
	file := filepath.Join(dir, "policies", "history.jsonl")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, content[:len(content)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := servertest.Refused(
		t, servertest.Options{DataDir: dir, Policies: acme("x")},
	); !strings.Contains(err.Error(), "history.jsonl is damaged") {
		t.Errorf("the start says %v", err)
	}
}

// TestActivatedPoliciesOfThen: what was decided before an activation is explained by the policies of before.
func TestActivatedPoliciesOfThen(t *testing.T) {
	clock := &hours{}
	s := servertest.Start(t, servertest.Options{Now: clock.now})
	at := func(n int) *consentv1.ExplainResponse {
		t.Helper()
		told, err := s.Decisions.Explain(t.Context(), &consentv1.ExplainRequest{
			Check: &consentv1.CheckRequest{Controller: "example", SubjectId: "u", Purpose: "service_delivery"}, At: hour(n),
		})
		if err != nil {
			t.Fatal(err)
		}
		return told
	}
	clock.at.Store(10)
	request := activation(t, policyFolder(t))
	rules := request.Files[fileAt(request, exampleRules)]
	rules.Content = append(rules.Content, "# activated\n"...)
	done, err := s.Policies.ActivatePolicy(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	clock.at.Store(12)
	before, after := at(9), at(10)
	if got := before.GetDecision().GetPolicyRevision(); got != done.GetPreviousPolicyRevision() ||
		before.GetPolicies().GetInForceNow() {
		t.Errorf("before the activation: by %v, want %s", before.GetPolicies(), done.GetPreviousPolicyRevision())
	}
	if got := after.GetDecision().GetPolicyRevision(); got != done.GetPolicyRevision() || !after.GetPolicies().GetInForceNow() {
		t.Errorf("after the activation: by %v, want %s", after.GetPolicies(), done.GetPolicyRevision())
	}
	history, err := s.Policies.ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
	if err != nil || len(history.GetSpans()) != 2 {
		t.Fatalf("history %v, %v", history, err)
	}
	span := history.GetSpans()[0]
	if span.GetSource() != "ActivatePolicy" || span.GetInForceFrom().AsTime() != done.GetActivatedAt().AsTime() ||
		len(span.GetControllers()) < 5 {
		t.Errorf("span %v, activated at %v", span, done.GetActivatedAt().AsTime())
	}
}
