package policy

import (
	"math"
	"strconv"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// scratch is the memory of one evaluation's input.
type scratch struct {
	builder *engine.Builder
	fields  []engine.Field
}

// inputParts are the fields of an input.
type inputParts struct {
	request [requestFields]engine.Value
	subject [subjectFields]engine.Value
}

// build returns the input of a request; its values live until the scratch's next use.
func (in *records) build(s *scratch, r *consent.Request, snapshot *consent.Snapshot, now consent.Instant) engine.Value {
	s.builder.Reset()
	var parts inputParts
	in.buildRequest(s, r, now, &parts)
	in.buildSubject(s.builder, r.Subject.ID, snapshot, now, &parts)
	return in.assemble(s.builder, &parts)
}

// assemble makes the input of its fields.
func (in *records) assemble(b *engine.Builder, p *inputParts) engine.Value {
	p.request[requestSubject] = b.Record(in.subject, p.subject[:])
	return b.Record(in.request, p.request[:])
}

// buildRequest builds what is not the subject.
func (in *records) buildRequest(s *scratch, r *consent.Request, now consent.Instant, p *inputParts) {
	b, f := s.builder, &p.request
	f[requestController] = b.String(r.Subject.Controller)
	f[requestPurpose] = b.String(r.Purpose)
	f[requestCategories] = in.strings(b, r.DataCategories)
	f[requestRecipient] = in.recipientOf(b, r.Recipient)
	f[requestContext] = in.contextOf(s, r.Context)
	f[requestNow] = b.Int(int64(now))
}

func (in *records) contextOf(s *scratch, m map[string]any) engine.Value {
	if len(m) == 0 {
		return in.emptyObject
	}
	return s.object(m)
}

func (in *records) recipientOf(b *engine.Builder, r consent.Recipient) engine.Value {
	if r.Kind == 0 {
		return nil
	}
	f := [recipientFields]engine.Value{recipientKind: b.String(r.Kind.String()), recipientID: b.String(r.ID)}
	if r.Country != "" {
		f[recipientCountry] = b.String(r.Country)
	}
	return b.Record(in.recipient, f[:])
}

func (in *records) buildSubject(
	b *engine.Builder, id string, snapshot *consent.Snapshot, now consent.Instant, parts *inputParts,
) {
	p, ok := snapshot.Prepared.(*prepared)
	if !ok {
		p = in.prepare(b, snapshot.State)
	}
	copy(parts.subject[:], p.fields[:])
	parts.subject[subjectID] = b.String(id)
	in.buildAge(b, snapshot.State, now, parts)
}

func (in *records) buildAge(b *engine.Builder, s *consent.State, now consent.Instant, parts *inputParts) {
	if age := s.Age; age.At != 0 {
		years := yearsBetween(age.At.Time(), now.Time())
		parts.subject[subjectAgeMin] = grown(b, age.Value.Min, years)
		parts.subject[subjectAgeMax] = grown(b, age.Value.Max, years)
	}
}

// object converts a JSON object as package consent describes it.
func (s *scratch) object(m map[string]any) engine.Value {
	first := len(s.fields)
	for k, v := range m {
		s.fields = append(s.fields, engine.Field{Key: k, Value: s.json(v)})
	}
	o := s.builder.Object(s.fields[first:]...)
	clear(s.fields[first:])
	s.fields = s.fields[:first]
	return o
}

// json converts a JSON value. A number that JSON cannot hold, and any other type, becomes null, which no policy takes
// for a flag.
func (s *scratch) json(v any) engine.Value {
	switch v := v.(type) {
	case bool:
		return engine.Boolean(v)
	case string:
		return s.builder.String(v)
	case float64:
		return s.number(v)
	case []any:
		elems := make([]engine.Value, len(v))
		for i := range v {
			elems[i] = s.json(v[i])
		}
		return s.builder.Array(elems...)
	case map[string]any:
		return s.object(v)
	}
	return engine.NullValue
}

func (s *scratch) number(f float64) engine.Value {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return engine.NullValue
	case f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return s.builder.Int(int64(f))
	}
	return s.builder.Number(strconv.FormatFloat(f, 'g', -1, 64))
}
