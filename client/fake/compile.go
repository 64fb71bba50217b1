package fake

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/server/consent"
)

// rule reads and compiles one rule; nil: it has faults.
func (r *reader) rule(node *yaml.Node) *rule {
	before := len(r.faults)
	if !r.known(node, ruleFields...) || !r.knownParts(node) {
		return nil
	}
	read := &rule{line: node.Line, place: r.place(node.Line)}
	if err := node.Decode(&read.written); err != nil {
		r.decoding(node.Line, err)
		return nil
	}
	r.match(read)
	r.manner(read)
	switch {
	case read.Call == callRecord:
		r.recording(read)
	case (read.Decision == "") == (read.Error == ""):
		r.fault(read.line, "want either decision (ALLOW, DENY or RECORDED) or error (the name of a gRPC code)")
	case read.Error != "":
		read.err = r.failure(read, checkErrors)
	default:
		if read.decision = r.decision(read); len(r.faults) > before {
			return nil
		}
		if err := read.wellFormed(); err != nil {
			r.fault(read.line, "no server answers so: %v", err)
		}
	}
	if len(r.faults) > before {
		return nil
	}
	return read
}

// knownParts looks for unknown fields in reasons and obligations.
func (r *reader) knownParts(node *yaml.Node) bool {
	good := true
	for i := 0; i < len(node.Content); i += 2 {
		fields := map[string][]string{"reasons": reasonFields, "obligations": obligationFields}[node.Content[i].Value]
		if fields == nil {
			continue
		}
		for _, item := range resolve(node.Content[i+1]).Content {
			if item.Kind == yaml.MappingNode && !r.known(item, fields...) {
				good = false
			}
		}
	}
	return good
}

// match checks and completes which calls the rule is for.
func (r *reader) match(read *rule) {
	if read.Call == "" {
		read.Call = callCheck
	}
	if read.Call != callCheck && read.Call != callRecord {
		r.fault(read.line, "call: %q: want check or record", read.Call)
	}
	if read.Purpose != "" {
		r.purpose(read.line, read.Purpose)
	}
	if read.Kind != "" {
		if _, ok := consent.ParseRecipientKind(read.Kind); !ok {
			r.fault(read.line, "recipient_kind: %q is none", read.Kind)
		}
	}
	var ok bool
	if read.context, ok = facts(read.Context).(map[string]any); !ok {
		r.fault(read.line, "context: want values as JSON has them")
	}
}

// facts are values of YAML as a request's context has them; nil: they are none that JSON has.
func facts(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			if out[key] = facts(inner); out[key] == nil && inner != nil {
				return nil
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			if out[i] = facts(inner); out[i] == nil && inner != nil {
				return nil
			}
		}
		return out
	case int:
		return float64(v)
	case bool, string, float64:
		return v
	}
	return nil
}

// manner reads how the rule answers: how late, how often.
func (r *reader) manner(read *rule) {
	read.delay = r.duration(read.line, "delay", read.Delay)
	read.lasts = r.duration(read.line, "valid_for", read.ValidFor)
	if read.Times < 0 {
		r.fault(read.line, "times: %d: want how often the rule answers, 1 or more", read.Times)
	}
	if read.ValidFor != "" && read.ValidUntil != "" {
		r.fault(read.line, "valid_for and valid_until: give one of them")
	}
}

func (r *reader) duration(line int, field, text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		r.fault(line, "%s: %q is no duration: want 250ms, 2s, 5m, …", field, text)
	}
	return d
}

// recording checks a rule for calls that record.
func (r *reader) recording(read *rule) {
	decides := read.Purpose + read.Recipient + read.Kind + read.Decision + read.LegalBasis + read.ValidUntil + read.ValidFor +
		read.Degraded + read.StateAge
	if decides != "" || len(read.Context)+len(read.Reasons)+len(read.Obligations)+len(read.PermittedDataCategories) > 0 {
		r.fault(read.line, "call: record has controller, subject, error, delay and times alone: events change no answer")
	}
	switch {
	case read.Error != "":
		read.err = r.failure(read, recordErrors)
	case read.Delay == "":
		r.fault(read.line, "call: record: want error or delay")
	}
}

// checkErrors are what a server answers to checks, by the names of their codes: its own errors, with its own texts.
var checkErrors = map[string]error{
	"CANCELLED": context.Canceled, "DEADLINE_EXCEEDED": context.DeadlineExceeded, "NOT_FOUND": consent.ErrUnknownController,
	"PERMISSION_DENIED": consent.ErrForbidden, "UNAUTHENTICATED": consent.ErrUnauthenticated,
	"RESOURCE_EXHAUSTED": consent.ErrOverloaded, "UNAVAILABLE": consent.ErrUnavailable, "INTERNAL": errors.New("a rule of the fake"),
	"INVALID_ARGUMENT": &consent.InvalidError{Violations: []consent.Violation{
		{Field: "request", Description: "is refused by a rule of the fake"},
	}},
}

// recordErrors are what a server answers to calls that record.
var recordErrors = func() map[string]error {
	all := maps.Clone(checkErrors)
	all["ALREADY_EXISTS"] = &consent.EventError{Err: consent.ErrEventConflict}
	all["FAILED_PRECONDITION"] = consent.ErrErasureStands
	return all
}()

func (r *reader) failure(read *rule, known map[string]error) error {
	err, ok := known[read.Error]
	if !ok {
		names := slices.Sorted(maps.Keys(known))
		r.fault(read.line, "error: %q is never a server's answer here: want one of %s", read.Error, strings.Join(names, ", "))
	}
	if len(read.Reasons)+len(read.Obligations)+len(read.PermittedDataCategories) > 0 ||
		read.LegalBasis+read.ValidUntil+read.ValidFor+read.Degraded+read.StateAge != "" {
		r.fault(read.line, "error: has no part of a decision beside it")
	}
	return err
}

// decision compiles the rule's decision.
func (r *reader) decision(read *rule) *consent.Decision {
	d := &consent.Decision{}
	var ok bool
	switch d.Effect, ok = consent.ParseEffect(read.Decision); {
	case read.Decision == recordedWord:
		d.Effect = consent.Allow
		if len(read.Reasons) > 0 || read.ValidUntil != "" || read.ValidFor != "" {
			r.fault(read.line, "decision: RECORDED has reasons and an end of its own")
		}
	case !ok:
		r.fault(read.line, "decision: %q is none of ALLOW, DENY and RECORDED", read.Decision)
	}
	for _, written := range read.reasons() {
		code, ok := consent.ParseReasonCode(written.Code)
		if !ok {
			r.fault(read.line, "reasons: %q is none", written.Code)
		}
		if written.Clause == "" {
			written.Clause = read.place
		}
		d.Reasons = append(d.Reasons, consent.Reason{Code: code, Clause: written.Clause})
	}
	d.Basis = r.basis(read, d)
	for _, written := range read.Obligations {
		d.Obligations = append(d.Obligations, r.obligation(read.line, written))
	}
	if read.ValidUntil != "" {
		until, err := time.Parse(time.RFC3339, read.ValidUntil)
		if err != nil {
			r.fault(read.line, "valid_until: %q is no time: want 2030-01-01T00:00:00Z", read.ValidUntil)
		}
		d.ValidUntil = consent.InstantOf(until)
	}
	r.degradation(read, d)
	return d
}

// degradation reads in what way the rule's decision is degraded.
func (r *reader) degradation(read *rule, d *consent.Decision) {
	d.StateAge = r.duration(read.line, "state_age", read.StateAge)
	if read.Degraded != "" {
		var ok bool
		if d.Degraded, ok = consent.ParseDegradation(read.Degraded); !ok {
			r.fault(read.line, "degraded: %q is none of DENIED and STALE", read.Degraded)
		}
	}
	if read.StateAge != "" && d.Degraded != consent.DegradedStale {
		r.fault(read.line, "state_age: only degraded: STALE has one")
	}
	if read.Decision == recordedWord && read.Degraded != "" {
		r.fault(read.line, "degraded: what was recorded is known: want ALLOW or DENY")
	}
}

// reasons are those of the rule, or what a server would say at least.
func (r *rule) reasons() []reason {
	switch {
	case len(r.Reasons) > 0:
		return r.Reasons
	case r.Degraded == consent.DegradedDenied.String():
		return []reason{{Code: consent.StateUnavailable.String()}}
	case r.Decision == consent.Allow.String(), r.Decision == recordedWord:
		return []reason{{Code: consent.BasisHolds.String()}}
	}
	return []reason{{Code: consent.ConsentMissing.String()}}
}

// basis is the rule's, or consent, which a server names on a denial too unless there is no basis at all.
func (r *reader) basis(read *rule, d *consent.Decision) consent.Basis {
	if read.LegalBasis != "" {
		basis, ok := consent.ParseBasis(read.LegalBasis)
		if !ok {
			r.fault(read.line, "legal_basis: %q is none", read.LegalBasis)
		}
		return basis
	}
	switch d.Reasons[0].Code {
	case consent.PurposeNotDeclared, consent.PurposeProhibited, consent.PolicyError, consent.StateUnavailable:
		return 0
	}
	return consent.BasisConsent
}

// obligation compiles an obligation; its parameters are those of the wire.
func (r *reader) obligation(line int, written obligation) (o consent.Obligation) {
	var ok bool
	if o.Code, ok = consent.ParseObligationCode(written.Code); !ok {
		r.fault(line, "obligations: %q is none", written.Code)
		return o
	}
	for name, value := range written.Parameters {
		switch text, isText := value.(string); {
		case name == "country" && isText && o.Code == consent.TransferSafeguards:
			o.Parameters.Country = text
		case name == "signal" && isText && o.Code == consent.RecordSignal:
			o.Parameters.Signal = text
		case name == "categories" && o.Code == consent.ExcludeDataCategories && texts(value) != nil:
			o.Parameters.Categories = texts(value)
		case name == "time" && o.Code == consent.ReaskNotBefore && instant(value) != 0:
			o.Parameters.Time = instant(value)
		default:
			r.fault(line, "obligations: %s has no parameter %s: %v", written.Code, name, value)
		}
	}
	return o
}

// texts is a list of strings, sorted; nil: it is none.
func texts(value any) (all []string) {
	list, _ := value.([]any)
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			return nil
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

// instant is a time, which YAML may have read as one already; 0: it is none.
func instant(value any) consent.Instant {
	switch v := value.(type) {
	case time.Time:
		return consent.InstantOf(v)
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return consent.InstantOf(t)
		}
	}
	return 0
}
