package pebble

import (
	"fmt"
	"io"
	"testing"

	engine "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

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

// A person who is missing is damage, not somebody unknown.
func TestMissingPersonIsAnError(t *testing.T) {
	s := linked(t, 2)
	r, err := find(s.db, subject(1), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Delete(personKey("example", r.Key), nil); err != nil {
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
