package admission

import (
	"context"
	"fmt"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/law"
)

// servesStale reports whether the purpose that is proven may be decided by a stale state.
func (p *proof) servesStale() bool {
	row := p.set.Tree().Tables[p.controller].Purposes[p.purpose]
	return row != nil && row.WhenUnavailable().When == consent.ServeStale
}

// ofStale reports whether an invariant is about a purpose that may be decided by a stale state.
func ofStale(i law.Invariant) bool { return i.ID == stale.ID || i.ID == law.StaleConsent }

// staleFault is the fault of a purpose that may not be decided by a stale state: at the key that declares it, with the
// plainest situation that is allowed, and the act that ends it.
func (a *attempt) staleFault(ctx context.Context, b broken) consent.PolicyFinding {
	allowed := b.space.Situation(b.at.Before)
	table := a.set.Tree().Tables[b.controller]
	message := fmt.Sprintf("purposes.%s.degraded: %s: %s; it is allowed where %s", b.purpose, b.invariant.ID, b.invariant.Words,
		allowed.Describe())
	if b.at.Before != b.at.After {
		message += ", and denied where " + b.space.Situation(b.at.After).Describe()
	}
	f := faultAt(table.File(), table.LineOf("purposes", b.purpose, "degraded"),
		message+": declare fail or deny")
	input := a.input(allowed)
	f.Counterexample = a.counterexample(b, allowed.Describe())
	f.Counterexample.Input = indented(input)
	f.Counterexample.AllowedBy = a.trace(ctx, b.controller, input).allowing()
	return f
}
