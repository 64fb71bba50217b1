package question

import "math"

// Chooser maps the number of a request to its question. It may be called concurrently, and gives the
// same question for the same number.
type Chooser func(n int) Question

// Uniform chooses every subject alike.
func Uniform(p Population) Chooser {
	return func(n int) Question {
		bits := mix(p.Seed + uint64(n))
		return Question{Subject: int(bits >> 1 % uint64(p.Size)), Purpose: int(bits & 1)}
	}
}

// Once chooses no subject twice before each was chosen, in an order that has nothing to do with that of loading.
func Once(p Population) Chooser {
	step := coprime(p.Size)
	return func(n int) Question {
		return Question{Subject: int(uint64(n) * uint64(step) % uint64(p.Size)), Purpose: n & 1}
	}
}

// Zipf chooses few subjects often and most seldom: the subject of rank k with a probability of about 1/k.
func Zipf(p Population) Chooser {
	step := uint64(coprime(p.Size))
	return func(n int) Question {
		bits := mix(p.Seed + uint64(n))
		u := float64(bits>>11) / (1 << 53)
		rank := uint64(math.Pow(float64(p.Size)+1, u)) - 1 // the inverse of a distribution with density 1/x
		return Question{Subject: int(rank * step % uint64(p.Size)), Purpose: int(bits & 1)}
	}
}

// coprime returns a number near the golden section of n that shares no factor with it, so that
// its multiples modulo n visit all.
func coprime(n int) int {
	step := max(1, int(float64(n)*0.6180339887))
	for gcd(step, n) != 1 {
		step++
	}
	return step
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
