package store

import (
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"

	"github.com/consentd/consentd/server/consent"
)

// Chain names the history of a store up to a revision: stores that differ in any change up to it have other chains. So
// what was seen of a history that the store lost, by a fail-over or the restoring of an old copy, is told from what
// took its place.
type Chain [sha256.Size]byte

// Begin is the chain of a store from whose revision on one is kept, of which the history before is not in it. A new
// store's begins at zero.
func Begin(id ID, revision consent.Revision) Chain {
	return sha256.Sum256(binary.BigEndian.AppendUint64(id[:], uint64(revision)))
}

// Next is the chain after one more change, of which digest tells the content.
func (c Chain) Next(revision consent.Revision, digest [sha256.Size]byte) Chain {
	b := make([]byte, 0, len(c)+8+len(digest))
	b = append(b, c[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(revision))
	return sha256.Sum256(append(b, digest[:]...))
}

// Mark is the part of a chain that tokens carry: of 2^32 lost histories one passes for the other.
func (c Chain) Mark() Mark { return Mark(binary.BigEndian.Uint32(c[:4])) }

// Mark is the first four bytes of a chain.
type Mark = consent.HistoryMark

// MarksKept is how many revisions Marks knows: tokens that are handed out are of the newest.
const MarksKept = 1 << 16

// Marks knows the marks of the newest revisions. The zero value knows none. All methods may be called concurrently; a
// lookup is one atomic load.
type Marks struct {
	// slots[r%MarksKept] holds the low half of the revision r and its mark.
	slots [MarksKept]atomic.Uint64
}

// Put notes the mark of a revision in the place of that of the one MarksKept before. Revision 0 is not noted.
func (m *Marks) Put(r consent.Revision, mark Mark) {
	if r != 0 {
		m.slots[r%MarksKept].Store(uint64(uint32(r))<<32 | uint64(mark))
	}
}

// Get returns the mark of a revision; false: it is not known here.
func (m *Marks) Get(r consent.Revision) (Mark, bool) {
	v := m.slots[r%MarksKept].Load()
	return Mark(uint32(v)), v != 0 && r != 0 && uint32(v>>32) == uint32(r)
}

// Clear forgets all: the store has another history.
func (m *Marks) Clear() {
	for i := range m.slots {
		m.slots[i].Store(0)
	}
}
