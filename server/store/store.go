// Package store is the contract of a store of consent: an append-only ledger of events, the subject states that they
// add up to, and the revisions that order every change. The engines are packages below it; storetest runs every promise
// named here on each of them.
package store

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// Store keeps ledgers and states. All methods may be called concurrently, until Close.
//
// Ids of one controller that are linked are one person. Every id of a person reads the same state: what all of its ids'
// events add up to, and what restricts of the shared ids that it is linked to. A shared id's own state is what
// restricts of its events and of those of all people linked to it.
//
// Its errors are those of package consent, wrapped: ErrEventConflict, those of erasures, annulments and links,
// ErrBadPageToken, and ErrUnavailable for everything that the disk, the database or a closed store does. Context errors
// come as they are.
type Store interface {
	// ID identifies the store for as long as it exists; tokens carry it. Two stores never share one.
	ID() ID
	// Applied is a revision up to which every change is visible to Read and Events. It never decreases, unless the store
	// turns out to have lost a part of its history (Observers.Lost).
	Applied() consent.Revision
	// Mark returns the mark of a revision of this store's history, however many processes write it; false: it has none,
	// because the revision is beyond the newest, or was recorded before marks were kept.
	Mark(ctx context.Context, revision consent.Revision) (Mark, bool, error)
	// Record writes one subject's batch to the ledger, with the new state and revision, all or nothing. When it returns
	// without an error the batch is durable and visible to every Read that starts later.
	//
	// A batch that adds something takes the next revision: revisions start at 1 and have no gap. Events already
	// recorded with the same content are duplicates and change nothing, also while an erasure stands; a batch of
	// duplicates only takes no revision. A Link or Unlink stands in the ledgers of both ids, an Annulment also in those
	// that hold what it annuls, the completion of an erasure in those of all ids that the person then has; all that
	// changes by it, and Recorded.Also names, changes with this one revision. When ctx ends first, or the error is
	// ErrUnavailable, the batch may have been recorded, or be recorded yet; the caller repeats it.
	Record(ctx context.Context, batch consent.Batch) (consent.Recorded, error)
	// Read returns the subject's state; the state of an unknown subject is not an error. The snapshot's AsOf is a value
	// that Applied had before the state was read. All ids of a person have the same Person key, and nobody else has it.
	Read(ctx context.Context, subject consent.Subject) (consent.Snapshot, error)
	// ReadLatest is Read in which no change is missing that any process's Record acknowledged before it began.
	ReadLatest(ctx context.Context, subject consent.Subject) (consent.Snapshot, error)
	// Person returns who an id names: of an id that stands alone, known or not, the id.
	Person(ctx context.Context, subject consent.Subject) (consent.Person, error)
	// Events returns a page of the ledgers of all of the person's ids, in the order of recording: by revision, then by
	// position in the batch. What stands in several of them comes once. With page.Alone it is the ledger of the one id.
	Events(ctx context.Context, subject consent.Subject, page consent.Page) (consent.Entries, error)
	// Scan calls f with each subject of whom something was recorded, and its state, all as of one revision that Applied
	// had when Scan began, or later; the snapshots' AsOf is that revision. A controller's id limits it to that
	// controller; empty: all. Each person comes once, under the least of its ids, and each shared id by itself, in an
	// order that does not change while nothing is recorded. An error of f ends the scan and is returned as it is. It
	// holds no more than a few states in memory, and f may be slow: writes go on.
	Scan(ctx context.Context, controller string, f func(consent.Subject, consent.Snapshot) error) error
	// Close releases the store. It waits for calls under way; calls that come later fail with ErrUnavailable.
	Close() error
}

// ID identifies a store: 16 random bytes, drawn when it is created.
type ID [16]byte

// Change says that a subject's state changed.
type Change struct {
	Subject consent.Subject
	// Also are the other ids of its controller whose state changed with it: whoever keeps states or decisions must let
	// go of those of all of them before it takes the revision as seen.
	Also     []string
	Revision consent.Revision
}

// Subjects calls f with all subjects whose state changed.
func (c *Change) Subjects(f func(consent.Subject)) {
	f(c.Subject)
	for _, id := range c.Also {
		f(consent.Subject{Controller: c.Subject.Controller, ID: id})
	}
}

// Observer is told of changes, one by one. It must be quick, because writers wait for it, and must not call the store.
type Observer interface{ Changed(Change) }

// Observers are those whom a store tells of its changes: every one, whoever made it and whatever became of that call's
// context, in the order of revisions, each once, unless a history is lost. An engine takes them where it is opened; a
// nil one is told nothing.
type Observers struct {
	// Ahead is told of a change before it is visible: when Changed is called, and for as long as it runs, no Applied,
	// Read, Events or Scan shows the change. So what depends on older states can be given up while the disk syncs.
	//
	// The change may still fail. Then it never becomes visible while the store is open, and no other change takes its
	// revision: the store records nothing more, and Record fails with ErrUnavailable, until it is opened again. Then
	// the change is there whole or not at all, for nobody knows what the disk has kept; whoever was told has to ask
	// anew. Or it waits, for room on the disk: Record fails, and it becomes visible, and After is told, once there is.
	//
	// The promise about revisions is what makes an early announcement safe: an observer that was told a revision knows
	// all changes up to it. Where others may take the revision of a change that failed, as in a store that several
	// processes write, nobody may be told ahead: After alone is right there.
	Ahead Observer
	// After is told of a change after it is visible and counted in Applied, and before the Record that made it returns.
	After Observer
	// Lost is told that the store turned out to have another history than the one whose changes were told, because a
	// fail-over lost some of them, or an older copy was restored; nil: nobody is. Nothing that was seen of the store
	// counts any more. From the revision since on its changes are told again, as of the new history; those up to it are
	// not, and it may be lower than what was told before. It is called before the first of them is told, and like an
	// Observer. A store that one process writes alone never calls it.
	Lost func(since consent.Revision)
}
