package policytest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/tree"
)

// testTimeout bounds one test.
const testTimeout = 10 * time.Second

// Run runs all tests and cases, each by both engines. The outcomes that a purpose can have besides those seen are
// those of the cases by which admission proves the policies (package space); the first of each answer of a
// controller is decided by both engines too.
func (s *Suite) Run(ctx context.Context) (*Report, error) {
	started := time.Now()
	r := &Report{PolicyRevision: s.set.Revision(), Cases: len(s.cases), SkippedCases: s.skipped, Failures: []Failure{}}
	seen := newObserver()
	compiler := ast.NewCompiler()
	err := s.read(ctx, func(txn storage.Transaction) error {
		if err := s.runTests(ctx, txn, run{r, seen, compiler}); err != nil {
			return err
		}
		return s.runCases(ctx, txn, run{r, seen, compiler})
	})
	if err != nil {
		return nil, err
	}
	controllers, differing, err := s.outcomes(ctx, seen.seen)
	if err != nil {
		return nil, err
	}
	r.Controllers, r.Failures = controllers, append(r.Failures, differing...)
	slices.SortStableFunc(r.Failures, func(a, b Failure) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Name, b.Name))
	})
	r.Coverage = s.coverage(seen.Report(s.rules()))
	r.Seconds = seconds(started)
	return r, nil
}

// run is a run under way.
type run struct {
	report   *Report
	seen     *observer
	compiler *ast.Compiler
}

// runTests runs the test_ rules by OPA's own tester.
func (s *Suite) runTests(ctx context.Context, txn storage.Transaction, r run) error {
	results, err := tester.NewRunner().SetCompiler(r.compiler).SetStore(s.store).SetModules(s.modules).
		SetCoverageQueryTracer(r.seen).SetParallel(runtime.GOMAXPROCS(0)).SetTimeout(testTimeout).RunTests(ctx, txn)
	if err != nil {
		return fmt.Errorf("compiling the tests: %w", err)
	}
	for result := range results {
		switch {
		case result.Skip:
			r.report.SkippedTests++
			continue
		case !result.Pass():
			r.report.Failures = append(r.report.Failures, s.failure(ctx, txn, r.compiler, result))
		}
		r.report.Tests++
	}
	return s.compareTests(ctx, r)
}

// compareTests evaluates the test_ rules by the compiled engine and by topdown; one of which they make different
// things fails.
func (s *Suite) compareTests(ctx context.Context, r run) error {
	differing, err := s.set.CompareTests(ctx, s.modules, s.documents, func(string) bool { return true })
	if err != nil {
		return err
	}
	for _, d := range differing {
		at := Failure{File: d.Location.File, Line: d.Location.Row, Name: d.Name}
		r.report.Failures = append(r.report.Failures, differs(at, d.DifferenceError))
	}
	return ctx.Err()
}

// runCases asks the compiled policies, as the server does, and topdown for what is reached.
func (s *Suite) runCases(ctx context.Context, txn storage.Transaction, r run) error {
	var difference *policy.DifferenceError
	for _, c := range s.cases {
		p := caseProbe(c)
		e := evaluation{compiler: r.compiler, store: s.store, txn: txn, tracer: r.seen}
		if err := e.each(ctx, p, func(*ast.Term) {}); err != nil && ctx.Err() != nil {
			return err
		}
		if _, err := s.set.Compare(ctx, &c.asked.Request, c.asked.State, c.asked.Now); errors.As(err, &difference) {
			r.report.Failures = append(r.report.Failures, differs(Failure{File: c.File, Line: c.Line, Name: c.Name}, difference))
			continue
		}
		d := s.set.Decide(ctx, &c.asked.Request, &consent.Snapshot{State: c.asked.State}, c.asked.Now)
		for _, difference := range c.Expect.Differences(cases.AnswerOf(d)) {
			r.report.Failures = append(r.report.Failures,
				Failure{File: c.File, Line: c.Line, Name: c.Name, Expected: difference.Want, Got: difference.Got})
		}
	}
	return ctx.Err()
}

// coverage is that of the rules; the report has the tests' own lines too.
func (s *Suite) coverage(r cover.Report) Coverage {
	c := Coverage{Missed: []MissedLines{}}
	for _, file := range slices.Sorted(maps.Keys(r.Files)) {
		if tree.IsTest(file) || s.modules[file] == nil {
			continue
		}
		f := r.Files[file]
		c.Covered += f.CoveredLines
		c.Total += f.CoveredLines + f.NotCoveredLines
		if missed := rows(f.NotCovered); len(missed) > 0 {
			c.Missed = append(c.Missed, MissedLines{File: file, Lines: missed})
		}
	}
	if c.Total > 0 {
		c.Percent = math.Round(float64(c.Covered)*10000/float64(c.Total)) / 100
	}
	return c
}

func rows(ranges []cover.Range) (list []int) {
	for _, r := range ranges {
		for row := r.Start.Row; row <= r.End.Row; row++ {
			list = append(list, row)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
