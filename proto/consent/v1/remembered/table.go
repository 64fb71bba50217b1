package remembered

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
	"unsafe"
)

// Mark is what a Table needs of its entries, which embed it.
type Mark struct {
	hash uint64
	// bytes is what the entry takes.
	bytes uint32
	// uses counts, up to maxUses, how often the entry was of use, and less for each newcomer that it kept out.
	uses atomic.Uint32
}

// maxUses: an entry that was of use so often keeps as many newcomers out until it is of use again.
const maxUses = 3

func (m *Mark) mark() *Mark { return m }

// Hash is the hash that the entry was put under.
func (m *Mark) Hash() uint64 { return m.hash }

// Use says that the entry was of use. It seldom writes: what is asked often is shared by all cores.
func (m *Mark) Use() {
	if n := m.uses.Load(); n < maxUses {
		m.uses.Store(n + 1)
	}
}

// entry is a type that embeds Mark.
type entry[E any] interface {
	*E
	mark() *Mark
}

// Table keeps entries of a type E, which embeds Mark, in buckets of a fixed size. Its size is fixed, so its memory is;
// a lookup reads eight pointers at most and takes no lock, and nothing in it needs to be right: an entry that is lost
// or there twice costs a miss.
//
// In a bucket a newcomer takes the place of one that was of no use; where all are of use it is turned away. If it comes
// again and finds no free place, they are of one use less. So a scan that asks everything once pushes out little of
// what is asked often, and what was asked often once does not stay for ever. The zero value keeps nothing.
type Table[E any, P entry[E]] struct {
	slots []atomic.Pointer[E]
	// crowded has, per bucket, the hash of a newcomer that found no free place.
	crowded []atomic.Uint32
	// maxBytes bounds what the entries take together; zero: there is no bound.
	maxBytes int64
	taken    atomic.Int64
}

const ways = 8

// NewTable returns a table for about so many entries, rounded up to whole buckets, that take so many bytes together at
// most; zero: there is no bound but the number.
func NewTable[E any, P entry[E]](entries int, maxBytes int64) *Table[E, P] {
	buckets := max(1, (entries+ways-1)/ways)
	return &Table[E, P]{
		slots: make([]atomic.Pointer[E], buckets*ways), crowded: make([]atomic.Uint32, buckets), maxBytes: maxBytes,
	}
}

// SlotBytes is what a place in a table takes, with or without an entry, to the nearest byte.
const SlotBytes = int(unsafe.Sizeof(atomic.Pointer[byte]{}) + unsafe.Sizeof(atomic.Uint32{})/ways)

func (t *Table[E, P]) bucket(hash uint64) (slots []atomic.Pointer[E], crowded *atomic.Uint32) {
	n, _ := bits.Mul64(hash, uint64(len(t.crowded)))
	return t.slots[n*ways : n*ways+ways], &t.crowded[n]
}

// Find returns the entry of a hash that is the one that is sought, or nil.
func (t *Table[E, P]) Find(hash uint64, is func(*E) bool) *E {
	if len(t.slots) == 0 {
		return nil
	}
	bucket, _ := t.bucket(hash)
	for i := range bucket {
		if e := bucket[i].Load(); e != nil && P(e).mark().hash == hash && is(e) {
			return e
		}
	}
	return nil
}

// what Put does with those in a bucket, the worse first.
const (
	absent = iota
	outdated
	useless
	useful
)

// Put takes e in under a hash: in the place of the entry that same calls the same, of none, of one that current does
// not call current any more, or of one that was of no use. Where all are of use it is turned away. It returns the entry
// that is not in the table any more: e itself, another, or nil.
func (t *Table[E, P]) Put(hash uint64, bytes int, e *E, same, current func(*E) bool) (gone *E) {
	if len(t.slots) == 0 {
		return e
	}
	m := P(e).mark()
	m.hash, m.bytes = hash, uint32(bytes)
	bucket, crowded := t.bucket(hash)
	// Which of those of equal worth goes is random: in any fixed order some push each other out for ever.
	victim, worth, from := 0, useful, rand.IntN(ways)
	for i := range bucket {
		at := (i + from) & (ways - 1)
		old := bucket[at].Load()
		w := useful
		switch {
		case old == nil:
			w = absent
		case P(old).mark().hash == hash && same(old):
			return t.place(&bucket[at], e)
		case !current(old):
			w = outdated
		case P(old).mark().uses.Load() == 0:
			w = useless
		}
		if w < worth {
			victim, worth = at, w
		}
	}
	if worth >= useless {
		t.crowd(bucket, crowded, uint32(hash))
	}
	if worth == useful {
		return e
	}
	return t.place(&bucket[victim], e)
}

// place puts e into a slot if there is room for it in all, and returns what is not in the table any more. Where there
// is none, what was in the slot goes all the same, so that there will be.
func (t *Table[E, P]) place(slot *atomic.Pointer[E], e *E) *E {
	if t.maxBytes == 0 {
		return slot.Swap(e)
	}
	if t.taken.Add(int64(P(e).mark().bytes)) <= t.maxBytes {
		old := slot.Swap(e)
		t.left(old)
		return old
	}
	t.left(e)
	t.left(slot.Swap(nil))
	return e
}

func (t *Table[E, P]) left(e *E) {
	if e != nil {
		t.taken.Add(-int64(P(e).mark().bytes))
	}
}

// crowd ages a bucket without a free place if the newcomer found none before: newcomers that come again only push each
// other out, or are turned away. Which of several is remembered is random, as they may come in turn.
func (t *Table[E, P]) crowd(bucket []atomic.Pointer[E], crowded *atomic.Uint32, tag uint32) {
	if crowded.Load() != tag {
		if rand.IntN(4) == 0 {
			crowded.Store(tag)
		}
		return
	}
	for i := range bucket {
		if old := bucket[i].Load(); old != nil {
			m := P(old).mark()
			if n := m.uses.Load(); n > 0 {
				m.uses.Store(n - 1)
			}
		}
	}
}

// Bytes is what the entries take.
func (t *Table[E, P]) Bytes() int64 { return t.taken.Load() }

// All calls f with each entry.
func (t *Table[E, P]) All(f func(*E)) {
	for i := range t.slots {
		if e := t.slots[i].Load(); e != nil {
			f(e)
		}
	}
}
