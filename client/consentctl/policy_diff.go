package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/policy/source"
)

// errFlips makes policy diff exit 1: the candidate changes more than a limit permits.
var errFlips = errors.New("the candidate changes more than is permitted")

// diffTimeout is for a million subjects on a busy machine.
const diffTimeout = 2 * time.Hour

// defaultSample is how many stored subjects are compared if nothing else is said: seconds.
const defaultSample = 10_000

// diffFlags are those of policy diff.
type diffFlags struct {
	from        string
	states      bool
	sample      uint32
	all         bool
	decisions   string
	examples    uint32
	maxFlips    uint64
	limited     bool
	noNewAllows bool
}

func (a *app) policyDiffCommand() *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Compare the active policies with those of a directory, or with those of before",
		Long: `Compare the active policies with those of DIR, without activating them. With --from a set that was in force before, and is
kept (policy history lists them), takes the place of the active policies, and they that of DIR where none is given. It
compares over the states that the rules of either can tell apart, over a sample of the stored subjects or all of them, and
over recorded decisions. Each difference is shown with the rules that deny on one side, how often it occurs, and examples.
Exits 1 when --max-flips or --no-new-allows is exceeded.`,
		Example: `  consentctl policy diff ./policies
  consentctl policy diff ./policies --all --no-new-allows
  consentctl policy diff --from 0123456789abcdef0123456789abcdef
  consentctl policy diff ./policies --states=false --sample 0 --decisions decisions.jsonl --max-flips 10 -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.limited = cmd.Flags().Changed("max-flips")
			if !cmd.Flags().Changed("timeout") {
				a.timeout = diffTimeout
			}
			if len(args) == 0 && flags.from == "" {
				return usageError(cmd, errors.New("missing argument DIR: name one, or a set to compare the active policies with by --from"))
			}
			return a.diff(cmd, strings.Join(args, ""), flags)
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.from, "from", "", "compare with the kept set of this revision instead of the active policies")
	f.BoolVar(&flags.states, "states", true, "compare over the states that the rules can tell apart")
	f.Uint32Var(&flags.sample, "sample", defaultSample, "compare over so many stored subjects; 0: none")
	f.BoolVar(&flags.all, "all", false, "compare over all stored subjects")
	f.StringVar(
		&flags.decisions, "decisions", "", "compare over the decisions of this log: of the server, or of check --log or batch --log",
	)
	f.Uint32Var(&flags.examples, "examples", 3, "how many examples of each difference to show")
	f.Uint64Var(&flags.maxFlips, "max-flips", 0, "exit 1 if more decisions than that turn, to ALLOW or to DENY")
	f.BoolVar(&flags.noNewAllows, "no-new-allows", false, "exit 1 if any decision turns to ALLOW")
	cmd.MarkFlagsMutuallyExclusive("sample", "all")
	must(cmd.MarkFlagFilename("decisions"))
	a.takes(cmd, argument{name: "DIR", optional: true})
	cmd.ValidArgsFunction = nil // the shell completes directories
	return cmd
}

// diff compares and prints. A long log of decisions is sent in several calls.
func (a *app) diff(cmd *cobra.Command, dir string, flags diffFlags) error {
	request, err := flags.request(dir)
	if err != nil {
		return err
	}
	decisions, err := readDecisions(flags.decisions)
	if err != nil {
		return err
	}
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		bar := newDiffProgress(a.stderr)
		result, err := a.compare(ctx, c, request, decisions, bar.show)
		bar.end()
		if err != nil {
			return err
		}
		if err := a.print(result, func(w io.Writer) { diffTables(w, result, flags.from != "") }); err != nil {
			return err
		}
		return flags.exceeded(result)
	})
}

// request is that for a directory; empty: for the active policies.
func (f *diffFlags) request(dir string) (*consentv1.DiffPolicyRequest, error) {
	request := &consentv1.DiffPolicyRequest{
		FromPolicyRevision: f.from, States: f.states, Sample: f.sample, AllSubjects: f.all, Examples: f.examples,
	}
	if dir == "" {
		return request, nil
	}
	files, err := source.ReadDir(dir, source.DefaultMaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for _, file := range files.List() {
		// Tests and cases are no part of what decides.
		if !strings.HasSuffix(file.Path, "_test.rego") && !strings.HasSuffix(file.Path, cases.Ext) {
			request.Files = append(request.Files, &consentv1.PolicyFile{Path: file.Path, Content: file.Content})
		}
	}
	return request, nil
}

// compare makes one call, and one more for each further portion of the decisions.
func (a *app) compare(
	ctx context.Context, c *client.Client, request *consentv1.DiffPolicyRequest, decisions []*consentv1.RecordedDecision,
	progress func(*consentv1.DiffProgress),
) (*consentv1.DiffResult, error) {
	var whole *consentv1.DiffResult
	for {
		n := portion(decisions)
		request.Decisions, decisions = decisions[:n], decisions[n:]
		result, err := c.DiffPolicy(ctx, request, progress)
		if err != nil {
			return nil, err
		}
		whole = mergeDiffs(whole, result, int(request.GetExamples()))
		if len(decisions) == 0 {
			return whole, nil
		}
		request.States, request.Sample, request.AllSubjects = false, 0, false
	}
}

// exceeded is an error where a limit is.
func (f *diffFlags) exceeded(r *consentv1.DiffResult) error {
	var allowed, denied uint64
	for _, t := range r.GetTotals() {
		allowed += t.GetNewlyAllowed()
		denied += t.GetNewlyDenied()
	}
	if f.noNewAllows && allowed > 0 || f.limited && allowed+denied > f.maxFlips {
		return errFlips
	}
	return nil
}

var overNames = map[consentv1.DiffOver]string{
	consentv1.DiffOver_DIFF_OVER_STATES:    "states that the rules tell apart",
	consentv1.DiffOver_DIFF_OVER_SUBJECTS:  "stored subjects",
	consentv1.DiffOver_DIFF_OVER_DECISIONS: "recorded decisions",
}

// sameAnswer heads the decisions that are ALLOW or DENY as before, for other reasons or on another basis.
const sameAnswer = "SAME, FOR OTHER REASONS"

func diffTables(w io.Writer, r *consentv1.DiffResult, from bool) {
	before := "Active policies"
	if from {
		before = "Policies of before"
	}
	fields(w, [][2]string{{before, r.GetActivePolicyRevision()}, {"Candidate", r.GetCandidatePolicyRevision()}})
	totals := table{header: []string{"OVER", "SUBJECTS", "DECISIONS", "DENY→ALLOW", "ALLOW→DENY", sameAnswer, "SECONDS"}}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	states := false
	for _, t := range r.GetTotals() {
		subjects := number(t.GetSubjects())
		if t.GetOver() == consentv1.DiffOver_DIFF_OVER_STATES {
			subjects, states = "-", true
		}
		totals.add(overNames[t.GetOver()], subjects, number(t.GetCompared()), number(t.GetNewlyAllowed()),
			number(t.GetNewlyDenied()), number(t.GetOtherwiseChanged()), strconv.FormatFloat(t.GetSeconds(), 'f', 1, 64))
	}
	totals.section(w)
	if states {
		fmt.Fprintln(w, "\nStates are kinds of subjects and requests: how many of them change says nothing of how many people it meets.")
	}
	for _, kind := range []string{"DENY→ALLOW", "ALLOW→DENY", sameAnswer} {
		t := table{header: []string{kind, "CONTROLLER", "PURPOSE", "BEFORE", "AFTER", "RULE", "COUNT", "EXAMPLES"}}
		for _, d := range r.GetDifferences() {
			if diffKind(d) == kind {
				t.add(overNames[d.GetOver()], d.GetController(), diffPurpose(d), diffSide(d, d.GetBefore()), diffSide(d, d.GetAfter()),
					diffRules(d), number(d.GetCount()), diffExamples(d))
			}
		}
		t.section(w)
	}
	if r.GetOmitted() > 0 {
		fmt.Fprintf(w, "\n%d decisions differ in further ways that are not listed.\n", r.GetOmitted())
	}
	for _, t := range r.GetTotals() {
		if t.GetNotReproduced() > 0 {
			fmt.Fprintf(w, "\n%d of the recorded decisions come out otherwise by the active policies too: not the candidate, but what was "+
				"activated since they were recorded changed them.\n", t.GetNotReproduced())
		}
	}
}

func diffKind(d *consentv1.PolicyDifference) string {
	switch {
	case d.GetBefore().GetDecision() == d.GetAfter().GetDecision():
		return sameAnswer
	case d.GetAfter().GetDecision() == consentv1.Decision_DECISION_ALLOW:
		return "DENY→ALLOW"
	}
	return "ALLOW→DENY"
}

func diffPurpose(d *consentv1.PolicyDifference) string {
	if d.GetRecipient() == 0 {
		return d.GetPurpose()
	}
	return d.GetPurpose() + " to " + client.EnumName(d.GetRecipient())
}

// diffSide is a decision by what tells it from the other one: its reasons or, where they are the same, its basis.
func diffSide(d *consentv1.PolicyDifference, side *consentv1.DiffSide) string {
	if slices.Equal(d.GetBefore().GetReasons(), d.GetAfter().GetReasons()) {
		return "on " + client.EnumName(side.GetLegalBasis())
	}
	if len(side.GetReasons()) == 0 {
		return "no such controller"
	}
	if side.GetDecision() == consentv1.Decision_DECISION_ALLOW {
		return "ALLOW"
	}
	names := make([]string, len(side.GetReasons()))
	for i, code := range side.GetReasons() {
		names[i] = client.EnumName(code)
	}
	return strings.Join(names, ", ")
}

func diffRules(d *consentv1.PolicyDifference) string {
	names := make([]string, len(d.GetRules()))
	for i, r := range d.GetRules() {
		names[i] = fmt.Sprintf("%s (%s:%d)", r.GetTitle(), r.GetFile(), r.GetLine())
	}
	return strings.Join(names, ", ")
}

func diffExamples(d *consentv1.PolicyDifference) string {
	var parts []string
	for _, e := range d.GetExamples() {
		switch {
		case e.GetDescription() != "":
			parts = append(parts, e.GetDescription())
		case e.GetDecidedAt() != nil:
			parts = append(parts, e.GetSubjectId()+" at "+timeText(e.GetDecidedAt()))
		default:
			parts = append(parts, e.GetSubjectId())
		}
	}
	return strings.Join(parts, " | ")
}

// diffProgress is a bar on a terminal, and nothing elsewhere.
type diffProgress struct {
	out  io.Writer
	over consentv1.DiffOver
	bar  *progressbar.ProgressBar
}

// newDiffProgress shows nothing unless out is a terminal.
func newDiffProgress(out io.Writer) *diffProgress {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &diffProgress{}
	}
	return &diffProgress{out: out}
}

// show moves the bar; each thing that is compared has one of its own.
func (p *diffProgress) show(at *consentv1.DiffProgress) {
	if p.out == nil {
		return
	}
	if p.bar == nil || p.over != at.GetOver() {
		p.end()
		total := int64(at.GetTotal())
		if total == 0 {
			total = -1
		}
		p.over = at.GetOver()
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionShowCount(),
			progressbar.OptionSetDescription(overNames[p.over]), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
	}
	_ = p.bar.Set64(int64(at.GetDone())) // a terminal that is gone ends the command anyway
}

func (p *diffProgress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
