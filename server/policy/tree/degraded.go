package tree

import (
	"fmt"
	"iter"
	"regexp"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// WhenUnavailable is what the checks of a purpose come to while a subject's state cannot be read; empty: they fail.
type WhenUnavailable string

// ReadText implements document.Texter.
func (w *WhenUnavailable) ReadText(s string) error {
	return oneOf((*string)(w), s, consent.Fail.String(), consent.DenyDegraded.String(), consent.ServeStale.String())
}

// StaleLimit is how old a state may be by which a purpose is decided while newer ones cannot be read; zero: none is
// declared. It is written as a whole number of seconds, minutes or hours: 30s, 5m, 2h.
type StaleLimit time.Duration

var limitForm = regexp.MustCompile(`^[1-9][0-9]{0,5}[smh]$`)

// ReadText implements document.Texter.
func (l *StaleLimit) ReadText(s string) error {
	if !limitForm.MatchString(s) {
		return fmt.Errorf("%q is no limit: write a whole number of seconds, minutes or hours, such as 30s, 5m or 2h", s)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is no limit: %w", s, err)
	}
	if d < consent.MinStaleLimit || d > consent.MaxStaleLimit {
		return fmt.Errorf("%s is not between 1s and 24h: a state that is older says nothing of what was withdrawn since", s)
	}
	*l = StaleLimit(d)
	return nil
}

// WhenUnavailable is what the row declares for when a subject's state cannot be read.
func (r *Row) WhenUnavailable() consent.Degraded {
	when, _ := consent.ParseWhenUnavailable(string(r.Degraded))
	return consent.Degraded{When: when, StaleLimit: time.Duration(r.StaleLimit)}
}

// degradedFaults are what is wrong with the two keys together, by the key at fault.
func (r *Row) degradedFaults() iter.Seq2[string, string] {
	return func(yield func(key, fault string) bool) {
		switch stale := r.WhenUnavailable().When == consent.ServeStale; {
		case stale && r.StaleLimit == 0:
			yield("degraded", "serve_stale needs stale_limit: say how old a state it may serve, from 1s to 24h")
		case !stale && r.StaleLimit != 0:
			yield("stale_limit", "only degraded: serve_stale has one: declare that, or remove the limit")
		}
	}
}
