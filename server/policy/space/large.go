package space

import (
	"errors"
	"fmt"
	"slices"
)

// MaxSituations bounds what one walk shows: about ten times what the largest shipped purpose takes.
const MaxSituations = 200_000

// ErrTooLarge is wrapped by the error of a walk over a space that has more dimensions or values than a point can name,
// of which nothing is shown, or more situations than MaxSituations, of which that many are. The error names the
// dimension, its count and the remedy. What was not shown may hold any fault: who proves something must take it for
// one.
var ErrTooLarge = errors.New("the space is too large to be walked whole")

// nameable is nil where a point can name every situation, else ErrTooLarge. It takes hundreds of constants or dozens
// of context keys to get there. To leave out the rest instead would prove nothing of it.
func (s *Space) nameable() error {
	if n := len(s.dims); n > maxDimensions {
		return fmt.Errorf("%w: it has %d dimensions of at most %d, the last %q: read fewer keys of the context",
			ErrTooLarge, n, maxDimensions, s.dims[n-1].name)
	}
	if d := s.largest(); len(d.values) > maxValues {
		return fmt.Errorf("%w: the dimension %q has %d values of at most %d: %s",
			ErrTooLarge, d.name, len(d.values), maxValues, d.remedy())
	}
	return nil
}

// exceeded is ErrTooLarge for a walk that met more situations than MaxSituations.
func (s *Space) exceeded() error {
	d := s.largest()
	return fmt.Errorf("%w: it has %d dimensions and more than %d situations; the dimension %q has most values, %d: %s",
		ErrTooLarge, len(s.dims), MaxSituations, d.name, len(d.values), d.remedy())
}

// largest is the dimension with most values, but for that of the consent, which rules do not make larger.
func (s *Space) largest() *dimension {
	largest := dimPlace
	for d := range s.dims {
		if d != dimConsent && len(s.dims[d].values) > len(s.dims[largest].values) {
			largest = d
		}
	}
	return &s.dims[largest]
}

// remedy says how a dimension gets fewer values.
func (d *dimension) remedy() string {
	if slices.Contains([]string{"place", "country", "data"}, d.name) {
		return "list in a table what rules name one by one: codes that stand in the same places of it count as one"
	}
	return "compare it with fewer constants"
}
