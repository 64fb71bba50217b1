package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// A decision log is JSON Lines, one decision a line:
//
//	{"time": "2026-03-01T12:00:00Z", "request": {…}, "response": {…}}
//
// time is when it was decided; request has the fields of CheckRequest, response those of CheckResponse, as check -o
// json prints them. What else a line holds is passed over.
type loggedDecision struct {
	Time     time.Time       `json:"time"`
	Request  json.RawMessage `json:"request"`
	Response json.RawMessage `json:"response"`
}

// readDecisions reads a decision log; no name is no log.
func readDecisions(name string) ([]*consentv1.RecordedDecision, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--decisions: %w", err)
	}
	defer file.Close() // only read from
	decisions, err := decodeDecisions(file)
	if err != nil {
		return nil, fmt.Errorf("--decisions: %s:%w", name, err)
	}
	return decisions, nil
}

// maxLogLine is the longest line of a decision log: a request of the longest context, and its answer.
const maxLogLine = 4 << 20

// decodeDecisions reads a decision log. The error begins with the line's number.
func decodeDecisions(r io.Reader) (decisions []*consentv1.RecordedDecision, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLogLine)
	number := 0
	for lines.Scan() {
		number++
		if len(lines.Bytes()) == 0 {
			continue
		}
		d, err := decodeDecision(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%d: %w", number, err)
		}
		decisions = append(decisions, d)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", number+1, err)
	}
	if len(decisions) == 0 {
		return nil, errors.New("1: it holds no decisions: want one JSON object a line, {time, request, response}")
	}
	return decisions, nil
}

func decodeDecision(line []byte) (*consentv1.RecordedDecision, error) {
	var logged loggedDecision
	if err := json.Unmarshal(line, &logged); err != nil {
		return nil, fmt.Errorf("want a JSON object {time, request, response}: %w", err)
	}
	if logged.Time.IsZero() {
		return nil, errors.New("time: is required: when it was decided, RFC 3339")
	}
	check := &consentv1.CheckRequest{}
	if err := unmarshal(logged.Request, check); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	check.Consistency = nil
	var answer struct {
		Decision string
		Reasons  []struct{ Code string }
	}
	if err := json.Unmarshal(logged.Response, &answer); err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	d := &consentv1.RecordedDecision{Check: check, DecidedAt: timestamppb.New(logged.Time)}
	var err error
	if d.Decision, err = parseEnum[consentv1.Decision](answer.Decision); err != nil {
		return nil, fmt.Errorf("response.decision: %q: %w", answer.Decision, err)
	}
	for _, r := range answer.Reasons {
		code, err := parseEnum[consentv1.ReasonCode](r.Code)
		if err != nil {
			return nil, fmt.Errorf("response.reasons: %q is no reason code", r.Code)
		}
		d.Reasons = append(d.Reasons, code)
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

// logDecision appends a decision to a log; no name is no log.
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
