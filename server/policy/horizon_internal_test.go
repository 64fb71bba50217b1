package policy

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// extremes are instants whose sums and differences overflow where nobody looks after them.
var extremes = []consent.Instant{
	math.MinInt64, math.MinInt64 + 1, consent.Instant(time.Date(1677, 9, 22, 0, 0, 0, 0, time.UTC).UnixNano()), -1, 0, 1,
	consent.Instant(time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC).UnixNano()), 1_780_000_000_000_000_000,
	consent.Instant(time.Date(2199, 12, 31, 23, 59, 59, 0, time.UTC).UnixNano()),
	consent.Instant(time.Date(2261, 4, 12, 0, 0, 0, 0, time.UTC).UnixNano()),
	consent.Instant(time.Date(2262, 4, 11, 0, 0, 0, 0, time.UTC).UnixNano()), math.MaxInt64 - 1, math.MaxInt64,
}

const longestDuration = 36500 * consent.Instant(24*time.Hour)

// An instant and its sum with a duration are the next that matters exactly where they are by arithmetic without bounds.
func TestSumsOfExtremeInstants(t *testing.T) {
	for _, now := range extremes {
		for _, i := range extremes {
			for _, d := range []consent.Instant{1, consent.Instant(24 * time.Hour), longestDuration} {
				f := first{now: now, durations: []consent.Instant{d}}
				f.instant(i)
				if want := nextByBig(now, i, d); f.at != want {
					t.Errorf("at %d, of %d and %d later: %d, want %d", now, i, d, f.at, want)
				}
			}
		}
	}
}

// nextByBig is the first of i and i+d after now; absent if i is, or if there is none that is an instant.
func nextByBig(now, i, d consent.Instant) consent.Instant {
	sum := new(big.Int).Add(big.NewInt(int64(i)), big.NewInt(int64(d)))
	switch {
	case i == 0:
		return 0
	case i > now:
		return i
	case sum.IsInt64() && sum.Int64() > int64(now):
		return consent.Instant(sum.Int64())
	}
	return 0
}

// The next birthday is the instant at which the years grow, and no earlier; absent where no instant is so late.
func TestBirthdaysAtTheExtremes(t *testing.T) {
	for _, now := range extremes {
		for _, at := range extremes {
			if at == 0 || now == 0 { // absent
				continue
			}
			next := nextAnniversary(at, now)
			years := yearsBetween(at.Time(), now.Time())
			switch {
			case next == 0:
				if last := consent.Instant(math.MaxInt64).Time(); yearsBetween(at.Time(), last) > max(years, 0) {
					t.Errorf("of %v at %v: there is a birthday after", at.Time(), now.Time())
				}
			case next <= now:
				t.Errorf("of %v at %v: %v is not after", at.Time(), now.Time(), next.Time())
			case yearsBetween(at.Time(), next.Time()) <= years || yearsBetween(at.Time(), (next-1).Time()) != years:
				t.Errorf("of %v at %v: the years do not grow at %v", at.Time(), now.Time(), next.Time())
			}
		}
	}
}
