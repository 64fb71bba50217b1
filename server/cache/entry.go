package cache

import (
	"strings"
	"unique"
	"unsafe"

	"github.com/consentd/consentd/server/consent"
)

// entry is what is cached under a hash; immutable. There are three kinds: an id that stands alone or is shared, with
// its body; an alias, which is an id of a person, with the person's key and no body; and a person, with its key, its
// body and no id. So what eight ids read is kept once, and each id of 16 bytes takes 181 bytes more, 200 by the
// reckoning (BenchmarkMemoryOfIDs).
//
// A hit by an alias needs a person that is as fresh as the floor of the id that was asked, which every change of its
// person raises. The alias itself may be older. A key never has another membership, and ends with it: a person who was
// read by its key as of a revision had the id at that revision, whenever the alias was read. Comparing the alias too
// would only have every id read the store anew after each change of its person. Comparing it instead would be wrong: it
// says nothing of how old the state is.
type entry struct {
	controller unique.Handle[string]
	id         string
	person     consent.PersonKey
	// asOf is the revision as of which the entry was read.
	asOf consent.Revision
	body *body
	// history is the store's in which it was read.
	history *history
}

// body is a state with what was prepared from it.
type body struct {
	state    *consent.State
	changed  consent.Revision
	prepared any
	// cost is that of the entry that it came with, in bytes.
	cost int64
}

// whole is an entry in one piece with its body, so that a hit reads memory that lies together.
type whole struct {
	entry
	held body
}

// What an entry takes beside its state and its id's bytes: itself, and its share of ristretto's two maps. These hold 56
// and 16 bytes per entry and are between half full and full; BenchmarkMemory measures the sum.
const (
	mapBytes   = 120
	aliasBytes = int(unsafe.Sizeof(entry{})) + mapBytes
	wholeBytes = int(unsafe.Sizeof(whole{})) + mapBytes
)

// names reports whether the entry is that of a subject's id.
func (e *entry) names(s consent.Subject) bool {
	return e.id == s.ID && e.controller.Value() == s.Controller && (e.body == nil || e.person == consent.PersonKey{})
}

// isOf reports whether the entry is that of the person to whom alias belongs.
func (e *entry) isOf(alias *entry) bool {
	return e.body != nil && e.person == alias.person && e.controller == alias.controller && e.history == alias.history
}

// same reports whether two entries are of the same id or person.
func (e *entry) same(o *entry) bool {
	return e.controller == o.controller && e.id == o.id && (e.id != "" || e.person == o.person)
}

// snapshot is the body as a state that was read as of a revision.
func (b *body) snapshot(person consent.PersonKey, asOf consent.Revision) consent.Snapshot {
	return consent.Snapshot{State: b.state, Changed: b.changed, AsOf: asOf, Person: person, Prepared: b.prepared}
}

// keep puts what was read for a flight into the cache and returns it as it was kept.
func (c *Cache) keep(key flightKey, read consent.Snapshot) consent.Snapshot {
	of := entry{controller: unique.Make(key.subject.Controller), asOf: read.AsOf, history: key.history}
	id := strings.Clone(key.subject.ID)
	if read.Person == (consent.PersonKey{}) {
		of.id = id
		e, cost := c.newWhole(of, read)
		c.set(c.hash(key.subject), e, cost+int64(len(id)))
		return e.body.snapshot(e.person, e.asOf)
	}
	of.person = read.Person
	e := c.keepPerson(of, read)
	alias := of
	alias.id = id
	c.set(c.hash(key.subject), &alias, int64(aliasBytes+len(id)))
	return e.body.snapshot(e.person, e.asOf)
}

// keepPerson keeps a person's state, once for all ids: one that is there with the same newest change is the same state,
// prepared already.
func (c *Cache) keepPerson(e entry, read consent.Snapshot) *entry {
	hash := c.personHash(e.controller, e.person)
	if old, found := c.entries.Get(hash); found && old.isOf(&e) && old.body.changed == read.Changed {
		if old.asOf >= read.AsOf {
			return old
		}
		renewed := e
		renewed.body = old.body
		c.set(hash, &renewed, old.body.cost)
		return &renewed
	}
	fresh, cost := c.newWhole(e, read)
	c.set(hash, fresh, cost)
	return fresh
}

// newWhole returns an entry that holds on to nothing of the caller's, and its cost in bytes without the id's.
func (c *Cache) newWhole(e entry, read consent.Snapshot) (*entry, int64) {
	w := &whole{entry: e, held: body{state: read.State, changed: read.Changed}}
	w.body = &w.held
	cost := wholeBytes
	if read.State.Empty() {
		w.held.state = c.unknown
	} else {
		cost += read.State.Bytes()
	}
	if c.config.Prepare != nil {
		var bytes int
		w.held.prepared, bytes = c.config.Prepare(w.held.state)
		cost += bytes
	}
	w.held.cost = int64(cost)
	return &w.entry, w.held.cost
}

func (c *Cache) set(hash uint64, e *entry, cost int64) {
	if !c.entries.Set(hash, e, cost) {
		c.counts.rejections.Add(1)
	}
}
