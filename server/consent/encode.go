package consent

import (
	"encoding/binary"
	"fmt"
)

// The binary forms of events and states, as stores keep them. Both begin with a version byte, so that a later form can
// be told apart; then come the length of all text, the fields in the order of the structs, and the text of all strings,
// one after the other. Text stands at the end so that a decoded value has one allocation for all of its strings.
//
// The forms are canonical: equal values give equal bytes and each value has one form only, which the decoders enforce
// (shortest varints, no bytes left over). A nil slice and an empty one are the same value; both decode as nil.
//
// The version of a state counts the rules of folding too: a state of an older one must be folded anew from the ledger.
const (
	eventVersion = 1
	stateVersion = FoldingRules
)

// FoldingRules counts the changes of the rules by which events add up to a state, and of the binary form of states.
const FoldingRules = 2

// StateOutdated reports whether a state's binary form was made by older rules of folding, or in an older form.
func StateOutdated(form []byte) bool { return len(form) > 0 && form[0] < stateVersion }

// The kinds of fact in the binary form of an event. They are never renumbered.
const (
	kindConsent = iota + 1
	kindObjection
	kindRestriction
	kindOptOut
	kindSignals
	kindErasure
	kindProfile
	kindAnnulment
	kindLink
	kindUnlink
	kindSharing
)

// The bits that say which fields of a profile follow.
const (
	hasJurisdiction = 1 << iota
	hasAge
	hasRelationship
)

// AppendBinary appends the canonical binary form of e to b. It fails where e has no fact, or one of a foreign type.
func (e *Event) AppendBinary(b []byte) ([]byte, error) {
	w := writer{fields: make([]byte, 0, 256), strings: make([]byte, 0, 256)}
	w.text(e.ID)
	w.instant(e.OccurredAt)
	w.text(e.Source)
	w.text(e.Evidence)
	switch f := e.Fact.(type) {
	case Consent:
		w.consent(f)
	case Objection:
		w.byte(kindObjection)
		w.texts(f.Purposes)
		w.bool(f.Lifted)
	case Restriction:
		w.byte(kindRestriction)
		w.byte(byte(f.Ground))
		w.texts(f.Purposes)
		w.bool(f.Lifted)
	case OptOut:
		w.byte(kindOptOut)
		w.byte(byte(f.Kind))
		w.bool(f.Lifted)
	case Signals:
		w.byte(kindSignals)
		w.signal(f.GPC)
		w.signal(f.DNT)
	case Erasure:
		w.byte(kindErasure)
		w.byte(byte(f.Stage))
	case Profile:
		w.profile(f)
	case Annulment:
		w.byte(kindAnnulment)
		w.text(f.EventID)
	case Link:
		w.byte(kindLink)
		w.text(f.With)
		w.bool(f.Linked)
	case Unlink:
		w.byte(kindUnlink)
		w.text(f.With)
	case Sharing:
		w.byte(kindSharing)
		w.bool(f.Shared)
	default:
		return b, fmt.Errorf("encoding event %s: no form for a fact of type %T", e.ID, e.Fact)
	}
	return w.appendTo(b, eventVersion), nil
}

// AppendBinary appends the canonical binary form of s to b. It never fails; the error is that of
// encoding.BinaryAppender.
func (s *State) AppendBinary(b []byte) ([]byte, error) {
	w := writer{fields: make([]byte, 0, 256), strings: make([]byte, 0, 256)}
	w.bool(s.Recorded)
	w.instant(s.Newest.At)
	w.byte(s.Newest.Rank)
	w.text(s.Newest.ID)
	w.facts(s)
	w.uint(uint64(len(s.Consents)))
	for i := range s.Consents {
		w.purpose(&s.Consents[i])
	}
	w.uint(uint64(len(s.Objections)))
	for _, o := range s.Objections {
		w.text(o.Purpose)
		w.mark(o.Mark)
	}
	w.uint(uint64(len(s.Restrictions)))
	for _, r := range s.Restrictions {
		w.byte(byte(r.Ground))
		w.text(r.Purpose)
		w.mark(r.Mark)
	}
	return w.appendTo(b, stateVersion), nil
}

// writer gathers the fields and the text of one value. Its buffers begin on the stack, where most values fit.
type writer struct {
	fields, strings []byte
}

func (w *writer) appendTo(b []byte, version byte) []byte {
	b = append(b, version)
	b = binary.AppendUvarint(b, uint64(len(w.strings)))
	b = append(b, w.fields...)
	return append(b, w.strings...)
}

func (w *writer) byte(v byte)       { w.fields = append(w.fields, v) }
func (w *writer) uint(v uint64)     { w.fields = binary.AppendUvarint(w.fields, v) }
func (w *writer) int(v int64)       { w.fields = binary.AppendVarint(w.fields, v) }
func (w *writer) instant(v Instant) { w.int(int64(v)) }

func (w *writer) bool(v bool) {
	if v {
		w.byte(1)
		return
	}
	w.byte(0)
}

func (w *writer) text(s string) {
	w.uint(uint64(len(s)))
	w.strings = append(w.strings, s...)
}

func (w *writer) texts(list []string) {
	w.uint(uint64(len(list)))
	for _, s := range list {
		w.text(s)
	}
}

// signal writes 0 for a signal that was not seen, 1 for false and 2 for true.
func (w *writer) signal(v *bool) {
	switch {
	case v == nil:
		w.byte(0)
	case *v:
		w.byte(2)
	default:
		w.byte(1)
	}
}

func (w *writer) consent(c Consent) {
	w.byte(kindConsent)
	w.text(c.Purpose)
	w.byte(byte(c.Status))
	w.uint(uint64(c.NoticeVersion))
	w.bool(c.Explicit)
	w.byte(byte(c.GivenBy))
	w.texts(c.Recipients)
	w.texts(c.Countries)
	w.instant(c.ExpiresAt)
}

func (w *writer) profile(p Profile) {
	w.byte(kindProfile)
	var has byte
	if p.Jurisdiction != nil {
		has |= hasJurisdiction
	}
	if p.Age != nil {
		has |= hasAge
	}
	if p.Relationship != nil {
		has |= hasRelationship
	}
	w.byte(has)
	if p.Jurisdiction != nil {
		w.text(*p.Jurisdiction)
	}
	if p.Age != nil {
		w.age(*p.Age)
	}
	w.byte(byte(p.AccountStatus))
	w.instant(p.LastActivityAt)
	w.instant(p.RetentionUntil)
	if p.Relationship != nil {
		w.relationship(*p.Relationship)
	}
}

func (w *writer) age(a Age) {
	w.int(int64(a.Min))
	w.int(int64(a.Max))
}

func (w *writer) relationship(r Relationship) {
	w.instant(r.LastSaleAt)
	w.text(r.SellingEntity)
	w.bool(r.OptOutOffered)
}

// facts writes all of a state that is not a list.
func (w *writer) facts(s *State) {
	w.text(s.Jurisdiction.Value)
	w.instant(s.Jurisdiction.At)
	w.age(s.Age.Value)
	w.instant(s.Age.At)
	w.byte(byte(s.AccountStatus.Value))
	w.instant(s.AccountStatus.At)
	w.instant(s.LastActivityAt.Value)
	w.instant(s.LastActivityAt.At)
	w.instant(s.RetentionUntil.Value)
	w.instant(s.RetentionUntil.At)
	w.relationship(s.Relationship.Value)
	w.instant(s.Relationship.At)
	w.byte(byte(s.Erasure.Value))
	w.instant(s.Erasure.At)
	w.instant(s.Completed.At)
	w.bool(s.Completed.Open)
	for _, g := range []Signal{s.GPC, s.DNT} {
		w.bool(g.Value)
		w.instant(g.Since)
		w.bool(g.Broken)
		w.instant(g.At)
	}
	for _, m := range s.OptOuts {
		w.mark(m)
	}
}

func (w *writer) mark(m Mark) {
	w.bool(m.Raised)
	w.instant(m.At)
}

func (w *writer) purpose(p *PurposeConsents) {
	w.text(p.Purpose)
	w.record(&p.Own)
	w.uint(uint64(len(p.Recipients)))
	for i := range p.Recipients {
		w.text(p.Recipients[i].Recipient)
		w.record(&p.Recipients[i].Record)
	}
}

func (w *writer) record(r *Record) {
	w.byte(byte(r.Status))
	w.byte(byte(r.GivenBy))
	w.bool(r.Explicit)
	w.bool(r.Evidence)
	w.uint(uint64(r.NoticeVersion))
	w.instant(r.ExpiresAt)
	w.texts(r.Countries)
	w.instant(r.GivenAt)
	w.instant(r.DeniedAt)
	w.byte(byte(r.Denied))
	w.instant(r.RequestedAt)
	w.instant(r.RequestedBeforeGivenAt)
}
