package archive_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/archive"
	"github.com/consentd/consentd/server/policy/shared"
	"github.com/consentd/consentd/server/policy/shared/sharedtest"
	"github.com/consentd/consentd/server/policy/source"
)

// activated puts a set into a store, and activates it.
func activated(t *testing.T, sets *sharedtest.Memory, set *policy.Set, at consent.Instant) {
	t.Helper()
	files, err := source.NewFiles(set.Describe().Files)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := files.Zip("")
	if err != nil {
		t.Fatal(err)
	}
	newest, _, current := sets.Current(t.Context())
	put := sets.Put(t.Context(), shared.Set{
		Digest: files.Digest(), Revision: set.Revision(), Controllers: []string{"acme"}, Packed: packed,
	})
	made := sets.Activate(t.Context(), shared.Activation{
		Number: newest.Number + 1, Digest: files.Digest(), Previous: newest.Revision, ProvenBy: "node-1", At: at,
		By: consent.Identity{Kind: "key", ID: "release"},
	})
	if err := errors.Join(current, put, made); err != nil {
		t.Fatal(err)
	}
}

func sharing(t *testing.T, sets shared.Sets) *archive.Archive {
	t.Helper()
	a, err := archive.Open(archive.Config{Dir: t.TempDir(), Sets: sets})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What came before a node lived is in its history all the same, and what the node had before the store's first
// activation.
func TestTheHistoryIsTheStores(t *testing.T) {
	embedded, one, two := acme(t, "embedded"), acme(t, "1"), acme(t, "2")
	sets := &sharedtest.Memory{}
	a := sharing(t, sets)
	if err := a.Begin(embedded, "the binary", 1000); err != nil {
		t.Fatal(err)
	}
	want := []consent.PolicySpan{{
		Revision: embedded.Revision(), From: 1000, Source: "the binary", Controllers: []string{"acme"}, Kept: true,
	}}
	if diff := cmp.Diff(want, spans(t, a)); diff != "" {
		t.Errorf("without an activation (-want +got):\n%s", diff)
	}
	activated(t, sets, one, 5000)
	if err := a.Begin(one, "ActivatePolicy", 6000); err != nil { // the node hears of it later
		t.Fatal(err)
	}
	activated(t, sets, two, 9000)
	by := consent.Identity{Kind: "key", ID: "release"}
	span := func(s *policy.Set, from, until consent.Instant, number uint64) consent.PolicySpan {
		return consent.PolicySpan{
			Revision: s.Revision(), From: from, Until: until, Source: "ActivatePolicy", Controllers: []string{"acme"}, Kept: true,
			Number: number, By: by, ProvenBy: "node-1",
		}
	}
	want[0].Until = 5000
	want = append([]consent.PolicySpan{span(two, 9000, 0, 2), span(one, 5000, 9000, 1)}, want...)
	if diff := cmp.Diff(want, spans(t, a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:2], spans(t, sharing(t, sets))); diff != "" {
		t.Errorf("a node that came later (-want +got):\n%s", diff)
	}
	for at, revision := range map[consent.Instant]string{
		4999: embedded.Revision(), 5000: one.Revision(), 8999: one.Revision(), 9000: two.Revision(),
	} {
		if got, err := a.At(t.Context(), at); err != nil || got.Revision != revision {
			t.Errorf("at %d: %s, %v; want %s", at, got.Revision, err, revision)
		}
	}
	sets.Lose(1) // an old backup was restored
	if got := spans(t, a); got[0].Revision != one.Revision() || got[0].Until != 0 {
		t.Errorf("after a restore: %+v", got)
	}
}

// What this node does not keep, or not whole, is fetched from the store and verified.
func TestSetsOfBeforeAreFetched(t *testing.T) {
	one, two := acme(t, "1"), acme(t, "2")
	sets := &sharedtest.Memory{}
	activated(t, sets, one, 5000)
	activated(t, sets, two, 9000)
	a := sharing(t, sets)
	for _, s := range []*policy.Set{one, two} {
		if got, err := a.Set(t.Context(), s.Revision()); err != nil || got.Revision() != s.Revision() {
			t.Errorf("%s: %v", s.Revision(), err)
		}
	}
	var gone *consent.PolicyNotKeptError
	if _, err := a.Set(t.Context(), "never"); !errors.As(err, &gone) {
		t.Errorf("what nobody has: %v", err)
	}
	fresh := sharing(t, sets)
	sets.Harm(func(b []byte) []byte { return bytes.Replace(b, []byte("CONTRACT"), []byte("CONTRACU"), 1) })
	if _, err := fresh.Set(t.Context(), one.Revision()); !errors.As(err, &gone) {
		t.Errorf("a damaged set: %v", err)
	}
	sets.Harm(nil)
	mend := sets.Break()
	_, loaded := fresh.Set(t.Context(), one.Revision())
	_, history := fresh.History(t.Context())
	_, at := fresh.At(t.Context(), 5000)
	for name, err := range map[string]error{"Set": loaded, "History": history, "At": at} {
		if !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("%s while the store is away: %v, want ErrUnavailable", name, err)
		}
	}
	if _, err := a.Set(t.Context(), one.Revision()); err != nil {
		t.Errorf("what is loaded needs no store: %v", err)
	}
	mend()
	if _, err := fresh.Set(t.Context(), one.Revision()); err != nil {
		t.Errorf("mended: %v", err)
	}
}
