package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/consent"
)

// loggedFlags name a decision in a log, in the place of the arguments of explain.
type loggedFlags struct {
	id   string
	logs []string
}

func (f *loggedFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(
		&f.id, "id", "", "explain the decision with this id, which is in a log, instead of CONTROLLER SUBJECT PURPOSE",
	)
	cmd.Flags().StringArrayVar(&f.logs, "log", nil, "the decision log of --id (repeat)")
	must(cmd.MarkFlagFilename("log"))
	cmd.MarkFlagsRequiredTogether("id", "log")
}

// replaces lets a command be told by the flags what its arguments say otherwise.
func (f *loggedFlags) replaces(cmd *cobra.Command) *cobra.Command {
	taken := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case f.id == "":
			return taken(cmd, args)
		case len(args) > 0:
			return usageError(cmd, errors.New("--id: no arguments are taken beside it: the log has them"))
		}
		return nil
	}
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.id != "" && len(args) > 0 { // a flag put SUBJECT there
			return usageError(cmd, errors.New("--id: the log has the subject"))
		}
		return run(cmd, args)
	}
	return cmd
}

// question asks for the logged decision as of then, by the policies of then; item is its line.
func (f *loggedFlags) question() (request *consentv1.ExplainRequest, item *replay.Item, err error) {
	logs := &logFiles{names: f.logs}
	found := errors.New("found")
	err = logs.each(func(i replay.Item) error {
		if i.Line.Kind() != line.Decided || i.Line.Decision.ID != f.id {
			return nil
		}
		item = &i
		return found
	})
	switch {
	case item == nil && err != nil:
		return nil, nil, fmt.Errorf("--log: %w", err)
	case item == nil:
		return nil, nil, fmt.Errorf("--id: no decision %s is in the log: was it sampled out, or is it in another file?", f.id)
	}
	l := &item.Line
	switch {
	case l.SubjectKey != "", l.Request.Subject.ID == "":
		return nil, nil, fmt.Errorf(
			"--id: %s:%d does not name the subject: explain CONTROLLER SUBJECT PURPOSE --at %[3]s --known-at %[3]s",
			item.File, item.Number, l.Time.Time().Format(time.RFC3339Nano))
	}
	request, err = loggedQuestion(l)
	return request, item, err
}

// compared says whether the explained decision is the logged one.
func (f *loggedFlags) compared(w io.Writer, item *replay.Item, then *consentv1.CheckResponse) {
	d := replayedOf(then)
	text := "It is the decision of the log"
	switch l := &item.Line; {
	case l.Decision.Degraded == consent.DegradedDenied:
		text = "The log has a denial, because the state could not be read then; this is what the state of then says"
	case l.Decision.Degraded == consent.DegradedStale:
		text = fmt.Sprintf("The log has %s, on a state that may have been %v old, because no newer one could be read then; "+
			"this is what the state of then says", answerText(&l.Decision), l.Decision.StateAge.Round(time.Millisecond))
	case d.Effect != l.Decision.Effect || !slices.Equal(d.Reasons, l.Decision.Reasons):
		text = fmt.Sprintf("The log has another answer, %s: the two may differ where something was recorded at that very moment; "+
			"log verify --data makes the decision again exactly", answerText(&l.Decision))
	case d.PolicyRevision != l.Decision.PolicyRevision && l.Decision.PolicyRevision != "":
		text = "The log has the same answer, by the policies " + l.Decision.PolicyRevision
	}
	fmt.Fprintf(w, "%s (%s:%d, asked by %s).\n", clean(text), clean(item.File), item.Number, clean(askerText(item.Line.Caller)))
}

func askerText(caller string) string {
	if caller == "" {
		return "nobody who is named"
	}
	return caller
}
