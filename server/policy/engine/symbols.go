package engine

import (
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
)

// Str is a string. One that comes from a Symbols table is interned: two
// interned strings of the same table are equal only if they are the same Str.
// All others are compared by content, so values of different tables, or of
// none, mix freely and merely compare a little slower.
type Str struct {
	s   string
	tab *tableID // nil: not interned
	h   uint64   // 0: not yet known
}

// seed is fixed for the process; hashes never leave it.
var seed = maphash.MakeSeed()

// String returns the text.
func (s *Str) String() string { return s.s }

func (s *Str) hash() uint64 {
	if s.h != 0 {
		return s.h
	}
	return hashString(s.s)
}

func hashString(s string) uint64 { return maphash.String(seed, s) | 1 }

// newString makes a string that may be shared: its hash is computed now.
func newString(s string) *Str { return &Str{s: s, h: hashString(s)} }

// same reports whether two strings are equal.
func (s *Str) same(o *Str) bool {
	if s == o {
		return true
	}
	if s.tab != nil && s.tab == o.tab {
		return false
	}
	return s.s == o.s
}

// Symbols is a table of interned strings. One table is meant to be shared by
// everything whose values meet: the programs of successive policies, the
// shapes of their input, the frozen values in caches. It only grows, by the
// strings of policies, data and shapes, never by those of requests: a value
// built before a policy was swapped stays valid and fast after it.
//
// The alternative, a table per program, would make cached input slower at every
// swap, or need a translation on each request. The price is that strings of
// policies that are gone stay. Who loads policies for ever begins a new table
// when one has grown too much: values of two tables mix, as said of Str.
//
// All methods are safe for concurrent use; lookups take no lock.
type Symbols struct {
	id   *tableID
	read atomic.Pointer[map[string]*Str] // what Find sees
	mu   sync.Mutex
	all  map[string]*Str // guarded by mu; a superset of *read
}

// tableID is what a Str knows of its table: enough to compare, and nothing that
// would keep a table alive for one string that a cache still holds.
type tableID struct{ _ byte }

// NewSymbols returns an empty table.
func NewSymbols() *Symbols {
	t := &Symbols{id: &tableID{}, all: map[string]*Str{}}
	t.read.Store(&map[string]*Str{})
	return t
}

// Find returns the interned string, or nil if s was never interned and
// published. It does not allocate.
func (t *Symbols) Find(s string) *Str { return (*t.read.Load())[s] }

// Intern returns the one Str of the table for each of names, in their order,
// and makes them visible to Find.
func (t *Symbols) Intern(names ...string) []*Str {
	out := make([]*Str, len(names))
	for i, n := range names {
		out[i] = t.intern(n)
	}
	t.publish()
	return out
}

// intern adds without publishing: compiling adds thousands, then publishes once.
func (t *Symbols) intern(s string) *Str {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.all[s]; e != nil {
		return e
	}
	e := &Str{s: s, tab: t.id, h: hashString(s)}
	t.all[s] = e
	return e
}

func (t *Symbols) publish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == len(*t.read.Load()) {
		return
	}
	m := maps.Clone(t.all)
	t.read.Store(&m)
}

// Len returns the number of interned strings.
func (t *Symbols) Len() int { return len(*t.read.Load()) }
