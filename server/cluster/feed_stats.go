package cluster

import (
	"sync/atomic"

	"github.com/consentd/consentd/server/consent"
)

// FeedStats are counts since the start, but for Applied and Lag.
type FeedStats struct {
	Applied consent.Revision
	// Lag is how many changes the newest look showed that are not applied.
	Lag uint64
	// Changes were applied. Lost is how often the store turned out to have another history, GivenUp how often changes
	// that were not seen yet had been pruned; after either everything kept was given up.
	Changes, Lost, GivenUp uint64
	// Polls are looks, PollErrors those that failed, Hints those that a hint brought about, Panics those in which an
	// observer panicked.
	Polls, PollErrors, Hints, Panics uint64
}

type feedCounts struct {
	head                             atomic.Uint64
	changes, lost, givenUp           atomic.Uint64
	polls, pollErrors, hints, panics atomic.Uint64
}

// Stats returns a snapshot of the counters, each by itself.
func (f *Feed) Stats() FeedStats {
	n, applied := &f.counts, f.applied.Load()
	return FeedStats{
		Applied: consent.Revision(applied), Lag: n.head.Load() - min(applied, n.head.Load()),
		Changes: n.changes.Load(), Lost: n.lost.Load(), GivenUp: n.givenUp.Load(),
		Polls: n.polls.Load(), PollErrors: n.pollErrors.Load(), Hints: n.hints.Load(), Panics: n.panics.Load(),
	}
}
