package storetest

import (
	"errors"
	"reflect"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// aheadSeesEveryChangeInOrder also records what changes nothing, of which nobody may be told.
func aheadSeesEveryChangeInOrder(s *suite) {
	s.setHook(func(c store.Change) {
		if !s.ahead.saw(c) {
			s.Errorf("%v is visible, and was not announced before", c)
		}
	})
	s.concurrentWrites()
	known := s.event(grant())
	s.record(someone, known)
	s.record(someone, known)
	clash := known
	clash.Source = "support"
	s.refused(consent.ErrEventConflict, 0, clash)
	s.record(someone, s.event(withdrawal()))
	if diff := cmp.Diff(s.seen(), s.ahead.seen()); diff != "" {
		s.Errorf("told ahead and told after are not the same (-after +ahead):\n%s", diff)
	}
}

// aheadComesBeforeTheChangeIsVisible reads, from another goroutine, while the observer is told.
func aheadComesBeforeTheChangeIsVisible(s *suite) {
	told, read := make(chan store.Change), make(chan struct{})
	s.ahead.setHook(func(c store.Change) {
		told <- c
		<-read
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 5 {
			s.record(someone, s.event(grant()))
		}
	})
	for i := range 5 {
		s.notVisible(<-told, i)
		read <- struct{}{}
	}
	wg.Wait()
}

// notVisible fails unless c, a change of a subject with a ledger of so many entries, is nowhere to be seen.
func (s *suite) notVisible(c store.Change, entries int) {
	s.Helper()
	if applied := s.Applied(); applied >= c.Revision {
		s.Errorf("announced %v, applied already %d", c, applied)
	}
	if got := s.read(c.Subject); got.Changed >= c.Revision || got.AsOf >= c.Revision {
		s.Errorf("announced %v, read change %d as of %d", c, got.Changed, got.AsOf)
	}
	if got := s.entries(c.Subject, 100); len(got) != entries {
		s.Errorf("announced %v, %d entries of the ledger, want %d", c, len(got), entries)
	}
	if err := s.Scan(s.ctx, "", func(_ consent.Subject, got consent.Snapshot) error {
		if got.Changed >= c.Revision || got.AsOf >= c.Revision {
			s.Errorf("announced %v, scanned change %d as of %d", c, got.Changed, got.AsOf)
		}
		return nil
	}); err != nil {
		s.Errorf("scanning: %v", err)
	}
	if s.saw(c) {
		s.Errorf("told that %v is visible before it was announced", c)
	}
}

// failedChangesKeepTheirRevisions has the disk fail under a change, and work again: the store must not, until it is
// reopened.
func failedChangesKeepTheirRevisions(s *suite) {
	if s.Break == nil {
		s.Fatal("the instance has no Break: except this promise by name, and say why")
	}
	other := consent.Subject{Controller: "example", ID: "other"}
	first, failing, next := s.event(grant()), s.event(withdrawal()), s.event(grant())
	s.record(someone, first)
	s.broken = true
	mend := s.Break()
	s.unavailable(someone, failing)
	mend()
	s.unavailable(other, next)
	s.unavailable(someone, failing)

	want := []store.Change{{Subject: someone, Revision: 1}, {Subject: someone, Revision: 2}}
	if told := s.ahead.seen(); !reflect.DeepEqual(told, want) && !reflect.DeepEqual(told, want[:1]) {
		s.Errorf("announced %v, want %v: no other change takes the revision of one that failed", told, want)
	}
	if seen := s.seen(); s.Applied() != 1 || !reflect.DeepEqual(seen, want[:1]) {
		s.Errorf("applied %d, told of %v, want the first change alone", s.Applied(), seen)
	}
	s.checkLedger(someone, entriesOf(1, first))
	s.checkState(someone)

	s.reopen()
	ledger := entriesOf(1, first)
	if s.Applied() == 2 {
		ledger = append(ledger, entriesOf(2, failing)...)
	}
	s.checkLedger(someone, ledger)
	s.checkState(someone)
	if got, want := s.record(other, next).Revision, consent.Revision(len(ledger)+1); got != want {
		s.Errorf("the next change took revision %d, want %d", got, want)
	}
}

// unavailable records an event in vain.
func (s *suite) unavailable(subject consent.Subject, e consent.Event) {
	s.Helper()
	if _, err := s.try(subject, e); !errors.Is(err, consent.ErrUnavailable) {
		s.Errorf("recording on a store whose disk failed: got %v, want ErrUnavailable", err)
	}
}
