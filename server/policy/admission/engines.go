package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/policy/space"
)

// compareEngines has topdown decide what the compiled engine decided in the proofs: of each purpose the first situation
// with each answer, in the order of the walk. It adds violations to the results.
//
// Comparing an answer once for a whole controller would save a third of topdown's time, and miss a plan that is wrong
// for one purpose alone: each purpose is compiled by itself.
func (a *attempt) compareEngines(ctx context.Context, results []result) error {
	a.eachWorker(len(results), func(next <-chan int) {
		for i := range next {
			compared := a.guarded(results[i].job, func(*result) { results[i].violations = a.compareOne(ctx, &results[i]) })
			results[i].err = compared.err
		}
	})
	if err := firstError(results); err != nil || ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("comparing the engines: %w", context.Cause(ctx))
}

// first is the first situation with an answer.
type first struct {
	at     space.Point
	answer space.Answer
}

// compareOne is the violations of a result with those of the situations in which the engines differ.
func (a *attempt) compareOne(ctx context.Context, r *result) []violation {
	p := a.newProof(ctx, r.job, r.space)
	defer r.space.Release()
	own := make([]first, 0, len(r.firsts))
	for answer, at := range r.firsts {
		own = append(own, first{at, answer})
	}
	r.firsts = nil
	slices.SortFunc(own, func(x, y first) int { return slices.Compare(x.at[:], y.at[:]) })
	for _, f := range own {
		if err := space.Difference(ctx, a.set, r.space.Situation(f.at), f.answer); err != nil {
			p.note(violation{invariant: engines, at: space.Stay(f.at), cause: err})
		}
	}
	all := append(r.violations, p.plainest()...)
	slices.SortStableFunc(all, func(x, y violation) int { return strings.Compare(x.invariant.ID, y.invariant.ID) })
	return all
}
