package peers_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/bench/peers"
	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// subjects is how many random subjects each translation is compared on.
const subjects = 1000

func population() question.Population {
	return question.Population{Size: subjects, Seed: 11, Start: time.Now()}
}

// ours are consentd's own answers, from a server that was told the whole population.
func ours(t *testing.T, p question.Population) map[question.Question]bool {
	t.Helper()
	s := servertest.Start(t, servertest.Options{})
	answers, allowed := map[question.Question]bool{}, 0
	for n := range p.Size {
		if _, err := s.Consents.RecordEvents(t.Context(), p.Record(n)); err != nil {
			t.Fatalf("recording subject %d: %v", n, err)
		}
		for i := range question.Purposes {
			q := question.Question{Subject: n, Purpose: i}
			answer, err := s.Decisions.Check(t.Context(), p.Check(q))
			if err != nil {
				t.Fatalf("checking subject %d: %v", n, err)
			}
			answers[q] = answer.GetDecision() == consentv1.Decision_DECISION_ALLOW
			if answers[q] {
				allowed++
			}
		}
	}
	if allowed < subjects/2 || allowed > 3*subjects/2 {
		t.Fatalf("%d of %d allowed: the population tells nothing", allowed, 2*subjects)
	}
	return answers
}

// TestTranslations: each peer answers as consentd does, one by one and in batches; so does the truth that load is
// compared with. A peer whose program is not there is skipped.
func TestTranslations(t *testing.T) {
	p := population()
	want := ours(t, p)
	t.Run("truth", func(t *testing.T) {
		compare(t, want, func(_ context.Context, q question.Question) (bool, error) { return p.Truth(q), nil })
	})
	t.Run("opa embedded", func(t *testing.T) {
		embedded, err := peers.NewEmbedded(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, want, embedded.Check)
	})
	for _, k := range peers.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			peer, err := k.Start(t.Context(), peers.Config{Binary: program(t, k), Dir: t.TempDir(), Population: p, Connections: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			compare(t, want, func(ctx context.Context, q question.Question) (bool, error) { return peer.Check(ctx, q.Subject, q) })
			compareBatches(t, want, peer)
		})
	}
}

// program is that of CONSENTD_BENCH_NAME or of the cache folder.
func program(t *testing.T, k peers.Kind) string {
	t.Helper()
	variable := "CONSENTD_BENCH_" + strings.ToUpper(k.ProgramName())
	if path := os.Getenv(variable); path != "" {
		return path
	}
	if cache, err := os.UserCacheDir(); err == nil {
		if path := k.Installed(filepath.Join(cache, "consentd-bench")); path != "" {
			return path
		}
	}
	t.Skipf("no program of %s: run bench with --install-peers, or set %s", k.Name, variable)
	return ""
}

func compare(t *testing.T, want map[question.Question]bool, check func(context.Context, question.Question) (bool, error)) {
	t.Helper()
	for q, allowed := range want {
		got, err := check(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if got != allowed {
			t.Errorf("%+v: %v, consentd says %v", q, got, allowed)
		}
	}
}

func compareBatches(t *testing.T, want map[question.Question]bool, peer peers.Peer) {
	t.Helper()
	var batch []question.Question
	for q := range want {
		if batch = append(batch, q); len(batch) < 100 {
			continue
		}
		got, err := peer.Batch(t.Context(), 0, batch)
		if err != nil || len(got) != len(batch) {
			t.Fatalf("%d answers, %v", len(got), err)
		}
		for i, q := range batch {
			if got[i] != want[q] {
				t.Errorf("%+v in a batch: %v, consentd says %v", q, got[i], want[q])
			}
		}
		batch = batch[:0]
	}
}
