package cluster_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// fake is a database in memory. All is guarded by mu, but for the hooks, which are set before it is used.
type fake struct {
	// before is called with the name of each call before it is done, after after it is done and before it returns; an
	// error of either is the call's. Nil: they do nothing.
	before, after func(ctx context.Context, call string) error
	// page may change what Poll returns; nil: nothing does.
	page  func(*cluster.Page)
	hints chan struct{}
	// down has all calls fail.
	down atomic.Bool

	mu     sync.Mutex
	shown  history
	server string
	calls  map[string]int
	// reports are those that came, whatever became of them.
	reports []cluster.Place
}

// history is what a database holds.
type history struct {
	// entries[i] has the revision i+1.
	entries []cluster.Entry
	pruned  consent.Revision
	wanted  consent.Revision
	policy  uint64
	nodes   map[cluster.NodeID]cluster.Node
}

func newFake() *fake {
	return &fake{
		hints: make(chan struct{}, 1), server: "a", calls: map[string]int{},
		shown: history{nodes: map[cluster.NodeID]cluster.Node{}},
	}
}

func (h *history) head() cluster.Place { return h.at(consent.Revision(len(h.entries))) }

func (h *history) at(r consent.Revision) cluster.Place {
	if r == 0 {
		return cluster.Place{}
	}
	return cluster.Place{Revision: r, Chain: h.entries[r-1].Chain}
}

// holds reports whether a place is known to be of this history.
func (h *history) holds(p cluster.Place) bool {
	return p.Revision <= h.head().Revision && p.Revision >= h.pruned && h.at(p.Revision) == p
}

func (h *history) clone() history {
	c := *h
	c.entries, c.nodes = slices.Clone(h.entries), maps.Clone(h.nodes)
	return c
}

// commit commits a change of the subject of each id, whose content says says.
func (h *history) commit(says string, ids ...string) {
	for _, id := range ids {
		at := h.head()
		next := store.Change{Subject: consent.Subject{Controller: "c", ID: id}, Revision: at.Revision + 1}
		chain := at.Chain.Next(next.Revision, sha256.Sum256([]byte(says+id)))
		h.entries = append(h.entries, cluster.Entry{Change: next, Chain: chain})
	}
}

// commit commits changes and returns where the history then is.
func (f *fake) commit(ids ...string) cluster.Place {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown.commit("", ids...)
	return f.shown.head()
}

// edit changes what the database holds.
func (f *fake) edit(change func(*history)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.shown)
}

// failOver has another process answer, with that history.
func (f *fake) failOver(server string, to history) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server, f.shown = server, to
}

// copied is what a standby has that follows at once.
func (f *fake) copied() history {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown.clone()
}

func (f *fake) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

// do does one call.
func (f *fake) do(ctx context.Context, call string, act func(*history) error) error {
	if f.down.Load() {
		return fmt.Errorf("%w: down", consent.ErrUnavailable)
	}
	if f.before != nil {
		if err := f.before(ctx, call); err != nil {
			return fmt.Errorf("%w: %w", consent.ErrUnavailable, err)
		}
	}
	f.mu.Lock()
	f.calls[call]++
	err := act(&f.shown)
	f.mu.Unlock()
	if err == nil && f.after != nil {
		err = f.after(ctx, call)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", consent.ErrUnavailable, err)
	}
	return nil
}

func (f *fake) Poll(ctx context.Context, _ cluster.NodeID, after consent.Revision, limit int) (p cluster.Page, err error) {
	err = f.do(ctx, "poll", func(h *history) error {
		p = h.page(after, limit)
		p.Server = f.server
		if f.page != nil {
			f.page(&p)
		}
		return nil
	})
	return p, err
}

func (h *history) page(after consent.Revision, limit int) cluster.Page {
	head := h.head()
	p := cluster.Page{Head: head.Revision, HeadChain: head.Chain, Pruned: h.pruned, Wanted: h.wanted, Policy: h.policy}
	if after > head.Revision || after < h.pruned {
		return p
	}
	p.Known, p.At = true, h.at(after).Chain
	rest := h.entries[after:]
	p.Changes = slices.Clone(rest[:min(limit, len(rest))])
	return p
}

func (f *fake) Renew(ctx context.Context, node cluster.Node) (server string, err error) {
	err = f.do(ctx, "renew", func(h *history) error {
		old := h.nodes[node.ID]
		if node.Renewal <= old.Renewal {
			return fmt.Errorf("renewal %d is not above %d", node.Renewal, old.Renewal)
		}
		if node.Applied.Revision < old.Applied.Revision || !h.holds(node.Applied) {
			node.Applied = old.Applied
		}
		node.RenewedAt = time.Now()
		h.nodes[node.ID] = node
		server = f.server
		return nil
	})
	return server, err
}

func (f *fake) Report(ctx context.Context, id cluster.NodeID, applied cluster.Place) error {
	return f.do(ctx, "report", func(h *history) error {
		f.reports = append(f.reports, applied)
		node, known := h.nodes[id]
		if known && h.holds(applied) && applied.Revision > node.Applied.Revision {
			node.Applied = applied
			h.nodes[id] = node
		}
		return nil
	})
}

func (f *fake) Demand(ctx context.Context, applied consent.Revision) error {
	err := f.do(ctx, "demand", func(h *history) error {
		h.wanted = max(h.wanted, applied)
		return nil
	})
	f.hint()
	return err
}

func (f *fake) Nodes(ctx context.Context) (n cluster.Nodes, err error) {
	err = f.do(ctx, "nodes", func(h *history) error {
		n = cluster.Nodes{Server: f.server, Head: h.head().Revision}
		n.Nodes = slices.Collect(maps.Values(h.nodes))
		return nil
	})
	return n, err
}

func (f *fake) Remove(ctx context.Context, id cluster.NodeID, renewal uint64) error {
	return f.do(ctx, "remove", func(h *history) error {
		if h.nodes[id].Renewal == renewal {
			delete(h.nodes, id)
		}
		return nil
	})
}

func (f *fake) Hints() <-chan struct{} { return f.hints }

func (f *fake) hint() {
	select {
	case f.hints <- struct{}{}:
	default:
	}
}
