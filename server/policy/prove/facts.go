package prove

import (
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// facts are a case seen by the law alone: what package consent says of the state, read by the rules of law in Go and not by
// the policies, so that a mistake of theirs is not repeated here.
type facts struct {
	c     *Case
	table *table
	row   *tree.Row
	// current is the consent record that the request reads.
	current consent.Record
	basis   consent.Basis
}

func newFacts(c *Case, basis consent.Basis) *facts {
	f := &facts{c: c, table: c.space.table, row: c.space.table.Purposes[c.Request.Purpose], basis: basis}
	f.current = f.record(c.Request.Purpose)
	return f
}

// declared reports whether the declared basis is one of those named.
func (f *facts) declared(bases ...consent.Basis) bool {
	b, ok := consent.ParseBasis(string(f.row.Basis))
	return ok && slices.Contains(bases, b)
}

func (f *facts) purpose(names ...string) bool { return slices.Contains(names, f.c.Request.Purpose) }

// unconditional bases ask no one's leave.
func (f *facts) unconditional() bool {
	return f.declared(consent.BasisContract, consent.BasisLegalObligation, consent.BasisVitalInterests)
}

// compelling grounds stand against an objection.
func (f *facts) compelling() bool { return f.purpose("fraud_prevention", "legal_claims") }

func (f *facts) marketing() bool {
	return f.purpose("marketing_email", "marketing_sms", "survey_email", "event_information")
}

// record is the record that a request reads for a purpose: that of its recipient where there is one and it is newer.
func (f *facts) record(purpose string) consent.Record {
	p, ok := f.consents(purpose)
	if !ok {
		return consent.Record{}
	}
	named, ok := f.named(purpose)
	if !ok {
		return p.Own
	}
	older := decidedAt(&named) < decidedAt(&p.Own)
	tie := decidedAt(&named) == decidedAt(&p.Own)
	if older || tie && !named.Status.Denies() && p.Own.Status != 0 {
		return p.Own
	}
	return named
}

func (f *facts) consents(purpose string) (consent.PurposeConsents, bool) {
	for _, p := range f.c.State.Consents {
		if p.Purpose == purpose {
			return p, true
		}
	}
	return consent.PurposeConsents{}, false
}

// named is the record of the purpose and the request's recipient.
func (f *facts) named(purpose string) (consent.Record, bool) {
	p, _ := f.consents(purpose)
	if f.c.Request.Recipient.Kind == 0 {
		return consent.Record{}, false
	}
	for _, r := range p.Recipients {
		if r.Recipient == f.c.Request.Recipient.ID {
			return r.Record, true
		}
	}
	return consent.Record{}, false
}

func decidedAt(r *consent.Record) consent.Instant {
	switch {
	case r.Status == consent.Given:
		return r.GivenAt
	case r.Status.Denies():
		return r.DeniedAt
	}
	return 0
}

// holds reports whether a consent is given and unexpired; one that expires now is expired.
func (f *facts) holds(r *consent.Record) bool {
	return r.Status == consent.Given && (r.ExpiresAt == 0 || f.c.Now < r.ExpiresAt)
}

// valid reports whether a consent holds and was given to a notice that counts.
func (f *facts) valid(r *consent.Record, purpose string) bool {
	return f.holds(r) && r.NoticeVersion >= f.table.NoticeOf(purpose).Material
}

func (f *facts) currentValid() bool { return f.valid(&f.current, f.c.Request.Purpose) }

// givenAfter reports whether the consent that the request reads holds and was given after t.
func (f *facts) givenAfter(t consent.Instant) bool {
	return f.holds(&f.current) && f.current.GivenAt > t
}

// covered reports whether a valid consent to the purpose, or to the one that covers it, is as asked.
func (f *facts) covered(as func(*consent.Record) bool) bool {
	if f.currentValid() && as(&f.current) {
		return true
	}
	if f.row.CoveredBy == "" {
		return false
	}
	r := f.record(f.row.CoveredBy)
	return f.valid(&r, f.row.CoveredBy) && as(&r)
}

func explicit(r *consent.Record) bool { return r.Explicit }

func anyConsent(*consent.Record) bool { return true }

// standing is when the mark that decides for the purpose was raised; zero where it is lifted or there is none.
func standing(marks []consent.PurposeMark, purpose string) consent.Instant {
	var raised, lifted consent.Instant
	for _, m := range marks {
		if m.Purpose != "" && m.Purpose != purpose {
			continue
		}
		if m.Raised {
			raised = max(raised, m.At)
		} else {
			lifted = max(lifted, m.At)
		}
	}
	if lifted > raised {
		return 0
	}
	return raised
}

// objected is when the objection that stands was raised; zero: there is none, or a consent given later holds.
func (f *facts) objected() bool {
	t := standing(f.c.State.Objections, f.c.Request.Purpose)
	return t != 0 && !f.givenAfter(t)
}

func (f *facts) restricted() bool {
	for g := consent.AccuracyContested; g <= consent.ObjectionPending; g++ {
		var marks []consent.PurposeMark
		for _, m := range f.c.State.Restrictions {
			if m.Ground == g {
				marks = append(marks, consent.PurposeMark{Purpose: m.Purpose, Mark: m.Mark})
			}
		}
		if t := standing(marks, f.c.Request.Purpose); t != 0 && !f.givenAfter(t) {
			return true
		}
	}
	return false
}

// flag reports whether a context flag counts: only as true.
func (f *facts) flag(name string) bool { return f.c.Request.Context[name] == true }

// saleOrSharing: sharing purposes, and those that count as such, to all recipients but those of the group and processors.
func (f *facts) saleOrSharing() bool {
	switch f.c.Request.Recipient.Kind {
	case consent.Processor, consent.Authority, consent.CorporateAffiliate:
		return false
	}
	return f.sharing() || f.row.CountsAsSharing
}

func (f *facts) sharing() bool {
	return f.purpose("affiliate_sharing", "third_party_disclosure", "sale_of_data")
}

// ageBelow reports whether the subject is known to be younger.
func (f *facts) ageBelow(years int) bool {
	age := f.c.State.Age
	if age.At == 0 || age.Value.Max == consent.Unbounded {
		return false
	}
	return int(age.Value.Max)+anniversaries(age.At.Time(), f.c.Now.Time()) < years
}

func (f *facts) ageExcepted() bool {
	return f.declared(consent.BasisLegalObligation) || f.purpose("legal_claims", "fraud_prevention", "age_verification")
}

// specialExcepted purposes may use special categories without consent.
func (f *facts) specialExcepted() bool {
	return f.declared(consent.BasisLegalObligation, consent.BasisVitalInterests) || f.purpose("legal_claims")
}

// asksFor reports whether the request names one of the categories, or something above or below one.
func (f *facts) asksFor(categories []string) bool {
	for _, asked := range f.c.Request.DataCategories {
		if slices.ContainsFunc(categories, func(c string) bool { return overlaps(asked, c) }) {
			return true
		}
	}
	return false
}

// softOptIn is that of the directive (2002/58/EC Art. 13(2)), where the controller's row allows it.
func (f *facts) softOptIn() bool {
	r := f.c.State.Relationship
	_, recorded := f.consents(f.c.Request.Purpose)
	objected := slices.ContainsFunc(f.c.State.Objections, func(m consent.PurposeMark) bool {
		return m.Purpose == "" || m.Purpose == f.c.Request.Purpose
	})
	return f.row.SoftOptIn && f.flag("own_similar_product") && r.At != 0 && r.Value.LastSaleAt != 0 &&
		r.Value.SellingEntity == f.c.Request.Subject.Controller && r.Value.OptOutOffered && !recorded && !objected
}
