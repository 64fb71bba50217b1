package policy_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
)

type asked struct {
	request consent.Request
	state   *consent.State
	now     consent.Instant
}

// questions are those of the corpus about one controller.
func questions(t *testing.T, controller string) (out []asked) {
	t.Helper()
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for _, c := range all {
		if c.Controller != controller || c.Expect.Error != "" {
			continue
		}
		events, err := cases.DomainEvents(c.Events, "e", start)
		if err != nil {
			t.Fatal(err)
		}
		request, err := c.Request(consent.Subject{Controller: controller, ID: "subject"})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, asked{request, consent.Fold(events), consent.InstantOf(start)})
	}
	return out
}

// graft is a with one or two parts of b: any field of the request or of the state, or the time.
func graft(rnd *rand.Rand, a, b asked) asked {
	state := *a.state
	a.state = &state
	for range 1 + rnd.IntN(2) {
		for _, to := range []reflect.Value{reflect.ValueOf(&a.request).Elem(), reflect.ValueOf(&state).Elem()} {
			from := reflect.ValueOf(b.request)
			if to.Type() == reflect.TypeFor[consent.State]() {
				from = reflect.ValueOf(*b.state)
			}
			if rnd.IntN(2) == 0 {
				i := rnd.IntN(to.NumField())
				to.Field(i).Set(from.Field(i))
			}
		}
		if rnd.IntN(10) == 0 {
			a.now += consent.Instant(rnd.Int64N(int64(40 * 365 * 24 * time.Hour)))
		}
	}
	return a
}

// TestNeighborhoodDecidesAlike: whatever differs from the center, the decision is the one that Evaluate makes.
func TestNeighborhoodDecidesAlike(t *testing.T) {
	set, ctx, rnd := load(t), context.Background(), rand.New(rand.NewPCG(1, 2))
	for _, controller := range set.Describe().Controllers {
		all, n := questions(t, controller.ID), set.Neighborhood(controller.ID)
		compare := func(decide func(context.Context, *consent.Request, *consent.State, consent.Instant) (consent.Decision, error),
			q asked) {
			t.Helper()
			want, err1 := set.Evaluate(ctx, &q.request, q.state, q.now)
			got, err2 := decide(ctx, &q.request, q.state, q.now)
			if diff := cmp.Diff(want, got); diff != "" || (err1 == nil) != (err2 == nil) {
				t.Fatalf("%v: %v, %v, decision (-Evaluate +Neighborhood):\n%s", q.request, err1, err2, diff)
			}
		}
		for range 100 {
			center := all[rnd.IntN(len(all))]
			compare(n.Center, center)
			for range 30 {
				compare(n.Evaluate, graft(rnd, center, all[rnd.IntN(len(all))]))
			}
		}
	}
}

// TestNeighborhoodWithoutCenter: nothing was decided yet, or nothing that a policy can answer.
func TestNeighborhoodWithoutCenter(t *testing.T) {
	set := answering(t, "decision := {"+allow+"} if input.purpose == \"storage\"", nil)
	n := set.Neighborhood("acme")
	other := acmeRequest()
	other.Purpose = "other"
	for range 2 {
		if d, err := n.Evaluate(context.Background(), acmeRequest(), &consent.State{}, 1); err != nil || d.Effect != consent.Allow {
			t.Errorf("%v, %v: want ALLOW", d, err)
		}
		if d, err := n.Center(context.Background(), other, &consent.State{}, 1); err == nil {
			t.Errorf("%v: an undefined decision is an error", d)
		}
	}
	if set.Neighborhood("nobody") != nil {
		t.Error("there is a neighborhood of nobody")
	}
}
