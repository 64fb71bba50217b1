package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/policy/space"
)

// compareEngines has topdown decide what the compiled engine decided in the proofs: of each controller the first situation with
// each answer, in the order of purposes and, within one, of the walk. It adds violations to the results.
//
// It follows the proofs, instead of being part of them, so that which purpose an answer is looked at in does not depend on which
// worker was first: the same set is always refused for the same reason. A purpose has few answers of its own; to compare each
// answer once for each purpose would take half as long again and ask the same rules the same.
func (a *attempt) compareEngines(ctx context.Context, results []result) error {
	own := ownAnswers(results)
	a.eachWorker(len(results), func(next <-chan int) {
		for i := range next {
			compared := a.guarded(results[i].job, func(*result) { results[i].violations = a.compareOne(ctx, &results[i], own[i]) })
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

// ownAnswers are, of each result, the first situations with answers that no earlier result of the controller has.
func ownAnswers(results []result) [][]first {
	type owned struct {
		controller string
		answer     space.Answer
	}
	seen := map[owned]bool{}
	own := make([][]first, len(results))
	for i := range results {
		for answer, at := range results[i].firsts {
			if key := (owned{results[i].controller, answer}); !seen[key] {
				seen[key] = true
				own[i] = append(own[i], first{at, answer})
			}
		}
		results[i].firsts = nil
	}
	return own
}

// compareOne is the violations of a result with those of the situations in which the engines differ.
func (a *attempt) compareOne(ctx context.Context, r *result, own []first) []violation {
	p := a.newProof(ctx, r.job, r.space)
	defer r.space.Release()
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
