package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/server/audit/acts"
)

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Look at the audit of acts",
		Args:  cobra.NoArgs,
	}
	cmd.AddCommand(a.auditVerifyCommand())
	return cmd
}

func (a *app) auditVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "See whether an audit of acts is as it was written",
		Long: `Follow the chain of hashes through the files, in their order, and tell where a line was changed, removed or put in. No
server is asked. Exits 1 if the chain is broken.

Lines cut off at the end leave no trace: compare the last hash with one that was noted before, or kept elsewhere.`,
		Example: "  consentctl audit verify consentd-data/audit/acts-*.jsonl consentd-data/audit/acts.jsonl",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, errors.New("FILE is missing"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			found, err := acts.Verify(args...)
			if err != nil {
				return err
			}
			if err := a.printValue(auditJSONOf(&found), func(w io.Writer) { auditText(w, &found) }); err != nil {
				return err
			}
			if len(found.Faults) > 0 {
				return errRefused
			}
			return nil
		},
	}
	return cmd
}

// auditJSON is a report of acts.Verify.
type auditJSON struct {
	Lines  int       `json:"lines"`
	First  uint64    `json:"first"`
	Last   uint64    `json:"last"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	SHA256 string    `json:"sha256"`
	Missed uint64    `json:"missed"`
	Denied uint64    `json:"denied"`
	Torn   bool      `json:"torn"`
	Faults []string  `json:"faults"`
	More   int       `json:"more_faults"`
}

func auditJSONOf(r *acts.Report) auditJSON {
	out := auditJSON{
		Lines: r.Lines, First: r.First, Last: r.Last, From: r.From, Until: r.Until, SHA256: r.Sum, Missed: r.Missed, Denied: r.Denied,
		Torn: r.Torn, Faults: []string{}, More: r.More,
	}
	for _, f := range r.Faults {
		out.Faults = append(out.Faults, f.String())
	}
	return out
}

func auditText(w io.Writer, r *acts.Report) {
	for _, f := range r.Faults {
		fmt.Fprintln(w, clean(f.String()))
	}
	if r.More > 0 {
		fmt.Fprintf(w, "%s more are not shown\n", count(r.More, "fault", "faults"))
	}
	verdict := "whole"
	if len(r.Faults) > 0 {
		verdict = "NOT as it was written"
	}
	if r.First > 1 {
		verdict += fmt.Sprintf(", from line %d on: give the files before it to see those too", r.First)
	}
	pairs := [][2]string{
		{"verdict", verdict}, {"lines", strconv.Itoa(r.Lines)},
		{"numbers", fmt.Sprintf("%d to %d", r.First, r.Last)},
		{"times", r.From.Format(time.RFC3339) + " to " + r.Until.Format(time.RFC3339)}, {"last hash", r.Sum},
	}
	if r.Missed > 0 {
		pairs = append(pairs, [2]string{"missing",
			fmt.Sprintf("%d recordings, while the audit could not be written: the ledger has them", r.Missed)})
	}
	if r.Denied > 0 {
		pairs = append(pairs, [2]string{"denied", fmt.Sprintf("%d more than have lines", r.Denied)})
	}
	if r.Torn {
		pairs = append(pairs, [2]string{"end",
			"a line that is not finished: it is being written, or a crash left it; the server cuts it off at its start"})
	}
	fields(w, pairs)
}
