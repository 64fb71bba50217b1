package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/postgres"
)

// TestGroupIsPlannedAgainWhereOthersWrote has another node write after a group was read: of what it reads again that is
// seen, and nobody else in the group fails.
func TestGroupIsPlannedAgainWhereOthersWrote(t *testing.T) {
	url := migrated(t)
	first, second := open(t, postgres.Config{URL: url}, store.Observers{}), open(t, postgres.Config{URL: url}, store.Observers{})
	must(t, record1(first, 0))
	erased, mine, unknown := subject(1), subject(2), subject(3)
	taken := grant(erased, "taken")
	group := first.Prepare(t,
		grant(erased, "after the erasure"), grant(mine, "mine"), grant(unknown, "taken"), grant(unknown, "free"),
		grant(subject(4), "same"))
	// Whose erasure begins, whose event's id is used, and what is recorded meanwhile.
	for _, b := range []consent.Batch{taken, grant(subject(4), "same"), {Subject: erased, Events: []consent.Event{{
		ID: "erasure", OccurredAt: 1_790_000_000_000_000_001, Source: "support", Fact: consent.Erasure{Stage: consent.ErasureRequested},
	}}}} {
		_, err := second.Record(t.Context(), b)
		must(t, err)
	}
	recorded, errs := group()
	for i, want := range []error{consent.ErrErasureStands, nil, consent.ErrEventConflict, nil, nil} {
		if !is(errs[i], want) {
			t.Errorf("batch %d: error %v, want %v", i, errs[i], want)
		}
	}
	got := fmt.Sprint(recorded[1].Revision, recorded[3].Revision, recorded[4].Revision, recorded[4].Duplicates)
	if got != "5 6 6 1" {
		t.Errorf("revisions and duplicates %s, want 5 6 6 1: four changes were before", got)
	}
	checkChain(t, url, 6)
}

// TestNodeThatHangsHoldsUpNobodyForLong has a node lock the head and say nothing more.
func TestNodeThatHangsHoldsUpNobodyForLong(t *testing.T) {
	url := migrated(t)
	hanging := open(t, postgres.Config{URL: url, IdleTimeout: 300 * time.Millisecond}, store.Observers{})
	other := open(t, postgres.Config{URL: url, LockTimeout: 30 * time.Second, StatementTimeout: 30 * time.Second}, store.Observers{})
	must(t, record1(hanging, 0))
	write := hanging.Lock(t, grant(subject(1), "late"))
	must(t, record1(other, 2)) // once the database has given the other one up
	unavailable(t, write())
	must(t, record1(hanging, 1))
	checkChain(t, url, 3)
}
