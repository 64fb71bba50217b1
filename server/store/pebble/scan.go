package pebble

import (
	"context"
	"errors"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

const scanningStates = "scanning subjects' states"

// scanLook is how many subjects are shown between two looks at whether to go on.
const scanLook = 256

// Scan shows subjects in the order of their keys: by the length of the controller's id, the id, then the same of the
// subject's. It holds the view that was current when it began; a store that is closed meanwhile ends it.
func (s *Store) Scan(ctx context.Context, controller string, f func(consent.Subject, consent.Snapshot) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	v := s.current()
	if v == nil {
		return unavailable(scanningStates, errClosed)
	}
	defer v.release()
	prefix := []byte{tableStates}
	if controller != "" {
		prefix = change.AppendText(prefix, controller)
	}
	iter, err := v.snapshot.NewIter(&engine.IterOptions{LowerBound: prefix, UpperBound: successor(prefix)})
	if err != nil {
		return unavailable(scanningStates, err)
	}
	defer func() {
		if closing := iter.Close(); closing != nil && err == nil {
			err = unavailable(scanningStates, closing)
		}
	}()
	return v.scan(ctx, iter, f)
}

func (v *view) scan(ctx context.Context, iter *engine.Iterator, f func(consent.Subject, consent.Snapshot) error) error {
	shown := 0
	for valid := iter.First(); valid; valid = iter.Next() {
		if shown++; shown%scanLook == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if v.store.ended.Load() {
				return unavailable(scanningStates, errClosed)
			}
		}
		subject, r, err := v.shownAt(iter)
		if err != nil {
			return unavailable(scanningStates, err)
		}
		if !r.ComesUnder(subject.ID) {
			continue // the person comes under another id
		}
		if err := f(subject, r.Snapshot(v.revision)); err != nil {
			return err
		}
	}
	if err := iter.Error(); err != nil {
		return unavailable(scanningStates, err)
	}
	return nil
}

// shownAt decodes what the iterator stands on. A panic of pebble, or of the decoder, is an error.
func (v *view) shownAt(iter *engine.Iterator) (subject consent.Subject, r change.Row, err error) {
	defer recovered(scanningStates, &err)
	subject, ok := subjectOf(iter.Key()[1:])
	if !ok {
		return subject, r, errors.New("malformed key of a state")
	}
	value, err := iter.ValueAndErr()
	if err != nil {
		return subject, r, err
	}
	r, err = rowOf(v.snapshot, subject.Controller, value, true)
	return subject, r, err
}

// subjectOf reads what appendSubject wrote, to the end.
func subjectOf(b []byte) (subject consent.Subject, ok bool) {
	controller, b, ok := change.CutText(b)
	if !ok {
		return consent.Subject{}, false
	}
	id, b, ok := change.CutText(b)
	return consent.Subject{Controller: controller, ID: id}, ok && len(b) == 0
}
