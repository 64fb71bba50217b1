package prove

import (
	"context"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Decider decides the cases of walks about one controller, like Set.Evaluate. A walk shows cases that lie around a hub,
// from which they differ in a dimension or two: from the second of them on they are decided as its neighbors, in about
// half the time. It is for one goroutine.
type Decider struct {
	set *policy.Set
	// near is nil where the compiled engine does not evaluate the policy.
	near *policy.Neighborhood
	// asked counts the cases around the hub of the space; center is what near has as its center.
	space  *Space
	hub    point
	asked  int
	center Case
	// compared are the answers in the space of which both engines gave one.
	compared map[uint64]bool
}

// NewDecider returns a decider for a set and a controller.
func NewDecider(set *policy.Set, controller string) *Decider {
	return &Decider{set: set, near: set.Neighborhood(controller)}
}

// Decide decides a case that Walk shows.
func (d *Decider) Decide(ctx context.Context, c *Case) (consent.Decision, error) {
	if c.space != d.space {
		d.compared = map[uint64]bool{}
	}
	if c.hub != d.hub || c.space != d.space {
		d.space, d.hub, d.asked = c.space, c.hub, 0
	}
	d.asked++
	if d.near == nil {
		return d.set.Evaluate(ctx, &c.Request, c.State, c.Now)
	}
	if d.asked == 2 { // one alone is decided near the last center: it lies not far from that either
		d.space.build(&d.center, d.hub)
		// A center that cannot be decided has no neighbors: these are decided by themselves.
		_, _ = d.near.Center(ctx, &d.center.Request, d.center.State, d.center.Now)
	}
	return d.near.Evaluate(ctx, &c.Request, c.State, c.Now)
}

// Difference decides a case by topdown too, if it is the first of its space that has the answer, and returns what
// topdown has against it: a *policy.DifferenceError, or the error of the policy.
func (d *Decider) Difference(ctx context.Context, c *Case, a Answer) error {
	if d.compared[a.Fingerprint] {
		return nil
	}
	d.compared[a.Fingerprint] = true
	return difference(ctx, d.set, c, a)
}

func difference(ctx context.Context, set *policy.Set, c *Case, a Answer) error {
	decision, err := set.Compare(ctx, &c.Request, c.State, c.Now)
	if ctx.Err() != nil {
		return nil
	}
	if err == nil && AnswerOf(&decision) != a { // the cases around a hub are decided in a way of their own
		return &policy.DifferenceError{Compiled: fmt.Sprintf("%+v", a), Topdown: fmt.Sprintf("%+v", decision)}
	}
	return err
}
