package token

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"
	"unsafe"
)

// table remembers verified tokens. It has a fixed number of places, a few for each digest, and takes no lock: a token
// that many goroutines show at once is read by all of them at once, from one place. A map with a lock per shard made
// them wait for each other, since one caller's calls all show one token. Places are written seldom, and a token that is
// overwritten is verified again.
type table struct {
	places       []atomic.Pointer[entry]
	hits, misses atomic.Uint64
}

// The table's size: 16,384 tokens, of 1 to 10 kB each with their claims.
const (
	ways = 4
	rows = 4096
)

// entry is a token that holds, while set is the one that counts. It is immutable.
type entry struct {
	digest [sha256.Size]byte
	set    *keySet
	Verified
}

func newTable() *table { return &table{places: make([]atomic.Pointer[entry], rows*ways)} }

// digestOf does not copy the text. The digests of good tokens are compared in any way that is fast: who could choose
// digests by their beginnings could find tokens by trying.
func digestOf(text string) *[sha256.Size]byte {
	digest := sha256.Sum256(unsafe.Slice(unsafe.StringData(text), len(text)))
	return &digest
}

func (t *table) row(digest *[sha256.Size]byte) []atomic.Pointer[entry] {
	first := binary.LittleEndian.Uint64(digest[:]) % rows * ways
	return t.places[first : first+ways]
}

// get returns what is known of a token under the keys of a set; nil: nothing is.
func (t *table) get(digest *[sha256.Size]byte, set *keySet) *entry {
	row := t.row(digest)
	for i := range row {
		if e := row[i].Load(); e != nil && e.digest == *digest && e.set == set {
			t.hits.Add(1)
			return e
		}
	}
	t.misses.Add(1)
	return nil
}

// put remembers a token: in a place of its own, one that nobody needs, or any.
func (t *table) put(e *entry, now time.Time) {
	row := t.row(&e.digest)
	place := int(e.digest[8]) % ways
	for i := range row {
		other := row[i].Load()
		if other == nil || other.digest == e.digest || other.set != e.set || !now.Before(other.Expires) {
			place = i
			break
		}
	}
	row[place].Store(e)
}

// size is how many tokens are remembered that count.
func (t *table) size(set *keySet, now time.Time) (n int) {
	for i := range t.places {
		if e := t.places[i].Load(); e != nil && e.set == set && now.Before(e.Expires) {
			n++
		}
	}
	return n
}
