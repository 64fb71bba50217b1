package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

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

// testFlags are those of policy test.
type testFlags struct {
	cases, under string
	mutate       bool
	threshold    float64
}

func (f *testFlags) validate() error {
	switch {
	case f.threshold < 0 || f.threshold > 100:
		return fmt.Errorf("--threshold %v: want a number from 0 to 100", f.threshold)
	case f.threshold != 0 && !f.mutate:
		return errors.New("--threshold: want --mutate with it")
	case f.under != "" && !f.mutate:
		return errors.New("--under: want --mutate with it")
	}
	return nil
}

func (a *app) policyTestCommand() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the tests and cases of a directory of policies, and say what they prove; exits 1 if one fails",
		Long: `Runs the test_ rules (as opa test does) and the cases (files *.cases) of a directory of policies; asks no server. Says
which lines they do not reach, and which outcome of which purpose none of them has shown. With --mutate, plants one fault at a
time in the rules and lists the faults that nothing notices.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validate(); err != nil {
				return usageError(cmd, err)
			}
			ctx, cancel := a.limited(cmd)
			defer cancel()
			return a.policyTest(ctx, args[0], &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.cases, "cases", "", "run the cases in the *.yaml files of this directory too")
	flags.BoolVar(&f.mutate, "mutate", false, "remove, negate or move one condition at a time, and list what no test notices")
	flags.StringVar(&f.under, "under", "", "with --mutate: plant faults under this folder of DIR only, such as controllers/acme")
	flags.Float64Var(&f.threshold, "threshold", 0, "with --mutate: exit 1 if less than this per cent of the faults are noticed")
	must(cmd.MarkFlagDirname("cases"))
	return a.takes(cmd, directoryArgument)
}

func (a *app) policyTest(ctx context.Context, dir string, f *testFlags) error {
	suite, err := loadSuite(dir, f.cases)
	if err != nil {
		return err
	}
	report, err := suite.Run(ctx)
	if err != nil {
		return err
	}
	run := testRun{Report: report}
	if f.mutate && report.OK() { // a test that fails without a fault notices none
		defer debug.SetGCPercent(debug.SetGCPercent(300)) // most of the heap stays: a third of the time for 200 MB
		o := policytest.MutateOptions{Under: f.under, Progress: a.progress("planting faults")}
		if run.Mutation, err = suite.Mutate(ctx, o); err != nil {
			return err
		}
	}
	if err := a.printValue(run, func(w io.Writer) { testText(w, dir, run) }); err != nil {
		return err
	}
	if !report.OK() || run.Mutation != nil && run.Mutation.Percent < f.threshold {
		return errDenied
	}
	return nil
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
		{"Seconds", strconv.FormatFloat(run.Seconds, 'f', 1, 64)},
	})
	missedTable(run.Coverage.Missed).section(w)
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

// cellWidth is how wide a cell with a list in it may be.
const cellWidth = 60

func missedTable(missed []policytest.MissedLines) *table {
	t := &table{header: []string{"FILE", "LINES NOT REACHED"}}
	for _, m := range missed {
		t.addLists(m.File, lineRanges(m.Lines))
	}
	return t
}

// lineRanges writes lines that follow each other as a range.
func lineRanges(lines []int) (ranges []string) {
	for i := 0; i < len(lines); {
		first := i
		for i++; i < len(lines) && lines[i] == lines[i-1]+1; i++ {
		}
		if text := strconv.Itoa(lines[first]); i-first == 1 {
			ranges = append(ranges, text)
		} else {
			ranges = append(ranges, text+"-"+strconv.Itoa(lines[i-1]))
		}
	}
	return ranges
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
		t.addLists(p.Purpose, shown, never)
	}
	return t
}

// addLists adds a row whose cells after the first are lists, over as many lines as they need.
func (t *table) addLists(name string, lists ...[]string) {
	cells := make([][]string, len(lists))
	height := 0
	for i, list := range lists {
		cells[i] = wrapped(list)
		height = max(height, len(cells[i]))
	}
	for line := range height {
		row := []string{name}
		if line > 0 {
			row[0] = ""
		}
		for _, cell := range cells {
			text := ""
			if line < len(cell) {
				text = cell[line]
			}
			row = append(row, text)
		}
		t.add(row...)
	}
}

// wrapped is a list over lines; an empty one is a dash, to be seen.
func wrapped(words []string) []string {
	lines := []string{"-"}
	for i, word := range words {
		last := &lines[len(lines)-1]
		switch {
		case i == 0:
			*last = word
		case len(*last)+1+len(word) > cellWidth:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
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
