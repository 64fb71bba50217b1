// Package remembered keeps answers that were given, and says which of them may be given again. It is the one rule for
// the server and for clients' near caches: a decision is a pure function of the request, the subject's state, the
// policies, and of a stretch of time, and each of these is seen to change.
//
// An answer counts while all of this holds:
//   - no change that was told since has overtaken the state behind it (Floors), in the same history of the store;
//   - the policies that it was decided by are those in force;
//   - it reflects what the request demands;
//   - the clock is within the time that it is for;
//   - whoever gives it may answer from what it remembers at all: its lease holds.
//
// Lookups take no lock. What makes them right is the order in which they read: first the lease, then the policies and
// the floors (by Terms.Current), last the clock and whether the lease still holds. A lookup that read the lease last,
// without having read it first, could be held up between the floors and the lease for longer than the lease that they
// are of; one that read the clock first could be held up until the answer has run out. Of the floors it reads what was
// announced before the slot: see Floors.
//
// What is measured here: a lookup in a Table takes 5 to 10 ns, in ristretto 50.
package remembered

import "sync/atomic"

// Floors holds, per slot of the hash of subjects, the revision below which no answer counts: that of the newest change
// that fell into the slot. With n changes since an answer was given, a fraction n/slots of all others is lost with it.
//
// A floor only rises. All slots that a change touches are raised before it is announced, and whoever looks reads what
// was announced before the slot: by the order of the atomics every change up to what it read is in the floor.
//
// Floors are those of one history of the store. Where that is lost others take their place, and nothing that was
// remembered by these counts any more: they are compared by address. All methods may be called concurrently.
type Floors struct {
	slots []atomic.Uint64
	// announced is a revision up to which all changes are in the slots.
	announced atomic.Uint64
}

// NewFloors returns floors of so many slots for what is read from since on: nothing from before counts.
func NewFloors(slots int, since uint64) *Floors {
	f := &Floors{slots: make([]atomic.Uint64, slots)}
	for i := range f.slots {
		f.slots[i].Store(since)
	}
	f.announced.Store(since)
	return f
}

// Slots is how many there are.
func (f *Floors) Slots() int { return len(f.slots) }

// Raise lifts the floor of a slot to a revision, in any order.
func (f *Floors) Raise(slot uint32, revision uint64) { raise(&f.slots[slot], revision) }

// Announce says that the slots of all changes up to a revision are raised.
func (f *Floors) Announce(revision uint64) { raise(&f.announced, revision) }

// Announced is the greatest revision announced.
func (f *Floors) Announced() uint64 { return f.announced.Load() }

// Of returns what was announced, and then the floor of a slot.
func (f *Floors) Of(slot uint32) (announced, floor uint64) {
	announced = f.announced.Load()
	return announced, f.slots[slot].Load()
}

func raise(v *atomic.Uint64, to uint64) {
	for old := v.Load(); old < to; old = v.Load() {
		if v.CompareAndSwap(old, to) {
			return
		}
	}
}

// Terms are what an answer rests on; immutable.
type Terms struct {
	// Floors are those that its state was read under.
	Floors *Floors
	// Revision is that of the state, Slot its subject's.
	Revision uint64
	Slot     uint32
	// Policy is the revision of the policies that decided.
	Policy string
	// From and Until bound the time that the answer is for, Until excluded, by the server's clock, in nanoseconds since
	// the epoch; zero: there is no bound.
	From, Until int64
}

// Current reports whether an answer counts by what is known now: the floors, the policies in force, and the revision
// that it must reflect. An answer that no change up to what was announced has touched is as good as one of then; asOf
// is the revision that it reflects.
func (t *Terms) Current(f *Floors, policy string, atLeast uint64) (asOf uint64, ok bool) {
	announced, floor := f.Of(t.Slot)
	asOf = max(t.Revision, announced)
	return asOf, t.Floors == f && t.Policy == policy && t.Revision >= floor && asOf >= atLeast
}

// CurrentAt is Current for one of several answers that are to show the state as it was at one revision, which was
// announced before the first of them was looked at. One that was read at a newer one does not: a change that was not
// told yet may lie between it and the others.
func (t *Terms) CurrentAt(f *Floors, policy string, announced uint64) bool {
	return t.Revision <= announced && t.Floors == f && t.Policy == policy && t.Revision >= f.slots[t.Slot].Load()
}

// In reports whether an instant is within the time that an answer is for. A clock that was set back may be before it.
func (t *Terms) In(now int64) bool { return now >= t.From && (t.Until == 0 || now < t.Until) }
