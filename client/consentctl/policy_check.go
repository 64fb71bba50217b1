package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
	"github.com/consentd/consentd/server/policy/source"
)

// errRefused makes a command exit 1 whose answer is faults: they are printed as that.
var errRefused = errors.New("refused")

// checkTimeout is how long policy check may take unless --timeout says otherwise.
const checkTimeout = 10 * time.Minute

func (a *app) policyCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Load, test and prove the policies of a directory here, without a server; exit 1 if they are refused",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("timeout") {
				a.timeout = checkTimeout
			}
			if a.timeout <= 0 {
				return usageError(cmd, fmt.Errorf("--timeout %v: want more than 0", a.timeout))
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), a.timeout)
			defer cancel()
			return a.checkPolicy(ctx, args[0])
		},
	}
	return a.takes(cmd, argument{name: "DIR"})
}

func (a *app) checkPolicy(ctx context.Context, dir string) error {
	files, err := source.ReadDir(dir, source.DefaultMaxBytes)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	report, err := proveFiles(ctx, files)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if err := a.printValue(checkedJSON(&report, dir), func(w io.Writer) { checkedText(w, &report, dir) }); err != nil {
		return err
	}
	if len(report.Faults) > 0 {
		return errRefused
	}
	return nil
}

// proveFiles is all that a set must pass before it is put in force. Its error is not that the set is refused.
func proveFiles(ctx context.Context, files *source.Files) (consent.PolicyReport, error) {
	set, err := policy.Load(files.FS(), policy.Options{})
	if err != nil {
		report := consent.PolicyReport{}
		for _, f := range policy.Faults(err) {
			report.Faults = append(report.Faults, consent.PolicyFinding{PolicyFault: f})
		}
		return report, nil
	}
	report, err := admission.Admit(ctx, files.FS(), set, admission.Options{Workers: runtime.GOMAXPROCS(0), Known: policies.FS})
	if _, refused := errors.AsType[*admission.Refused](err); refused {
		return report, nil
	}
	return report, err
}

// evalCommand is a shell command that evaluates the input of a counterexample over the policies in dir.
func evalCommand(c *consent.Counterexample, dir string) string {
	const line = "opa eval -d %s --ignore '*_test.rego' --ignore '.*' --strict-builtin-errors --stdin-input '%s' <<'EOF'\n%s\nEOF"
	return fmt.Sprintf(line,
		shellQuote(dir), c.Query, c.Input)
}

// shellQuote quotes what a shell would not take as one word.
func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" && s != "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// checkedText writes one line per fault, each with its counterexample, then the warnings and what was looked at.
func checkedText(w io.Writer, r *consent.PolicyReport, dir string) {
	for _, f := range r.Faults {
		fmt.Fprintln(w, clean(f.String()))
		if f.Counterexample != nil {
			counterexampleText(w, f.Counterexample, dir)
		}
	}
	for _, f := range r.Warnings {
		fmt.Fprintln(w, "warning: "+clean(f.String()))
	}
	t := table{header: []string{"CONTROLLER", "PURPOSES", "PROVEN", "CASES", "ALLOWED"}}
	for _, c := range r.Controllers {
		t.add(c.ID, strconv.Itoa(c.Purposes), strconv.Itoa(c.Proven), strconv.Itoa(c.Cases), strconv.Itoa(c.Allowed))
	}
	if len(t.rows) > 0 {
		t.write(w)
		fmt.Fprintln(w)
	}
	verdict := "admitted"
	if len(r.Faults) > 0 {
		verdict = "refused: " + counted(len(r.Faults), "fault")
	}
	if len(r.Controllers) == 0 { // it did not load: nothing was proven or run
		fmt.Fprintln(w, verdict)
		return
	}
	fmt.Fprintf(w, "%s (%s, %d cases in %.1f s, %d tests and cases passed and %d failed in %.1f s)\n", verdict,
		counted(
			len(r.Controllers), "controller",
		), r.Cases, r.Enumeration.Seconds(), r.Tests.Passed, r.Tests.Failed, r.Tests.Duration.Seconds())
}

// counted is a number with its noun, which takes an s.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func counterexampleText(w io.Writer, c *consent.Counterexample, dir string) {
	for _, place := range c.AllowedBy {
		fmt.Fprintln(w, "  allowed by "+clean(place))
	}
	for _, place := range c.Silent {
		fmt.Fprintln(w, "  not denied by "+clean(place))
	}
	if c.Before != "" {
		fmt.Fprintln(w, "  denied before: "+clean(strings.Join(strings.Fields(c.Before), " ")))
	}
	fmt.Fprintln(w, evalCommand(c, dir))
}

// checked is the JSON of a check.
type checked struct {
	Admitted       bool                `json:"admitted"`
	PolicyRevision string              `json:"policy_revision"`
	Faults         []finding           `json:"faults"`
	Warnings       []finding           `json:"warnings"`
	Controllers    []checkedController `json:"controllers"`
	Cases          int                 `json:"cases"`
	Seconds        float64             `json:"enumeration_seconds"`
	TestsPassed    int                 `json:"tests_passed"`
	TestsFailed    int                 `json:"tests_failed"`
}

type checkedController struct {
	Controller string `json:"controller"`
	Purposes   int    `json:"purposes"`
	Proven     int    `json:"proven"`
	Cases      int    `json:"cases"`
	Allowed    int    `json:"allowed"`
}

type finding struct {
	File           string          `json:"file,omitempty"`
	Line           int             `json:"line,omitempty"`
	Message        string          `json:"message"`
	Counterexample *counterexample `json:"counterexample,omitempty"`
}

type counterexample struct {
	Invariant   string   `json:"invariant"`
	Words       string   `json:"words"`
	Controller  string   `json:"controller"`
	Purpose     string   `json:"purpose"`
	Description string   `json:"description"`
	Cases       int      `json:"cases"`
	Input       string   `json:"input"`
	Before      string   `json:"before,omitempty"`
	Query       string   `json:"query"`
	Command     string   `json:"command"`
	AllowedBy   []string `json:"allowed_by"`
	Silent      []string `json:"silent"`
}

func checkedJSON(r *consent.PolicyReport, dir string) checked {
	out := checked{
		Admitted: len(r.Faults) == 0, PolicyRevision: r.Revision, Faults: findingsJSON(r.Faults, dir),
		Warnings: findingsJSON(r.Warnings, dir), Controllers: []checkedController{}, Cases: r.Cases,
		Seconds: r.Enumeration.Seconds(), TestsPassed: r.Tests.Passed, TestsFailed: r.Tests.Failed,
	}
	for _, c := range r.Controllers {
		out.Controllers = append(out.Controllers, checkedController{c.ID, c.Purposes, c.Proven, c.Cases, c.Allowed})
	}
	return out
}

func findingsJSON(list []consent.PolicyFinding, dir string) []finding {
	out := make([]finding, len(list))
	for i, f := range list {
		out[i] = finding{File: f.File, Line: f.Line, Message: f.Message}
		if c := f.Counterexample; c != nil {
			out[i].Counterexample = &counterexample{
				Invariant: c.Invariant, Words: c.Words, Controller: c.Controller, Purpose: c.Purpose, Description: c.Case,
				Cases: c.Cases, Input: c.Input, Before: c.Before, Query: c.Query, Command: evalCommand(c, dir),
				AllowedBy: append([]string{}, c.AllowedBy...), Silent: append([]string{}, c.Silent...),
			}
		}
	}
	return out
}
