package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
)

var errUndefined = errors.New("the policy is undefined")

// readDecision reads a policy's answer. It is strict: whatever is missing, of another type, of an unknown code or in
// contradiction with the rest is an error, and so a denial.
func readDecision(value ast.Value, request *consent.Request) (d consent.Decision, err error) {
	answer, err := asObject(value, "the answer")
	if err != nil {
		return consent.Decision{}, err
	}
	r := reader{answer: answer}
	effect := named(&r, "decision", consent.ParseEffect)
	d.Reasons = list(&r, "reasons", readReason)
	if basis := r.str("legal_basis"); basis != "" {
		d.Basis = parse(&r, "legal_basis", basis, consent.ParseBasis)
	}
	d.Obligations = list(&r, "obligations", readObligation)
	d.PermittedDataCategories = list(&r, "permitted_data_categories", readString)
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

// reader reads the fields of an answer and keeps the first error.
type reader struct {
	answer ast.Object
	err    error
}

func (r *reader) fail(field string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", field, err)
	}
}

func (r *reader) field(name string) ast.Value {
	if t := r.answer.Get(ast.InternedTerm(name)); t != nil {
		return t.Value
	}
	r.fail(name, errors.New("missing"))
	return ast.Null{}
}

func (r *reader) str(name string) string {
	s, err := readString(r.field(name))
	if err != nil {
		r.fail(name, err)
	}
	return s
}

func parse[T any](r *reader, field, name string, parser func(string) (T, bool)) T {
	v, ok := parser(name)
	if !ok {
		r.fail(field, fmt.Errorf("%q is not one of the known values", name))
	}
	return v
}

func named[T any](r *reader, field string, parser func(string) (T, bool)) T {
	return parse(r, field, r.str(field), parser)
}

func list[T any](r *reader, name string, read func(ast.Value) (T, error)) []T {
	array, ok := r.field(name).(*ast.Array)
	if !ok {
		r.fail(name, errors.New("not an array"))
		return nil
	}
	if array.Len() == 0 {
		return nil
	}
	out := make([]T, array.Len())
	for i := range out {
		v, err := read(array.Elem(i).Value)
		if err != nil {
			r.fail(fmt.Sprintf("%s[%d]", name, i), err)
			return nil
		}
		out[i] = v
	}
	return out
}

func asObject(v ast.Value, what string) (ast.Object, error) {
	o, ok := v.(ast.Object)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", what)
	}
	return o, nil
}

func readString(v ast.Value) (string, error) {
	s, ok := v.(ast.String)
	if !ok {
		return "", errors.New("not a string")
	}
	return string(s), nil
}

func readReason(v ast.Value) (consent.Reason, error) {
	o, err := asObject(v, "a reason")
	if err != nil {
		return consent.Reason{}, err
	}
	r := reader{answer: o}
	reason := consent.Reason{Code: named(&r, "code", consent.ParseReasonCode), Clause: r.str("clause")}
	return reason, r.err
}

func readObligation(v ast.Value) (consent.Obligation, error) {
	o, err := asObject(v, "an obligation")
	if err != nil {
		return consent.Obligation{}, err
	}
	r := reader{answer: o}
	obligation := consent.Obligation{Code: named(&r, "code", consent.ParseObligationCode)}
	parameters, err := asObject(r.field("parameters"), "parameters")
	if err != nil {
		r.fail("parameters", err)
		return consent.Obligation{}, r.err
	}
	p := reader{answer: parameters}
	switch obligation.Code {
	case consent.TransferSafeguards:
		obligation.Parameters.Country = p.str("country")
	case consent.ExcludeDataCategories:
		obligation.Parameters.Categories = list(&p, "categories", readString)
	case consent.RecordSignal:
		obligation.Parameters.Signal = p.str("signal")
	case consent.ReaskNotBefore:
		obligation.Parameters.Time = readInstant(&p, "time")
	}
	return obligation, errors.Join(r.err, p.err)
}

func readInstant(r *reader, name string) consent.Instant {
	n, ok := r.field(name).(ast.Number)
	if !ok {
		r.fail(name, errors.New("not a number"))
		return 0
	}
	i, ok := n.Int64()
	if !ok {
		r.fail(name, errors.New("not a time in nanoseconds"))
	}
	return consent.Instant(i)
}
