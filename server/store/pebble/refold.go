package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
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
		return unwritable(err)
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
	next, err := p.refolded(key, value)
	if err != nil || next == nil {
		return err
	}
	p.group = append(p.group, refolded{bytes.Clone(key), next})
	if len(p.group) < refoldGroup {
		return nil
	}
	return p.flush()
}

// refolded returns a value of tableStates or tablePeople anew; nil: it stays as it is.
func (p *refolding) refolded(key, value []byte) ([]byte, error) {
	if key[0] == tablePeople {
		controller, _, ok := change.CutText(key[1:])
		if !ok {
			return nil, errors.New("malformed key of a person")
		}
		return change.RefoldPerson(value, p.ledgers(controller))
	}
	subject, ok := subjectOf(key[1:])
	if !ok {
		return nil, errors.New("malformed key of a state")
	}
	return change.Refold(value, subject.ID, p.ledgers(subject.Controller))
}

// ledgers returns the ledgers of a controller's ids.
func (p *refolding) ledgers(controller string) func(string) ([]consent.Entry, error) {
	return func(id string) ([]consent.Entry, error) {
		entries, err := ledger(p.store.db, consent.Subject{Controller: controller, ID: id})
		if err != nil {
			err = fmt.Errorf("ledger of subject %q of %s: %w", id, controller, err)
		}
		return entries, err
	}
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
