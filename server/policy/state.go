package policy

import (
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/engine"
)

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

// prepare builds what depends on the state alone.
func (in *records) prepare(b *engine.Builder, s *consent.State) *prepared {
	p := &prepared{}
	for i := range p.fields {
		p.fields[i] = in.field(b, s, i)
	}
	return p
}

// field builds a field of the subject's record that depends on the state alone; nil: it is absent. What it reads of the
// state is what sameField compares.
func (in *records) field(b *engine.Builder, s *consent.State, field int) engine.Value {
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
	case subjectRelationship:
		return in.relationshipOf(b, s.Relationship)
	}
	return nil // a test holds that each field has a case
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

func (in *records) strings(b *engine.Builder, list []string) engine.Value {
	if len(list) == 0 {
		return in.emptyArray
	}
	return b.Strings(list)
}

// instant is a time, or nothing where it is absent.
func instant(b *engine.Builder, t consent.Instant) engine.Value {
	if t == 0 {
		return nil
	}
	return b.Int(int64(t))
}

func (in *records) signalsOf(b *engine.Builder, s *consent.State) engine.Value {
	if s.GPC.At == 0 && s.DNT.At == 0 {
		return in.emptyObject
	}
	f := [signalsFields]engine.Value{signalsGPC: in.signalOf(b, s.GPC), signalsDNT: in.signalOf(b, s.DNT)}
	return b.Record(in.signals, f[:])
}

func (in *records) signalOf(b *engine.Builder, s consent.Signal) engine.Value {
	if s.At == 0 {
		return nil
	}
	f := [signalFields]engine.Value{signalValue: engine.Boolean(s.Value), signalTime: b.Int(int64(s.Since))}
	return b.Record(in.signal, f[:])
}

func (in *records) optOutsOf(b *engine.Builder, s *consent.State) engine.Value {
	if s.OptOuts == [len(s.OptOuts)]consent.Mark{} {
		return in.emptyObject
	}
	var f [optOutsFields]engine.Value
	for i, m := range s.OptOuts {
		if m.At != 0 {
			one := [optOutFields]engine.Value{optOutLifted: engine.Boolean(!m.Raised), optOutTime: b.Int(int64(m.At))}
			f[i] = b.Record(in.optOut, one[:])
		}
	}
	return b.Record(in.optOuts, f[:])
}

func (in *records) consentsOf(b *engine.Builder, s *consent.State) engine.Value {
	if len(s.Consents) == 0 {
		return in.emptyObject
	}
	built := consentRecords{in: in, b: b, age: s.Age}
	fields := make([]engine.Field, len(s.Consents))
	for i := range s.Consents {
		p := &s.Consents[i]
		fields[i] = engine.Field{Key: p.Purpose, Value: built.of(&p.Own, p.Recipients)}
	}
	return b.Object(fields...)
}

// consentRecords builds what a state has of consents; age is its newest age.
type consentRecords struct {
	in  *records
	b   *engine.Builder
	age consent.Dated[consent.Age]
}

func (m *consentRecords) of(r *consent.Record, recipients []consent.RecipientRecord) engine.Value {
	var f [consentFields]engine.Value
	if r.Status != 0 {
		m.fill(&f, r)
	}
	if len(recipients) > 0 {
		fields := make([]engine.Field, len(recipients))
		for i := range recipients {
			fields[i] = engine.Field{Key: recipients[i].Recipient, Value: m.of(&recipients[i].Record, nil)}
		}
		f[consentRecipients] = m.b.Object(fields...)
	}
	return m.b.Record(m.in.consent, f[:])
}

func (m *consentRecords) fill(f *[consentFields]engine.Value, r *consent.Record) {
	b := m.b
	*f = [consentFields]engine.Value{
		consentStatus:                 b.String(r.Status.String()),
		consentGivenBy:                b.String(r.GivenBy.String()),
		consentExplicit:               engine.Boolean(r.Explicit),
		consentEvidence:               engine.Boolean(r.Evidence),
		consentNoticeVersion:          b.Int(int64(r.NoticeVersion)),
		consentCountries:              m.in.strings(b, r.Countries),
		consentExpiresAt:              instant(b, r.ExpiresAt),
		consentGivenAt:                instant(b, r.GivenAt),
		consentDeniedAt:               instant(b, r.DeniedAt),
		consentDenied:                 enum(b, r.Denied),
		consentRequestedAt:            instant(b, r.RequestedAt),
		consentRequestedBeforeGivenAt: instant(b, r.RequestedBeforeGivenAt),
	}
	f[consentAgeMin], f[consentAgeMax] = m.ageAt(r.GivenAt)
}

// ageAt gives the bounds on the day of a grant: as recorded, plus the full years until that day or, where the age was
// recorded later, minus those between.
func (m *consentRecords) ageAt(given consent.Instant) (low, high engine.Value) {
	if given == 0 || m.age.At == 0 {
		return nil, nil
	}
	day, recorded := given.Time(), m.age.At.Time()
	years := yearsBetween(recorded, day) - yearsBetween(day, recorded)
	return grown(m.b, m.age.Value.Min, years), grown(m.b, m.age.Value.Max, years)
}

func (in *records) objectionsOf(b *engine.Builder, list []consent.PurposeMark) engine.Value {
	if len(list) == 0 {
		return nil
	}
	return in.marksOf(b, list)
}

// marksOf gives {all, purposes}; the mark that stands for all sorts first.
func (in *records) marksOf(b *engine.Builder, list []consent.PurposeMark) engine.Value {
	var f [marksFields]engine.Value
	if list[0].Purpose == "" {
		f[marksAll] = in.markOf(b, list[0].Mark)
		list = list[1:]
	}
	purposes := make([]engine.Field, len(list))
	for i, m := range list {
		purposes[i] = engine.Field{Key: m.Purpose, Value: in.markOf(b, m.Mark)}
	}
	f[marksPurposes] = b.Object(purposes...)
	return b.Record(in.marks, f[:])
}

// markOf always has a time, 0 where no event counts, so that any other mark is newer.
func (in *records) markOf(b *engine.Builder, m consent.Mark) engine.Value {
	f := [markFields]engine.Value{markRaised: engine.Boolean(m.Raised), markTime: b.Int(int64(m.At))}
	return b.Record(in.mark, f[:])
}

// restrictionsOf gives marks by ground; the list is sorted by ground.
func (in *records) restrictionsOf(b *engine.Builder, list []consent.GroundMark) engine.Value {
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

func (in *records) relationshipOf(b *engine.Builder, r consent.Dated[consent.Relationship]) engine.Value {
	if r.At == 0 {
		return nil
	}
	f := [relationshipFields]engine.Value{
		relationshipLastSaleAt:    instant(b, r.Value.LastSaleAt),
		relationshipSellingEntity: b.String(r.Value.SellingEntity),
		relationshipOptOutOffered: engine.Boolean(r.Value.OptOutOffered),
	}
	return b.Record(in.relationship, f[:])
}

// grown is a bound of an age after some years; nil: there is none.
func grown(b *engine.Builder, bound int16, years int64) engine.Value {
	if bound == consent.Unbounded {
		return nil
	}
	return b.Int(max(int64(bound)+years, 0))
}

// yearsBetween counts the anniversaries of from's day (UTC) that have begun by to; that of 29 February is 1 March where
// there is none. Zero where to is not later.
func yearsBetween(from, to time.Time) int64 {
	fromYear, fromMonth, fromDay := from.Date()
	year, month, day := to.Date()
	years := year - fromYear
	if month < fromMonth || month == fromMonth && day < fromDay {
		years--
	}
	return int64(max(years, 0))
}
