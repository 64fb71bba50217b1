package cluster

import (
	"context"
	"sync"

	"github.com/consentd/consentd/server/consent"
)

// reporter says how far this node is: what it has applied, and all caches behind it have confirmed since. Whoever
// fences a write believes it, so nothing is said that is not so: the feed's place is read before the caches are
// asked, and is said with its chain, by which the database takes it for its own history or not at all.
//
// It is lazy. What was confirmed travels with the next renewal; only where somebody waits (wanted) it is reported at
// once. One that waits for more than there is, because what it waited for was lost, has each change reported: nothing
// else can be told from it.
//
// mu guards all. The one goroutine works without it while it asks the caches and the database.
type reporter struct {
	// wake has a value where there may be something to do.
	wake chan struct{}

	mu struct {
		sync.Mutex
		// wanted is the greatest revision that somebody waits for.
		wanted consent.Revision
		// confirmed is what all caches behind have confirmed, noted the newest that the database was told.
		confirmed, noted claim
		// idle says that the node should be up to date, though nobody waits.
		idle bool
	}
}

// claim is what a node says of itself.
type claim struct {
	standpoint
	policy uint64
}

func (r *reporter) confirmed() claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.confirmed
}

func (r *reporter) noted(c claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.noted = c
}

// catchUp has what is applied confirmed, so that the next renewal says it.
func (r *reporter) catchUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.idle = true
	signal(r.wake)
}

// wanted takes what the feed's newest look shows.
func (m *Member) wanted(revision consent.Revision) {
	r := m.reporter
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.wanted = revision
	if at := m.feed.at(); r.mu.noted.history != at.history || r.mu.noted.Revision < min(revision, at.Revision) {
		signal(r.wake)
	}
}

// report works until the node ends. What fails is tried again with the feed's next look, or the next renewal.
func (m *Member) report() {
	for {
		select {
		case <-m.reporter.wake:
		case <-m.ctx.Done():
			return
		}
		_ = m.tryReport(m.ctx) // it is counted
	}
}

func (m *Member) tryReport(ctx context.Context) (err error) {
	defer m.guard("reporting what is applied", &err)
	now := claim{m.feed.at(), m.config.Policy()} // before the caches are asked
	due, asked := m.reporter.due(now)
	if !due {
		return nil
	}
	if err := m.confirm(ctx, now); err != nil || !asked {
		return err
	}
	m.counts.reports.Add(1)
	ctx, cancel := context.WithTimeout(ctx, m.config.Lease/2)
	defer cancel()
	if err := m.config.Database.Report(ctx, m.config.ID, now.Place); err != nil {
		m.counts.reportErrors.Add(1)
		return err
	}
	m.reporter.reported(now)
	return nil
}

// due says whether there is something to confirm or to report, and whether somebody waits for it.
func (r *reporter) due(now claim) (due, asked bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.mu.noted
	asked = known.history != now.history || known.Revision < min(r.mu.wanted, now.Revision)
	due = asked && r.mu.wanted != 0 || r.mu.idle && r.mu.confirmed != now
	r.mu.idle = false
	return due, asked && r.mu.wanted != 0
}

// confirm asks the caches behind, unless they have confirmed this already.
func (m *Member) confirm(ctx context.Context, now claim) error {
	before := m.reporter.confirmed()
	if before == now {
		return nil
	}
	if err := m.config.Watchers.Fence(ctx, now.Revision); err != nil {
		m.counts.reportErrors.Add(1)
		return err
	}
	r := m.reporter
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.confirmed = now
	if before.policy != now.policy {
		signal(m.lease.hurry) // renewals alone tell it
	}
	return nil
}

// reported notes that the database was told where the node is; of policies renewals alone tell.
func (r *reporter) reported(c claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.noted.standpoint = c.standpoint
}
