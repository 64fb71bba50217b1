package storetest

import (
	"errors"
	"math/rand/v2"

	"github.com/consentd/consentd/server/consent"
)

func erasureRefusesWhatDoesNotRestrict(s *suite) {
	s.record(someone, s.event(erasure(consent.ErasureRequested)))
	s.refused(consent.ErrErasureStands, 0, s.event(grant()))
	s.refused(consent.ErrErasureStands, 0, s.event(consent.Profile{Jurisdiction: new("DE")}))
	s.refused(consent.ErrErasureStands, 1, s.event(withdrawal()), s.event(consent.Signals{GPC: new(false)}))
	s.record(someone, s.event(withdrawal()), s.event(consent.Signals{GPC: new(true)}), s.event(erasure(consent.ErasureCompleted)))
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
	model := map[consent.Subject][]consent.Event{}
	subjects := []consent.Subject{g.Subject(), g.Subject(), g.Subject(), g.Subject()}
	for range 300 {
		subject := subjects[r.IntN(len(subjects))]
		batch := g.Events(1 + r.IntN(4))
		want := consent.Admit(consent.Fold(model[subject]), batch)
		_, err := s.try(subject, batch...)
		if !errors.Is(err, errors.Unwrap(want)) {
			s.Fatalf("recording %v: error %v, want %v", batch, err, want)
		}
		if err == nil {
			model[subject] = append(model[subject], batch...)
		}
		s.checkState(subject)
	}
	for subject, events := range model {
		entries := s.entries(subject, 7)
		if len(entries) != len(events) {
			s.Fatalf("%d entries for %v, want %d", len(entries), subject, len(events))
		}
		for i, e := range entries {
			if e.Event.ID != events[i].ID || i > 0 && e.Revision < entries[i-1].Revision {
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
	if got := s.read(someone).State; got.Consents[0].Own.DeniedAt != events[1].OccurredAt || got.Consents[0].Own.Status != consent.Given {
		s.Errorf("state %+v", got.Consents[0].Own)
	}
}
