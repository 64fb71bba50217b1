package servertest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/servertest"
)

func corpus(t *testing.T) []cases.Case {
	t.Helper()
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCasesUncached runs the corpus with the cache off.
func TestCasesUncached(t *testing.T) {
	s := servertest.Start(t, servertest.Options{CacheOff: true})
	runCases(t, s)
	if hits := cacheLookups(t, s, "hit"); hits != 0 {
		t.Errorf("%v hits in a cache that is off", hits)
	}
}

// TestCasesByTopdown runs the corpus with OPA's own evaluator.
func TestCasesByTopdown(t *testing.T) {
	s := servertest.Start(t, servertest.Options{PolicyEngine: policy.Topdown})
	decided := runCases(t, s)
	if got := evaluations(t, s, "topdown"); got < float64(len(decided)) {
		t.Errorf("topdown evaluated %v of %d cases", got, len(decided))
	}
	if got := evaluations(t, s, "compiled"); got != 0 {
		t.Errorf("the compiled engine evaluated %v cases", got)
	}
	t.Run("remembered", func(t *testing.T) { remembered(t, s, decided) })
}

func evaluations(t *testing.T, s *servertest.Server, engine string) float64 {
	t.Helper()
	return s.Metric(t, "consentd_policy_evaluations_total", map[string]string{"engine": engine})
}

// TestCasesCached runs the corpus cold, each subject's state read from the store, then warm, from memory, and then by
// answers that are remembered.
func TestCasesCached(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	var runs []servertest.Run
	t.Run("cold", func(t *testing.T) { runs = runCases(t, s) })
	misses, hits := cacheLookups(t, s, "miss"), cacheLookups(t, s, "hit")
	if misses < float64(len(runs)) {
		t.Errorf("%v misses in %d cases: the cold run was not cold", misses, len(runs))
	}
	if got := evaluations(t, s, "compiled"); got < float64(len(runs)) {
		t.Errorf("the compiled engine evaluated %v of %d cases", got, len(runs))
	}
	if got := evaluations(t, s, "topdown"); got != 0 {
		t.Errorf("topdown evaluated %v cases: the compiled engine fell back", got)
	}
	t.Run("warm", func(t *testing.T) {
		for _, r := range runs {
			t.Run(r.Case.Name, func(t *testing.T) { expectAnswer(t, s, r) })
		}
	})
	// Subjects that share a floor slot with a later write cost a reload each; one pair is to be expected among so many.
	if got := cacheLookups(t, s, "hit") - hits; got < 0.95*float64(len(runs)) {
		t.Errorf("%v hits in %d cases: the warm run was not warm", got, len(runs))
	}
	t.Run("remembered", func(t *testing.T) { remembered(t, s, runs) })
}

// remembered runs the corpus until its answers are remembered, and once more.
func remembered(t *testing.T, s *servertest.Server, runs []servertest.Run) {
	t.Helper()
	before := 0.0
	for range 3 {
		before = answersRemembered(t, s)
		for _, r := range runs {
			t.Run(r.Case.Name, func(t *testing.T) { expectAnswer(t, s, r) })
		}
	}
	got := answersRemembered(t, s) - before
	t.Logf("%v of %d answers were remembered", got, len(runs))
	if got < 0.95*float64(len(runs)) {
		t.Error("the run was not of answers that were remembered")
	}
}

func answersRemembered(t *testing.T, s *servertest.Server) float64 {
	t.Helper()
	return s.Metric(t, "consentd_answers_lookups_total", map[string]string{"result": "hit"})
}

func cacheLookups(t *testing.T, s *servertest.Server, result string) float64 {
	t.Helper()
	return s.Metric(t, "consentd_cache_lookups_total", map[string]string{"result": result})
}

// runCases records and checks each case, and returns those that end in a decision.
func runCases(t *testing.T, s *servertest.Server) (decided []servertest.Run) {
	t.Helper()
	start := time.Now()
	all := corpus(t)
	for i := range all {
		r := servertest.Run{Case: &all[i], Subject: fmt.Sprintf("case-%d", i), Start: start}
		t.Run(r.Case.Name, func(t *testing.T) { runCase(t, s, r) })
		if r.Case.Expect.Error == "" {
			decided = append(decided, r)
		}
	}
	return decided
}

func runCase(t *testing.T, s *servertest.Server, r servertest.Run) {
	t.Helper()
	last, err := r.Record(t.Context(), s.Consents)
	switch {
	case err == nil:
		expectAnswer(t, s, r)
	case r.Case.Expect.Error == "" || !last:
		t.Fatalf("%s:%d: recording: %v", r.Case.File, r.Case.Line, err)
	default:
		expectCode(t, r, err)
	}
}

func expectCode(t *testing.T, r servertest.Run, err error) {
	t.Helper()
	var want codes.Code
	if e := want.UnmarshalJSON([]byte(`"` + r.Case.Expect.Error + `"`)); e != nil {
		t.Fatalf("%s:%d: %v", r.Case.File, r.Case.Line, e)
	}
	if status.Code(err) != want {
		t.Errorf("%s:%d: err = %v, want %v", r.Case.File, r.Case.Line, err, want)
	}
}

func expectAnswer(t *testing.T, s *servertest.Server, r servertest.Run) {
	t.Helper()
	request, err := r.Check()
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Decisions.Check(t.Context(), request)
	expectOutcome(t, r, got, err)
}

// expectOutcome holds what came of the check of a case.
func expectOutcome(t *testing.T, r servertest.Run, got *consentv1.CheckResponse, err error) {
	t.Helper()
	if r.Case.Expect.Error != "" {
		expectCode(t, r, err)
		return
	}
	if err != nil {
		t.Fatalf("%s:%d: %v", r.Case.File, r.Case.Line, err)
	}
	for _, diff := range r.Case.Expect.Differences(answer(got)) {
		t.Errorf("%s:%d: %s", r.Case.File, r.Case.Line, diff)
	}
	if got.GetConsistencyToken() == "" || got.GetPolicyRevision() == "" || got.GetDecisionId() == "" || len(got.GetReasons()) == 0 {
		t.Errorf("the answer is not complete: %v", got)
	}
}

// answer puts a response into the bare words of the corpus.
func answer(r *consentv1.CheckResponse) cases.Answer {
	a := cases.Answer{
		Decision:                strings.TrimPrefix(r.GetDecision().String(), "DECISION_"),
		PermittedDataCategories: r.GetPermittedDataCategories(),
	}
	if r.GetLegalBasis() != 0 {
		a.LegalBasis = strings.TrimPrefix(r.GetLegalBasis().String(), "LEGAL_BASIS_")
	}
	for _, reason := range r.GetReasons() {
		a.Reasons = append(a.Reasons, strings.TrimPrefix(reason.GetCode().String(), "REASON_CODE_"))
	}
	for _, o := range r.GetObligations() {
		a.Obligations = append(a.Obligations, strings.TrimPrefix(o.GetCode().String(), "OBLIGATION_CODE_"))
	}
	return a
}
