package cache_test

import (
	"hash/maphash"
	"testing"

	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
)

// The hash tells controller and id apart: moving a byte from one to the other changes it, as does swapping them.
func FuzzKey(f *testing.F) {
	f.Add("example", "user-1")
	f.Add("", "")
	f.Add("a", "a")
	f.Add("a\x00b", "\x00")
	f.Add("\xff\xfe", "日本")
	seed := maphash.MakeSeed()
	f.Fuzz(func(t *testing.T, controller, id string) {
		s := consent.Subject{Controller: controller, ID: id}
		h := cache.HashOf(seed, s)
		if h != cache.HashOf(seed, consent.Subject{Controller: string([]byte(controller)), ID: string([]byte(id))}) {
			t.Error("equal subjects have different hashes")
		}
		others := []consent.Subject{{Controller: id, ID: controller}, {Controller: controller + id}, {ID: controller + id}}
		if id != "" {
			others = append(others, consent.Subject{Controller: controller + id[:1], ID: id[1:]})
		}
		for _, o := range others {
			if o != s && cache.HashOf(seed, o) == h {
				t.Errorf("%q and %q have the same hash", s, o)
			}
		}
	})
}

func TestSlotsAreSpread(t *testing.T) {
	c, _ := open(t, cache.Config{})
	slots := map[uint32]bool{}
	const subjects = 1 << 16
	for i := range subjects {
		slots[c.Slot(subject(i))] = true
	}
	// Of n balls in n bins, 63 % of the bins are expected to be hit.
	if n := len(slots); n < subjects*62/100 || n > subjects*65/100 {
		t.Errorf("%d subjects fell into %d slots", subjects, n)
	}
}
