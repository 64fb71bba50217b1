package cache

import (
	"sync/atomic"

	"github.com/consentd/consentd/server/consent"
)

const slotBits = 16

// floors holds, per slot of the hash of subjects, the revision of the newest change that fell into it. Its 2^16 slots
// take 512 KiB. With n changes since an entry was read, a fraction n/65536 of all other entries misses once for
// nothing; an exact table would grow with the subjects written, and so need eviction, which is what it exists to do
// without.
//
// A floor only rises. All slots that a change touches are raised before it is announced, and of reads the watermark
// before the slot: by the order of the atomics every change up to the watermark that it returns is in the floor.
type floors struct {
	slots [1 << slotBits]atomic.Uint64
	// announced is the greatest revision announced. Changes are announced in the order of revisions.
	announced atomic.Uint64
}

func slotOf(hash uint64) int { return int(hash >> (64 - slotBits)) }

// of returns the watermark of announced changes, and the floor of the slot.
func (f *floors) of(hash uint64) (announced, floor consent.Revision) {
	announced = consent.Revision(f.announced.Load())
	return announced, consent.Revision(f.slots[slotOf(hash)].Load())
}

// announce says that the slots of all changes up to r are raised. It is called in the order of revisions.
func (f *floors) announce(r consent.Revision) { raise(&f.announced, uint64(r)) }

// raise lifts the floor of the slot to r, in any order.
func (f *floors) raise(hash uint64, r consent.Revision) { raise(&f.slots[slotOf(hash)], uint64(r)) }

// begin lifts all floors to r, and announces it: nobody looks at them yet.
func (f *floors) begin(r consent.Revision) {
	for i := range f.slots {
		f.slots[i].Store(uint64(r))
	}
	f.announced.Store(uint64(r))
}

func raise(v *atomic.Uint64, to uint64) {
	for old := v.Load(); old < to; old = v.Load() {
		if v.CompareAndSwap(old, to) {
			return
		}
	}
}
