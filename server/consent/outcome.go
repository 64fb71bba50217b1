package consent

import "slices"

// Outcome is what became of an event that was recorded.
type Outcome struct {
	Effect Effectiveness
	// By is what outranks it, where Effect is Superseded; else zero.
	By Reference
}

// Reference names an event on record.
type Reference struct {
	ID         string
	OccurredAt Instant
	// Kind is that of its fact.
	Kind string
}

// Outcomes returns what became of each fresh entry, which next was folded with. An error is that of ledger, which is
// asked for the entries recorded before where something was outranked.
func Outcomes(next *State, fresh []Entry, ledger Ledger) ([]Outcome, error) {
	annulled := annulmentsOf(fresh)
	outcomes := make([]Outcome, len(fresh))
	var h *history
	for i := range fresh {
		e := &fresh[i]
		if annulled[e.Event.ID] != nil && e.Event.annullable() {
			outcomes[i].Effect = Annulled
			continue
		}
		if outcomes[i].Effect = next.effectOf(e); outcomes[i].Effect != Superseded {
			continue
		}
		if h == nil {
			old, err := ledger()
			if err != nil {
				return nil, err
			}
			all := historyOf(slices.Concat(old, fresh))
			h = &all
		}
		outcomes[i] = h.outcome(e)
	}
	return outcomes, nil
}

// effectOf tells from the state alone what an entry came to that was folded into it. An annulment or a link may turn
// out to be Counted.
func (s *State) effectOf(e *Entry) Effectiveness {
	if _, ok := e.Event.Fact.(Annulment); ok || e.Event.LinkKind() {
		return Superseded
	}
	parts := appendParts(nil, e)
	unproven := 0
	for i := range parts {
		switch p := &parts[i]; {
		case !p.proven():
			unproven++
		case s.holds(p):
			return Counted
		}
	}
	if unproven == len(parts) {
		return Unproven
	}
	return Superseded
}

// holds reports whether s is as it is because of p, among others.
func (s *State) holds(p *part) bool {
	switch f := p.event().Fact.(type) {
	case Consent:
		return s.holdsConsent(f, p.order.At)
	case Objection:
		return slices.ContainsFunc(s.Objections, func(m PurposeMark) bool {
			return m.Mark == Mark{!f.Lifted, p.order.At} && slices.Contains(coverage(f.Purposes), m.Purpose)
		})
	case Restriction:
		return slices.ContainsFunc(s.Restrictions, func(m GroundMark) bool {
			return m.Mark == Mark{!f.Lifted, p.order.At} && m.Ground == f.Ground && slices.Contains(coverage(f.Purposes), m.Purpose)
		})
	case OptOut:
		return s.OptOuts[f.Kind-1] == Mark{!f.Lifted, p.order.At}
	case Signals:
		return s.signal(p.field).holds(*f.signal(p.field), p.order.At)
	case Erasure:
		return s.Erasure == Dated[Stage]{f.Stage, p.order.At} || f.Stage == ErasureCompleted && s.Completed.At == p.order.At
	case Profile:
		return s.holdsProfile(p, f)
	}
	return false
}

func (s *State) holdsConsent(c Consent, at Instant) bool {
	i, found := s.findPurpose(c.Purpose)
	if !found {
		return false
	}
	p := &s.Consents[i]
	if len(c.Recipients) == 0 && p.Own.holds(c.Status, at) {
		return true
	}
	// A denial that names nobody ends the recipients' records too, also where a newer grant outranks it for the
	// purpose.
	endsAll := len(c.Recipients) == 0 && c.Status.Denies()
	return slices.ContainsFunc(p.Recipients, func(r RecipientRecord) bool {
		return (endsAll || slices.Contains(c.Recipients, r.Recipient)) && r.holds(c.Status, at)
	})
}

func (r *Record) holds(status Status, at Instant) bool {
	switch {
	case status == Requested:
		return r.RequestedAt == at || r.RequestedBeforeGivenAt == at
	case status == Given:
		return r.Status == Given && r.GivenAt == at
	}
	return r.Status.Denies() && r.DeniedAt == at
}

// holds: a true counts where it belongs to the newest run, a false where it is the last or may have ended an older run.
func (g Signal) holds(value bool, at Instant) bool {
	if value {
		return at >= g.Since
	}
	return at == g.At || g.Value && at <= g.Since
}

func (s *State) holdsProfile(p *part, f Profile) bool {
	switch p.field {
	case fieldJurisdiction:
		return s.Jurisdiction == Dated[string]{*f.Jurisdiction, p.order.At}
	case fieldAge:
		return s.Age == Dated[Age]{*f.Age, p.order.At}
	case fieldAccount:
		return s.AccountStatus == Dated[AccountStatus]{f.AccountStatus, p.order.At}
	case fieldActivity:
		return s.LastActivityAt == Dated[Instant]{min(f.LastActivityAt, maxInstant), p.order.At}
	case fieldRetention:
		return s.RetentionUntil == Dated[Instant]{min(f.RetentionUntil, maxInstant), p.order.At}
	}
	r := *f.Relationship
	r.LastSaleAt = min(r.LastSaleAt, maxInstant)
	return s.Relationship == Dated[Relationship]{r, p.order.At}
}

// outcome names what outranks an entry.
func (h *history) outcome(e *Entry) Outcome {
	if f, ok := e.Event.Fact.(Annulment); ok {
		if first := h.annulments[f.EventID]; first.Event.ID != e.Event.ID {
			return superseded(&first.Event)
		}
		return Outcome{Effect: Counted}
	}
	if e.Event.LinkKind() {
		return h.linkOutcome(e)
	}
	for _, p := range appendParts(nil, e) {
		for i := len(h.parts) - 1; i >= 0; i-- {
			if q := &h.parts[i]; q.outranks(&p, h.completed) {
				return superseded(q.event())
			}
		}
	}
	return Outcome{Effect: Counted}
}

// linkOutcome names the newest event that says the same of the same ids, where it is another.
func (h *history) linkOutcome(e *Entry) Outcome {
	newest := e
	for i := range h.links {
		if other := &h.links[i]; sameLink(other, e) && linkOrder(other).Compare(linkOrder(newest)) > 0 {
			newest = other
		}
	}
	if newest.Event.ID == e.Event.ID {
		return Outcome{Effect: Counted}
	}
	return superseded(&newest.Event)
}

// sameLink reports whether two events are about the linking of the same two ids, or about the sharing of the same id.
func sameLink(a, b *Entry) bool {
	with, as := a.Event.LinkedWith(), b.Event.LinkedWith()
	return a.SubjectID == b.SubjectID && with == as || a.SubjectID == as && with == b.SubjectID
}

func superseded(by *Event) Outcome {
	return Outcome{Effect: Superseded, By: Reference{by.ID, by.OccurredAt, by.Fact.KindName()}}
}

// outranks reports whether q, where it is newer, is why p does not hold.
func (q *part) outranks(p *part, completed Order) bool {
	if p.ended(completed) {
		return q.order == completed
	}
	if q.event().ID == p.event().ID || !q.proven() || q.ended(completed) || q.field != p.field {
		return false
	}
	switch f := p.event().Fact.(type) {
	case Consent:
		g, ok := q.event().Fact.(Consent)
		return ok && g.decides(f)
	case Objection:
		g, ok := q.event().Fact.(Objection)
		return ok && overlap(coverage(f.Purposes), coverage(g.Purposes))
	case Restriction:
		g, ok := q.event().Fact.(Restriction)
		return ok && f.Ground == g.Ground && overlap(coverage(f.Purposes), coverage(g.Purposes))
	case OptOut:
		g, ok := q.event().Fact.(OptOut)
		return ok && f.Kind == g.Kind
	case Erasure:
		g, ok := q.event().Fact.(Erasure)
		return ok && (f.Stage != ErasureCompleted || g.Stage == ErasureCompleted)
	}
	return q.event().Fact.KindName() == p.event().Fact.KindName()
}

// decides reports whether c is of those that write a record which f writes too, and displaces f there if it is newer.
func (c Consent) decides(f Consent) bool {
	if c.Purpose != f.Purpose || (c.Status == Requested) != (f.Status == Requested) {
		return false
	}
	return len(c.Recipients) == 0 && (len(f.Recipients) == 0 || c.Status.Denies()) || overlap(c.Recipients, f.Recipients)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
