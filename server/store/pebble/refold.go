package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
)

const (
	// refoldGroup is how many states are folded anew between two fsyncs.
	refoldGroup = 1000
	// refoldProgress is how often the log tells how far that has come.
	refoldProgress = 5 * time.Second
)

// refold folds the states anew that an older version of this program folded by other rules, from their ledgers. It
// happens once: the store then remembers the rules. Interrupted, it goes on where it was, because a state tells by
// which rules it was folded.
func (s *Store) refold() error {
	value, err := s.get(s.db, foldingKey)
	if err != nil {
		return damaged(err)
	}
	rules, _ := binary.Uvarint(value)
	switch {
	case rules == consent.FoldingRules:
		return nil
	case rules > consent.FoldingRules:
		return fmt.Errorf("was folded by the newer rules %d, this version knows %d: use the version that wrote it", rules,
			consent.FoldingRules)
	}
	if err := s.refoldStates(); err != nil {
		return fmt.Errorf("cannot be brought to this version's rules: free space, or restore it from a backup: %w", flattened(err))
	}
	return s.put(foldingKey, binary.AppendUvarint(nil, consent.FoldingRules))
}

// put writes one of the store's own facts durably.
func (s *Store) put(key, value []byte) error {
	if err := s.write(func(b *engine.Batch) error { return b.Set(key, value, nil) }); err != nil {
		return fmt.Errorf("cannot be written: free space or correct its permissions: %w", flattened(err))
	}
	return nil
}

func (s *Store) refoldStates() error {
	p := refolding{store: s, told: time.Now()}
	for _, table := range []byte{tableStates, tablePeople} {
		if err := p.pass(table); err != nil {
			return err
		}
	}
	return p.end()
}

// pass looks at all states of a table.
func (p *refolding) pass(table byte) (err error) {
	prefix := []byte{table}
	iter, err := p.store.db.NewIter(&engine.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	for valid := iter.First(); valid; valid = iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return err
		}
		if err := p.see(iter.Key(), value); err != nil {
			return err
		}
	}
	return iter.Error()
}

// refolding is a pass over the states.
type refolding struct {
	store *Store
	group []refolded
	// done counts the states that were folded anew.
	done int
	told time.Time
}

// refolded is the value of a key of tableStates or tablePeople.
type refolded struct{ key, value []byte }

// see looks at a state, and folds it anew if it is outdated. The bytes are valid during the call.
func (p *refolding) see(key, value []byte) error {
	subject, form, err := storedState(key, value)
	if err != nil || form == nil || !consent.StateOutdated(form) {
		return err
	}
	graph, err := consent.Gather([]string{subject.ID}, func(id string) ([]consent.Entry, error) {
		return ledger(p.store.db, consent.Subject{Controller: subject.Controller, ID: id})
	})
	if err != nil {
		return fmt.Errorf("ledger of subject %q of %s: %w", subject.ID, subject.Controller, err)
	}
	// What stands before the state stays: the revision and, of people and shared ids, the ids.
	next, err := graph.State(subject.ID).AppendBinary(bytes.Clone(value[:len(value)-len(form)]))
	if err != nil {
		return err
	}
	p.group = append(p.group, refolded{bytes.Clone(key), next})
	if len(p.group) < refoldGroup {
		return nil
	}
	return p.flush()
}

// storedState finds the binary form of the state in a value of tableStates or tablePeople, and a subject whose
// state it is. It is nil in the alias of a person, and where it cannot be told: reading the state then says why.
func storedState(key, value []byte) (subject consent.Subject, form []byte, err error) {
	if key[0] == tableStates {
		var ok bool
		if subject, ok = subjectOf(key[1:]); !ok {
			return subject, nil, errors.New("malformed key of a state")
		}
		if len(value) < 2 || value[0] != 0 {
			return subject, afterRevision(value), nil
		}
		if value[1] == rowAlias {
			return subject, nil, nil
		}
		_, rest, err := splitMembers(value[2:])
		return subject, afterRevision(rest), err
	}
	controller, _, ok := textOf(key[1:])
	lists, rest, err := splitMembers(value)
	if !ok || err != nil {
		return subject, nil, errors.Join(err, errMembers)
	}
	p, err := personOf(lists)
	if err != nil || len(p.IDs) == 0 {
		return subject, nil, errMembers
	}
	return consent.Subject{Controller: controller, ID: p.IDs[0]}, afterRevision(rest), nil
}

func afterRevision(b []byte) []byte {
	if _, n := binary.Uvarint(b); n > 0 {
		return b[n:]
	}
	return nil
}

func (p *refolding) flush() error {
	if len(p.group) == 0 {
		return nil
	}
	if err := p.store.write(func(b *engine.Batch) error {
		for _, r := range p.group {
			if err := b.Set(r.key, r.value, nil); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if p.done == 0 {
		p.store.log.log.Info("the rules of folding changed: states are folded anew from their ledgers, once")
	}
	p.done += len(p.group)
	p.group = p.group[:0]
	if now := time.Now(); now.Sub(p.told) >= refoldProgress {
		p.told = now
		p.store.log.log.Info("folding states anew", "states", p.done)
	}
	return nil
}

func (p *refolding) end() error {
	if err := p.flush(); err != nil {
		return err
	}
	if p.done > 0 {
		p.store.log.log.Info("states were folded anew", "states", p.done)
	}
	return nil
}
