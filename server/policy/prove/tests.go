package prove

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// TestCounts are how the set's own tests went.
type TestCounts struct {
	Passed, Failed, Skipped int
	Duration                time.Duration
}

// testRun is the set's own tests, run.
type testRun struct {
	counts TestCounts
	faults []Fault
	// covered are the rules that the tests made fire, by file and line of their heads.
	covered map[string]bool
}

// errTestsTooSlow is the cause of a test run that takes longer than it may.
var errTestsTooSlow = errors.New("the tests take too long")

// runTests runs the tests of the set (`opa test`). A test that fails, errs or does not compile is a fault. The error is the
// context's, or a file's that cannot be read.
func runTests(ctx context.Context, fsys fs.FS, limit time.Duration) (testRun, error) {
	loaded, err := loader.NewFileLoader().WithFS(fsys).Filtered([]string{"."}, hidden)
	if err != nil {
		return testRun{faults: faultsOf(err)}, nil
	}
	modules := map[string]*ast.Module{}
	for name, f := range loaded.Modules {
		modules[name] = f.Parsed
	}
	start := time.Now()
	limited, cancel := context.WithTimeoutCause(ctx, limit, errTestsTooSlow)
	defer cancel()
	run, err := testModules(limited, modules, loaded.Documents)
	run.counts.Duration = time.Since(start)
	if ctx.Err() != nil {
		return run, fmt.Errorf("running the policies' tests: %w", context.Cause(ctx))
	}
	if limited.Err() != nil {
		run.faults = append(run.faults, Fault{Message: fmt.Sprintf("the set's tests (opa test) take longer than %v; make them fewer or faster", limit)})
		return run, nil
	}
	if err != nil {
		run.faults = append(run.faults, faultsOf(err)...)
	}
	return run, nil
}

func hidden(_ string, info fs.FileInfo, _ int) bool {
	return strings.HasPrefix(info.Name(), ".") && info.Name() != "."
}

func testModules(ctx context.Context, modules map[string]*ast.Module, documents map[string]any) (testRun, error) {
	run := testRun{covered: map[string]bool{}}
	if !hasTests(modules) {
		return run, nil
	}
	tracer := cover.New()
	results, err := tester.NewRunner().SetStore(inmem.NewFromObject(documents)).SetModules(modules).
		SetCoverageQueryTracer(tracer).RunTests(ctx, nil)
	if err != nil {
		return run, err
	}
	for r := range results {
		run.take(r)
	}
	for file, report := range tracer.Report(modules).Files {
		for _, lines := range report.Covered {
			for line := lines.Start.Row; line <= lines.End.Row; line++ {
				run.covered[position(file, line)] = true
			}
		}
	}
	return run, nil
}

func hasTests(modules map[string]*ast.Module) bool {
	for name := range modules {
		if strings.HasSuffix(name, "_test.rego") {
			return true
		}
	}
	return false
}

func (run *testRun) take(r *tester.Result) {
	switch {
	case r.Skip:
		run.counts.Skipped++
	case r.Pass():
		run.counts.Passed++
	default:
		run.counts.Failed++
		run.faults = append(run.faults, testFault(r))
	}
}

func testFault(r *tester.Result) Fault {
	f := Fault{Message: "test " + r.Name + " fails: mend the rule or the test (opa test -v shows why)"}
	if r.Error != nil {
		f.Message = "test " + r.Name + " fails: " + oneLine(r.Error.Error())
	}
	if r.Location != nil {
		f.File, f.Line = r.Location.File, r.Location.Row
	}
	return f
}

func position(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
