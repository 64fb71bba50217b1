package load

import (
	"math/rand/v2"
	"time"
)

// Schedule says when requests leave: each call returns the offset from the start of the next one. Offsets never
// decrease. It is used by one goroutine.
type Schedule func() time.Duration

// Constant sends at even distances, rate requests per second, the first at once. Offsets are computed from the count,
// so that rounding does not add up.
func Constant(rate float64) Schedule {
	n := 0
	return func() time.Duration {
		at := time.Duration(float64(n) / rate * float64(time.Second))
		n++
		return at
	}
}

// Poisson sends at random, rate requests per second on average, with exponentially distributed distances, as
// independent users do. The same seed gives the same schedule.
func Poisson(rate float64, seed uint64) Schedule {
	random := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	at := 0.0
	return func() time.Duration {
		at += random.ExpFloat64() / rate
		return time.Duration(at * float64(time.Second))
	}
}
