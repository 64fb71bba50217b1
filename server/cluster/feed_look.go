package cluster

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/consentd/consentd/server/store"
)

// look looks at the primary once and applies what it shows. It reports whether there is more than one look shows. A
// panic, of an observer say, is an error: what it kept from being applied is applied by the next look.
func (f *Feed) look() (more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			more, err = false, fmt.Errorf("panic: %v", p)
			f.counts.panics.Add(1)
			f.config.Logger.Error("the feed of changes panicked: it tries again", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	f.counts.polls.Add(1)
	ctx, cancel := context.WithTimeout(f.ctx, f.config.PollTimeout)
	defer cancel()
	began := f.config.Clock() // before the look
	page, err := f.config.Database.Poll(ctx, f.config.Node, f.place.Revision, f.config.Page)
	if err != nil {
		f.counts.pollErrors.Add(1)
		return false, err
	}
	f.take(&page)
	f.announce(&page, began)
	return f.place.Revision < page.Head, nil
}

// take applies a page, or starts anew where it does not go on from what was applied.
func (f *Feed) take(p *Page) {
	switch f.judge(p) {
	case follows:
		for i := range p.Changes {
			f.apply(&p.Changes[i])
		}
		f.release()
	case lost:
		f.counts.lost.Add(1)
		f.config.Logger.Error("the store lost history: everything kept from it is given up; see to its standbys and backups",
			"applied", f.place.Revision, "head", p.Head, "server", p.Server)
		f.restart(p)
	case prunedAway:
		f.counts.givenUp.Add(1)
		f.config.Logger.Warn("changes that this node did not see are not kept any more: it begins anew",
			"applied", f.place.Revision, "pruned", p.Pruned, "head", p.Head)
		f.restart(p)
	}
}

// verdict says how a page stands to what was applied.
type verdict uint8

const (
	// lost: the page is of another history. It is the zero value.
	lost verdict = iota
	// follows: its changes are the next ones.
	follows
	// prunedAway: nobody can say what is between.
	prunedAway
)

// judge compares a page with what was applied. What cannot be explained otherwise is lost history.
func (f *Feed) judge(p *Page) verdict {
	at := f.place
	switch {
	case at.Revision < p.Pruned || !p.Known && at.Revision == p.Pruned && at.Revision < p.Head:
		return prunedAway
	case p.Head > at.Revision && (!p.Known || f.differs(p.At, at.Chain) || len(p.Changes) == 0):
		return lost
	}
	for i := range p.Changes {
		at.Revision++
		if p.Changes[i].Revision != at.Revision && !f.config.flaws.skipsGaps {
			return lost
		}
		at = Place{p.Changes[i].Revision, p.Changes[i].Chain}
	}
	if at.Revision > p.Head || at.Revision == p.Head && f.differs(p.HeadChain, at.Chain) {
		return lost
	}
	return follows
}

func (f *Feed) differs(a, b store.Chain) bool { return a != b && !f.config.flaws.ignoresChain }

// apply applies the next change.
func (f *Feed) apply(e *Entry) {
	f.config.Marks.Put(e.Revision, e.Chain.Mark())
	if f.config.Observers.After != nil {
		f.config.Observers.After.Changed(e.Change)
	}
	f.place = Place{e.Revision, e.Chain}
	f.applied.Store(uint64(e.Revision))
	f.counts.changes.Add(1)
}

// restart begins at the page's head, after everything kept from before is given up. Who waits for a revision hears
// that it may be another one now.
func (f *Feed) restart(p *Page) {
	call(f.config.Observers.Lost, p.Head)
	f.config.Marks.Clear()
	f.config.Marks.Put(p.Head, p.HeadChain.Mark())
	f.place = Place{p.Head, p.HeadChain}
	f.applied.Store(uint64(p.Head))
	f.fail(errHistoryLost, false)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.at = standpoint{f.place, f.mu.at.history + 1}
}

// announce tells what a page says beside its changes, once these are applied.
func (f *Feed) announce(p *Page, began time.Duration) {
	f.counts.head.Store(uint64(p.Head))
	if server := p.Server; server != f.Server() {
		f.server.Store(&server)
	}
	if f.place.Revision == p.Head {
		f.watermark.Store(int64(began))
		call(f.config.Reached, Reached{Began: began, Server: p.Server})
	}
	if p.Wanted != 0 {
		call(f.config.Wanted, p.Wanted)
	}
	if p.Policy != 0 {
		call(f.config.Policy, p.Policy)
	}
}

func call[T any](f func(T), with T) {
	if f != nil {
		f(with)
	}
}
