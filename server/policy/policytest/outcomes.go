package policytest

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/space"
)

// tally counts outcomes by purpose of one controller.
type tally map[string]map[string]int

func (t tally) add(purpose, outcome string, n int) {
	if t[purpose] == nil {
		t[purpose] = map[string]int{}
	}
	t[purpose][outcome] += n
}

// outcomes tells, of each declared purpose, what was seen and what could have been, and where the engines differ.
func (s *Suite) outcomes(ctx context.Context, seen []observed) ([]Controller, []Failure, error) {
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
	differing := make([][]Failure, len(described))
	for i, c := range described {
		group.Go(func() (err error) {
			differing[i], err = s.possible(ctx, c, tallies[c.ID])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	return controllers(described, tallies), slices.Concat(differing...), nil
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

// possible adds the outcomes that the cases which the rules can tell apart have, and returns answers in which the
// engines differ, and the purposes with so many cases that not all were looked at.
func (s *Suite) possible(ctx context.Context, c consent.Controller, t tally) (failures []Failure, err error) {
	vocabulary, err := space.NewVocabulary(c.ID, s.now, s.set)
	if err != nil {
		return nil, err
	}
	decider, compared := space.NewDecider(s.set, c.ID), map[space.Answer]bool{}
	for _, p := range c.Purposes {
		err := vocabulary.Space(p.Name).Walk(ctx, func(asked *space.Situation) space.Answer {
			d, err := decider.Decide(ctx, asked)
			if err != nil {
				d = consent.Failed()
			}
			for _, outcome := range outcomesOf(cases.AnswerOf(d)) {
				t.add(p.Name, outcome, 0)
			}
			answer := space.AnswerOf(&d)
			if err == nil && !compared[answer] {
				compared[answer] = true
				failures = append(failures, s.difference(ctx, asked, answer)...)
			}
			return answer
		})
		switch {
		case errors.Is(err, space.ErrTooLarge):
			f := s.failureOf(c.ID, p.Name)
			f.Expected, f.Got = "every outcome that the purpose can have", err.Error()
			failures = append(failures, f)
		case err != nil:
			return nil, err
		}
	}
	return failures, nil
}

// failureOf is a failure that is about a purpose.
func (s *Suite) failureOf(controller, purpose string) Failure {
	return Failure{File: s.set.Tree().Tables[controller].File(), Line: 1, Name: purpose + " of " + controller}
}

// difference is how the engines differ over a situation with this answer, if they do.
func (s *Suite) difference(ctx context.Context, asked *space.Situation, answer space.Answer) []Failure {
	var difference *policy.DifferenceError
	if !errors.As(space.Difference(ctx, s.set, asked, answer), &difference) {
		return nil
	}
	return []Failure{differs(s.failureOf(asked.Request.Subject.Controller, asked.Request.Purpose), difference)}
}

// differs is the failure of what the engines decide differently.
func differs(f Failure, d *policy.DifferenceError) Failure {
	f.Expected, f.Got = d.Topdown, d.Compiled+" by the compiled engine"
	return f
}
