package consent

import "time"

// Degradation says in what way a decision is less than it should be, because the subject's state could not be read. The
// zero value means that it is not.
type Degradation uint8

// The degradations.
const (
	// DegradedDenied: nothing is known of the subject's state, and the purpose is denied for StateUnavailable.
	DegradedDenied Degradation = iota + 1
	// DegradedStale: the decision rests on the newest state that the node knows, which others may have changed since.
	DegradedStale
)

var degradationNames = names{"", "DENIED", "STALE"}

// String returns the bare name, such as STALE.
func (d Degradation) String() string { return degradationNames.name(uint8(d)) }

// ParseDegradation returns the degradation of that bare name.
func ParseDegradation(name string) (Degradation, bool) {
	v, ok := degradationNames.value(name)
	return Degradation(v), ok
}

// WhenUnavailable is what a controller declares for the checks of a purpose while the subject's state cannot be read.
// The zero value fails them.
type WhenUnavailable uint8

// What may be declared.
const (
	// Fail answers with ErrUnavailable.
	Fail WhenUnavailable = iota
	// DenyDegraded denies, with StateUnavailable.
	DenyDegraded
	// ServeStale answers by the newest state that the node knows, up to a limit of its age, and fails beyond.
	ServeStale
)

var whenNames = names{"fail", "deny", "serve_stale"}

// String returns the word of the table, such as serve_stale.
func (w WhenUnavailable) String() string { return whenNames.name(uint8(w)) }

// ParseWhenUnavailable returns what a word of the table means.
func ParseWhenUnavailable(name string) (WhenUnavailable, bool) {
	v, ok := whenNames.value(name)
	return WhenUnavailable(v), ok
}

// The bounds of a stale limit.
const (
	MinStaleLimit = time.Second
	MaxStaleLimit = 24 * time.Hour
)

// Degraded is what a controller declares of a purpose for when a state cannot be read. The zero value fails.
type Degraded struct {
	When WhenUnavailable
	// StaleLimit is how old a state ServeStale may answer by, from MinStaleLimit to MaxStaleLimit; zero with all else.
	StaleLimit time.Duration
}

// Unavailable is the decision of a purpose that is denied because the state could not be read; clause is the purpose's.
func Unavailable(clause string) Decision {
	return Decision{
		Effect: Deny, Reasons: []Reason{{Code: StateUnavailable, Clause: clause}}, Degraded: DegradedDenied,
	}
}
