package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

var errUndefined = errors.New("the policy is undefined")

// answerKeys are the keys of an answer, interned.
type answerKeys struct {
	decision, reasons, legalBasis, obligations, permitted, code, clause, parameters, country, categories, signal, time *engine.Str
}

func newAnswerKeys(sym *engine.Symbols) *answerKeys {
	k := sym.Intern("decision", "reasons", "legal_basis", "obligations", "permitted_data_categories", "code", "clause", "parameters",
		"country", "categories", "signal", "time")
	return &answerKeys{k[0], k[1], k[2], k[3], k[4], k[5], k[6], k[7], k[8], k[9], k[10], k[11]}
}

// read reads a policy's answer and keeps nothing of it. It is strict: whatever is missing, of another type, of an
// unknown code or in contradiction with the rest is an error, and so a denial.
func (k *answerKeys) read(value engine.Value, request *consent.Request) (d consent.Decision, err error) {
	if value == nil {
		return consent.Decision{}, errUndefined
	}
	r := reader{keys: k}
	answer := r.object(value, "the answer")
	effect := named(&r, answer, k.decision, consent.ParseEffect)
	d.Reasons = r.reasons(answer)
	if basis := r.str(answer, k.legalBasis); basis != "" {
		d.Basis = parse(&r, k.legalBasis, basis, consent.ParseBasis)
	}
	d.Obligations = r.obligations(answer)
	d.PermittedDataCategories = r.texts(answer, k.permitted)
	if r.err == nil {
		r.err = consistent(effect, &d, request)
	}
	if r.err != nil {
		return consent.Decision{}, fmt.Errorf("malformed answer: %w", r.err)
	}
	d.Effect = effect
	return d, nil
}

// consistent refuses an answer that contradicts itself or the request.
func consistent(effect consent.Effect, d *consent.Decision, request *consent.Request) error {
	if len(d.Reasons) == 0 {
		return errors.New("reasons: empty")
	}
	for _, r := range d.Reasons {
		if (r.Code == consent.BasisHolds) != (effect == consent.Allow) {
			return fmt.Errorf("reasons: %s on %s", r.Code, effect)
		}
		if r.Code == consent.StateUnavailable {
			return fmt.Errorf("reasons: %s is the server's to say, where it cannot read the state", r.Code)
		}
	}
	if effect == consent.Allow && d.Basis == 0 {
		return errors.New("legal_basis: empty on ALLOW")
	}
	for _, c := range d.PermittedDataCategories {
		if !slices.Contains(request.DataCategories, c) {
			return fmt.Errorf("permitted_data_categories: %q was not asked for", c)
		}
	}
	return nil
}

// reader reads values and keeps the first error. After it, whatever is read is empty.
type reader struct {
	keys *answerKeys
	err  error
}

func (r *reader) fail(what, why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s", what, why)
	}
}

func (r *reader) object(v engine.Value, what string) *engine.Object {
	o, ok := v.(*engine.Object)
	if !ok {
		r.fail(what, "not an object")
	}
	return o
}

// field returns a field of o; nil after an error.
func (r *reader) field(o *engine.Object, key *engine.Str) engine.Value {
	if r.err != nil {
		return nil
	}
	v := o.Lookup(key)
	if v == nil {
		r.fail(key.String(), "missing")
	}
	return v
}

func (r *reader) str(o *engine.Object, key *engine.Str) string {
	return r.named(r.field(o, key), key.String())
}

func (r *reader) named(v engine.Value, what string) string {
	s, ok := engine.AsString(v)
	if !ok {
		r.fail(what, "not a string")
	}
	return s
}

func (r *reader) instant(o *engine.Object, key *engine.Str) consent.Instant {
	i, ok := engine.AsInt(r.field(o, key))
	if !ok {
		r.fail(key.String(), "not a time in nanoseconds")
	}
	return consent.Instant(i)
}

func parse[T any](r *reader, key *engine.Str, name string, parser func(string) (T, bool)) T {
	v, ok := parser(name)
	if !ok {
		r.fail(key.String(), fmt.Sprintf("%q is not one of the known values", name))
	}
	return v
}

func named[T any](r *reader, o *engine.Object, key *engine.Str, parser func(string) (T, bool)) T {
	return parse(r, key, r.str(o, key), parser)
}

// elements returns those of an array; none after an error.
func (r *reader) elements(o *engine.Object, key *engine.Str) *engine.Array {
	array, ok := r.field(o, key).(*engine.Array)
	if !ok {
		r.fail(key.String(), "not an array")
		return &noElements
	}
	return array
}

var noElements engine.Array

func (r *reader) texts(o *engine.Object, key *engine.Str) (out []string) {
	array := r.elements(o, key)
	if array.Len() > 0 {
		out = make([]string, array.Len())
	}
	for i := range out {
		out[i] = r.named(array.At(i), "element")
	}
	return out
}

func (r *reader) reasons(o *engine.Object) (out []consent.Reason) {
	array := r.elements(o, r.keys.reasons)
	if array.Len() > 0 {
		out = make([]consent.Reason, array.Len())
	}
	for i := range out {
		out[i] = r.reason(array.At(i))
	}
	return out
}

func (r *reader) obligations(o *engine.Object) (out []consent.Obligation) {
	array := r.elements(o, r.keys.obligations)
	if array.Len() > 0 {
		out = make([]consent.Obligation, array.Len())
	}
	for i := range out {
		out[i] = r.obligation(array.At(i))
	}
	return out
}

func (r *reader) reason(v engine.Value) consent.Reason {
	o := r.object(v, "a reason")
	return consent.Reason{Code: named(r, o, r.keys.code, consent.ParseReasonCode), Clause: r.str(o, r.keys.clause)}
}

func (r *reader) obligation(v engine.Value) consent.Obligation {
	o := r.object(v, "an obligation")
	out := consent.Obligation{Code: named(r, o, r.keys.code, consent.ParseObligationCode)}
	parameters := r.object(r.field(o, r.keys.parameters), "parameters")
	switch out.Code {
	case consent.TransferSafeguards:
		out.Parameters.Country = r.str(parameters, r.keys.country)
	case consent.ExcludeDataCategories:
		out.Parameters.Categories = r.texts(parameters, r.keys.categories)
	case consent.RecordSignal:
		out.Parameters.Signal = r.str(parameters, r.keys.signal)
	case consent.ReaskNotBefore:
		out.Parameters.Time = r.instant(parameters, r.keys.time)
	}
	return out
}

// SameDecision reports whether two decisions of the same policies say the same, whatever else they carry.
func SameDecision(a, b *consent.Decision) bool {
	return a.Effect == b.Effect && a.Basis == b.Basis && slices.Equal(a.Reasons, b.Reasons) &&
		slices.Equal(a.PermittedDataCategories, b.PermittedDataCategories) &&
		slices.EqualFunc(a.Obligations, b.Obligations, sameObligation)
}

func sameObligation(a, b consent.Obligation) bool {
	p, q := a.Parameters, b.Parameters
	return a.Code == b.Code && p.Country == q.Country && p.Signal == q.Signal && p.Time == q.Time &&
		slices.Equal(p.Categories, q.Categories)
}
