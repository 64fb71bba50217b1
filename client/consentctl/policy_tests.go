package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/policy/policytest"
)

var directoryArgument = argument{name: "DIR"}

// testRun is what policy test found, as JSON has it.
type testRun struct {
	*policytest.Report
	Mutation *policytest.Mutation `json:"mutation,omitempty"`
}

func (a *app) policyTestCommand() *cobra.Command {
	var casesDir, under string
	var mutate bool
	var threshold float64
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the tests and cases of a directory of policies, and say what they prove; exits 1 if one fails",
		Long: `Runs the test_ rules (as opa test does) and the cases (files *.cases) of a directory of policies; asks no server. Says which
lines they do not reach, and which outcome of which purpose none of them has shown. With --mutate, plants one fault at a
time in the rules and lists the faults that nothing notices.`,
	}
	cmd.Flags().StringVar(&casesDir, "cases", "", "run the cases in the *.yaml files of this directory too")
	cmd.Flags().BoolVar(&mutate, "mutate", false, "remove, negate or move one condition at a time, and list what no test notices")
	cmd.Flags().Float64Var(&threshold, "threshold", 0, "with --mutate: exit 1 if less than this per cent of the faults are noticed")
	cmd.Flags().StringVar(&under, "under", "", "with --mutate: plant faults under this folder of DIR only, such as controllers/acme")
	must(cmd.MarkFlagDirname("cases"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if threshold != 0 && (!mutate || threshold < 0 || threshold > 100) {
			return usageError(cmd, errors.New("--threshold: want --mutate with it, and a number from 0 to 100"))
		}
		if under != "" && !mutate {
			return usageError(cmd, errors.New("--under: want --mutate with it"))
		}
		ctx, cancel := a.limited(cmd)
		defer cancel()
		suite, err := loadSuite(args[0], casesDir)
		if err != nil {
			return err
		}
		report, err := suite.Run(ctx)
		if err != nil {
			return err
		}
		run := testRun{Report: report}
		if mutate && report.OK() { // a test that fails without a fault notices none
			if run.Mutation, err = suite.Mutate(ctx, policytest.MutateOptions{
				Under: under, Progress: a.progress("planting faults"),
			}); err != nil {
				return err
			}
		}
		if err := a.printValue(run, func(w io.Writer) { testText(w, args[0], run) }); err != nil {
			return err
		}
		if !report.OK() || run.Mutation != nil && run.Mutation.Percent < threshold {
			return errDenied
		}
		return nil
	}
	return a.takes(cmd, directoryArgument)
}

// limited is the context of a command that asks no server: --timeout bounds it only where it is given.
func (a *app) limited(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	if cmd.Flags().Changed("timeout") {
		return context.WithTimeoutCause(cmd.Context(), a.timeout, fmt.Errorf("not done within --timeout %v", a.timeout))
	}
	return context.WithCancel(cmd.Context())
}

func loadSuite(dir, casesDir string) (*policytest.Suite, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is no directory", dir)
	}
	var o policytest.Options
	if casesDir != "" {
		var err error
		if o.Cases, err = cases.Load(casesDir); err != nil {
			return nil, err
		}
	}
	return policytest.Load(os.DirFS(dir), o)
}

// progress returns what shows how far a long run is: a bar on a terminal, nothing elsewhere.
func (a *app) progress(what string) func(done, of int) {
	file, ok := a.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(file), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	return func(done, of int) {
		bar.ChangeMax(of)
		_ = bar.Set(done) // a bar that cannot be drawn is no failure
	}
}

func testText(w io.Writer, dir string, run testRun) {
	for _, f := range run.Failures {
		f.File = inDirectory(dir, f.File)
		fmt.Fprintln(w, "FAIL "+clean(f.String()))
	}
	if len(run.Failures) > 0 {
		fmt.Fprintln(w)
	}
	fields(w, [][2]string{
		{"Policy revision", run.PolicyRevision},
		{"Tests", countText(run.Tests, run.SkippedTests, "todo_")},
		{"Cases", countText(run.Cases, run.SkippedCases, "about the API")},
		{"Failed", strconv.Itoa(len(run.Failures))},
		{"Lines reached", fmt.Sprintf("%.1f %% of %d", run.Coverage.Percent, run.Coverage.Total)},
		{"Lines not reached", missedText(run.Coverage.Missed)},
		{"Seconds", strconv.FormatFloat(run.Seconds, 'f', 1, 64)},
	})
	for _, c := range run.Controllers {
		fmt.Fprintf(w, "\n%s\n", clean(c.ID))
		outcomeTable(c).write(w)
	}
	mutationText(w, dir, run)
}

func countText(n, skipped int, why string) string {
	if skipped == 0 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d; not run: %d (%s)", n, skipped, why)
}

func missedText(missed []policytest.MissedLines) string {
	var places []string
	for _, m := range missed {
		for _, line := range m.Lines {
			places = append(places, m.File+":"+strconv.Itoa(line))
		}
	}
	return strings.Join(places, ", ")
}

func outcomeTable(c policytest.Controller) *table {
	t := &table{header: []string{"PURPOSE", "SHOWN BY TESTS", "POSSIBLE, NEVER SHOWN"}}
	for _, p := range c.Purposes {
		var shown, never []string
		for _, o := range p.Outcomes {
			if o.Seen > 0 {
				shown = append(shown, fmt.Sprintf("%s×%d", o.Outcome, o.Seen))
			} else {
				never = append(never, o.Outcome)
			}
		}
		t.add(p.Purpose, dash(shown), dash(never))
	}
	return t
}

// dash keeps an empty cell visible.
func dash(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, " ")
}

func mutationText(w io.Writer, dir string, run testRun) {
	m := run.Mutation
	if m == nil {
		return
	}
	fmt.Fprintf(w, "\n%d of %d planted faults noticed: %.1f %%, in %.1f s\n", m.Noticed, m.Mutants, m.Percent, m.Seconds)
	t := &table{header: []string{"NOT NOTICED", "RULE", "FAULT"}}
	for _, u := range m.Unnoticed {
		t.add(inDirectory(dir, u.File)+":"+strconv.Itoa(u.Line), u.Rule, u.Change+" "+u.Text)
	}
	t.section(w)
}

// inDirectory is the path of a file of a directory; that of a file from elsewhere as it is.
func inDirectory(dir, file string) string {
	if _, err := fs.Stat(os.DirFS(dir), filepath.ToSlash(file)); err != nil {
		return file
	}
	return filepath.Join(dir, file)
}
