package pebble

import (
	"fmt"
	"io"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
)

// countedReader counts point lookups, and allows nothing else.
type countedReader struct {
	engine.Reader
	from engine.Reader
	gets int
}

func (r *countedReader) Get(key []byte) ([]byte, io.Closer, error) {
	r.gets++
	return r.from.Get(key)
}

// linked returns a store with a person of n ids, subject-0 to subject-(n-1).
func linked(t testing.TB, n int) *Store {
	t.Helper()
	s := mustOpen(t, vfs.NewMem(), nil)
	mustRecord(t, s, grantOf(subject(0), "grant"))
	for i := 1; i < n; i++ {
		mustRecord(t, s, batchOf(subject(0), fmt.Sprint("link-", i), consent.Link{With: subject(i).ID}))
	}
	return s
}

// TestReadsArePointLookups: one for an id that stands alone or is shared, two for one of a person, however many
// ids it has.
func TestReadsArePointLookups(t *testing.T) {
	s := linked(t, 8)
	mustRecord(t, s, grantOf(subject(20), "alone"))
	mustRecord(t, s, batchOf(subject(30), "shared", consent.Sharing{Shared: true}))
	mustRecord(t, s, batchOf(subject(0), "link-30", consent.Link{With: subject(30).ID}))
	for i, want := range map[int]int{0: 2, 7: 2, 20: 1, 30: 1, 40: 1} {
		r := &countedReader{from: s.view.Load().snapshot}
		if _, err := find(r, subject(i), false); err != nil || r.gets != want {
			t.Errorf("id %d: %d point lookups, error %v; want %d", i, r.gets, err, want)
		}
	}
}

// TestRowsRoundTrip also reads rows that are cut off or malformed: an error, and no panic.
func TestRowsRoundTrip(t *testing.T) {
	person := &consent.Person{IDs: []string{"a", "b\x00"}, Shared: []string{"c"}}
	state := consent.Fold([]consent.Event{{ID: "e", OccurredAt: 5, Fact: consent.Objection{}}})
	for _, want := range []row{
		{changed: 9, state: state}, {changed: 9, state: state, person: person},
		{changed: 9, state: state, person: &consent.Person{Shared: []string{"c"}}},
	} {
		form := appendState(nil, want.changed, want.state)
		if want.person != nil {
			form = appendMembers([]byte{0, rowShared}, want)
		}
		got, err := rowOf(nil, "example", form, true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-written +read:\n%s", diff)
		}
		for n := range form {
			if _, err := rowOf(nil, "example", form[:n:n], true); err == nil {
				t.Errorf("the first %d of %d bytes are read", n, len(form))
			}
		}
	}
	for _, alias := range [][]byte{{0, rowAlias}, {0, 9}, appendAlias(nil, consent.PersonKey{})} {
		if _, err := rowOf(nil, "example", alias, false); err == nil {
			t.Errorf("alias %v is read", alias)
		}
	}
}

// A person who is missing is damage, not somebody unknown.
func TestMissingPersonIsAnError(t *testing.T) {
	s := linked(t, 2)
	r, err := find(s.db, subject(1), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Delete(personKey("example", r.key), nil); err != nil {
		t.Fatal(err)
	}
	if r, err := find(s.db, subject(1), false); err == nil {
		t.Errorf("read %+v", r)
	}
}

func BenchmarkReadOfPeople(b *testing.B) {
	for _, n := range []int{1, 8} {
		b.Run(fmt.Sprint("ids=", n), func(b *testing.B) {
			s := linked(b, n)
			ctx, who := b.Context(), subject(n-1)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Read(ctx, who); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
