package policy

import (
	"sync/atomic"

	"github.com/consentd/consentd/server/consent"
)

// Active is the set in force on this node. The zero value holds none. All methods may be called concurrently.
type Active struct {
	current atomic.Pointer[activation]
	notify  atomic.Pointer[func()]
}

type activation struct {
	set *Set
	at  consent.Instant
}

// Current returns the set in force; nil if none was activated.
func (a *Active) Current() *Set {
	if c := a.current.Load(); c != nil {
		return c.set
	}
	return nil
}

// Activate puts a set in force from now on.
func (a *Active) Activate(s *Set, now consent.Instant) {
	a.current.Store(&activation{set: s, at: now})
	if f := a.notify.Load(); f != nil {
		(*f)()
	}
}

// Notify has f called after each activation, by whoever activates; it must be quick.
func (a *Active) Notify(f func()) { a.notify.Store(&f) }

// Describe describes the set in force; the zero Policy if none was activated.
func (a *Active) Describe() consent.Policy {
	c := a.current.Load()
	if c == nil {
		return consent.Policy{}
	}
	p := c.set.description
	p.ActivatedAt = c.at
	return p
}
