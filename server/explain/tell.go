package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// teller tells one story.
type teller struct {
	ctx     context.Context
	set     *policy.Set
	request *consent.Request
	answered
	// known are the hints by purpose.
	known map[string]policy.Hints
}

func (t *teller) decide(q policy.Question) consent.Decision {
	return t.set.Decide(t.ctx, q.Request, q.Snapshot, q.Now)
}

// decideOn decides the request on another state, or at another instant.
func (t *teller) decideOn(s *consent.State, now consent.Instant) consent.Decision {
	return t.decide(policy.Question{Request: t.request, Snapshot: &consent.Snapshot{State: s}, Now: now})
}

func (t *teller) purposes() []string {
	purposes, _ := t.set.Purposes(t.request.Subject.Controller) // the controller is known: it was decided for
	return purposes
}

func (t *teller) hints(purpose string) policy.Hints {
	h, ok := t.known[purpose]
	if !ok {
		h = t.set.Hints(t.request.Subject.Controller, purpose, t.request.Recipient.Kind)
		t.known[purpose] = h
	}
	return h
}

func (t *teller) tell(q Question) (Story, error) {
	s := Story{
		Decision: t.Decision, Person: t.graph.Person(t.request.Subject.ID), Now: t.Now, AsOf: t.asOf, Policies: t.deciding,
		Annulled: consent.AnnulledOf(t.entries),
	}
	facts := t.weigh()
	s.Facts = facts.told(attribute(t.ctx, t.entries))
	for i := range s.Facts {
		s.Facts[i].Text += t.saidUnder(&s.Facts[i])
	}
	if err := t.changes(&s); err != nil {
		return Story{}, err
	}
	if err := t.trace(&s, q.Trace); err != nil {
		return Story{}, err
	}
	for _, o := range s.Decision.Obligations {
		s.Obligations = append(s.Obligations, obligationText(o))
	}
	s.Until = t.until(facts)
	// A context that ended leaves denials behind, which no story may rest on.
	return s, t.ctx.Err()
}

func (t *teller) changes(s *Story) (err error) {
	if failed(&s.Decision) {
		return nil
	}
	if s.Decision.Effect == consent.Allow {
		s.Changes, err = t.changesTo(consent.Deny, t.ending())
	} else {
		s.Changes, err = t.changesTo(consent.Allow, t.easing())
	}
	return err
}

// trace has topdown decide, and tells of its rules.
func (t *teller) trace(s *Story, text bool) error {
	var plain []candidate
	options := policy.TraceOptions{Text: text}
	for _, c := range append(t.ending(), t.easing()...) {
		if q, ok := t.under(c); ok && c.plain && len(plain) < maxTried {
			plain, options.Alternatives = append(plain, c), append(options.Alternatives, q)
		}
	}
	asked := policy.Question{Request: t.request, Snapshot: &t.Snapshot, Now: t.Now}
	traced, err := t.set.Trace(t.ctx, asked, options)
	if err != nil {
		return err
	}
	if !policy.SameDecision(&traced.Decision, &s.Decision) {
		return fmt.Errorf("explaining: topdown decides %v for %v where the decision is %v for %v",
			traced.Decision.Effect, traced.Decision.Reasons, s.Decision.Effect, s.Decision.Reasons)
	}
	s.Rules, s.Failure, s.Trace = traced.Fired, traced.Failure, traced.Text
	slices.SortStableFunc(s.Rules, func(a, b policy.Fired) int { return cmp.Compare(weight(b), weight(a)) })
	if endsAll(s.Decision.Reasons[0].Code) {
		return nil
	}
	for _, n := range traced.Near {
		near := Near{Near: n}
		for _, i := range n.Under {
			if !slices.Contains(near.With, plain[i].text) {
				near.With = append(near.With, plain[i].text)
			}
		}
		s.Near = append(s.Near, near)
	}
	return nil
}

// endsAll reports whether a reason is of a level that ends a decision: no rule after it is asked.
func endsAll(code consent.ReasonCode) bool {
	return code == consent.PurposeProhibited || code == consent.PurposeNotDeclared || code == consent.SubjectUnknown
}

// weight is how much a rule had to say.
func weight(f policy.Fired) int {
	switch {
	case len(f.Reasons) > 0:
		return 2
	case len(f.Obligations) > 0:
		return 1
	}
	return 0
}

// weighed are the facts of a state, each with what the decision would be without it.
type weighed struct {
	facts   []fact
	roles   []Role
	without []consent.Decision
}

// weigh decides without each fact. Of those that change nothing alone, some may together: two restrictions do the same.
// So the rest is taken away whole and, where that changes something, each of it is given back alone.
func (t *teller) weigh() *weighed {
	state, base := t.Snapshot.State, &t.Decision
	w := &weighed{facts: factsOf(state)}
	w.roles = make([]Role, len(w.facts))
	var rest []int
	for i, f := range w.facts {
		d := t.decideOn(without(state, f), t.Now)
		w.without = append(w.without, d)
		if policy.SameDecision(&d, base) {
			rest = append(rest, i)
			continue
		}
		w.roles[i] = Decisive
	}
	stripped := w.but(rest, -1)
	bare := t.decideOn(without(state, stripped...), t.Now)
	if policy.SameDecision(&bare, base) {
		return w
	}
	for _, i := range rest {
		d := t.decideOn(without(state, w.but(rest, i)...), t.Now)
		if !policy.SameDecision(&d, &bare) {
			w.roles[i] = Shared
		}
	}
	return w
}

// but returns the facts at some positions but one.
func (w *weighed) but(positions []int, except int) (facts []fact) {
	for _, i := range positions {
		if i != except {
			facts = append(facts, w.facts[i])
		}
	}
	return facts
}

// told are the facts in words, those that did most first.
func (w *weighed) told(behind map[string][]consent.Entry) []Fact {
	out := make([]Fact, len(w.facts))
	for i, f := range w.facts {
		out[i] = Fact{Key: f.key, Text: f.text(), Role: w.roles[i], Events: behind[f.key]}
		if w.roles[i] == Decisive {
			out[i].Without = w.without[i]
		}
	}
	slices.SortStableFunc(out, func(a, b Fact) int { return cmp.Compare(b.Role, a.Role) })
	return out
}
