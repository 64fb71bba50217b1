package space

import (
	"context"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// Decider decides the situations of walks about one controller, like Set.Evaluate. A walk shows situations that
// lie around a hub, from which they differ in a dimension or two: from the second of them on they are decided as
// its neighbors, in about half the time. It is for one goroutine.
type Decider struct {
	set *policy.Set
	// around is nil where the compiled engine does not evaluate the policy.
	around *policy.Neighborhood
	// asked counts the situations around the hub of the space; center is what around has as its center.
	space  *Space
	hub    Point
	asked  int
	center Situation
}

// NewDecider returns a decider for a set and a controller.
func NewDecider(set *policy.Set, controller string) *Decider {
	return &Decider{set: set, around: set.Neighborhood(controller)}
}

// Decide decides a situation that a walk shows.
func (d *Decider) Decide(ctx context.Context, c *Situation) (consent.Decision, error) {
	if c.hub != d.hub || c.space != d.space {
		d.space, d.hub, d.asked = c.space, c.hub, 0
	}
	d.asked++
	if d.around == nil {
		return d.set.Evaluate(ctx, &c.Request, c.State, c.Now)
	}
	if d.asked == 2 { // one alone is decided near the last center: it lies not far from that either
		d.space.build(&d.center, d.hub)
		// A center that cannot be decided has no neighbors: these are decided by themselves.
		_, _ = d.around.Center(ctx, &d.center.Request, d.center.State, d.center.Now)
	}
	return d.around.Evaluate(ctx, &c.Request, c.State, c.Now)
}

// Difference decides a situation by topdown too, and returns what that has against the answer of a Decider: a
// *policy.DifferenceError, or the error of the policy. It takes about a millisecond.
func Difference(ctx context.Context, set *policy.Set, c *Situation, a Answer) error {
	decision, err := set.Compare(ctx, &c.Request, c.State, c.Now)
	if ctx.Err() != nil {
		return nil
	}
	if err == nil && AnswerOf(&decision) != a { // the situations around a hub are decided in a way of their own
		return &policy.DifferenceError{Compiled: fmt.Sprintf("%+v", a), Topdown: fmt.Sprintf("%+v", decision)}
	}
	return err
}
