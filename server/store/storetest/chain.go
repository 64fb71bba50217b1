package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// marks are those of the revisions from 1 on. It fails where one is missing.
func (s *suite) marks(last consent.Revision) (all []store.Mark) {
	s.Helper()
	for r := consent.Revision(1); r <= last; r++ {
		mark, ok, err := s.Mark(s.ctx, r)
		if err != nil || !ok {
			s.Fatalf("mark of revision %d of %d: found %v, error %v", r, last, ok, err)
		}
		all = append(all, mark)
	}
	return all
}

// marksNameTheHistory: each revision has one, as soon as it is acknowledged, and it stays, also after reopening.
func marksNameTheHistory(s *suite) {
	s.concurrentWrites()
	last := s.Applied()
	before := s.marks(last)
	different := map[store.Mark]bool{}
	for _, mark := range before {
		different[mark] = true
	}
	if len(different) < len(before)-1 { // two of a thousand are the same once in 8,000 runs
		s.Errorf("%d revisions have %d marks", len(before), len(different))
	}
	s.noMark(last + 1)
	e := s.event(withdrawal())
	s.record(someone, e)
	s.record(someone, e) // a duplicate is no change
	if again := s.marks(last + 1); len(again) != len(before)+1 {
		s.Errorf("%d marks", len(again))
	}
	s.reopen()
	for r, mark := range s.marks(last) {
		if mark != before[r] {
			s.Fatalf("the mark of revision %d was %x, after reopening it is %x", r+1, before[r], mark)
		}
	}
	s.noMark(last + 2)
}

func (s *suite) noMark(r consent.Revision) {
	s.Helper()
	if mark, ok, err := s.Mark(s.ctx, r); ok || err != nil {
		s.Errorf("revision %d, which is not there, has mark %x, %v, error %v", r, mark, ok, err)
	}
}

// otherHistoriesHaveOtherMarks: what is the same up to a revision and then differs, in two stores; they are apart from
// the first on, because their ids are.
func otherHistoriesHaveOtherMarks(s *suite) {
	other := s.make()
	defer func() { _ = other.Close() }()
	for range 3 {
		b := consent.Batch{Subject: someone, Events: []consent.Event{s.event(grant())}, RecordedAt: recordedAt}
		for _, st := range []store.Store{s.Store, other.Store} {
			if _, err := st.Record(s.ctx, b); err != nil {
				s.Fatal(err)
			}
		}
	}
	for r, mark := range s.marks(3) {
		theirs, ok, err := other.Mark(s.ctx, consent.Revision(r+1))
		if err != nil || !ok || theirs == mark { // once in 1.4 billion runs
			s.Errorf("revision %d has mark %x here and %x, %v in another store, error %v", r+1, mark, theirs, ok, err)
		}
	}
}

// announcedRevisionsAreNobodyElses has writers give up at random: whatever becomes of a change that was told ahead, no
// other takes its revision. A store that tells nobody ahead keeps it as it is.
func announcedRevisionsAreNobodyElses(s *suite) {
	together(workers, func(worker int) {
		g := NewGenerator(uint64(worker))
		subject := consent.Subject{Controller: "example", ID: fmt.Sprint(worker)}
		for i := range each {
			e := g.Event()
			e.ID += fmt.Sprint("-", worker)
			e.Fact = grant()
			s.giveUp(consent.Batch{Subject: subject, Events: []consent.Event{e}, RecordedAt: recordedAt}, i%3 == 0)
		}
	})
	s.record(someone, s.event(grant())) // what was given up is done by now
	told := map[consent.Revision]consent.Subject{}
	for _, c := range s.ahead.seen() {
		if before, twice := told[c.Revision]; twice && before != c.Subject {
			s.Errorf("revision %d was told ahead of %v and of %v", c.Revision, before, c.Subject)
		}
		told[c.Revision] = c.Subject
	}
	for _, c := range s.seen() {
		if announced, ok := told[c.Revision]; ok && announced != c.Subject {
			s.Errorf("revision %d was told ahead of %v, and is of %v", c.Revision, announced, c.Subject)
		}
	}
}

// giveUp records a batch, perhaps with a context that ends while it is recorded.
func (s *suite) giveUp(b consent.Batch, early bool) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := s.Record(ctx, b)
		done <- err
	}()
	if early {
		cancel()
	}
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		s.Errorf("recording: %v", err)
	}
}

// latestReadsMissNothing reads what others just acknowledged.
func latestReadsMissNothing(s *suite) {
	for range 20 {
		r := s.record(someone, s.event(grant()))
		got, err := s.ReadLatest(s.ctx, someone)
		if err != nil {
			s.Fatal(err)
		}
		if got.Changed != r.Revision || got.AsOf < r.Revision {
			s.Errorf("change %d was acknowledged, read %d as of %d", r.Revision, got.Changed, got.AsOf)
		}
	}
	got, err := s.ReadLatest(s.ctx, consent.Subject{Controller: "example", ID: "nobody"})
	if err != nil || got.State == nil || got.State.Known() || got.AsOf != 20 {
		s.Errorf("of an unknown subject: %+v, error %v", got, err)
	}
}
