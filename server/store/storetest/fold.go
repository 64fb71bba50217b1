package storetest

import (
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
)

func erasureRefusesWhatDoesNotRestrict(s *suite) {
	s.record(someone, s.event(erasure(consent.ErasureRequested)))
	s.refused(consent.ErrErasureStands, 0, s.event(grant()))
	s.refused(consent.ErrErasureStands, 0, s.event(consent.Profile{Jurisdiction: new("DE")}))
	s.refused(consent.ErrErasureStands, 1, s.event(withdrawal()), s.event(consent.Signals{GPC: new(false)}))
	s.record(someone, s.event(withdrawal()), s.event(consent.Signals{GPC: new(true)}), s.event(erasure(consent.ErasureInProgress)))
	s.record(someone, s.event(erasure(consent.ErasureCancelled)))
	s.record(someone, s.event(grant()))
	s.checkState(someone)
	if s.Applied() != 4 {
		s.Errorf("applied %d, want 4", s.Applied())
	}
}

func erasureRefusesBackDatedEvents(s *suite) {
	early := s.event(grant())
	s.record(someone, s.event(erasure(consent.ErasureRequested)))
	s.refused(consent.ErrErasureStands, 0, early)
}

func erasureCountsWithinABatch(s *suite) {
	s.refused(consent.ErrErasureStands, 1, s.event(erasure(consent.ErasureRequested)), s.event(grant()))
	s.record(someone, s.event(grant()), s.event(erasure(consent.ErasureRequested)))
	s.record(someone, s.event(erasure(consent.ErasureCancelled)), s.event(grant()))
	s.checkState(someone)
}

// erasureTakesDuplicates: an event sent again is no new event, and is passed over where a refusal names its place.
func erasureTakesDuplicates(s *suite) {
	first := s.event(grant())
	s.record(someone, first)
	s.record(someone, s.event(erasure(consent.ErasureRequested)))
	if r := s.record(someone, first); r.Duplicates != 1 || s.Applied() != 2 {
		s.Errorf("recorded %+v, applied %d", r, s.Applied())
	}
	s.refused(consent.ErrErasureStands, 2, first, s.event(withdrawal()), s.event(grant()))
	if r := s.record(someone, first, s.event(withdrawal())); r.Applied != 1 || r.Duplicates != 1 {
		s.Errorf("recorded %+v", r)
	}
}

// stateIsTheFoldedLedger records random batches and compares with a model: a list of events a subject.
func stateIsTheFoldedLedger(s *suite) {
	r := rand.New(rand.NewPCG(1, 2))
	g := NewGeneratorFrom(r)
	model := map[consent.Subject][]consent.Entry{}
	subjects := []consent.Subject{g.Subject(), g.Subject(), g.Subject(), g.Subject()}
	for range 300 {
		subject := subjects[r.IntN(len(subjects))]
		batch := g.Events(1 + r.IntN(4))
		fresh := entriesOf(0, batch...)
		want := consent.Admit(consent.FoldEntries(model[subject]), fresh, ledgerOf(model[subject]))
		r, err := s.try(subject, batch...)
		if !errors.Is(err, errors.Unwrap(want)) {
			s.Fatalf("recording %v: error %v, want %v", batch, err, want)
		}
		if err == nil {
			s.checkOutcomes(model[subject], fresh, r)
			model[subject] = append(model[subject], fresh...)
		}
		s.checkState(subject)
	}
	for subject, want := range model {
		entries := s.entries(subject, 7)
		if len(entries) != len(want) {
			s.Fatalf("%d entries for %v, want %d", len(entries), subject, len(want))
		}
		for i, e := range entries {
			if e.Event.ID != want[i].Event.ID || i > 0 && e.Revision < entries[i-1].Revision {
				s.Fatalf("entry %d of %v is %v", i, subject, e)
			}
		}
	}
}

func lateEventsAreFoldedInOrder(s *suite) {
	events := []consent.Event{s.event(grant()), s.event(withdrawal()), s.event(consent.Signals{GPC: new(true)}), s.event(grant())}
	for _, i := range []int{3, 1, 2, 0} {
		s.record(someone, events[i])
		s.checkState(someone)
	}
	if got := s.read(someone).State; got.Consents[0].Own.DeniedAt < events[1].OccurredAt ||
		got.Consents[0].Own.Status != consent.Given {
		s.Errorf("state %+v", got.Consents[0].Own)
	}
}

func ledgerOf(entries []consent.Entry) consent.Ledger {
	return func() ([]consent.Entry, error) { return entries, nil }
}

// checkOutcomes compares what a store said of each event with what its state and ledger say.
func (s *suite) checkOutcomes(old, fresh []consent.Entry, got consent.Recorded) {
	s.Helper()
	next := consent.FoldEntries(slices.Concat(old, fresh))
	want, err := consent.Outcomes(next, fresh, ledgerOf(old))
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Outcomes); diff != "" {
		s.Fatalf("outcomes of %v (-want +got):\n%s", fresh, diff)
	}
}

func effects(list ...consent.Effectiveness) (outcomes []consent.Outcome) {
	for _, e := range list {
		outcomes = append(outcomes, consent.Outcome{Effect: e})
	}
	return outcomes
}

func outcomesTellWhatBecameOfEvents(s *suite) {
	refused, given := s.event(withdrawal()), s.event(grant())
	s.record(someone, given)
	imported := s.event(grant())
	imported.Source = consent.SourceImport
	got := s.record(someone, refused, imported, given)
	want := effects(consent.Superseded, consent.Unproven, consent.Duplicate)
	want[0].By = consent.Reference{ID: given.ID, OccurredAt: given.OccurredAt, Kind: "consent"}
	if diff := cmp.Diff(want, got.Outcomes); diff != "" {
		s.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

// annul is an annulment with evidence.
func (s *suite) annul(target consent.Event) consent.Event {
	e := s.event(consent.Annulment{EventID: target.ID})
	e.Evidence = "urn:ticket:7"
	return e
}

func annulledEventsCountNoMore(s *suite) {
	given, mistake := s.event(grant()), s.event(withdrawal())
	s.record(someone, given)
	before := s.read(someone).State
	s.record(someone, mistake)
	s.record(someone, s.annul(mistake))
	if diff := cmp.Diff(before, s.read(someone).State, cmpopts.EquateEmpty()); diff != "" {
		s.Errorf("state (-without the mistake +got):\n%s", diff)
	}
	s.checkState(someone)
	s.reopen()
	s.checkState(someone)
	if got := s.record(someone, mistake); got.Outcomes[0].Effect != consent.Duplicate {
		s.Errorf("the annulled event again: %+v", got)
	}
	other := s.event(withdrawal())
	if got := s.record(someone, other, s.annul(other)); got.Outcomes[0].Effect != consent.Annulled {
		s.Errorf("recorded and annulled in one batch: %+v", got)
	}
	if s.read(someone).State.Consents[0].Own.Status != consent.Given {
		s.Error("an annulled withdrawal counts")
	}
}

func annulmentNeedsAnEventThatCanBeAnnulled(s *suite) {
	given, completed := s.event(grant()), s.event(erasure(consent.ErasureCompleted))
	s.refused(consent.ErrAnnulment, 0, s.annul(given))
	s.record(someone, given)
	annulment := s.annul(given)
	s.refusedOf(consent.Subject{Controller: "example", ID: "other"}, consent.ErrAnnulment, 0, annulment)
	s.record(someone, annulment)
	s.refused(consent.ErrAnnulment, 0, s.annul(annulment))
	s.record(someone, completed)
	s.refused(consent.ErrAnnulment, 0, s.annul(completed))
	s.refused(consent.ErrErasureStands, 0, s.annul(given))
}

func erasuresAreCancelledBeforeAndRestartedAfterCompletion(s *suite) {
	restart := func() consent.Event {
		e := s.event(erasure(consent.ErasureRestarted))
		e.Evidence = "urn:ticket:7"
		return e
	}
	early := restart()
	s.refused(consent.ErrErasureStage, 0, restart())
	s.record(someone, s.event(grant()), s.event(erasure(consent.ErasureRequested)))
	s.refused(consent.ErrErasureStage, 0, restart())
	between := s.event(erasure(consent.ErasureCancelled))
	s.record(someone, s.event(erasure(consent.ErasureCompleted)))
	s.refused(consent.ErrErasureStage, 0, s.event(erasure(consent.ErasureCancelled)))
	s.refused(consent.ErrErasureStage, 0, between)
	s.refused(consent.ErrErasureStage, 0, early)
	late := s.event(erasure(consent.ErasureCancelled))
	s.record(someone, restart())
	s.refused(consent.ErrErasureStage, 0, late)
	s.refused(consent.ErrErasureStage, 0, restart())
	s.checkState(someone)
	if got := s.read(someone).State; got.Erasure.Value != consent.ErasureRestarted || got.Consents[0].Own.Status != 0 {
		s.Errorf("state %+v", got)
	}
}
