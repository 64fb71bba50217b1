package prove

import (
	"context"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Decider decides the cases of walks about one controller, like Set.Evaluate. A walk shows cases that lie around a hub, from which
// they differ in a dimension or two: from the second of them on they are decided as its neighbors, in about half the time. It
// is for one goroutine.
type Decider struct {
	set *policy.Set
	// near is nil where the compiled engine does not evaluate the policy.
	near *policy.Neighborhood
	// asked counts the cases around the hub of the space; center is what near has as its center.
	space  *Space
	hub    point
	asked  int
	center Case
}

// NewDecider returns a decider for a set and a controller.
func NewDecider(set *policy.Set, controller string) *Decider {
	return &Decider{set: set, near: set.Neighborhood(controller)}
}

// Decide decides a case that Walk shows.
func (d *Decider) Decide(ctx context.Context, c *Case) (consent.Decision, error) {
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
