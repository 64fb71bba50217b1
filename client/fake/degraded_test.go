package fake_test

import (
	"testing"
	"time"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// TestDegradedRules: answers as if the state could not be read. A near cache that holds a lease keeps none of them.
func TestDegradedRules(t *testing.T) {
	c := connect(t, start(t, `
rules:
  - {purpose: fresh, decision: ALLOW}
  - {purpose: away, decision: DENY, degraded: DENIED}
  - {purpose: old, decision: ALLOW, legal_basis: CONTRACT, degraded: STALE, state_age: 90s}
`), client.WithNearCache(client.NearCacheConfig{}))
	for end := time.Now().Add(10 * time.Second); c.NearCacheStats().Hits == 0; time.Sleep(time.Millisecond) {
		if _, err := c.Check(t.Context(), client.NewCheck("example", "u", "fresh")); err != nil || time.Now().After(end) {
			t.Fatalf("no hit: %v", err)
		}
	}
	hits := c.NearCacheStats().Hits
	for range 3 {
		d, err := c.Check(t.Context(), client.NewCheck("example", "u", "away"))
		if err != nil || d.String() != "DENY (degraded: DENIED): STATE_UNAVAILABLE (line 4)" || d.ConsistencyToken != "" ||
			d.Degraded != consentv1.Degradation_DEGRADATION_DENIED {
			t.Errorf("denied: %v, %v", d, err)
		}
		d, err = c.Check(t.Context(), client.NewCheck("example", "u", "old"))
		if err != nil || !d.Allowed || d.Degraded != consentv1.Degradation_DEGRADATION_STALE || d.StateAge != 90*time.Second {
			t.Errorf("served: %v of %v, %v", d, d.StateAge, err)
		}
	}
	if now := c.NearCacheStats().Hits; now != hits {
		t.Errorf("%d degraded decisions came from the near cache", now-hits)
	}
	results, err := c.BatchCheck(t.Context(), &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{
		client.NewCheck("example", "u", "old"), client.NewCheck("example", "u", "away"),
	}})
	if err != nil || results[0].Decision.Degraded != 2 || results[1].Decision.Degraded != 1 {
		t.Errorf("in a batch: %v, %v", results, err)
	}
}
