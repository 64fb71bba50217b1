// Package change is what one batch does to a store: which of its events are new, which ledgers they go into, what is
// kept of each id after them, and what became of each. It is the same for every engine, which reads for it (Reader) and
// writes what it returns (Change); the engine alone knows how the two are one atomic step.
//
// Ids that are linked are one person: each of them has an alias in place of its state, and the state stands once,
// under a key that is drawn anew whenever an id comes or goes (Row). Links are rare and change what is kept of all ids
// that they touch, from their ledgers (links.go); all other events advance states as they are (plan.go).
//
// The binary forms of what is kept are here too (form.go, row.go), so that all engines keep the same bytes and what one
// of them wrote can be told by them to be what another did. Another form is another format of a store.
//
// A plan is a pure function of what was read, the batch and the revision. An engine that orders its changes under a
// lock can so plan once before it, to read without holding it (Memo), and again under it, to get the revisions right;
// and one that commits several batches at once has each see those before it (Overlay).
package change

import (
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// Reader reads what a store keeps before a change. What it returns is not changed by a plan, and must not be changed
// while there is one; one reader is used by one goroutine at a time. Its errors fail the plan with
// consent.ErrUnavailable.
type Reader interface {
	// Find returns what is kept of an id, of one of a person what is kept of that person, whole; Unknown where nothing
	// is.
	Find(subject consent.Subject) (Row, error)
	// Recorded returns the controller's event of that id, and the id under which it was said; nil: there is none.
	Recorded(controller, event string) (said *consent.Event, subject string, err error)
	// Ledger returns all entries of an id's own ledger, in the order of recording.
	Ledger(subject consent.Subject) ([]consent.Entry, error)
}

// Batch is a batch with the binary forms of its events.
type Batch struct {
	consent.Batch
	// Forms are those of the events, in their order.
	Forms [][]byte
	// Bytes is how long the forms are together.
	Bytes int
}

// Prepare makes the binary forms of a batch's events. An error is a *consent.EventError.
func Prepare(batch consent.Batch) (Batch, error) {
	b := Batch{Batch: batch, Forms: make([][]byte, len(batch.Events))}
	for i := range batch.Events {
		form, err := batch.Events[i].AppendBinary(nil)
		if err != nil {
			return Batch{}, &consent.EventError{Index: i, ID: batch.Events[i].ID, Err: err}
		}
		b.Forms[i], b.Bytes = form, b.Bytes+len(form)
	}
	return b, nil
}

// Change is what a batch does to a store, immutable. Where it adds nothing all but Recorded is empty, and nothing is to
// be written.
type Change struct {
	Subject consent.Subject
	// Recorded answers the batch. Its revision is that of the change, or the one before where it adds nothing.
	Recorded consent.Recorded
	// Entries go into the ledgers, in the order of their positions. The one whose Said is empty is in the ledger of the
	// id under which its event was said, and that is where the event's id is to lead: its At and ID are the event's place.
	Entries []Entry
	// States are what is now kept of ids, with what they replace; of an id of a person its alias.
	States map[string]Row
	// People are what is now kept of the controller's people, with what they replace; Gone are the keys of those who are
	// no more. No key comes again once it is gone, and none is in both.
	People map[consent.PersonKey]Row
	Gone   []consent.PersonKey

	batch *Batch
	added []int
}

// Entry is a new entry of a ledger.
type Entry struct {
	consent.Entry
	// ID is the id in whose ledger it is, Said the one under which it was said, empty: the same.
	ID, Said string
	At       Position
	// form is the event's binary form, as this ledger has it.
	form []byte
}

// Adds reports whether the batch added anything: only then the change takes its revision.
func (c *Change) Adds() bool { return len(c.added) > 0 }

// Told is what observers are told of a change that adds something.
func (c *Change) Told() store.Change {
	return store.Change{Subject: c.Subject, Also: c.Recorded.Also, Revision: c.Recorded.Revision}
}

const recording = "recording events"

// unavailable says that reading failed because of err.
func unavailable(err error) error {
	return fmt.Errorf("%s: %w: %w", recording, consent.ErrUnavailable, err)
}
