package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/consent"
)

// readDecisions reads the decisions of a log, of the server or of check --log; no name is no log. What near caches
// reported is not among them, nor what was decided though the state could not be read.
func readDecisions(name string) (decisions []*consentv1.RecordedDecision, err error) {
	if name == "" {
		return nil, nil
	}
	logs := &logFiles{names: []string{name}}
	err = logs.each(func(i replay.Item) error {
		if i.Line.Kind() != line.Decided || i.Line.Decision.Degraded != 0 {
			return nil
		}
		d, err := recordedDecision(&i.Line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", i.File, i.Number, err)
		}
		decisions = append(decisions, d)
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("--decisions: %w", err)
	case len(decisions) == 0:
		return nil, fmt.Errorf("--decisions: %s:1: it holds no decisions: want one JSON object a line, {time, request, response}", name)
	}
	return decisions, nil
}

func recordedDecision(l *line.Line) (*consentv1.RecordedDecision, error) {
	switch {
	case l.SubjectKey != "":
		return nil, errors.New("the subject is named under a key, and a server cannot know who is meant: compare over --sample or --all")
	case l.Request.Subject.ID == "":
		return nil, errors.New("request.subject_id: is missing, or was taken off the line by a rule")
	}
	check, err := loggedCheck(l)
	if err != nil {
		return nil, err
	}
	d := &consentv1.RecordedDecision{
		Check: check, DecidedAt: timestamppb.New(l.Time.Time()), Decision: consentv1.Decision_DECISION_DENY,
	}
	if l.Decision.Effect == consent.Allow {
		d.Decision = consentv1.Decision_DECISION_ALLOW
	}
	for _, r := range l.Decision.Reasons {
		d.Reasons = append(d.Reasons, consentv1.ReasonCode(r.Code))
	}
	return d, nil
}

// The bounds of the decisions of one call: the server's on their number, and a message of
// 4 MiB with the policies' files.
const (
	maxPortion      = 20_000
	maxPortionBytes = 2 << 20
)

// portion is how many of the decisions fit into one call.
func portion(decisions []*consentv1.RecordedDecision) int {
	size := 0
	for i, d := range decisions[:min(len(decisions), maxPortion)] {
		if size += proto.Size(d) + 8; size > maxPortionBytes && i > 0 {
			return i
		}
	}
	return min(len(decisions), maxPortion)
}

// logDecision appends a decision to a log, in the form of package line; no name is no log. time is this machine's: the
// answer does not tell the instant that the server decided for.
func (a *app) logDecision(name string, request *consentv1.CheckRequest, response *consentv1.CheckResponse) error {
	if name == "" {
		return nil
	}
	line, err := encode(struct {
		Time     time.Time   `json:"time"`
		Request  messageJSON `json:"request"`
		Response messageJSON `json:"response"`
	}{a.now().UTC(), messageJSON{request}, messageJSON{response}})
	if err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	_, err = file.Write(line)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	return nil
}

// mergeDiffs adds a result over further decisions to what there is; nil: nothing yet.
func mergeDiffs(whole, more *consentv1.DiffResult, examples int) *consentv1.DiffResult {
	if whole == nil {
		return more
	}
	whole.Omitted += more.GetOmitted()
	for _, t := range more.GetTotals() {
		i := slices.IndexFunc(whole.Totals, func(o *consentv1.DiffTotal) bool { return o.GetOver() == t.GetOver() })
		if i < 0 {
			whole.Totals = append(whole.Totals, t)
			continue
		}
		o := whole.Totals[i]
		o.Subjects += t.GetSubjects()
		o.Compared += t.GetCompared()
		o.NewlyAllowed += t.GetNewlyAllowed()
		o.NewlyDenied += t.GetNewlyDenied()
		o.OtherwiseChanged += t.GetOtherwiseChanged()
		o.NotReproduced += t.GetNotReproduced()
		o.Seconds += t.GetSeconds()
	}
	for _, d := range more.GetDifferences() {
		i := slices.IndexFunc(whole.Differences, func(o *consentv1.PolicyDifference) bool { return sameDifference(o, d) })
		if i < 0 {
			whole.Differences = append(whole.Differences, d)
			continue
		}
		o := whole.Differences[i]
		o.Count += d.GetCount()
		o.Examples = append(o.Examples, d.GetExamples()...)
		o.Examples = o.Examples[:min(len(o.Examples), examples)]
	}
	return whole
}

func sameDifference(a, b *consentv1.PolicyDifference) bool {
	return a.GetOver() == b.GetOver() && a.GetController() == b.GetController() && a.GetPurpose() == b.GetPurpose() &&
		a.GetRecipient() == b.GetRecipient() && proto.Equal(a.GetBefore(), b.GetBefore()) && proto.Equal(a.GetAfter(), b.GetAfter())
}
