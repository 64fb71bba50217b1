package pebble

import (
	"context"
	"errors"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
)

const (
	// maxGroup is how many batches share one fsync, and how many may wait for the next one; the writers that come
	// after those wait for room. It is far above the number of writers that two cores can serve, and keeps a
	// group's memory small.
	maxGroup = 1024
	// maxGroupBytes ends a group early, so that large batches do not fill pebble's memtable at once.
	maxGroupBytes = 4 << 20
)

// pending is a batch that waits for the committer. It belongs to the caller until it is queued, then to the committer
// until done is closed.
type pending struct {
	batch change.Batch
	// change is what the batch does; it counts where err is nil.
	change *change.Change
	// mark is that of the history up to the change, if it adds something.
	mark store.Mark
	err  error
	done chan struct{}
}

const recording = "recording events"

// Record writes a batch and returns when it is durable and visible. When ctx ends first, or the disk has no room, the
// batch may still be recorded.
func (s *Store) Record(ctx context.Context, batch consent.Batch) (consent.Recorded, error) {
	prepared, err := change.Prepare(batch)
	if err != nil {
		return consent.Recorded{}, err
	}
	p := &pending{batch: prepared, done: make(chan struct{})}
	stalled := s.log.stalls.current.Load()
	if err := s.enqueue(ctx, p, stalled); err != nil {
		return consent.Recorded{}, err
	}
	select {
	case <-p.done:
		return p.recorded()
	case <-ctx.Done():
		return consent.Recorded{}, ctx.Err()
	case <-s.log.halted:
	case <-stalled.begun:
		return consent.Recorded{}, unavailable(recording, stalled.err)
	}
	// The committer answers, unless it is stuck in pebble.
	select {
	case <-p.done:
		return p.recorded()
	default:
		return consent.Recorded{}, unavailable(recording, s.Err())
	}
}

func (s *Store) enqueue(ctx context.Context, p *pending, stalled *stall) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return unavailable(recording, errClosed)
	}
	if err := s.Err(); err != nil {
		return unavailable(recording, err)
	}
	select {
	case s.queue <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.log.halted:
		return unavailable(recording, s.Err())
	case <-stalled.begun:
		return unavailable(recording, stalled.err)
	}
}

// commitAll commits what is queued, group by group, until the queue is closed and empty.
func (s *Store) commitAll() {
	defer close(s.done)
	for first := range s.queue {
		group := s.gather(first)
		s.committing.Lock()
		s.log.writing()
		err := s.commit(group)
		s.log.wrote(err)
		s.committing.Unlock()
		if err != nil {
			for _, p := range group {
				p.err = unavailable(recording, err)
			}
		}
		tell(s.observers.After, group)
		for _, p := range group {
			close(p.done)
		}
	}
}

// gather returns the first batch and those that wait behind it.
func (s *Store) gather(first *pending) []*pending {
	group, size := []*pending{first}, first.batch.Bytes
	for len(group) < maxGroup && size < maxGroupBytes {
		select {
		case p, ok := <-s.queue:
			if !ok {
				return group
			}
			group, size = append(group, p), size+p.batch.Bytes
		default:
			return group
		}
	}
	return group
}

// commit records the group durably and shows it to readers. A batch that cannot be recorded gets its own error; an
// error that is returned is that of all: nothing of the group was recorded, or nobody knows.
func (s *Store) commit(group []*pending) (err error) {
	if err := s.log.failure(); err != nil {
		return err
	}
	next, told, began := s.head, false, time.Now()
	if err := s.write(func(b *engine.Batch) error {
		for _, p := range group {
			if err := s.add(b, p, &next); err != nil {
				return err
			}
		}
		if next == s.head {
			return nil
		}
		if err := setHead(b, next); err != nil {
			return err
		}
		told = true
		tell(s.observers.Ahead, group)
		return nil
	}); err != nil {
		if told {
			// No other change may take the revisions that were told: see store.Observers.
			s.log.halt(err)
		}
		return err
	}
	if next != s.head {
		if s.synced != nil {
			s.synced(len(group), time.Since(began))
		}
		s.head = next
		s.note(group)
		s.show(next.revision)
	}
	return nil
}

// write fills a batch and commits it with an fsync; an empty one is not written.
func (s *Store) write(fill func(*engine.Batch) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.halt(errorOf(r))
		}
	}()
	b := s.db.NewIndexedBatch()
	if err := fill(b); err != nil || b.Empty() {
		return errors.Join(err, b.Close())
	}
	// Where the disk fails this does not return: see monitor.
	return errors.Join(s.db.Apply(b, engine.Sync), b.Close())
}

// add puts the batch of p into b, as the change after last, or sets its error.
func (s *Store) add(b *engine.Batch, p *pending, last *head) error {
	if p.change, p.err = plan(b, &p.batch, last.revision+1); !p.fresh() {
		return nil
	}
	*last = last.after(p.change)
	p.mark = last.chain.Mark()
	return errors.Join(writeChange(b, p.change), setMark(b, *last))
}

// note keeps the marks of a group that is durable, before it is visible: who sees a revision finds its mark.
func (s *Store) note(group []*pending) {
	for _, p := range group {
		if p.fresh() {
			s.marks.Put(p.change.Recorded.Revision, p.mark)
		}
	}
}

// fresh reports whether the batch made a change.
func (p *pending) fresh() bool { return p.err == nil && p.change.Adds() }

// recorded is the answer, once there is one.
func (p *pending) recorded() (consent.Recorded, error) {
	if p.err != nil {
		return consent.Recorded{}, p.err
	}
	return p.change.Recorded, nil
}

// tell tells o of the group's changes, in the order of their revisions.
func tell(o store.Observer, group []*pending) {
	if o == nil {
		return
	}
	for _, p := range group {
		if p.fresh() {
			o.Changed(p.change.Told())
		}
	}
}
