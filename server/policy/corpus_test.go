package policy_test

import (
	"context"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// TestCorpus runs the cases through folding and policies alone. Those that expect an error are about the API and the
// store.
func TestCorpus(t *testing.T) {
	set := load(t)
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if c.Expect.Error != "" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			d := decide(t, set, &c)
			for _, diff := range c.Expect.Differences(cases.AnswerOf(d)) {
				t.Errorf("%s:%d: %s", c.File, c.Line, diff)
			}
		})
	}
}

func load(t testing.TB) *policy.Set {
	t.Helper()
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func decide(t testing.TB, set *policy.Set, c *cases.Case) consent.Decision {
	t.Helper()
	q, err := c.Question(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return set.Decide(context.Background(), &q.Request, &consent.Snapshot{State: q.State}, q.Now)
}
