package limit

import (
	"strconv"
	"testing"
	"time"

	"github.com/consentd/consentd/server/caller"
)

// However many callers come, what is remembered of them is bounded, those that there is no room for are bounded too,
// and callers make room once their bounds are untouched.
func TestWhatIsRememberedOfCallers(t *testing.T) {
	var c callers
	now := int64(time.Hour)
	c.init(Config{Each: CallerLimit{Rate: 1, Concurrency: 1}}, func() int64 { return now })
	remembered := func() (n int) {
		for i := range c.shards {
			n += len(c.shards[i].states)
		}
		return n
	}
	come := func(from, to int) (shared int) {
		for i := from; i < to; i++ {
			ctx := caller.With(t.Context(), &caller.Caller{Kind: caller.KindKey, ID: strconv.Itoa(i)})
			state := c.of(ctx)
			if state == c.beyond {
				shared++
			} else if _, err := state.begin(now, false); err != nil {
				t.Fatalf("a new caller is refused: %v", err)
			}
			if state != c.beyond {
				state.end()
			}
		}
		return shared
	}
	const more = 5_000
	if shared := come(0, maxCallers+more); shared < more || remembered() > maxCallers {
		t.Errorf("%d callers are remembered and %d share what is beyond, want at most %d and at least %d",
			remembered(), shared, maxCallers, more)
	}
	now += 2 * bucket
	if shared := come(maxCallers+more, maxCallers+2*more); shared > 0 || remembered() > maxCallers {
		t.Errorf("%d new callers share what is beyond though those of before have taken nothing for long", shared)
	}
	if own := c.of(caller.With(t.Context(), &caller.Caller{Kind: caller.KindKey, ID: "1"})); own == c.beyond {
		t.Error("a caller of before is not known any more")
	}
}
