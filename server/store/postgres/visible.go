package postgres

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// visible is how far reads may show the store. The feed notes a revision's mark, then tells the observers, then counts
// the revision as applied; a read may show a change as soon as its mark is noted: from then on it is known to be of
// this history. So observers are told of what reads show already, as package store has it, and who waits for an
// observer that waits for a read waits for nothing.
type visible struct {
	// told is the revision that observers are told of, or were last.
	told atomic.Uint64
	mu   sync.Mutex
	// more is closed, and replaced, with each change that observers are told of.
	more chan struct{}
}

// Observing are the observers that the feed is to tell in place of o, so that what o hears of is visible.
func (s *Store) Observing(o store.Observers) store.Observers {
	o.After = showing{s, o.After}
	return o
}

// Await has the feed look at once, and waits until all changes up to a revision have been told this node's observers.
func (s *Store) Await(ctx context.Context, r consent.Revision) error {
	leave, err := s.enter(ctx, "waiting for changes")
	if err != nil {
		return err
	}
	defer leave()
	f := s.follower()
	if f.Applied() < r {
		f.Kick()
	}
	return f.Await(ctx, r)
}

// showing is an observer before another one, which may be nil.
type showing struct {
	store *Store
	next  store.Observer
}

// Changed implements store.Observer.
func (o showing) Changed(c store.Change) {
	v := &o.store.visible
	v.told.Store(uint64(c.Revision))
	v.mu.Lock()
	if v.more != nil {
		close(v.more)
		v.more = nil
	}
	v.mu.Unlock()
	if o.next != nil {
		o.next.Changed(c)
	}
}

// next is closed with the next change that observers are told of.
func (v *visible) next() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.more == nil {
		v.more = make(chan struct{})
	}
	return v.more
}

// Applied is a revision up to which the feed knows all changes: those that it has told this node's observers, and the
// one that it tells them now.
func (s *Store) Applied() consent.Revision {
	f := s.follower()
	if f == nil {
		return 0
	}
	for {
		applied := f.Applied()
		told := consent.Revision(s.visible.told.Load())
		// Where history was lost its mark was forgotten before the feed went back: then what was told counts no more.
		if _, known := s.config.Marks.Get(told); known && told == applied+1 {
			return told
		}
		// The feed may have applied one and told the next between the two looks; an earlier call has returned that one.
		if f.Applied() == applied {
			return applied
		}
	}
}

// show waits until the feed knows a place in the history, which was read, and is an error where the history is another
// one. It takes no longer than a read may.
func (s *Store) show(ctx context.Context, at cluster.Place) error {
	if known, err := s.compare(at); known {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.ReadTimeout)
	applied := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		applied <- s.follower().Committed(ctx, at.Revision, at.Chain)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	for {
		more := s.visible.next()
		if known, err := s.compare(at); known {
			return err
		}
		select {
		case <-more:
		case err := <-applied:
			return err
		}
	}
}

// compare compares a place with what the feed noted of it, if it did.
func (s *Store) compare(at cluster.Place) (known bool, err error) {
	mark, known := s.config.Marks.Get(at.Revision)
	if known && mark != at.Chain.Mark() {
		err = errMoved
	}
	return known, err
}
