package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
	"github.com/consentd/consentd/server/store/postgres"
)

// told remembers changes.
type told struct {
	mu      sync.Mutex
	changes []store.Change
}

func (o *told) Changed(c store.Change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changes = append(o.changes, c)
}

func (o *told) seen() []store.Change {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.changes)
}

// TestNodesWriteOneHistory has two nodes record for the same subjects at once, 64 writers each.
func TestNodesWriteOneHistory(t *testing.T) {
	const writers, each = 64, 8
	url := migrated(t)
	observers := [2]told{}
	var nodes []*node
	for i := range observers {
		nodes = append(nodes, open(t, postgres.Config{URL: url}, store.Observers{After: &observers[i]}))
	}
	var wg sync.WaitGroup
	for w := range 2 * writers {
		wg.Go(func() {
			for i := range each {
				if _, err := nodes[w%2].Record(t.Context(), grant(subject(i), fmt.Sprintf("event-%d-%d", w, i))); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	const last = 2 * writers * each
	for i, n := range nodes {
		if err := n.Await(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		for r, c := range observers[i].seen() {
			if c.Revision != consent.Revision(r+1) {
				t.Fatalf("node %d was told %d as change %d", i, c.Revision, r+1)
			}
		}
	}
	if diff := cmp.Diff(observers[0].seen(), observers[1].seen()); diff != "" {
		t.Errorf("the nodes were told other things (-first +second):\n%s", diff)
	}
	checkChain(t, url, last)
	for i := range each {
		got, err := nodes[i%2].Read(t.Context(), subject(i))
		if err != nil {
			t.Fatal(err)
		}
		entries, err := nodes[i%2].Events(t.Context(), subject(i), consent.Page{Limit: 1000})
		if err != nil || len(entries.Entries) != 2*writers {
			t.Fatalf("%d entries, error %v", len(entries.Entries), err)
		}
		if diff := cmp.Diff(consent.FoldEntries(entries.Entries), got.State, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("state (-folded +read):\n%s", diff)
		}
	}
}

// checkChain computes the chain of a store anew, from the rows of its ledgers, which have one event a change.
func checkChain(t *testing.T, url string, last int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), `SELECT c.revision, c.chain, e.controller, e.subject, e.entry, h.store_id
		FROM consentd.changes c JOIN consentd.events e ON e.revision = c.revision AND e.said = ''
		CROSS JOIN consentd.head h ORDER BY c.revision`)
	if err != nil {
		t.Fatal(err)
	}
	var revision int64
	var chain, controller, id, entry, storeID []byte
	var at store.Chain
	seen := 0
	_, err = pgx.ForEachRow(rows, []any{&revision, &chain, &controller, &id, &entry, &storeID}, func() error {
		if seen++; seen == 1 {
			at = store.Begin(store.ID(storeID), 0)
		}
		at = at.Next(consent.Revision(seen), digest(t, controller, id, entry))
		if revision != int64(seen) || store.Chain(chain) != at {
			t.Fatalf("row %d has revision %d and chain %x, want %x", seen, revision, chain, at)
		}
		return nil
	})
	if err != nil || seen != last {
		t.Errorf("%d changes, want %d, error %v", seen, last, err)
	}
}

// digest is what change.Digest says of a change with one event.
func digest(t *testing.T, controller, id, entry []byte) [sha256.Size]byte {
	e, err := change.ParseEntry(entry, 1)
	if err != nil {
		t.Fatal(err)
	}
	form, err := e.Event.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	at := binary.BigEndian.AppendUint64(nil, uint64(e.RecordedAt))
	for _, part := range [][]byte{controller, id, []byte(e.By.Kind), []byte(e.By.ID), []byte(e.By.Issuer), at, form} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return sha256.Sum256(b)
}

// TestNodesAreKnown goes through what nodes share.
func TestNodesAreKnown(t *testing.T) {
	url := migrated(t)
	first, second := open(t, postgres.Config{URL: url}, store.Observers{}), open(t, postgres.Config{URL: url}, store.Observers{})
	ctx := t.Context()
	if _, err := first.Record(ctx, grant(subject(1), "event")); err != nil {
		t.Fatal(err)
	}
	page, err := second.Poll(ctx, cluster.NodeID{}, 0, 10)
	if err != nil || page.Head != 1 || !page.Known || page.At != store.Begin(first.ID(), 0) || len(page.Changes) != 1 {
		t.Fatalf("page %+v, error %v", page, err)
	}
	here := cluster.Place{Revision: 1, Chain: page.HeadChain}
	elsewhere := cluster.Place{Revision: 1, Chain: store.Chain{1}}
	me := cluster.Node{ID: cluster.NodeID{7}, Renewal: 1, Lease: 2 * time.Second, About: []byte(`{"name": "a"}`), Policy: 3}

	server, err := first.Renew(ctx, me)
	if err != nil || server == "" || server != page.Server {
		t.Errorf("renewed at %q, polled %q, error %v", server, page.Server, err)
	}
	if _, err := second.Renew(ctx, me); err == nil {
		t.Error("a renewal that is not newer than the one registered went well")
	}
	check := func(applied consent.Revision, renewal uint64) {
		t.Helper()
		want := me
		want.Applied.Revision, want.Renewal = applied, renewal
		got, err := second.Nodes(ctx)
		diff := cmp.Diff([]cluster.Node{want}, got.Nodes, cmpopts.IgnoreFields(cluster.Node{}, "RenewedAt"))
		if err != nil || got.Head != 1 || got.Server != server || diff != "" {
			t.Errorf("nodes %+v, error %v (-want +got):\n%s", got, err, diff)
		}
	}
	check(0, 1)
	must(t, first.Report(ctx, me.ID, elsewhere))
	check(0, 1)
	must(t, first.Report(ctx, me.ID, here))
	check(1, 1)
	me.Applied = elsewhere
	me.Renewal = 2
	_, err = first.Renew(ctx, me)
	must(t, err)
	me.Applied = cluster.Place{}
	check(1, 2)

	must(t, first.Demand(ctx, 9))
	must(t, first.Demand(ctx, 5))
	page, err = second.Poll(ctx, cluster.NodeID{}, 1, 0)
	if err != nil || page.Wanted != 9 || len(page.Changes) > 0 || page.At != here.Chain {
		t.Errorf("page %+v, error %v", page, err)
	}
	if page, err := second.Poll(ctx, cluster.NodeID{}, 2, 10); err != nil || page.Known {
		t.Errorf("beyond the head: page %+v, error %v", page, err)
	}
	must(t, second.Remove(ctx, me.ID, 1))
	check(1, 2)
	must(t, second.Remove(ctx, me.ID, 2))
	if got, err := second.Nodes(ctx); err != nil || len(got.Nodes) > 0 || got.Head != 1 {
		t.Errorf("nodes %+v, error %v", got, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestHintsAreHeard: a node hears that another one wrote.
func TestHintsAreHeard(t *testing.T) {
	url := migrated(t)
	writer, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: quiet})
	must(t, err)
	defer writer.Close()
	reader, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: quiet})
	must(t, err)
	defer reader.Close()
	<-reader.Hints() // that it listens now
	<-writer.Hints()
	for i := range 2 {
		_, err := writer.Renew(t.Context(), cluster.Node{ID: cluster.NodeID{byte(i)}, Renewal: 1})
		must(t, err)
	}
	_, err = writer.Poll(t.Context(), cluster.NodeID{}, 0, 0) // there are two nodes: hints are worth it
	must(t, err)
	writer.Hint()
	<-reader.Hints()
	select {
	case <-writer.Hints():
		t.Error("a node heard its own hint")
	default:
	}
}

// TestOldChangesArePruned, and their marks stay.
func TestOldChangesArePruned(t *testing.T) {
	url := migrated(t)
	// More are kept than a group has, so that the feeds of these nodes do not fall behind what is pruned.
	config := postgres.Config{URL: url, KeepChanges: 2000, PruneInterval: 10 * time.Millisecond}
	n, other := open(t, config, store.Observers{}), open(t, config, store.Observers{})
	const last = 2*4096 + 2100
	var wg sync.WaitGroup
	for w := range 512 {
		wg.Go(func() {
			for i := w; i < last; i += 512 {
				if _, err := n.Record(t.Context(), grant(subject(i), fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var page cluster.Page
	for page.Pruned < 2*4096 {
		var err error
		page, err = other.Poll(t.Context(), cluster.NodeID{}, 5, 10)
		must(t, err)
	}
	if page.Known || len(page.Changes) > 0 || page.Head != last {
		t.Errorf("after what was pruned: known %v, %d changes, head %d", page.Known, len(page.Changes), page.Head)
	}
	page, err := other.Poll(t.Context(), cluster.NodeID{}, page.Pruned, 10)
	if err != nil || !page.Known || len(page.Changes) != 10 || page.Changes[0].Revision != 2*4096+1 {
		t.Errorf("after the newest that was pruned: page %+v, error %v", page, err)
	}
	for r := consent.Revision(last - 8000); r <= last; r += 500 {
		want, noted := n.marks.Get(r)
		got, known, err := other.Mark(t.Context(), r)
		if err != nil || !noted || !known || got != want {
			t.Errorf("revision %d: mark %x, %v, want %x, %v, error %v", r, got, known, want, noted, err)
		}
	}
}
