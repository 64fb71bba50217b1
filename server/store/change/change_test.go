package change_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
	"github.com/consentd/consentd/server/store/storetest"
)

// batches are random ones of few ids: late events, links, partings, annulments and repetitions among them.
func batches(seed uint64, n int) (all []consent.Batch) {
	random := rand.New(rand.NewPCG(seed, 1))
	generator := storetest.NewGeneratorFrom(random)
	ids := []string{"account:1", "account:2", "cookie:a", "cookie:b", "plain"}
	for range n {
		id, other := ids[random.IntN(len(ids))], ids[random.IntN(len(ids))]
		events := generator.Events(1 + random.IntN(3))
		switch {
		case id == other:
		case random.IntN(4) == 0:
			events[0].Fact = consent.LinkOf(id, other)
		case random.IntN(8) == 0:
			events[0].Fact = consent.Unlink{With: other}
		case random.IntN(10) == 0:
			events[0].Fact = consent.Sharing{Shared: true}
		}
		b := consent.Batch{
			Subject: consent.Subject{Controller: "example", ID: id}, Events: events, By: consent.Identity{Kind: "key", ID: "crm"},
			RecordedAt: consent.InstantOf(storetest.Epoch) + consent.Instant(random.IntN(60))*1e9,
		}
		all = append(all, b)
		if random.IntN(6) == 0 {
			all = append(all, b)
		}
	}
	return all
}

// outcome is what became of a batch.
type outcome struct {
	recorded consent.Recorded
	digest   [32]byte
	err      string
}

// recordAll records batches in groups of a size, as an engine does that plans a group, to read, before it takes a lock,
// plans it again under the lock, and writes it whole.
func recordAll(t *testing.T, m *memory, all []consent.Batch, size int) (outcomes []outcome) {
	t.Helper()
	revision := consent.Revision(0)
	for len(all) > 0 {
		group := all[:min(size, len(all))]
		all = all[len(group):]
		memo := change.NewMemo(m)
		planGroup(t, memo, group, revision+1000)
		m.reads = 0
		overlay, changes, seen := planGroup(t, memo, group, revision)
		if m.reads > 0 {
			t.Fatalf("the same plan reads %d things more", m.reads)
		}
		for _, c := range changes {
			m.write(c)
			revision = c.Recorded.Revision
		}
		m.keep(overlay)
		outcomes = append(outcomes, seen...)
	}
	return outcomes
}

// planGroup plans batches, each seeing those before it, as the changes after a revision.
func planGroup(t *testing.T, from change.Reader, group []consent.Batch, after consent.Revision) (
	o *change.Overlay, changes []*change.Change, outcomes []outcome,
) {
	t.Helper()
	o = change.NewOverlay(from)
	for _, b := range group {
		c, became := planned(t, o, b, after+1)
		outcomes = append(outcomes, became)
		if c != nil && c.Adds() {
			after = c.Recorded.Revision
			o.Add(c)
			changes = append(changes, c)
		}
	}
	return o, changes, outcomes
}

// TestGroupsAreAsOneByOne: batches that are planned together, each before those ahead of it are written, leave the same
// bytes and get the same answers as one at a time.
func TestGroupsAreAsOneByOne(t *testing.T) {
	refused, linked := 0, 0
	for seed := range uint64(60) {
		all := batches(seed, 60)
		single, grouped := newMemory(), newMemory()
		want, got := recordAll(t, single, all, 1), recordAll(t, grouped, all, 2+int(seed%12))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
			t.Fatalf("seed %d: answers (-one by one +in groups):\n%s", seed, diff)
		}
		if diff := cmp.Diff(single, grouped, cmp.AllowUnexported(memory{}, line{}), cmpopts.IgnoreFields(memory{}, "reads")); diff != "" {
			t.Fatalf("seed %d: what is kept (-one by one +in groups):\n%s", seed, diff)
		}
		for _, o := range want {
			if o.err != "" {
				refused++
			}
			linked += len(o.recorded.Also)
		}
	}
	if refused < 100 || linked < 100 {
		t.Errorf("%d refused, %d ids changed beside: the batches say little", refused, linked)
	}
}

// TestMemoForgets: what is forgotten is read again, and nothing else.
func TestMemoForgets(t *testing.T) {
	m := newMemory()
	memo := change.NewMemo(m)
	a, b := consent.Subject{Controller: "example", ID: "a"}, consent.Subject{Controller: "example", ID: "b"}
	read := func() int {
		m.reads = 0
		for _, who := range []consent.Subject{a, b} {
			_, err := memo.Find(who)
			_, err2 := memo.Ledger(who)
			_, _, err3 := memo.Recorded("example", "event of "+who.ID)
			if err := errors.Join(err, err2, err3); err != nil {
				t.Fatal(err)
			}
		}
		return m.reads
	}
	if n := read(); n != 6 {
		t.Errorf("%d reads at first, want 6", n)
	}
	if n := read(); n != 0 {
		t.Errorf("%d reads of what is known", n)
	}
	if !memo.Forget(a) || memo.Forget(a) {
		t.Error("it does not tell what it knew")
	}
	if n := read(); n != 2 {
		t.Errorf("%d reads after one subject was forgotten, want its row and its ledger", n)
	}
	memo.KeepEvent(change.EventID{Controller: "example", ID: "event of a"}, &consent.Event{ID: "event of a"}, "a")
	if got := memo.Missed(); len(got) != 1 || got[0].ID != "event of b" {
		t.Errorf("missed are %v", got)
	}
}

// TestDigestsTellContents: any part of a change makes another digest.
func TestDigestsTellContents(t *testing.T) {
	base := consent.Batch{
		Subject: consent.Subject{Controller: "example", ID: "ab"}, RecordedAt: 7, By: consent.Identity{Kind: "key", ID: "crm"},
		Events: []consent.Event{
			{ID: "1", OccurredAt: 5, Source: "app", Fact: consent.Objection{}},
			{ID: "2", OccurredAt: 5, Source: "app", Fact: consent.Objection{}},
		},
	}
	seen := map[[32]byte]int{}
	for i, alter := range []func(*consent.Batch){
		func(*consent.Batch) {},
		func(b *consent.Batch) { b.Subject = consent.Subject{Controller: "examplea", ID: "b"} },
		func(b *consent.Batch) { b.RecordedAt++ },
		func(b *consent.Batch) { b.By.ID = "" },
		func(b *consent.Batch) { b.By = consent.Identity{Kind: "key", Issuer: "crm"} },
		func(b *consent.Batch) { b.Events = b.Events[:1] },
		func(b *consent.Batch) { b.Events = []consent.Event{b.Events[1], b.Events[0]} },
	} {
		b := base
		alter(&b)
		_, o := planned(t, newMemory(), b, 1)
		if other, twice := seen[o.digest]; twice {
			t.Errorf("changes %d and %d have the same digest", other, i)
		}
		seen[o.digest] = i
	}
	_, again := planned(t, newMemory(), base, 9)
	if _, same := seen[again.digest]; !same {
		t.Error("the revision is in the digest: the chain has it already")
	}
}

func planned(t *testing.T, from change.Reader, b consent.Batch, revision consent.Revision) (*change.Change, outcome) {
	t.Helper()
	prepared, err := change.Prepare(b)
	if err != nil {
		t.Fatal(err)
	}
	c, err := change.Plan(from, &prepared, revision)
	if errors.Is(err, consent.ErrUnavailable) {
		t.Fatal(err)
	}
	if err != nil {
		return nil, outcome{err: err.Error()}
	}
	return c, outcome{recorded: c.Recorded, digest: c.Digest()}
}
