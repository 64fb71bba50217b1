package space

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// TestPartsMakeTheWhole: a state that is put together of parts is the one that all events of the point fold to.
func TestPartsMakeTheWhole(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now, rnd := consent.Instant(1_900_000_000_000_000_000), rand.New(rand.NewPCG(3, 4))
	for _, c := range set.Describe().Controllers {
		v, err := NewVocabulary(c.ID, now, set)
		if err != nil {
			t.Fatal(err)
		}
		for _, purpose := range c.Purposes {
			s := v.Space(purpose.Name)
			for range 200 {
				var p Point
				for d := range s.dims {
					if rnd.IntN(3) > 0 {
						p[d] = uint8(rnd.IntN(len(s.dims[d].values)))
					}
				}
				p[s.known] = 0
				want := consent.Fold(s.events(s.madeAt(madeKey{now: now}), p))
				var got consent.State
				s.fold(&got, p, now)
				if diff := cmp.Diff(want, &got); diff != "" {
					t.Fatalf("%s, %s: %s (-folded +put together):\n%s", c.ID, purpose.Name, s.describe(p), diff)
				}
			}
		}
	}
}
