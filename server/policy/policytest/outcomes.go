package policytest

import (
	"context"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
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
	inputs := distinct(seen)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range described {
		group.Go(func() error { return s.possible(ctx, c, inputs, tallies[c.ID]) })
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

// anyPurpose stands for the purpose in an input that is to be asked for many.
const anyPurpose = "?"

// distinct are the inputs without controller and time, asking for anyPurpose, each once.
func distinct(seen []observed) []ast.Object {
	var list []ast.Object
	known := map[string]bool{}
	for _, o := range seen {
		input := readdressed(o.input, "", anyPurpose)
		if key := with(input, "now", ast.NullTerm()).String(); !known[key] {
			known[key] = true
			list = append(list, input)
		}
	}
	return list
}

// possible adds the outcomes that the inputs of tests have when they are asked for the purposes of one controller.
func (s *Suite) possible(ctx context.Context, c consent.Controller, inputs []ast.Object, t tally) error {
	for _, p := range c.Purposes {
		for _, input := range inputs {
			if err := ctx.Err(); err != nil {
				return err
			}
			d := s.set.Answer(ctx, readdressed(input, c.ID, p.Name))
			for _, outcome := range outcomesOf(decided(d)) {
				if outcome != consent.PolicyError.String() { // of an input that only a test can have
					t.add(p.Name, outcome, 0)
				}
			}
		}
	}
	return nil
}

// readdressed is an input that asks for a purpose what it asked for another: the subject's records for that one are now for
// this one.
func readdressed(input ast.Object, controller, purpose string) ast.Object {
	was := input.Get(ast.StringTerm("purpose"))
	now := ast.StringTerm(purpose)
	out := with(input, "controller", ast.StringTerm(controller))
	out = with(out, "purpose", now)
	subject := field(input, "subject")
	if was == nil || subject == nil {
		return out
	}
	for _, key := range []string{"consents", "objections", "restrictions"} {
		if records := field(subject, key); records != nil {
			subject = with(subject, key, renamed(ast.NewTerm(records), was, now))
		}
	}
	return with(out, "subject", ast.NewTerm(subject))
}

// renamed is a value in which every object, however deep, has another key for one.
func renamed(t, from, to *ast.Term) *ast.Term {
	o, ok := t.Value.(ast.Object)
	if !ok {
		return t
	}
	out := ast.NewObject()
	o.Foreach(func(k, v *ast.Term) {
		if k.Equal(from) {
			k = to
		}
		out.Insert(k, renamed(v, from, to))
	})
	return ast.NewTerm(out)
}

func field(o ast.Object, key string) ast.Object {
	if t := o.Get(ast.StringTerm(key)); t != nil {
		value, _ := t.Value.(ast.Object)
		return value
	}
	return nil
}

// with is a copy of an object with another value of a key.
func with(o ast.Object, key string, value *ast.Term) ast.Object {
	out := ast.NewObject([2]*ast.Term{ast.StringTerm(key), value})
	o.Foreach(func(k, v *ast.Term) {
		if !k.Equal(ast.StringTerm(key)) {
			out.Insert(k, v)
		}
	})
	return out
}
