package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// asOfMissesNoChange reads while others write: no change of the subject may lie between the one that a snapshot shows
// and its AsOf.
func asOfMissesNoChange(s *suite) {
	type reading struct {
		subject consent.Subject
		consent.Snapshot
	}
	var readings []reading
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			subject := consent.Subject{Controller: "example", ID: string(rune('a' + i%5))}
			readings = append(readings, reading{subject, s.read(subject)})
			if last := readings[len(readings)-1]; last.AsOf > s.Applied() {
				s.Errorf("as of %d, applied %d", last.AsOf, s.Applied())
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	changes := s.concurrentWrites()
	close(stop)
	<-stopped
	for _, r := range readings {
		for _, c := range changes {
			if c.Subject == r.subject && c.Revision > r.Changed && c.Revision <= r.AsOf {
				s.Fatalf("read %v as of %d, without its change %d", r.subject, r.AsOf, c.Revision)
			}
		}
	}
}

func observerSeesEveryChangeInOrder(s *suite) {
	acknowledged := map[consent.Revision]consent.Subject{}
	for _, c := range s.concurrentWrites() {
		acknowledged[c.Revision] = c.Subject
	}
	seen := s.seen()
	if len(seen) != workers*each {
		s.Errorf("%d changes were observed, want %d", len(seen), workers*each)
	}
	for i, c := range seen {
		if c.Revision != consent.Revision(i+1) || acknowledged[c.Revision] != c.Subject || len(c.Also) > 0 {
			s.Fatalf("change %d is %v", i, c)
		}
	}
}

// observerComesAfterTheChangeIsVisible reads, from another goroutine, while the observer is told.
func observerComesAfterTheChangeIsVisible(s *suite) {
	told, read := make(chan store.Change), make(chan struct{})
	s.setHook(func(c store.Change) {
		told <- c
		<-read
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 5 {
			s.record(someone, s.event(grant()))
		}
	})
	for range 5 {
		c := <-told
		if s.Applied() < c.Revision {
			s.Errorf("observed %v, applied %d", c, s.Applied())
		}
		if got := s.read(c.Subject); got.Changed < c.Revision {
			s.Errorf("observed %v, read change %d", c, got.Changed)
		}
		read <- struct{}{}
	}
	wg.Wait()
}

// observerSeesChangesOfCancelledCalls cancels a call while its change is observed, and one that waits behind it.
func observerSeesChangesOfCancelledCalls(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	first, second := s.event(grant()), s.event(withdrawal())
	s.setHook(func(c store.Change) {
		if c.Revision == 1 {
			cancel()
		}
	})
	together(2, func(i int) {
		e := []consent.Event{first, second}[i]
		_, err := s.Record(ctx, consent.Batch{Subject: someone, Events: []consent.Event{e}, RecordedAt: recordedAt})
		if err != nil && !errors.Is(err, context.Canceled) {
			s.Errorf("got %v, want none or that of the context", err)
		}
	})
	// Repeating both tells that whatever was recorded is known, once.
	s.record(someone, first)
	s.record(someone, second)
	if got := len(s.entries(someone, 10)); got != 2 {
		s.Errorf("%d entries, want 2", got)
	}
	if got := s.seen(); len(got) != 2 || got[0].Revision != 1 || got[1].Revision != 2 {
		s.Errorf("observed %v", got)
	}
}

func endedContextEndsCalls(s *suite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	_, err := s.Record(ctx, consent.Batch{Subject: someone, Events: []consent.Event{s.event(grant())}})
	s.wantCanceled("Record", err)
	_, err = s.Read(ctx, someone)
	s.wantCanceled("Read", err)
	_, err = s.ReadLatest(ctx, someone)
	s.wantCanceled("ReadLatest", err)
	_, _, err = s.Mark(ctx, 1)
	s.wantCanceled("Mark", err)
	_, err = s.Events(ctx, someone, consent.Page{Limit: 1})
	s.wantCanceled("Events", err)
	if s.Applied() != 0 {
		s.Errorf("applied %d, want 0", s.Applied())
	}
}

func (s *suite) wantCanceled(call string, err error) {
	s.Helper()
	if !errors.Is(err, context.Canceled) || errors.Is(err, consent.ErrUnavailable) {
		s.Errorf("%s: got %v, want the context's error", call, err)
	}
}
