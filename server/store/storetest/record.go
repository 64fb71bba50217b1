package storetest

import (
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

func idsAreDistinctAndStay(s *suite) {
	id := s.ID()
	other := s.make()
	if other.ID() == id || id == (store.ID{}) {
		s.Errorf("ids %x and %x of two stores", id, other.ID())
	}
	if err := other.Close(); err != nil {
		s.Error(err)
	}
	s.reopen()
	if s.ID() != id {
		s.Errorf("id is %x, was %x", s.ID(), id)
	}
}

func unknownSubjectHasAnEmptyState(s *suite) {
	s.record(consent.Subject{Controller: "example", ID: "other"}, s.event(grant()))
	got := s.read(someone)
	if got.State.Known() || got.Changed != 0 {
		s.Errorf("an unknown subject is known, changed at %d", got.Changed)
	}
	if entries := s.entries(someone, 10); len(entries) > 0 {
		s.Errorf("an unknown subject has events: %v", entries)
	}
}

func readsItsOwnWrites(s *suite) {
	for range 20 {
		for _, fact := range []consent.Fact{grant(), withdrawal()} {
			e := s.event(fact)
			r := s.record(someone, e)
			got := s.read(someone)
			if got.Changed != r.Revision || got.AsOf < r.Revision || s.Applied() < r.Revision || got.State.Newest.ID != e.ID {
				s.Fatalf("revision %d recorded; read changed %d as of %d, newest %s", r.Revision, got.Changed, got.AsOf, got.State.Newest.ID)
			}
		}
	}
}

// subjectsAreApart uses ids that run into each other where a store joins them carelessly.
func subjectsAreApart(s *suite) {
	subjects := []consent.Subject{
		{Controller: "a", ID: "b"}, {Controller: "a", ID: "bc"}, {Controller: "ab", ID: "c"}, {Controller: "b", ID: "a"},
		{Controller: "a", ID: "b\x00"}, {Controller: "a\x00", ID: "b"}, {Controller: "a", ID: "\x00b"}, {Controller: "a", ID: "B"},
		{Controller: "a/b", ID: "c"}, {Controller: "a", ID: "/b/c"}, {Controller: "a", ID: "b "}, {Controller: "a", ID: "%"},
		{Controller: "a", ID: "\u00e9"}, {Controller: "a", ID: "e\u0301"}, {Controller: "a", ID: "b\x01"},
		{Controller: "a", ID: "b\xff"[:1] + "\u07ff"},
	}
	want := map[consent.Subject]consent.Event{}
	for _, subject := range subjects {
		want[subject] = s.event(grant())
		s.record(subject, want[subject])
	}
	for i, subject := range subjects {
		s.checkLedger(subject, entriesOf(consent.Revision(i+1), want[subject]))
		if got := s.read(subject).State.Newest.ID; got != want[subject].ID {
			s.Errorf("state of %q is that of %s", subject, got)
		}
	}
}

// together runs n calls of f at once.
func together(n int, f func(worker int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

const workers, each = 8, 20

// concurrentWrites has workers write to a few subjects each, and returns their acknowledgements.
func (s *suite) concurrentWrites() (all []store.Change) {
	var mu sync.Mutex
	together(workers, func(worker int) {
		g := NewGenerator(uint64(worker))
		for i := range each {
			subject := consent.Subject{Controller: "example", ID: string(rune('a' + (worker+i)%5))}
			e := g.Event()
			e.ID += "-" + string(rune('a'+worker))
			e.Fact = grant()
			r, err := s.try(subject, e)
			if err != nil {
				s.Errorf("recording: %v", err)
				return
			}
			if !s.saw(store.Change{Subject: subject, Revision: r.Revision}) {
				s.Errorf("Record of revision %d returned before the observer was told", r.Revision)
			}
			mu.Lock()
			all = append(all, store.Change{Subject: subject, Revision: r.Revision})
			mu.Unlock()
		}
	})
	return all
}

func revisionsHaveNoGap(s *suite) {
	seen := map[consent.Revision]bool{}
	for _, c := range s.concurrentWrites() {
		if seen[c.Revision] {
			s.Errorf("revision %d was given twice", c.Revision)
		}
		seen[c.Revision] = true
	}
	for r := consent.Revision(1); r <= workers*each; r++ {
		if !seen[r] {
			s.Errorf("revision %d is missing", r)
		}
	}
	if got := s.Applied(); got != workers*each {
		s.Errorf("applied %d, want %d", got, workers*each)
	}
}

func appliedNeverDecreases(s *suite) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for last := consent.Revision(0); ; {
			got := s.Applied()
			if got < last {
				s.Errorf("applied %d after %d", got, last)
			}
			last = got
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	s.concurrentWrites()
	close(stop)
	<-stopped
}

func batchTakesOneRevision(s *suite) {
	first := []consent.Event{s.event(grant()), s.event(consent.Signals{GPC: new(true)}), s.event(withdrawal())}
	second := []consent.Event{s.event(grant())}
	a, b := s.record(someone, first...), s.record(someone, second...)
	if a.Revision != 1 || b.Revision != 2 || a.Applied != 3 {
		s.Errorf("recorded %+v, then %+v", a, b)
	}
	s.checkLedger(someone, append(entriesOf(1, first...), entriesOf(2, second...)...))
}

func batchIsAllOrNothing(s *suite) {
	first := s.event(grant())
	s.record(someone, first)
	fresh, clash := s.event(withdrawal()), first
	clash.Source = "support"
	s.refused(consent.ErrEventConflict, 1, fresh, clash)
	if s.Applied() != 1 || s.read(someone).Changed != 1 || len(s.seen()) != 1 {
		s.Errorf("a refused batch left applied %d, changes %v", s.Applied(), s.seen())
	}
	s.checkLedger(someone, entriesOf(1, first))
	s.checkState(someone)
	// Its ids are free, for other content and another subject too.
	fresh.Source = "support"
	if r := s.record(consent.Subject{Controller: "example", ID: "other"}, fresh); r.Revision != 2 {
		s.Errorf("the next revision is %d, want 2", r.Revision)
	}
}

func duplicatesChangeNothing(s *suite) {
	events := []consent.Event{s.event(grant()), s.event(withdrawal())}
	first := s.record(someone, events...)
	s.record(consent.Subject{Controller: "example", ID: "other"}, s.event(grant()))
	again, err := s.Record(s.ctx, consent.Batch{Subject: someone, Events: events, RecordedAt: recordedAt + 1})
	if err != nil {
		s.Fatal(err)
	}
	if again.Applied != 0 || again.Duplicates != 2 || again.Revision < first.Revision || again.Revision > s.Applied() {
		s.Errorf("recorded %+v, again %+v", first, again)
	}
	if s.Applied() != 2 || len(s.seen()) != 2 {
		s.Errorf("applied %d, changes %v", s.Applied(), s.seen())
	}
	s.checkLedger(someone, entriesOf(1, events...))
}

func duplicatesBesideNewEvents(s *suite) {
	first, second := s.event(grant()), s.event(withdrawal())
	s.record(someone, first)
	got := s.record(someone, second, first)
	want := consent.Recorded{Revision: 2, Applied: 1, Duplicates: 1, Outcomes: effects(consent.Counted, consent.Duplicate)}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("recorded (-want +got):\n%s", diff)
	}
	s.checkLedger(someone, append(entriesOf(1, first), entriesOf(2, second)...))
	s.checkState(someone)
}

func duplicateWithinABatch(s *suite) {
	e := s.event(grant())
	got := s.record(someone, e, e)
	want := consent.Recorded{Revision: 1, Applied: 1, Duplicates: 1, Outcomes: effects(consent.Counted, consent.Duplicate)}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("recorded (-want +got):\n%s", diff)
	}
	s.checkLedger(someone, entriesOf(1, e))
}

func otherContentConflicts(s *suite) {
	e := s.event(grant())
	e.Evidence = "https://example.com/receipt"
	s.record(someone, e)
	for name, change := range map[string]func(*consent.Event){
		"occurred_at": func(e *consent.Event) { e.OccurredAt++ },
		"source":      func(e *consent.Event) { e.Source = consent.SourceImport },
		"evidence":    func(e *consent.Event) { e.Evidence = "" },
		"field":       func(e *consent.Event) { f := grant(); f.NoticeVersion++; e.Fact = f },
		"kind":        func(e *consent.Event) { e.Fact = erasure(consent.ErasureRequested) },
	} {
		other := e
		change(&other)
		s.Log(name)
		s.refused(consent.ErrEventConflict, 0, other)
	}
	if s.Applied() != 1 {
		s.Errorf("applied %d, want 1", s.Applied())
	}
}

func otherSubjectConflicts(s *suite) {
	e := s.event(grant())
	s.record(someone, e)
	s.refusedOf(consent.Subject{Controller: "example", ID: "other"}, consent.ErrEventConflict, 0, e)
}

func otherControllerDoesNotConflict(s *suite) {
	e := s.event(grant())
	s.record(someone, e)
	s.record(consent.Subject{Controller: "other", ID: someone.ID}, e)
	s.checkLedger(consent.Subject{Controller: "other", ID: someone.ID}, entriesOf(2, e))
}

func conflictWithinABatch(s *suite) {
	e := s.event(grant())
	other := e
	other.Source = "support"
	s.refused(consent.ErrEventConflict, 1, e, other)
	if s.Applied() != 0 {
		s.Errorf("applied %d, want 0", s.Applied())
	}
}
