package replay_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store/pebble"
)

// oneSet is all policies that were ever in force.
type oneSet struct{ set *policy.Set }

func (s oneSet) Set(context.Context, string) (*policy.Set, error) { return s.set, nil }

// degrading is the example's policies with purposes that declare what they come to while a state cannot be read.
func degrading(t *testing.T) *policy.Set {
	t.Helper()
	const name = "controllers/example/data.yaml"
	dir := t.TempDir()
	if err := os.CopyFS(dir, someControllers(t)); err != nil {
		t.Fatal(err)
	}
	content, err := fs.ReadFile(policies.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	table := strings.NewReplacer(
		"  service_delivery:\n", "  service_delivery:\n    degraded: serve_stale\n    stale_limit: 5m\n",
		"  marketing_email:\n", "  marketing_email:\n    degraded: deny\n",
	).Replace(string(content))
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := policy.Load(os.DirFS(dir), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestDegradedDecisionsReplay: each is held against what its policies declare; one that is as declared is the same.
func TestDegradedDecisionsReplay(t *testing.T) {
	set := degrading(t)
	store, err := pebble.Open(t.TempDir(), pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	r := replay.New(replay.Config{Store: store, Policies: oneSet{set}})
	for name, row := range map[string]struct {
		purpose string
		change  func(*consent.Decision)
		same    bool
	}{
		"not degraded":                       {"service_delivery", func(*consent.Decision) {}, true},
		"denied as declared":                 {"marketing_email", denied("example"), true},
		"denied with another clause":         {"marketing_email", denied("§1"), false},
		"denied where it fails":              {"ai_training", denied("example"), false},
		"denied where it may be served":      {"service_delivery", denied("example"), false},
		"allowed as if denied":               {"marketing_email", allowed, false},
		"served as declared":                 {"service_delivery", stale(5 * time.Minute), true},
		"served beyond the limit":            {"service_delivery", stale(5*time.Minute + 1), false},
		"served where it is denied":          {"marketing_email", stale(time.Second), false},
		"served, and allowed for no subject": {"service_delivery", staleAllow, false},
	} {
		l := line.Line{Time: 1_700_000_000_000_000_000, HasState: true, Request: consent.Request{
			Subject: consent.Subject{Controller: "example", ID: "u"}, Purpose: row.purpose,
		}}
		l.Decision = set.Decide(t.Context(), &l.Request, &consent.Snapshot{State: &consent.State{}}, l.Time)
		row.change(&l.Decision)
		l.HasState = l.Decision.Degraded != consent.DegradedDenied
		got, err := r.Verify(t.Context(), []replay.Item{{Line: l}})
		if err != nil {
			t.Fatal(err)
		}
		if (got.Same == 1) != row.same || (got.Different == 1) == row.same {
			t.Errorf("%s: %d the same, %d different, %v", name, got.Same, got.Different, got.Skipped)
		}
	}
}

func denied(clause string) func(*consent.Decision) {
	return func(d *consent.Decision) {
		revision := d.PolicyRevision
		*d = consent.Unavailable(clause)
		d.PolicyRevision = revision
	}
}

func allowed(d *consent.Decision) {
	denied("example")(d)
	d.Effect = consent.Allow
}

func staleAllow(d *consent.Decision) {
	stale(0)(d)
	d.Effect = consent.Allow
}

func stale(age time.Duration) func(*consent.Decision) {
	return func(d *consent.Decision) { d.Degraded, d.StateAge = consent.DegradedStale, age }
}
