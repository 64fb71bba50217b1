package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// fill records n events in batches of three and returns the ledger.
func (s *suite) fill(subject consent.Subject, n int) (want []consent.Entry) {
	for len(want) < n {
		events := []consent.Event{s.event(grant()), s.event(withdrawal()), s.event(grant())}[:min(3, n-len(want))]
		want = append(want, entriesOf(s.record(subject, events...).Revision, events...)...)
	}
	return under(subject, want)
}

func pagesFollowTheOrderOfRecording(s *suite) {
	other := consent.Subject{Controller: "example", ID: "someone else"}
	s.fill(other, 4)
	want := s.fill(someone, 10)
	s.fill(other, 4)
	for _, limit := range []int{1, 2, 3, 9, 10, 11, 1000} {
		if diff := cmp.Diff(want, s.entries(someone, limit)); diff != "" {
			s.Errorf("pages of %d (-want +got):\n%s", limit, diff)
		}
	}
}

func pagesGoOnAfterNewEvents(s *suite) {
	want := s.fill(someone, 6)
	page, err := s.Events(s.ctx, someone, consent.Page{Limit: 4})
	if err != nil {
		s.Fatal(err)
	}
	want = append(want, s.fill(someone, 3)...)
	rest, err := s.Events(s.ctx, someone, consent.Page{Limit: 100, After: page.Next})
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(want, slices.Concat(page.Entries, rest.Entries)); diff != "" || rest.Next != "" {
		s.Errorf("next %q (-want +got):\n%s", rest.Next, diff)
	}
}

func badPageTokensAreRefused(s *suite) {
	s.fill(someone, 4)
	other := consent.Subject{Controller: "example", ID: "other"}
	s.fill(other, 4)
	page, err := s.Events(s.ctx, other, consent.Page{Limit: 1})
	if err != nil {
		s.Fatal(err)
	}
	for _, token := range []string{page.Next, page.Next[1:], page.Next + "A", "x", "!", "\x00", "AAAAAAAAAAAAAAAAAAAAAAAAAAA", " "} {
		if _, err := s.Events(s.ctx, someone, consent.Page{Limit: 1, After: token}); !errors.Is(err, consent.ErrBadPageToken) {
			s.Errorf("token %q: got %v, want ErrBadPageToken", token, err)
		}
	}
}

func reopeningKeepsEverything(s *suite) {
	want := s.fill(someone, 5)
	before := s.read(someone)
	page, err := s.Events(s.ctx, someone, consent.Page{Limit: 2})
	if err != nil {
		s.Fatal(err)
	}
	s.reopen()
	if s.Applied() != 2 {
		s.Errorf("applied %d, want 2", s.Applied())
	}
	after := s.read(someone)
	if diff := cmp.Diff(before, after); diff != "" {
		s.Errorf("state (-before +after):\n%s", diff)
	}
	s.checkLedger(someone, want)
	if _, err := s.Events(s.ctx, someone, consent.Page{Limit: 2, After: page.Next}); err != nil {
		s.Errorf("a page token from before: %v", err)
	}
	if r := s.record(someone, want[0].Event); r.Duplicates != 1 {
		s.Errorf("an event from before is recorded again: %+v", r)
	}
	if r := s.record(someone, s.event(grant())); r.Revision != 3 {
		s.Errorf("the next revision is %d, want 3", r.Revision)
	}
}

// closeWaitsForCalls closes the store under writers: what was acknowledged is there afterwards, the rest is
// unavailable.
func closeWaitsForCalls(s *suite) {
	begun := make(chan struct{}, workers*each)
	acknowledged := make([]int, workers)
	closed := make(chan error)
	go func() {
		for range workers {
			<-begun
		}
		closed <- s.Close()
	}()
	together(workers, func(worker int) {
		subject := consent.Subject{Controller: "example", ID: fmt.Sprint(worker)}
		for i := range each {
			e := consent.Event{ID: fmt.Sprint(worker, i), OccurredAt: consent.InstantOf(Epoch), Source: "support", Fact: grant()}
			_, err := s.try(subject, e)
			begun <- struct{}{}
			if err != nil {
				if !errors.Is(err, consent.ErrUnavailable) {
					s.Errorf("got %v, want ErrUnavailable", err)
				}
				return
			}
			acknowledged[worker]++
		}
	})
	if err := <-closed; err != nil {
		s.Fatal(err)
	}
	s.Store = s.Reopen(s.T)
	total := 0
	for worker, n := range acknowledged {
		total += n
		if got := len(s.entries(consent.Subject{Controller: "example", ID: fmt.Sprint(worker)}, 100)); got < n {
			s.Errorf("worker %d: %d entries, %d acknowledged", worker, got, n)
		}
	}
	if s.Applied() < consent.Revision(total) {
		s.Errorf("applied %d, %d acknowledged", s.Applied(), total)
	}
}

func closedStoreIsUnavailable(s *suite) {
	closed := s.Store
	s.record(someone, s.event(grant()))
	s.reopen()
	for call, f := range map[string]func(context.Context, store.Store) error{
		"Record": func(ctx context.Context, st store.Store) error {
			_, err := st.Record(ctx, consent.Batch{Subject: someone, Events: []consent.Event{s.event(grant())}})
			return err
		},
		"Read": func(ctx context.Context, st store.Store) error {
			_, err := st.Read(ctx, someone)
			return err
		},
		"ReadLatest": func(ctx context.Context, st store.Store) error {
			_, err := st.ReadLatest(ctx, someone)
			return err
		},
		"Mark": func(ctx context.Context, st store.Store) error {
			_, _, err := st.Mark(ctx, 1)
			return err
		},
		"Events": func(ctx context.Context, st store.Store) error {
			_, err := st.Events(ctx, someone, consent.Page{Limit: 1})
			return err
		},
		"Scan": func(ctx context.Context, st store.Store) error {
			return st.Scan(ctx, "", func(consent.Subject, consent.Snapshot) error { return nil })
		},
	} {
		if err := f(s.ctx, closed); !errors.Is(err, consent.ErrUnavailable) {
			s.Errorf("%s of a closed store: got %v, want ErrUnavailable", call, err)
		}
		if err := f(s.ctx, s.Store); err != nil {
			s.Errorf("%s of the open store: %v", call, err)
		}
	}
}
