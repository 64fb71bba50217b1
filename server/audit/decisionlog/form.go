package decisionlog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/consent"
)

// Rules leave lines out of a log, or take fields off them. They are evaluated by the writer, with the line, as it would
// be written, as input.
type Rules interface {
	// Judge evaluates a line of JSON: whether it is left out, and the paths of the fields to take off it, such as
	// request.context.ip.
	Judge(ctx context.Context, text []byte) (drop bool, mask []string, err error)
	// Coarse reports whether a verdict depends on nothing but caller, request.controller, request.purpose and
	// response.decision: then it is remembered for those four.
	Coarse() bool
}

// verdict is what rules say of a line.
type verdict struct {
	drop bool
	mask []string
}

// failed is the verdict of rules that fail on a line: it is written, without what says most of a person.
var failed = verdict{mask: []string{"request.subject_id", "request.context"}}

// form makes lines of records. It is for one goroutine.
type form struct {
	log     *Log
	decoder decoder
	// mac is that of keys; nil: ids are plain.
	keys *line.Keys
	mac  *line.Mac
	// verdicts has those of coarse rules; text is memory for what they judge.
	verdicts map[coarse]verdict
	text     []byte
	// failures counts the lines on which the rules failed.
	failures uint64
}

// coarse is what coarse rules read.
type coarse struct {
	caller, controller, purpose string
	effect                      consent.Effect
}

// maxVerdicts bounds those that are remembered.
const maxVerdicts = 10_000

func newForm(l *Log) *form { return &form{log: l, verdicts: map[coarse]verdict{}} }

// lines appends the lines of a chunk to a batch.
func (f *form) lines(to *batch, c *chunk) {
	if keys := f.log.keys.current.Load(); keys != f.keys {
		f.keys, f.mac = keys, keys.Current()
	}
	f.decoder.begin(c)
	for f.decoder.next() {
		f.line(to, &f.decoder.line)
	}
}

func (f *form) line(to *batch, l *line.Line) {
	if f.mac != nil && l.Request.Subject.ID != "" {
		l.SubjectKey, l.Request.Subject.ID = f.mac.ID, string(f.mac.Name(l.Request.Subject))
	}
	if f.log.rules == nil {
		f.append(to, l)
		return
	}
	v := f.judge(l)
	if v.drop {
		f.log.counts.excluded.Add(1)
		return
	}
	for _, path := range v.mask {
		if err := mask(l, path); err != nil {
			f.failed(err)
			_ = mask(l, failed.mask[0])
			_ = mask(l, failed.mask[1])
		}
	}
	f.append(to, l)
}

func (f *form) append(to *batch, l *line.Line) {
	to.data = line.Append(to.data, l)
	to.ends, to.times = append(to.ends, len(to.data)), append(to.times, l.Time)
}

// judge returns what the rules say of a line.
func (f *form) judge(l *line.Line) verdict {
	key := coarse{l.Caller, l.Request.Subject.Controller, l.Request.Purpose, l.Decision.Effect}
	if v, ok := f.verdicts[key]; ok {
		return v
	}
	f.text = line.Append(f.text[:0], l)
	drop, mask, err := f.log.rules.Judge(f.log.aborted, f.text)
	if err != nil {
		f.failed(err)
		return failed
	}
	v := verdict{drop, mask}
	if f.log.rules.Coarse() && len(f.verdicts) < maxVerdicts {
		f.verdicts[coarse{
			strings.Clone(key.caller), strings.Clone(key.controller), strings.Clone(key.purpose), key.effect,
		}] = v
	}
	return v
}

// failed counts, and logs every first, second, fourth, eighth, … failure. Errors of rules name no value of a line.
func (f *form) failed(err error) {
	f.log.counts.ruleErrs.Add(1)
	f.failures++
	if n := f.failures; n&(n-1) == 0 {
		f.log.config.Logger.Error("a rule of the decision log failed: lines are written without subject and context",
			"failures", n, "error", err)
	}
}

// mask takes a field off a line, and notes so where there was something to take.
func mask(l *line.Line, path string) error {
	had, known := false, true
	r, d := &l.Request, &l.Decision
	switch path {
	case "caller":
		had = clear1(&l.Caller)
	case "request.subject_id":
		had = clear1(&r.Subject.ID)
		l.SubjectKey = ""
	case "request.data_categories":
		had = clearList(&r.DataCategories)
	case "request.recipient":
		had = clear1(&r.Recipient)
	case "request.recipient.id":
		had = clear1(&r.Recipient.ID)
	case "request.recipient.country":
		had = clear1(&r.Recipient.Country)
	case "request.context":
		had = clearList((*[]byte)(&l.Context))
	case "response.reasons":
		had = clearList(&d.Reasons)
	case "response.obligations":
		had = clearList(&d.Obligations)
	case "response.permitted_data_categories":
		had = clearList(&d.PermittedDataCategories)
	case "latency_ns":
		had = clear1(&l.Latency)
	default:
		var err error
		if path, ok := strings.CutPrefix(path, "request.context."); ok {
			had, err = maskContext(l, path)
		} else {
			known = false
		}
		if err != nil {
			return err
		}
	}
	if !known {
		return fmt.Errorf("mask: %q is no field that can be taken off: see server/README.md", path)
	}
	if had {
		l.Masked = append(l.Masked, path)
	}
	return nil
}

func clear1[T comparable](field *T) (had bool) {
	var zero T
	had, *field = *field != zero, zero
	return had
}

func clearList[T any](list *[]T) (had bool) {
	had, *list = len(*list) > 0, nil
	return had
}

// maskContext takes a key, or one below it, off the context.
func maskContext(l *line.Line, path string) (had bool, err error) {
	facts, err := l.Facts()
	if err != nil || facts == nil {
		return false, err
	}
	at, keys := facts, strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		below, ok := at[key].(map[string]any)
		if !ok {
			return false, nil
		}
		at = below
	}
	last := keys[len(keys)-1]
	if _, had = at[last]; !had {
		return false, nil
	}
	delete(at, last)
	l.Context = json.RawMessage(line.AppendContext(nil, facts))
	if len(facts) == 0 {
		l.Context = nil
	}
	return true, nil
}
