package cache

import (
	"hash/maphash"
	"unique"

	"github.com/consentd/consentd/server/consent"
)

// Settle waits until ristretto has taken in what was set.
func (c *Cache) Settle() {
	if c.entries != nil {
		c.entries.Wait()
	}
}

// Plant puts an entry of one subject where another's would be, as a collision of hashes does.
func (c *Cache) Plant(where, whose consent.Subject, s consent.Snapshot) {
	e, _ := c.newWhole(entry{controller: unique.Make(whose.Controller), id: whose.ID, asOf: s.AsOf, history: c.history.Load()}, s)
	c.entries.Set(c.hash(where), e, 1)
	c.Settle()
}

// PlantAlias puts an id of a person into the cache, without the person.
func (c *Cache) PlantAlias(s consent.Subject, person consent.PersonKey, asOf consent.Revision) {
	alias := entry{controller: unique.Make(s.Controller), id: s.ID, person: person, asOf: asOf, history: c.history.Load()}
	c.entries.Set(c.hash(s), &alias, 1)
	c.Settle()
}

// Floor returns the floor of a subject.
func (c *Cache) Floor(s consent.Subject) consent.Revision {
	_, floor := c.history.Load().of(c.hash(s))
	return floor
}

// HashOf returns the hash of a subject under a given seed.
func HashOf(seed maphash.Seed, s consent.Subject) uint64 { return (&Cache{seed: seed}).hash(s) }
