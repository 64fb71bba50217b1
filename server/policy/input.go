package policy

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
)

// buildInput builds the policies' input (the contract of vocabulary.md) as OPA values, without a detour through JSON. What is
// absent has no key; times are nanoseconds since the epoch.
func buildInput(r *consent.Request, s *consent.State, now consent.Instant) ast.Value {
	o := fields{}
	o.str("controller", r.Subject.Controller)
	o.str("purpose", r.Purpose)
	o.add("data_categories", stringArray(r.DataCategories))
	if r.Recipient.Kind != 0 {
		o.add("recipient", recipientInput(r.Recipient))
	}
	o.add("context", contextInput(r.Context))
	o.add("now", integer(int64(now)))
	o.add("subject", subjectInput(r.Subject.ID, s, now))
	return o.object().Value
}

// fields collects the fields of an object.
type fields [][2]*ast.Term

func (f *fields) add(key string, value *ast.Term) {
	*f = append(*f, [2]*ast.Term{ast.InternedTerm(key), value})
}

func (f *fields) str(key, value string)      { f.add(key, ast.StringTerm(value)) }
func (f *fields) boolean(key string, v bool) { f.add(key, ast.InternedTerm(v)) }
func (f *fields) object() *ast.Term          { return ast.ObjectTerm(*f...) }
func (f *fields) time(key string, t consent.Instant) {
	if t != 0 {
		f.add(key, integer(int64(t)))
	}
}

func integer(i int64) *ast.Term {
	return ast.NewTerm(ast.Number(json.Number(strconv.FormatInt(i, 10))))
}

func stringArray(list []string) *ast.Term {
	terms := make([]*ast.Term, len(list))
	for i, s := range list {
		terms[i] = ast.StringTerm(s)
	}
	return ast.ArrayTerm(terms...)
}

func recipientInput(r consent.Recipient) *ast.Term {
	o := fields{}
	o.str("kind", r.Kind.String())
	o.str("id", r.ID)
	if r.Country != "" {
		o.str("country", r.Country)
	}
	return o.object()
}

func contextInput(context map[string]any) *ast.Term {
	o := make(fields, 0, len(context))
	for k, v := range context {
		o.add(k, jsonTerm(v))
	}
	return o.object()
}

// jsonTerm converts a JSON value as package consent describes it. A number that JSON cannot hold, and any other type, becomes
// null, which no policy takes for a flag.
func jsonTerm(v any) *ast.Term {
	switch v := v.(type) {
	case bool:
		return ast.InternedTerm(v)
	case string:
		return ast.StringTerm(v)
	case float64:
		return floatTerm(v)
	case []any:
		terms := make([]*ast.Term, len(v))
		for i := range v {
			terms[i] = jsonTerm(v[i])
		}
		return ast.ArrayTerm(terms...)
	case map[string]any:
		return contextInput(v)
	}
	return ast.NullTerm()
}

func floatTerm(f float64) *ast.Term {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ast.NullTerm()
	}
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return integer(int64(f))
	}
	return ast.NewTerm(ast.Number(json.Number(strconv.FormatFloat(f, 'g', -1, 64))))
}

func subjectInput(id string, s *consent.State, now consent.Instant) *ast.Term {
	o := fields{}
	o.boolean("known", s.Known())
	o.str("id", id)
	o.str("jurisdiction", s.Jurisdiction.Value)
	addAge(&o, s.Age, now)
	if s.AccountStatus.Value != 0 {
		o.str("account_status", s.AccountStatus.Value.String())
	}
	o.time("last_activity_at", s.LastActivityAt.Value)
	o.time("retention_until", s.RetentionUntil.Value)
	if s.Erasure.Value != 0 {
		o.str("erasure", s.Erasure.Value.String())
	}
	o.add("signals", signalsInput(s))
	o.add("opt_outs", optOutsInput(s))
	o.add("consents", consentsInput(s.Consents))
	if len(s.Objections) > 0 {
		o.add("objections", marksInput(s.Objections))
	}
	o.add("restrictions", restrictionsInput(s.Restrictions))
	if s.Relationship.At != 0 {
		o.add("relationship", relationshipInput(s.Relationship.Value))
	}
	return o.object()
}

func addAge(o *fields, age consent.Dated[consent.Age], now consent.Instant) {
	if age.At == 0 {
		return
	}
	years := yearsBetween(age.At.Time(), now.Time())
	if age.Value.Min != consent.Unbounded {
		o.add("age_min", integer(int64(age.Value.Min)+years))
	}
	if age.Value.Max != consent.Unbounded {
		o.add("age_max", integer(int64(age.Value.Max)+years))
	}
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

func signalsInput(s *consent.State) *ast.Term {
	o := fields{}
	for _, g := range []struct {
		name   string
		signal consent.Signal
	}{{"gpc", s.GPC}, {"dnt", s.DNT}} {
		if g.signal.At != 0 {
			f := fields{}
			f.boolean("value", g.signal.Value)
			f.time("time", g.signal.Since)
			o.add(g.name, f.object())
		}
	}
	return o.object()
}

func optOutsInput(s *consent.State) *ast.Term {
	o := fields{}
	for i, m := range s.OptOuts {
		if m.At != 0 {
			f := fields{}
			f.boolean("lifted", !m.Raised)
			f.time("time", m.At)
			o.add(consent.OptOutKind(i+1).String(), f.object())
		}
	}
	return o.object()
}

func consentsInput(list []consent.PurposeConsents) *ast.Term {
	o := make(fields, 0, len(list))
	for i := range list {
		p := &list[i]
		f := recordInput(&p.Own)
		if len(p.Recipients) > 0 {
			recipients := make(fields, 0, len(p.Recipients))
			for j := range p.Recipients {
				r := recordInput(&p.Recipients[j].Record)
				recipients.add(p.Recipients[j].Recipient, r.object())
			}
			f.add("recipients", recipients.object())
		}
		o.add(p.Purpose, f.object())
	}
	return o.object()
}

func recordInput(r *consent.Record) fields {
	o := fields{}
	if r.Status == 0 {
		return o
	}
	o.str("status", r.Status.String())
	o.str("given_by", r.GivenBy.String())
	o.boolean("explicit", r.Explicit)
	o.boolean("evidence", r.Evidence)
	o.add("notice_version", integer(int64(r.NoticeVersion)))
	o.add("countries", stringArray(r.Countries))
	o.time("expires_at", r.ExpiresAt)
	o.time("given_at", r.GivenAt)
	o.time("denied_at", r.DeniedAt)
	if r.Denied != 0 {
		o.str("denied", r.Denied.String())
	}
	o.time("requested_at", r.RequestedAt)
	o.time("requested_before_given_at", r.RequestedBeforeGivenAt)
	return o
}

// marksInput gives {"all": mark, "purposes": {purpose: mark}}; the mark that stands for all sorts first.
func marksInput(list []consent.PurposeMark) *ast.Term {
	o, purposes := fields{}, fields{}
	for _, m := range list {
		if m.Purpose == "" {
			o.add("all", markInput(m.Mark))
		} else {
			purposes.add(m.Purpose, markInput(m.Mark))
		}
	}
	o.add("purposes", purposes.object())
	return o.object()
}

// markInput always has a time, 0 where no event counts, so that any other mark is newer.
func markInput(m consent.Mark) *ast.Term {
	f := fields{}
	f.boolean("raised", m.Raised)
	f.add("time", integer(int64(m.At)))
	return f.object()
}

// restrictionsInput gives {ground: marks}; the list is sorted by ground.
func restrictionsInput(list []consent.GroundMark) *ast.Term {
	o := fields{}
	for i := 0; i < len(list); {
		ground := list[i].Ground
		var marks []consent.PurposeMark
		for ; i < len(list) && list[i].Ground == ground; i++ {
			marks = append(marks, consent.PurposeMark{Purpose: list[i].Purpose, Mark: list[i].Mark})
		}
		o.add(ground.String(), marksInput(marks))
	}
	return o.object()
}

func relationshipInput(r consent.Relationship) *ast.Term {
	o := fields{}
	o.time("last_sale_at", r.LastSaleAt)
	o.str("selling_entity", r.SellingEntity)
	o.boolean("opt_out_offered", r.OptOutOffered)
	return o.object()
}
