package policytest

import (
	"context"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/prove"
)

// tally counts outcomes by purpose of one controller.
type tally map[string]map[string]int

func (t tally) add(purpose, outcome string, n int) {
	if t[purpose] == nil {
		t[purpose] = map[string]int{}
	}
	t[purpose][outcome] += n
}

// outcomes tells, of each declared purpose, what was seen and what could have been.
func (s *Suite) outcomes(ctx context.Context, seen []observed) ([]Controller, error) {
	described := s.set.Describe().Controllers
	tallies := map[string]tally{}
	for _, c := range described {
		tallies[c.ID] = tally{}
	}
	for _, o := range seen {
		if t := tallies[o.controller]; t != nil {
			for _, outcome := range outcomesOf(answer(o.decision)) {
				t.add(textOf(o.input, "purpose"), outcome, 1)
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range described {
		group.Go(func() error { return s.possible(ctx, c, tallies[c.ID]) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return controllers(described, tallies), nil
}

func controllers(described []consent.Controller, tallies map[string]tally) []Controller {
	list := []Controller{}
	for _, c := range described {
		out := Controller{ID: c.ID, Purposes: []Purpose{}}
		for _, p := range c.Purposes {
			found := Purpose{Purpose: p.Name, Outcomes: []Outcome{}}
			for _, outcome := range slices.Sorted(maps.Keys(tallies[c.ID][p.Name])) {
				found.Outcomes = append(found.Outcomes, Outcome{Outcome: outcome, Seen: tallies[c.ID][p.Name][outcome]})
			}
			out.Purposes = append(out.Purposes, found)
		}
		list = append(list, out)
	}
	return list
}

// possible adds the outcomes that the cases which the rules can tell apart have.
func (s *Suite) possible(ctx context.Context, c consent.Controller, t tally) error {
	spaces, err := prove.Spaces(c.ID, s.now, s.set)
	if err != nil {
		return err
	}
	decider := prove.NewDecider(s.set, c.ID)
	for _, p := range c.Purposes {
		err := spaces(p.Name).Walk(ctx, func(asked *prove.Case) prove.Answer {
			d, err := decider.Decide(ctx, asked)
			if err != nil {
				d = consent.Failed()
			}
			for _, outcome := range outcomesOf(cases.AnswerOf(d)) {
				t.add(p.Name, outcome, 0)
			}
			return prove.AnswerOf(&d)
		})
		if err != nil && ctx.Err() != nil { // of a space too large to be walked whole, what was seen counts
			return err
		}
	}
	return nil
}
