package law

import (
	"slices"
	"strings"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// facts are what the invariants read: what package consent says of the state, read by the rules of law in Go and
// not by the policies, so that a mistake of theirs is not repeated here.
type facts struct {
	*Allow
	row *tree.Row
	// current is the consent record that the request reads.
	current consent.Record
}

func (a *Allow) facts() *facts {
	f := &facts{Allow: a, row: a.Table.Purposes[a.Request.Purpose]}
	f.current = f.read()
	return f
}

// accepts reports whether a pack accepts the controller's own rule, by a setting of the controller or the row.
func (f *facts) accepts(setting tree.Setting) bool {
	return f.Table.Settings[setting] == "controller_policy" || f.row.Settings[setting] == "controller_policy"
}

// applies reports whether the controller applies a pack to everyone or, where the place is unknown, as its home pack.
func (f *facts) applies(pack tree.Pack) bool {
	return slices.Contains(f.Table.PacksForEveryone, pack) || f.jurisdiction() == "" && f.Table.HomePack == pack
}

// restsOn reports whether the decision names one of the bases.
func (f *facts) restsOn(bases ...consent.Basis) bool { return slices.Contains(bases, f.Basis) }

// declared reports whether the declared basis is one of those named.
func (f *facts) declared(bases ...consent.Basis) bool {
	b, ok := consent.ParseBasis(string(f.row.Basis))
	return ok && slices.Contains(bases, b)
}

func (f *facts) purpose(names ...string) bool { return slices.Contains(names, f.Request.Purpose) }

// unconditional bases ask no one's leave.
func (f *facts) unconditional() bool {
	return f.declared(consent.BasisContract, consent.BasisLegalObligation, consent.BasisVitalInterests)
}

// compelling grounds stand against an objection.
func (f *facts) compelling() bool { return f.purpose("fraud_prevention", "legal_claims") }

func (f *facts) marketing() bool {
	return f.purpose("marketing_email", "marketing_sms", "survey_email", "event_information")
}

// read is the record that the request reads for its own purpose: that of its recipient where its last grant or
// denial is newer, or where the purpose has none.
func (f *facts) read() consent.Record {
	own := f.own(f.Request.Purpose)
	named, ok := f.named(f.Request.Purpose)
	if !ok {
		return own
	}
	tie := decidedAt(&named) == decidedAt(&own) && named.Status.Denies() && own.Status == consent.Given
	if own.Status == 0 || tie || decidedAt(&named) > decidedAt(&own) {
		return named
	}
	return own
}

// own is the record of a purpose as a whole.
func (f *facts) own(purpose string) consent.Record {
	p, _ := f.consents(purpose)
	return p.Own
}

func (f *facts) consents(purpose string) (consent.PurposeConsents, bool) {
	for _, p := range f.State.Consents {
		if p.Purpose == purpose {
			return p, true
		}
	}
	return consent.PurposeConsents{}, false
}

// named is the record of the purpose and the request's recipient.
func (f *facts) named(purpose string) (consent.Record, bool) {
	p, _ := f.consents(purpose)
	if f.Request.Recipient.Kind == 0 {
		return consent.Record{}, false
	}
	for _, r := range p.Recipients {
		if r.Recipient == f.Request.Recipient.ID {
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

// holds reports whether a consent to a purpose counts: given, since any erasure that was completed, unexpired (one
// that expires now is expired), to a notice that counts and was declared, by somebody old enough.
func (f *facts) holds(r *consent.Record, purpose string) bool {
	notice := f.Table.NoticeOf(purpose)
	return r.Status == consent.Given && r.GivenAt > f.State.Completed.At && (r.ExpiresAt == 0 || f.Now < r.ExpiresAt) &&
		r.NoticeVersion >= notice.Material && r.NoticeVersion <= notice.Version && !f.tooYoung(r, purpose)
}

func (f *facts) currentHolds() bool { return f.holds(&f.current, f.Request.Purpose) }

// givenAfter reports whether the consent that the request reads holds and was given after t.
func (f *facts) givenAfter(t consent.Instant) bool { return f.current.GivenAt > t && f.currentHolds() }

// tooYoung reports whether the subject gave a consent below the age that the law of the place asks now, or the
// controller: such a one stays void. In California sale and sharing ask 13 of it.
func (f *facts) tooYoung(r *consent.Record, purpose string) bool {
	if r.GivenBy == consent.ByParent {
		return false
	}
	asked := 0
	if !f.ageExcepted(purpose) {
		asked = f.minimumAge()
		if f.gdpr() {
			asked = max(asked, f.consentAge())
		}
	}
	if purpose == f.Request.Purpose && f.ccpa() && f.saleOrSharing() {
		asked = max(asked, 13)
	}
	return f.ageBelow(asked, r.GivenAt)
}

// covered reports whether a consent to the purpose that holds, or one to that which covers it, is as asked.
func (f *facts) covered(as func(*consent.Record) bool) bool {
	if f.currentHolds() && as(&f.current) {
		return true
	}
	if f.row.CoveredBy == "" {
		return false
	}
	r := f.own(f.row.CoveredBy)
	return f.holds(&r, f.row.CoveredBy) && as(&r)
}

func explicit(r *consent.Record) bool { return r.Explicit }

func anyConsent(*consent.Record) bool { return true }

// standing is when the mark that covers some purposes was raised; zero where none does. Events that name one of
// them and events for all are two records: the newest of the first was raised, or the newest of the second was and
// none of the first lifted it since.
func standing(marks []consent.PurposeMark, purposes ...string) consent.Instant {
	var named, all consent.Mark
	var lifted consent.Instant
	for _, m := range marks {
		switch {
		case m.Purpose == "":
			all = m.Mark
		case !slices.Contains(purposes, m.Purpose):
			continue
		case m.At > named.At, m.At == named.At && m.Raised:
			named = m.Mark
		}
		if m.Purpose != "" && !m.Raised {
			lifted = max(lifted, m.At)
		}
	}
	var t consent.Instant
	if named.Raised {
		t = named.At
	}
	if all.Raised && lifted <= all.At {
		t = max(t, all.At)
	}
	return t
}

// objectable are the purposes objections to which are objections to this one.
func (f *facts) objectable() []string {
	return append([]string{f.Request.Purpose}, f.row.ObjectionsSharedWith...)
}

// objected reports whether an objection stands, and no consent that was given later holds.
func (f *facts) objected() bool {
	t := standing(f.State.Objections, f.objectable()...)
	return t != 0 && !f.givenAfter(t)
}

func (f *facts) restricted() bool {
	for g := consent.AccuracyContested; g <= consent.ObjectionPending; g++ {
		var marks []consent.PurposeMark
		for _, m := range f.State.Restrictions {
			if m.Ground == g {
				marks = append(marks, consent.PurposeMark{Purpose: m.Purpose, Mark: m.Mark})
			}
		}
		if t := standing(marks, f.Request.Purpose); t != 0 && !f.givenAfter(t) {
			return true
		}
	}
	return false
}

// flag reports whether a context flag counts: only as true.
func (f *facts) flag(name string) bool { return f.Request.Context[name] == true }

// saleOrSharing: sharing purposes, and those that count as such, to outsiders, or to a recipient that nobody named.
func (f *facts) saleOrSharing() bool {
	kind := f.Request.Recipient.Kind
	return (kind == 0 || ClassOf(kind) == Outsider) && (f.sharing() || f.row.CountsAsSharing)
}

// Class is what the law takes a recipient for.
type Class uint8

// The classes of recipients.
const (
	// Instructed is a processor: as the controller itself.
	Instructed Class = iota
	// Insider is one whom data may be given without being sold or shared (CCPA-120): an authority, a company of
	// the group.
	Insider
	// Outsider is any other.
	Outsider
)

// ClassOf is the class of a kind of recipient.
func ClassOf(k consent.RecipientKind) Class {
	switch k {
	case consent.Processor:
		return Instructed
	case consent.Authority, consent.CorporateAffiliate:
		return Insider
	}
	return Outsider
}

func (f *facts) sharing() bool {
	return f.purpose("affiliate_sharing", "third_party_disclosure", "sale_of_data")
}

// ageBelow reports whether the subject is known to be, or to have been at an instant, younger.
func (f *facts) ageBelow(years int, at consent.Instant) bool {
	age := f.State.Age
	if age.At == 0 || age.Value.Max == consent.Unbounded {
		return false
	}
	recorded, then := age.At.Time(), at.Time()
	return max(int(age.Value.Max)+anniversaries(recorded, then)-anniversaries(then, recorded), 0) < years
}

func (f *facts) younger(years int) bool { return f.ageBelow(years, f.Now) }

// ageExcepted reports whether nobody is too young for a purpose.
func (f *facts) ageExcepted(purpose string) bool {
	if slices.Contains([]string{"legal_claims", "fraud_prevention", "age_verification"}, purpose) {
		return true
	}
	row := f.Table.Purposes[purpose]
	return row != nil && string(row.Basis) == consent.BasisLegalObligation.String()
}

// specialExcepted purposes may use special categories without consent.
func (f *facts) specialExcepted() bool {
	return f.declared(consent.BasisLegalObligation, consent.BasisVitalInterests) || f.purpose("legal_claims")
}

// asksFor reports whether the request names one of the categories, or something above or below one.
func (f *facts) asksFor(categories []string) bool {
	for _, asked := range f.Request.DataCategories {
		if slices.ContainsFunc(categories, func(c string) bool { return overlaps(asked, c) }) {
			return true
		}
	}
	return false
}

// softOptIn is that of the directive (2002/58/EC Art. 13(2)), where the controller's row allows it.
func (f *facts) softOptIn() bool {
	r := f.State.Relationship
	_, recorded := f.consents(f.Request.Purpose)
	objected := slices.ContainsFunc(f.State.Objections, func(m consent.PurposeMark) bool {
		return m.Purpose == "" || slices.Contains(f.objectable(), m.Purpose)
	})
	return f.row.SoftOptIn && f.flag("own_similar_product") && r.At != 0 && r.Value.LastSaleAt != 0 &&
		r.Value.SellingEntity == f.Request.Subject.Controller && r.Value.OptOutOffered && !recorded && !objected
}

// anniversaries counts those of from's day that have begun by to; that of 29 February is 1 March.
func anniversaries(from, to time.Time) int {
	years := to.Year() - from.Year()
	if to.Month() < from.Month() || to.Month() == from.Month() && to.Day() < from.Day() {
		years--
	}
	return max(years, 0)
}

const day = consent.Instant(24 * time.Hour)

// overlaps reports whether two categories have something in common: they are one, or one is below the other.
func overlaps(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}
