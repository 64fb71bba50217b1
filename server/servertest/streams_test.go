package servertest_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/pebble"
)

// matching is tiny with a decision that depends on a built-in which the engine leaves to OPA.
func matching() map[string]string {
	files := tiny()
	files[tinyRules] = strings.Replace(files[tinyRules], "decision := {",
		"default decision := {\"decision\": \"DENY\", \"reasons\": [{\"code\": \"PURPOSE_UNKNOWN\", \"clause\": \"\"}], "+
			"\"obligations\": [], \"permitted_data_categories\": []}\n\n"+
			"decision := _allowed if regex.match(`^legal_[a-z]+$`, input.purpose)\n\n_allowed := {", 1)
	return files
}

// ask has callers check over streams, and cancel some of their checks at any instant.
func ask(t *testing.T, addr string, check func(ctx context.Context, c *client.Client, n int) error) {
	t.Helper()
	const callers, each = 32, 200
	c, err := client.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for n := range each {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				if n%4 == 3 {
					time.AfterFunc(time.Duration(n)*5*time.Microsecond, cancel)
				}
				if err := check(ctx, c, caller*each+n); err != nil && ctx.Err() == nil {
					t.Errorf("caller %d, check %d: %v", caller, n, err)
				}
				cancel()
			}
		})
	}
	group.Wait()
}

func TestStreamsSurviveDelegatedBuiltins(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Policies: treeOf(matching())})
	ask(t, s.Addr, func(ctx context.Context, c *client.Client, n int) error {
		d, err := c.Check(ctx, client.NewCheck("acme", fmt.Sprint("u", n), "legal_compliance"))
		if err == nil && !d.Allowed {
			t.Errorf("the rule does not match: %v", d)
		}
		return err
	})
}

// A person whose last activity lies as far ahead as can be stored is asked about over streams.
func TestStreamsSurviveFarInstants(t *testing.T) {
	dir := t.TempDir()
	store, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := consent.InstantOf(time.Now())
	for i, at := range []consent.Instant{9223372036000000000 - 47*60e9, math.MaxInt64, 1, -1, math.MinInt64} {
		_, err := store.Record(t.Context(), consent.Batch{
			Subject: consent.Subject{Controller: "jasminai", ID: fmt.Sprint("u", i)}, RecordedAt: now,
			Events: []consent.Event{{ID: fmt.Sprint(i), OccurredAt: now, Source: "import", Fact: consent.Profile{LastActivityAt: at}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, servertest.Options{DataDir: dir})
	ask(t, s.Addr, func(ctx context.Context, c *client.Client, n int) error {
		d, err := c.Check(ctx, client.NewCheck("jasminai", fmt.Sprint("u", n%5), "service_delivery"))
		for _, r := range d.Reasons {
			if strings.Contains(r.GetCode().String(), "POLICY_ERROR") {
				t.Errorf("instant %d: %v", n%5, d)
			}
		}
		return err
	})
}
