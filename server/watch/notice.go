package watch

import (
	"time"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// Notice is what a watcher is told at once: the announcements after position From, up to Position. It is the
// receiver's.
type Notice struct {
	// Hello is set in the first alone.
	Hello          *Hello
	From, Position uint64
	// Slots are those in which something changed.
	Slots []uint32
	// Revision is the newest of all changes told so far.
	Revision consent.Revision
	// Policy is the digest of the policies in force; empty: what was told before holds.
	Policy string
	// Heartbeat is the one that this answers, and with which the lease begins anew; zero: none.
	Heartbeat uint64
	// Time is the clock of decisions; it comes with a heartbeat.
	Time consent.Instant
}

// Hello is what a watcher must know first. It is immutable: all watchers of a hub share one.
type Hello struct {
	StoreID store.ID
	Slots   wire.Slots
	// Lease is how long a lease lasts, Heartbeat how often the client should ask for a new one.
	Lease, Heartbeat time.Duration
}

// Report is what a client says.
type Report struct {
	// Applied is the position up to which it has applied what it was told; no lower than before, or zero: it does not
	// say.
	Applied uint64
	// Heartbeat asks for a lease, by a number above those before; zero: it does not ask.
	Heartbeat uint64
}
