package explain

import (
	"fmt"
	"strings"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Until says why a decision is valid until an instant, and what time alone will make of it.
type Until struct {
	// At is the decision's ValidUntil.
	At consent.Instant
	// Why is a sentence: which fact, and which duration, makes that instant.
	Why string
	// ChangesAt is the first instant at which time alone changes the answer; absent: none was found. It is At, or
	// later.
	ChangesAt consent.Instant
	// Then is what the decision is from then on.
	Then consent.Decision
}

// maxHops bounds the instants that are looked at for a change.
const maxHops = 100

func (t *teller) until(w *weighed) *Until {
	at := t.Decision.ValidUntil
	if at == 0 {
		return nil
	}
	u := &Until{At: at, Why: t.why(w)}
	state := t.Snapshot.State
	for next, hops := at, 0; next != 0 && hops < maxHops; hops++ {
		d := t.decideOn(state, next)
		if d.Effect != t.Decision.Effect || !sameReasons(&d, &t.Decision) {
			u.ChangesAt, u.Then = next, d
			break
		}
		next = d.ValidUntil
	}
	return u
}

func sameReasons(a, b *consent.Decision) bool {
	bare := func(d consent.Decision) *consent.Decision {
		d.Obligations = nil // a time in them may pass on with the clock
		return &d
	}
	return policy.SameDecision(bare(*a), bare(*b))
}

// why finds the facts without which the instant would be another.
func (t *teller) why(w *weighed) string {
	var parts []string
	for i, f := range w.facts {
		if w.without[i].ValidUntil != t.Decision.ValidUntil {
			parts = append(parts, t.instantText(f))
		}
	}
	if len(parts) == 0 {
		return "A table of the policies changes then, or several facts meet at that instant."
	}
	return strings.Join(parts, " ")
}

// instantText says what of a fact lies at the instant.
func (t *teller) instantText(f fact) string {
	at := t.Decision.ValidUntil
	if f.key == "age" {
		return "The subject will be a year older then, as far as is known."
	}
	for name, i := range instantsOf(f.value) {
		if i == at {
			return fmt.Sprintf("That is %s of %s.", phrase(name), f.key)
		}
	}
	for _, d := range t.hints(t.request.Purpose).Durations {
		for name, i := range instantsOf(f.value) {
			if i != 0 && i == at-consent.Instant(d.Length) {
				return fmt.Sprintf("That is %s (%s, %s) after %s of %s.", durationText(d.Length), d.Name, d.Clause, phrase(name), f.key)
			}
		}
	}
	return fmt.Sprintf("It depends on %s.", f.key)
}

// instantsOf are the instants in a fact's value, by name.
func instantsOf(value any) map[string]consent.Instant {
	switch v := value.(type) {
	case consent.Dated[consent.Instant]:
		return map[string]consent.Instant{"the time": v.Value}
	case consent.Dated[consent.Relationship]:
		return map[string]consent.Instant{"the last sale": v.Value.LastSaleAt}
	case consent.Signal:
		return map[string]consent.Instant{"the beginning": v.Since}
	case consent.Mark:
		return map[string]consent.Instant{"the time": v.At}
	case consent.PurposeMark:
		return map[string]consent.Instant{"the time": v.At}
	case consent.GroundMark:
		return map[string]consent.Instant{"the time": v.At}
	case consent.Record:
		return map[string]consent.Instant{"the expiry": v.ExpiresAt, "the grant": v.GivenAt, "the denial": v.DeniedAt}
	case [2]consent.Instant:
		return map[string]consent.Instant{"the request": v[0], "the earlier request": v[1]}
	}
	return nil
}
