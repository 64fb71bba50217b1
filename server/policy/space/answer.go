package space

import "github.com/consentd/consentd/server/consent"

// Answer is what a walk needs of a decision.
type Answer struct {
	// Allowed says that it is ALLOW.
	Allowed bool
	// Reasons is how many reasons deny; it guides the search for a situation that is allowed.
	Reasons int
	// Fingerprint tells answers apart, Why the effect and the codes of their reasons alone.
	Fingerprint, Why uint64
}

// Unanswered is the answer of a policy that fails.
var Unanswered = Answer{Reasons: maxValues, Fingerprint: 1}

// AnswerOf is the answer that a decision is. Decisions that differ in effect, reasons, basis, obligations or the
// number of permitted categories differ in fingerprint.
func AnswerOf(d *consent.Decision) Answer {
	h, why := fingerprint(offset), fingerprint(offset)
	h.byte(byte(d.Effect))
	h.byte(byte(d.Basis))
	for _, r := range d.Reasons {
		why.byte(byte(r.Code))
		h.byte(byte(r.Code))
		h.text(r.Clause)
	}
	for _, o := range d.Obligations {
		h.byte(byte(o.Code))
	}
	h.byte(byte(len(d.PermittedDataCategories)))
	return Answer{Allowed: d.Effect == consent.Allow, Reasons: len(d.Reasons), Fingerprint: uint64(h), Why: uint64(why)}
}

// Combine is the answer of two policies to one situation: allowed if either allows, told apart if either tells it
// apart.
func Combine(a, b Answer) Answer {
	h, why := fingerprint(a.Fingerprint), fingerprint(a.Why)
	h.number(b.Fingerprint)
	why.number(b.Why)
	return Answer{
		Allowed: a.Allowed || b.Allowed, Reasons: min(a.Reasons, b.Reasons), Fingerprint: uint64(h), Why: uint64(why),
	}
}

// fingerprint is an FNV-1a hash.
type fingerprint uint64

const offset = 14695981039346656037

func (f *fingerprint) byte(b byte) { *f = (*f ^ fingerprint(b)) * 1099511628211 }

func (f *fingerprint) number(n uint64) {
	for i := range 8 {
		f.byte(byte(n >> (8 * i)))
	}
}

// add takes an answer by what it changes of that at the center: nothing, or the reasons. Places and recipients
// that differ at the center, in an obligation say, are so alike where they answer alike.
func (f *fingerprint) add(a, center Answer) {
	if a.Fingerprint == center.Fingerprint {
		f.byte(0)
		return
	}
	f.number(a.Why)
}

func (f *fingerprint) text(s string) {
	for i := range len(s) {
		f.byte(s[i])
	}
	f.byte(0)
}
