package consent

import "slices"

// Admit reports whether entries may be recorded on top of s, taken in their order, as far as erasures and annulments
// go:
//
//   - While an erasure stands, only what restricts is recorded, and the annulment of one of its own stages; an erasure is
//     cancelled only before it is completed and restarted only after it, by what is on record and by its date (GDPR-17).
//   - An annulment names an event that is on record for the subject, no annulment and no completed erasure; a borrowed entry is
//     not the subject's.
//
// The error is an *EventError around ErrErasureStands, ErrErasureStage or ErrAnnulment, or it is ledger's, which is
// asked only where something hinges on what was recorded.
func Admit(s *State, fresh []Entry, ledger Ledger) error {
	if s.admitsAtOnce(fresh) {
		return nil
	}
	old, err := ledger()
	if err != nil {
		return err
	}
	a := admission{recorded: slices.Concat(old, fresh), n: len(old)}
	for i := range fresh {
		if err := a.admit(&fresh[i]); err != nil {
			return &EventError{Index: i, ID: fresh[i].Event.ID, Err: err}
		}
		a.n++
	}
	return nil
}

// admitsAtOnce reports whether nothing among the entries depends on more than s.
func (s *State) admitsAtOnce(fresh []Entry) bool {
	for i := range fresh {
		e := &fresh[i].Event
		switch f := e.Fact.(type) {
		case Annulment:
			return false
		case Erasure:
			if len(fresh) > 1 || !f.Stage.Stands() {
				return false
			}
		default:
			if s.Erasure.Value.Stands() && !e.RecordableDuringErasure() {
				return false
			}
		}
	}
	return true
}

// admission goes through a batch: the first n of recorded are on record.
type admission struct {
	recorded []Entry
	n        int
}

func (a *admission) admit(e *Entry) error {
	stages := erasureOf(a.recorded[:a.n])
	switch f := e.Event.Fact.(type) {
	case Annulment:
		return a.annulment(f, stages)
	case Erasure:
		return stages.admit(newPart(e, whole), f.Stage)
	}
	if stages.state.Erasure.Value.Stands() && !e.Event.RecordableDuringErasure() {
		return ErrErasureStands
	}
	return nil
}

func (a *admission) annulment(f Annulment, stages erasure) error {
	i := slices.IndexFunc(a.recorded[:a.n], func(e Entry) bool { return e.Event.ID == f.EventID && !e.Borrowed })
	switch {
	case i < 0 || !a.recorded[i].Event.annullable():
		return ErrAnnulment
	case stages.state.Erasure.Value.Stands() && !stages.own(&a.recorded[i]):
		return ErrErasureStands
	}
	return nil
}

// erasure is what the stages on record come to.
type erasure struct {
	parts []part
	state State
	// began is the position of the newest stage that ended an erasure, by cancelling or restarting; zero: there is
	// none.
	began Order
}

func erasureOf(recorded []Entry) erasure {
	var e erasure
	h := historyOf(recorded)
	for i := range h.parts {
		p := &h.parts[i]
		if _, ok := p.event().Fact.(Erasure); ok && p.proven() {
			e.take(*p)
		}
	}
	return e
}

func (e *erasure) take(p part) {
	stood := e.state.Erasure.Value.Stands()
	e.parts = append(e.parts, p)
	e.state.foldErasure(p.event().Fact.(Erasure).Stage, p.order.At)
	if stood && !e.state.Erasure.Value.Stands() {
		e.began = p.order
	}
}

// upTo is what the stages before a position come to.
func (e *erasure) upTo(at Order) (before erasure) {
	for _, p := range e.parts {
		if p.order.Compare(at) < 0 {
			before.take(p)
		}
	}
	return before
}

// admit reports whether a stage may follow those on record.
func (e *erasure) admit(p part, stage Stage) error {
	before := e.upTo(p.order)
	switch {
	case stage == ErasureCancelled && (e.state.Completed.Open || before.state.Completed.Open):
		return ErrErasureStage
	case stage == ErasureRestarted && !(e.state.Completed.Open && before.state.Completed == e.state.Completed):
		return ErrErasureStage
	}
	return nil
}

// own reports whether an entry is a stage of the erasure that stands.
func (e *erasure) own(target *Entry) bool {
	f, ok := target.Event.Fact.(Erasure)
	p := newPart(target, whole)
	return ok && f.Stage.Stands() && p.order.Compare(e.began) > 0
}
