package client_test

import (
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/servertest"
)

// TestTheLogKnowsWhatNearCachesAnswered: what the server did not see is in its decision log, by the decision.
func TestTheLogKnowsWhatNearCachesAnswered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "decisions.jsonl")
	s := servertest.Start(t, servertest.Options{DecisionLog: decisionlog.Config{Sink: file}})
	c, err := client.Dial(s.Addr, client.WithTimeout(30*time.Second),
		client.WithNearCache(client.NearCacheConfig{ReportEvery: 20 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	awaitLease(t, c)
	ids := map[string]uint64{}
	for i := range 300 {
		d, err := c.Check(t.Context(), client.NewCheck("example", "u", []string{"marketing_email", "ai_training"}[i%2]))
		if err != nil {
			t.Fatal(err)
		}
		ids[d.ID]++
	}
	hits := c.NearCacheStats().Hits
	if hits < 200 {
		t.Fatalf("only %d hits", hits)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	log, err := line.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	reported := uint64(0)
	for {
		l, err := log.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch l.Kind() {
		case line.Decided:
			ids[l.Decision.ID]--
		case line.Reported:
			reported += l.Answers
			ids[l.Decision.ID] -= l.Answers
			if l.Request.Subject.Controller != "example" || l.Request.Subject.ID != "" || l.Request.Purpose == "" {
				t.Errorf("a report of %+v", l.Request)
			}
		}
	}
	for id, n := range ids {
		if n != 0 {
			t.Errorf("%d checks answered by %s are not in the log", int64(n), id)
		}
	}
	if reported != hits {
		t.Errorf("%d answers were reported of %d", reported, hits)
	}
}
