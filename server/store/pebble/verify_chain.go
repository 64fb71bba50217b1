package pebble

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/change"
)

// chaining gathers what the chain of a history is made of: 36 bytes a revision.
type chaining struct {
	// of and entries are the change whose entries are coming: a change's stand together in its subject's ledger, apart
	// from those that were said under other ids.
	of struct {
		consent.Subject
		revision consent.Revision
	}
	entries [][]byte
	// digests are those of all changes that could be read, by their revisions.
	digests map[consent.Revision][32]byte
	// marks are those kept, in the order of revisions.
	marks []marked
}

// marked is a revision and its mark.
type marked struct {
	revision consent.Revision
	mark     store.Mark
}

// entry takes an entry that was said under the id in whose ledger it is.
func (c *chaining) entry(subject consent.Subject, at change.Position, value []byte) {
	if c.of.Subject != subject || c.of.revision != at.Revision {
		c.end()
		c.of.Subject, c.of.revision = subject, at.Revision
	}
	c.entries = append(c.entries, bytes.Clone(value))
}

// end takes the entries of a change as whole.
func (c *chaining) end() {
	if len(c.entries) == 0 {
		return
	}
	if c.digests == nil {
		c.digests = map[consent.Revision][32]byte{}
	}
	// What cannot be read is a fault of its own.
	if digest, err := change.DigestOf(c.of.Subject, c.entries); err == nil {
		c.digests[c.of.revision] = digest
	}
	c.entries = c.entries[:0]
}

// mark takes the mark of a revision.
func (v *verification) mark(key, value []byte) error {
	mark, err := parseMark(value)
	if len(key) != 8 || err != nil {
		v.fault("the mark of a revision is malformed, at %x", key)
		return nil
	}
	v.marks = append(v.marks, marked{consent.Revision(binary.BigEndian.Uint64(key)), mark})
	return nil
}

// chained holds the marks, and the chain at the newest revision, against the ledger.
func (v *verification) chained(s *Store) {
	v.end()
	value, err := s.get(s.db, chainKey)
	if err != nil || len(value) != len(store.Chain{}) {
		if v.Format >= 5 || value != nil {
			v.fault("the chain of the history is missing, or malformed")
		}
		return
	}
	chain, last, ok := v.follow(s.id)
	switch {
	case !ok: // said already
	case last != v.Revision:
		v.fault("revision %d of %d has no mark", last+1, v.Revision)
	case chain != store.Chain(value):
		v.fault("the chain at revision %d is not that of the ledger", last)
	}
}

// follow makes the chain of the ledger anew, from where the store began it, and compares each mark with it.
func (v *verification) follow(id store.ID) (chain store.Chain, last consent.Revision, ok bool) {
	chain, marks := store.Begin(id, 0), slices.Clone(v.marks)
	if len(marks) > 0 {
		if begun := store.Begin(id, marks[0].revision); begun.Mark() == marks[0].mark {
			chain, last, marks = begun, marks[0].revision, marks[1:]
		}
	}
	for _, m := range marks {
		if last++; m.revision != last {
			v.fault("revision %d has no mark, %d has", last, m.revision)
			return chain, last, false
		}
		if chain = chain.Next(last, v.digests[last]); chain.Mark() != m.mark {
			v.fault("revision %d is not the one that the chain of the history has", last)
			return chain, last, false
		}
	}
	return chain, last, true
}
