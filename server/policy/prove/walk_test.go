package prove_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/prove"
)

// TestWalkComparesTwoSets walks the space of two sets at once, as a diff does: it meets cases on which they differ, says in
// words which.
func TestWalkComparesTwoSets(t *testing.T) {
	load := func(edits ...edit) *policy.Set {
		set, err := policy.Load(shipped(t, "example/product_improvement", edits), policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return set.Detached()
	}
	active := load()
	candidate := load(edit{levels, "	objected\n	not basis.unconditional", "	objected\n	place.jurisdiction != \"FR\"\n	not basis.unconditional"})
	spaces, err := prove.Spaces("example", now, active, candidate)
	if err != nil {
		t.Fatal(err)
	}
	cases, flips := 0, 0
	deciders := [2]*prove.Decider{prove.NewDecider(active, "example"), prove.NewDecider(candidate, "example")}
	err = spaces("product_improvement").Walk(context.Background(), func(c *prove.Case) prove.Answer {
		cases++
		was, err1 := active.Evaluate(context.Background(), &c.Request, c.State, c.Now)
		is, err2 := candidate.Evaluate(context.Background(), &c.Request, c.State, c.Now)
		for i, want := range []consent.Decision{was, is} {
			if got, err := deciders[i].Decide(context.Background(), c); err != nil || !cmp.Equal(want, got) {
				t.Fatalf("%s: decided %v, %v near the others, and %v alone", c.Describe(), got, err, want)
			}
		}
		if err := errors.Join(err1, err2); err != nil {
			t.Error(err)
		}
		if was.Effect != is.Effect {
			flips++
			if c.State.Jurisdiction.Value != "FR" || len(c.State.Objections) == 0 {
				t.Errorf("they differ where %s", c.Describe())
			}
		}
		return prove.Combine(prove.AnswerOf(&was), prove.AnswerOf(&is))
	})
	if err != nil || flips == 0 || cases < 5000 {
		t.Errorf("%v: %d flips in %d cases", err, flips, cases)
	}
}

// TestSpaceOfNobody: a controller that no set has is an error, and a context that ended ends a walk.
func TestSpaceOfNobody(t *testing.T) {
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prove.Spaces("nobody", now, set); !errors.Is(err, consent.ErrUnknownController) {
		t.Errorf("error = %v", err)
	}
	spaces, err := prove.Spaces("example", now, set)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := spaces("storage").Walk(ctx, func(*prove.Case) prove.Answer { return prove.Answer{} }); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}
