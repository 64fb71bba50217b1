package pebble

import (
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

func (s *Store) refoldStates() (err error) {
	prefix := []byte{tableStates}
	iter, err := s.db.NewIter(&engine.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	p := refolding{store: s, told: time.Now()}
	for valid := iter.First(); valid; valid = iter.Next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return err
		}
		if err := p.see(iter.Key(), value); err != nil {
			return err
		}
	}
	return errors.Join(iter.Error(), p.end())
}

// refolding is a pass over the states.
type refolding struct {
	store *Store
	group []refolded
	// done counts the states that were folded anew.
	done int
	told time.Time
}

// refolded is the value of a key of tableStates.
type refolded struct{ key, value []byte }

// see looks at a state, and folds it anew if it is outdated. The bytes are valid during the call.
func (p *refolding) see(key, value []byte) error {
	revision, n := binary.Uvarint(value)
	if n <= 0 || !consent.StateOutdated(value[n:]) {
		return nil
	}
	subject, ok := subjectOf(key[1:])
	if !ok {
		return errors.New("malformed key of a state")
	}
	entries, err := ledger(p.store.db, subject)
	if err != nil {
		return fmt.Errorf("ledger of subject %q of %s: %w", subject.ID, subject.Controller, err)
	}
	state := consent.FoldEntries(entries)
	p.group = append(p.group, refolded{stateKey(subject), appendState(nil, consent.Revision(revision), state)})
	if len(p.group) < refoldGroup {
		return nil
	}
	return p.flush()
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
