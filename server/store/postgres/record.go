package postgres

import (
	"context"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

const (
	// maxGroup is how many batches share one commit, and how many may wait for the next one; the writers that come
	// after those wait for room.
	maxGroup = 1024
	// maxGroupBytes ends a group early: what is written under the lock is to go through in a moment.
	maxGroupBytes = 2 << 20
	// gatherLimit is how long a group waits for those who wrote in the one before: they have just been answered, and
	// most come again. Measured with 64 writers: without it every second group is of a few.
	gatherLimit = 2 * time.Millisecond
)

// pending is a batch that waits for the committer. It belongs to the caller until it is queued, then to the committer
// until done is closed.
type pending struct {
	change.Batch

	recorded consent.Recorded
	err      error
	// at is the place in the history that shows what the answer says.
	at   cluster.Place
	done chan struct{}
}

const recording = "recording events"

// Record writes a batch, and returns once it is durable and this node's feed has applied it. When ctx ends first, or
// the error is consent.ErrUnavailable, the batch may be recorded, or be recorded yet.
func (s *Store) Record(ctx context.Context, batch consent.Batch) (consent.Recorded, error) {
	leave, err := s.enter(ctx, recording)
	if err != nil {
		return consent.Recorded{}, err
	}
	defer leave()
	prepared, err := change.Prepare(batch)
	if err != nil {
		return consent.Recorded{}, err
	}
	p := &pending{Batch: prepared, done: make(chan struct{})}
	if err := s.enqueue(ctx, p); err != nil {
		return consent.Recorded{}, err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return consent.Recorded{}, ctx.Err()
	}
	if p.err != nil {
		return consent.Recorded{}, p.err
	}
	if err := s.applied(ctx, p.at); err != nil {
		return consent.Recorded{}, unavailable(ctx, recording, err)
	}
	return p.recorded, nil
}

// applied waits until the feed has applied a place in the history. It takes no longer than a read may.
func (s *Store) applied(ctx context.Context, at cluster.Place) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.ReadTimeout)
	defer cancel()
	return s.follower().Committed(ctx, at.Revision, at.Chain)
}

func (s *Store) enqueue(ctx context.Context, p *pending) error {
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return unavailable(ctx, recording, errClosed)
	}
	select {
	case s.queue <- p:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// commitAll commits what is queued, group by group, until the queue is closed and empty.
func (s *Store) commitAll() {
	before := 0
	timer := time.NewTimer(gatherLimit)
	defer timer.Stop()
	for first := range s.queue {
		batches := s.gather(first, before, timer)
		before = len(batches)
		err := s.commit(batches)
		if err != nil {
			err = unavailable(context.Background(), recording, err)
		}
		for _, p := range batches {
			if err != nil {
				p.err = err
			}
			close(p.done)
		}
		s.wrote(err)
	}
}

// gather returns the first batch and those that wait behind it. It waits a moment for as many as there were before.
func (s *Store) gather(first *pending, before int, timer *time.Timer) []*pending {
	group, size := []*pending{first}, first.Bytes
	timer.Reset(gatherLimit)
	for len(group) < maxGroup && size < maxGroupBytes {
		var p *pending
		ok := true
		select {
		case p, ok = <-s.queue:
		default:
			if len(group) >= before {
				return group
			}
			select {
			case p, ok = <-s.queue:
			case <-timer.C:
				return group
			}
		}
		if !ok {
			return group
		}
		group, size = append(group, p), size+p.Bytes
	}
	return group
}
