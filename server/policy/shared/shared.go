// Package shared is the contract of what the nodes of a store have in common of policies: sets by the digest of their
// files, and which of them was activated when, by whom, and who had proven it.
//
// Activations are numbered from 1 without a gap, and the newest is in force: on every node, as soon as it hears of it.
// One is made by comparing and setting: of two that follow the same one, one alone is made. A set is there before the
// activation that names it, and neither is ever changed or removed.
//
// A store keeps what it is given and looks at none of it. Who fetches a set holds it against its digest, so a set that
// was damaged or exchanged is an error there, never another set. That a set was proven is told by its activation, which
// is as trustworthy as the store's rows are: who may write those may activate what they like.
package shared

import (
	"context"
	"errors"

	"github.com/consentd/consentd/server/consent"
)

// ErrNoSet is returned by Sets for a digest of which no set was put.
var ErrNoSet = errors.New("the store has no policies of this digest")

// Sets are the sets and activations of a store. Each method is one statement or one transaction, bounded by its
// context, and fails with an error that wraps consent.ErrUnavailable where the store cannot be reached in time: of Put
// and Activate it says nothing of whether they were done. All may be called concurrently, by any number of nodes. They
// are more than four because a set is put before it is named: what uploads it holds no lock that others wait for.
type Sets interface {
	// Put keeps a set. One that is kept already, by its digest, stays as it is.
	Put(context.Context, Set) error
	// Activate makes an activation, whose number is the one after the newest that its maker saw. Its errors are
	// consent.ErrPolicyRevision, where the newest is another one by now, and ErrNoSet. Revision and Controllers are those
	// of the set.
	Activate(context.Context, Activation) error
	// Current is the newest activation; false: there was none. It is as new as the store is: what Activate returned
	// before it began is there, whoever asks.
	Current(context.Context) (Activation, bool, error)
	// Fetch returns a set's files, as they were put, or ErrNoSet.
	Fetch(ctx context.Context, digest string) ([]byte, error)
	// History returns the newest activations, at most so many, the newest first.
	History(ctx context.Context, limit int) ([]Activation, error)
}

// Set is a set of policies as it is put.
type Set struct {
	// Digest is that of its files, tests and cases included, as source.Files has it: 64 hexadecimal digits.
	Digest string
	// Revision is the digest of what of them decides, as decisions name it. Sets that differ in their tests alone have
	// one.
	Revision string
	// Controllers are the ids of those that it declares, sorted.
	Controllers []string
	// Packed are the files, as source.Files.Zip writes them.
	Packed []byte
}

// Activation is that a set was put in force.
type Activation struct {
	// Number counts the activations of a store, from 1.
	Number uint64
	// Digest names the set; Revision and Controllers are as in Set.
	Digest, Revision string
	Controllers      []string
	// Previous is the revision that was in force before, on the node that activated.
	Previous string
	// ProvenBy names the node that put the set through admission, Prover the build of the server that did, as
	// reload.Shared.Prover has it: nodes of the same one trust the proof.
	ProvenBy, Prover string
	// At is when it was, by that node's clock, and never before the activation before. Stores keep it to the microsecond.
	At consent.Instant
	// By is who activated it; zero: nobody was asked.
	By consent.Identity
}
