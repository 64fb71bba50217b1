package cluster

import (
	"context"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

var (
	errFeedClosed = fmt.Errorf("waiting for the feed of changes: %w: the server stops", consent.ErrUnavailable)
	// errHistoryLost is for a change that may be gone, or be there.
	errHistoryLost = fmt.Errorf(
		"waiting for the feed of changes: %w: the store lost history, perhaps this change too: repeat it", consent.ErrUnavailable)
)

// waiter waits for a revision.
type waiter struct {
	revision consent.Revision
	// done gets one value.
	done chan error
}

// Await waits until a revision is applied. It does not Kick. Its error is that of ctx, or wraps consent.ErrUnavailable
// where the feed was closed or history was lost meanwhile.
func (f *Feed) Await(ctx context.Context, r consent.Revision) error {
	if f.Applied() >= r {
		return nil
	}
	w := &waiter{revision: r, done: make(chan error, 1)}
	if err := f.enlist(w); err != nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		f.mu.Lock()
		delete(f.mu.waiting, w)
		f.mu.Unlock()
		return ctx.Err()
	}
}

// enlist has w told once its revision is applied; applied is read again under the lock that release takes.
func (f *Feed) enlist(w *waiter) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.mu.ended:
		return errFeedClosed
	case f.Applied() >= w.revision:
		w.done <- nil
	default:
		f.mu.waiting[w] = struct{}{}
	}
	return nil
}

// Committed kicks the feed and waits until a change that this node committed is applied: the very change of that
// chain. Where another has taken its revision, because the history that it was in is lost, the error wraps
// consent.ErrUnavailable, as for Await.
func (f *Feed) Committed(ctx context.Context, r consent.Revision, chain store.Chain) error {
	if f.Applied() < r {
		f.Kick()
	}
	if err := f.Await(ctx, r); err != nil {
		return err
	}
	if r == 0 {
		return nil // every history begins so
	}
	// A mark that was forgotten, because history was lost, proves as little as another one: what is applied up to a
	// greater revision may be the lost part.
	if mark, known := f.config.Marks.Get(r); !known || mark != chain.Mark() {
		return errHistoryLost
	}
	return nil
}

// release tells those whose revision is applied. It is the feed's goroutine that calls it.
func (f *Feed) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.at.Place = f.place
	applied := f.Applied()
	for w := range f.mu.waiting {
		if w.revision <= applied {
			w.done <- nil
			delete(f.mu.waiting, w)
		}
	}
}

// fail tells all who wait that they wait in vain; ended: nobody is woken any more.
func (f *Feed) fail(err error, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for w := range f.mu.waiting {
		w.done <- err
		delete(f.mu.waiting, w)
	}
	f.mu.ended = f.mu.ended || ended
}
