package policy

import (
	"math"
	"strconv"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

// inputShapes are the records of the policies' input (policies/INPUT.md). The input is built as values of the engine,
// without a detour through JSON, maps or OPA's terms: a record has a fixed set of interned keys, and what is absent has none.
type inputShapes struct {
	request, recipient, subject, record, marks, mark, signals, signal, optOuts, optOut, relationship *engine.Shape

	emptyObject, emptyArray engine.Value
}

// The fields of the request's and the subject's record, in the order of their shapes.
const (
	requestController = iota
	requestPurpose
	requestCategories
	requestRecipient
	requestContext
	requestNow
	requestSubject
	requestFields
)

const (
	subjectKnown = iota
	subjectJurisdiction
	subjectAccountStatus
	subjectLastActivityAt
	subjectRetentionUntil
	subjectErasure
	subjectErasureAt
	subjectSignals
	subjectOptOuts
	subjectConsents
	subjectObjections
	subjectRestrictions
	subjectRelationship
	preparedFields // the fields above depend on the state alone
)

const (
	subjectID = preparedFields + iota
	subjectAgeMin
	subjectAgeMax
	subjectFields
)

// Fields of a consent record that are not always there, by their place in its shape.
const (
	recordCountries  = 5
	recordDenied     = 9
	recordRecipients = 12
	recordAgeMin     = 13
	recordAgeMax     = 14
	recordFields     = 15
)

// The keys of the fields.
var (
	requestKeys = [requestFields]string{"controller", "purpose", "data_categories", "recipient", "context", "now", "subject"}
	subjectKeys = [subjectFields]string{
		"known", "jurisdiction", "account_status", "last_activity_at", "retention_until", "erasure", "erasure_at", "signals",
		"opt_outs", "consents", "objections", "restrictions", "relationship", "id", "age_min", "age_max",
	}
)

func newInputShapes(sym *engine.Symbols) *inputShapes {
	shape := func(keys ...string) *engine.Shape { return engine.NewShape(sym, keys...) }
	frozen := engine.NewHeap(sym)
	sym.Intern(enumNames()...)
	return &inputShapes{
		request:   shape(requestKeys[:]...),
		recipient: shape("kind", "id", "country"),
		subject:   shape(subjectKeys[:]...),
		record: shape("status", "given_by", "explicit", "evidence", "notice_version", "countries", "expires_at", "given_at",
			"denied_at", "denied", "requested_at", "requested_before_given_at", "recipients", "age_min", "age_max"),
		marks:        shape("all", "purposes"),
		mark:         shape("raised", "time"),
		signals:      shape("gpc", "dnt"),
		signal:       shape("value", "time"),
		optOuts:      shape(consent.SaleOrSharing.String(), consent.SensitiveDataUse.String()),
		optOut:       shape("lifted", "time"),
		relationship: shape("last_sale_at", "selling_entity", "opt_out_offered"),
		emptyObject:  frozen.Object(),
		emptyArray:   frozen.Array(),
	}
}

// casePaths are what decides most, of what takes few values: whose policy, for what, to whom, and where. Policies are prepared
// for each combination that is asked for (see package engine, "Cases").
var casePaths = [][]string{{"controller"}, {"purpose"}, {"recipient", "kind"}, {"subject", "jurisdiction"}}

// enumNames are the names of enumerations that an input can hold; interned, they cost a state nothing.
func enumNames() (names []string) {
	for _, s := range []consent.Status{consent.Requested, consent.Given, consent.Refused, consent.Withdrawn, consent.Invalidated} {
		names = append(names, s.String())
	}
	for _, a := range []consent.Actor{consent.BySubject, consent.ByParent, consent.ByAgent, consent.ByController} {
		names = append(names, a.String())
	}
	for k := consent.Processor; k <= consent.Authority; k++ {
		names = append(names, k.String())
	}
	return names
}

// prepared is the part of the input that depends on the state alone. Immutable.
type prepared struct {
	// fields are those of the subject's record, but for the id, which is the request's, and the ages, which grow.
	fields [preparedFields]engine.Value
}

// size is what p holds in bytes.
func (p *prepared) size() int {
	n := preparedFields * 16
	for _, v := range p.fields {
		if v != nil {
			n += engine.Size(v)
		}
	}
	return n
}

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
func (in *inputShapes) build(s *scratch, r *consent.Request, snapshot *consent.Snapshot, now consent.Instant) engine.Value {
	s.builder.Reset()
	var parts inputParts
	in.buildRequest(s, r, now, &parts)
	in.buildSubject(s.builder, r.Subject.ID, snapshot, now, &parts)
	return in.assemble(s.builder, &parts)
}

// assemble makes the input of its fields.
func (in *inputShapes) assemble(b *engine.Builder, p *inputParts) engine.Value {
	p.request[requestSubject] = b.Record(in.subject, p.subject[:])
	return b.Record(in.request, p.request[:])
}

// buildRequest builds what is not the subject.
func (in *inputShapes) buildRequest(s *scratch, r *consent.Request, now consent.Instant, p *inputParts) {
	b, f := s.builder, &p.request
	f[requestController] = b.String(r.Subject.Controller)
	f[requestPurpose] = b.String(r.Purpose)
	f[requestCategories] = in.categories(b, r.DataCategories)
	f[requestRecipient] = in.recipientOf(b, r.Recipient)
	f[requestContext] = in.contextOf(s, r.Context)
	f[requestNow] = b.Int(int64(now))
}

func (in *inputShapes) categories(b *engine.Builder, list []string) engine.Value {
	if len(list) == 0 {
		return in.emptyArray
	}
	return b.Strings(list)
}

func (in *inputShapes) contextOf(s *scratch, m map[string]any) engine.Value {
	if len(m) == 0 {
		return in.emptyObject
	}
	return s.object(m)
}

func (in *inputShapes) recipientOf(b *engine.Builder, r consent.Recipient) engine.Value {
	if r.Kind == 0 {
		return nil
	}
	f := [3]engine.Value{b.String(r.Kind.String()), b.String(r.ID)}
	if r.Country != "" {
		f[2] = b.String(r.Country)
	}
	return b.Record(in.recipient, f[:])
}

func (in *inputShapes) buildSubject(
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

func (in *inputShapes) buildAge(b *engine.Builder, s *consent.State, now consent.Instant, parts *inputParts) {
	if age := s.Age; age.At != 0 {
		years := yearsBetween(age.At.Time(), now.Time())
		parts.subject[subjectAgeMin] = grown(b, age.Value.Min, years)
		parts.subject[subjectAgeMax] = grown(b, age.Value.Max, years)
	}
}

func grown(b *engine.Builder, bound int16, years int64) engine.Value {
	if bound == consent.Unbounded {
		return nil
	}
	return b.Int(max(int64(bound)+years, 0))
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

// json converts a JSON value. A number that JSON cannot hold, and any other type, becomes null, which no policy takes for a
// flag.
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

// prepare builds what depends on the state alone.
func (in *inputShapes) prepare(b *engine.Builder, s *consent.State) *prepared {
	p := &prepared{}
	for i := range p.fields {
		p.fields[i] = in.field(b, s, i)
	}
	return p
}

// field builds a field of the subject's record that depends on the state alone; nil: it is absent. What it reads of the state is
// what sameField compares.
func (in *inputShapes) field(b *engine.Builder, s *consent.State, field int) engine.Value {
	switch field {
	case subjectKnown:
		return engine.Boolean(s.Known())
	case subjectJurisdiction:
		return b.String(s.Jurisdiction.Value)
	case subjectAccountStatus:
		return enum(b, s.AccountStatus.Value)
	case subjectLastActivityAt:
		return instant(b, s.LastActivityAt.Value)
	case subjectRetentionUntil:
		return instant(b, s.RetentionUntil.Value)
	case subjectErasure:
		return enum(b, s.Erasure.Value)
	case subjectErasureAt:
		return instant(b, s.Erasure.At)
	case subjectSignals:
		return in.signalsOf(b, s)
	case subjectOptOuts:
		return in.optOutsOf(b, s)
	case subjectConsents:
		return in.consentsOf(b, s)
	case subjectObjections:
		return in.objectionsOf(b, s.Objections)
	case subjectRestrictions:
		return in.restrictionsOf(b, s.Restrictions)
	}
	return in.relationshipOf(b, s.Relationship)
}

// enum is the name of a value, or nothing where it is absent.
func enum[T interface {
	comparable
	String() string
}](b *engine.Builder, v T) engine.Value {
	var absent T
	if v == absent {
		return nil
	}
	return b.String(v.String())
}

// instant is a time, or nothing where it is absent.
func instant(b *engine.Builder, t consent.Instant) engine.Value {
	if t == 0 {
		return nil
	}
	return b.Int(int64(t))
}

func (in *inputShapes) signalsOf(b *engine.Builder, s *consent.State) engine.Value {
	if s.GPC.At == 0 && s.DNT.At == 0 {
		return in.emptyObject
	}
	var f [2]engine.Value
	for i, g := range []consent.Signal{s.GPC, s.DNT} {
		if g.At != 0 {
			f[i] = b.Record(in.signal, []engine.Value{engine.Boolean(g.Value), b.Int(int64(g.Since))})
		}
	}
	return b.Record(in.signals, f[:])
}

func (in *inputShapes) optOutsOf(b *engine.Builder, s *consent.State) engine.Value {
	if s.OptOuts == [len(s.OptOuts)]consent.Mark{} {
		return in.emptyObject
	}
	var f [len(s.OptOuts)]engine.Value
	for i, m := range s.OptOuts {
		if m.At != 0 {
			f[i] = b.Record(in.optOut, []engine.Value{engine.Boolean(!m.Raised), b.Int(int64(m.At))})
		}
	}
	return b.Record(in.optOuts, f[:])
}

func (in *inputShapes) consentsOf(b *engine.Builder, s *consent.State) engine.Value {
	if len(s.Consents) == 0 {
		return in.emptyObject
	}
	records := recordBuilder{in: in, b: b, age: s.Age}
	fields := make([]engine.Field, len(s.Consents))
	for i := range s.Consents {
		p := &s.Consents[i]
		fields[i] = engine.Field{Key: p.Purpose, Value: records.of(&p.Own, p.Recipients)}
	}
	return b.Object(fields...)
}

// recordBuilder builds the consent records of a state; age is its newest age record.
type recordBuilder struct {
	in  *inputShapes
	b   *engine.Builder
	age consent.Dated[consent.Age]
}

func (m *recordBuilder) of(r *consent.Record, recipients []consent.RecipientRecord) engine.Value {
	b := m.b
	var f [recordFields]engine.Value
	if r.Status != 0 {
		f = [recordFields]engine.Value{
			b.String(r.Status.String()), b.String(r.GivenBy.String()), engine.Boolean(r.Explicit), engine.Boolean(r.Evidence),
			b.Int(int64(r.NoticeVersion)), m.in.emptyArray, instant(b, r.ExpiresAt), instant(b, r.GivenAt), instant(b, r.DeniedAt), nil,
			instant(b, r.RequestedAt), instant(b, r.RequestedBeforeGivenAt),
		}
		if len(r.Countries) > 0 {
			f[recordCountries] = b.Strings(r.Countries)
		}
		if r.Denied != 0 {
			f[recordDenied] = b.String(r.Denied.String())
		}
		f[recordAgeMin], f[recordAgeMax] = m.ageAt(r.GivenAt)
	}
	if len(recipients) > 0 {
		fields := make([]engine.Field, len(recipients))
		for i := range recipients {
			fields[i] = engine.Field{Key: recipients[i].Recipient, Value: m.of(&recipients[i].Record, nil)}
		}
		f[recordRecipients] = b.Object(fields...)
	}
	return b.Record(m.in.record, f[:])
}

// ageAt gives the bounds on the day of a grant: as recorded, plus the full years until that day or, where the age was recorded
// later, minus those between.
func (m *recordBuilder) ageAt(given consent.Instant) (low, high engine.Value) {
	if given == 0 || m.age.At == 0 {
		return nil, nil
	}
	day, recorded := given.Time(), m.age.At.Time()
	years := yearsBetween(recorded, day) - yearsBetween(day, recorded)
	return grown(m.b, m.age.Value.Min, years), grown(m.b, m.age.Value.Max, years)
}

func (in *inputShapes) objectionsOf(b *engine.Builder, list []consent.PurposeMark) engine.Value {
	if len(list) == 0 {
		return nil
	}
	return in.marksOf(b, list)
}

// marksOf gives {all, purposes}; the mark that stands for all sorts first.
func (in *inputShapes) marksOf(b *engine.Builder, list []consent.PurposeMark) engine.Value {
	var f [2]engine.Value
	if list[0].Purpose == "" {
		f[0] = in.markOf(b, list[0].Mark)
		list = list[1:]
	}
	purposes := make([]engine.Field, len(list))
	for i, m := range list {
		purposes[i] = engine.Field{Key: m.Purpose, Value: in.markOf(b, m.Mark)}
	}
	f[1] = b.Object(purposes...)
	return b.Record(in.marks, f[:])
}

// markOf always has a time, 0 where no event counts, so that any other mark is newer.
func (in *inputShapes) markOf(b *engine.Builder, m consent.Mark) engine.Value {
	return b.Record(in.mark, []engine.Value{engine.Boolean(m.Raised), b.Int(int64(m.At))})
}

// restrictionsOf gives marks by ground; the list is sorted by ground.
func (in *inputShapes) restrictionsOf(b *engine.Builder, list []consent.GroundMark) engine.Value {
	if len(list) == 0 {
		return in.emptyObject
	}
	var grounds []engine.Field
	for i := 0; i < len(list); {
		ground := list[i].Ground
		var marks []consent.PurposeMark
		for ; i < len(list) && list[i].Ground == ground; i++ {
			marks = append(marks, consent.PurposeMark{Purpose: list[i].Purpose, Mark: list[i].Mark})
		}
		grounds = append(grounds, engine.Field{Key: ground.String(), Value: in.marksOf(b, marks)})
	}
	return b.Object(grounds...)
}

func (in *inputShapes) relationshipOf(b *engine.Builder, r consent.Dated[consent.Relationship]) engine.Value {
	if r.At == 0 {
		return nil
	}
	return b.Record(in.relationship, []engine.Value{
		instant(b, r.Value.LastSaleAt), b.String(r.Value.SellingEntity), engine.Boolean(r.Value.OptOutOffered),
	})
}

// yearsBetween counts the anniversaries of from's day (UTC) that have begun by to; that of 29 February is 1 March where there
// is none. Zero where to is not later.
func yearsBetween(from, to time.Time) int64 {
	years := to.Year() - from.Year()
	if to.Month() < from.Month() || to.Month() == from.Month() && to.Day() < from.Day() {
		years--
	}
	return int64(max(years, 0))
}
