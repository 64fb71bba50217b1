package prove

import (
	"context"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// decider decides the cases of a walk. Those around one hub differ from it in a dimension or two, so from the second of them on
// they are decided as its neighbors. It is for one goroutine.
type decider struct {
	set   *policy.Set
	space *Space
	// near is nil where the compiled engine does not evaluate the policy.
	near *policy.Neighborhood
	hub  point
	// asked counts the cases around hub; center is what near has as its center.
	asked  int
	center Case
}

func newDecider(set *policy.Set, s *Space) decider {
	return decider{set: set, space: s, near: set.Neighborhood(s.controller)}
}

// decide decides a case near a hub.
func (d *decider) decide(ctx context.Context, c *Case, hub point) (consent.Decision, error) {
	if hub != d.hub {
		d.hub, d.asked = hub, 0
	}
	d.asked++
	if d.near == nil || d.asked == 1 {
		return d.set.Evaluate(ctx, &c.Request, c.State, c.Now)
	}
	if d.asked == 2 {
		d.space.build(&d.center, hub)
		// A center that cannot be decided has no neighbors: these are decided by themselves.
		_, _ = d.near.Center(ctx, &d.center.Request, d.center.State, d.center.Now)
	}
	return d.near.Evaluate(ctx, &c.Request, c.State, c.Now)
}
