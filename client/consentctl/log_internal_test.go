package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/audit/replay"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// seconds is a clock that goes on by a second each time that it is read.
type seconds struct{ read atomic.Int64 }

func (s *seconds) now() consent.Instant {
	return consent.InstantOf(clock) + consent.Instant(s.read.Add(1))*consent.Instant(time.Second)
}

// loggedLines waits until a log has as many lines, and returns them.
func loggedLines(t *testing.T, file string, n int) []line.Line {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		var all []line.Line
		err := (&logFiles{}).file(file, func(i replay.Item) error {
			all = append(all, i.Line)
			return nil
		})
		if len(all) >= n && err == nil {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d lines of %d: %v", len(all), n, err)
		}
	}
}

// TestLogs verifies, explains and compares the decisions that a server logged.
func TestLogs(t *testing.T) {
	dir, ticks := t.TempDir(), &seconds{}
	file := filepath.Join(dir, "decisions.jsonl")
	s := servertest.Start(t, servertest.Options{
		DataDir: filepath.Join(dir, "data"), Now: ticks.now, DecisionLog: decisionlog.Config{Sink: file},
	})
	for _, command := range []string{
		"record profile example u --jurisdiction DE --at -9d --id e1",
		"record consent example u marketing_email GIVEN --notice-version 3 --at -8d --id e2",
		"check example u marketing_email --category user.contact.email --context gpc=true",
		"check example u ai_training --recipient affiliate --recipient-country US",
		"record consent example u marketing_email WITHDRAWN --at -1d --id e3",
		"check example u marketing_email",
		"purposes example nobody",
	} {
		if got := execute(s.Addr, "", strings.Fields(command)...); got.code != exitOK {
			t.Fatalf("%s: %s", command, got.stderr)
		}
	}
	lines := loggedLines(t, file, 5)
	got := execute(s.Addr, "", "log", "verify", file)
	if got.code != exitOK || !strings.Contains(got.stdout, "Different  0") {
		t.Errorf("%+v", got)
	}
	t.Run("explain", func(t *testing.T) {
		i := slices.IndexFunc(lines, func(l line.Line) bool { return len(l.Request.DataCategories) > 0 })
		if i < 0 || lines[i].Decision.Effect != consent.Allow {
			t.Fatalf("the log has no such decision, or denies it: %d", i)
		}
		first := lines[i]
		got := execute(s.Addr, "", "explain", "--id", first.Decision.ID, "--log", file)
		for _, want := range []string{
			"ALLOW: example may use user.contact.email of u for", "It is the decision of the log",
			"asked by anonymous",
		} {
			if got.code != exitOK || !strings.Contains(got.stdout, want) {
				t.Errorf("it does not say %q: %+v", want, got)
			}
		}
		for _, test := range []struct{ flags, shows string }{
			{"--id absent --log " + file, "no decision absent is in the log"},
			{"--id x --log absent.jsonl", "absent.jsonl"},
			{"--id x", "--id"}, {"example u marketing_email --id x --log " + file, "no arguments are taken"},
		} {
			if got := execute(s.Addr, "", append([]string{"explain"}, strings.Fields(test.flags)...)...); got.code != exitError ||
				!strings.Contains(got.stderr, strings.TrimPrefix(test.shows, "--")) {
				t.Errorf("%s: %+v", test.flags, got)
			}
		}
	})
	t.Run("compare", func(t *testing.T) {
		policies := editedPolicies(t, "lib/levels/levels.rego", "\tt := marks.objected_at\n",
			"\tt := marks.objected_at\n\tinput.purpose != \"product_analytics\"\n")
		got := execute(s.Addr, "", "policy", "diff", policies, "--states=false", "--sample", "0", "--decisions", file)
		if got.code != exitOK || !strings.Contains(got.stdout, "recorded decisions") {
			t.Errorf("%+v", got)
		}
	})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	verify := func(name string, flags ...string) result {
		return execute("127.0.0.1:1", "", append([]string{"log", "verify", name, "--data", s.DataDir}, flags...)...)
	}
	if got := verify(file); got.code != exitOK || !strings.Contains(got.stdout, "Different  0") {
		t.Errorf("%+v", got)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(content string) string {
		name := filepath.Join(t.TempDir(), "changed.jsonl")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	text := string(whole)
	masked := strings.Replace(text, `"latency_ns"`, `"masked":["request.subject_id"],"latency_ns"`, 1)
	for _, test := range []struct {
		name, content, flags, shows string
		code                        int
	}{
		{"a changed reason", strings.Replace(text, "CONSENT_WITHDRAWN", "CONSENT_REFUSED", 1), "", "changed.jsonl:", exitDenied},
		{"a changed answer", strings.Replace(text, `"decision":"ALLOW"`, `"decision":"DENY"`, 1), "", "changed.jsonl:", exitDenied},
		{"cut off", text[:len(text)-9], "", "Cut off", exitOK},
		{"masked", masked, "", "were taken off", exitDenied},
		{"masked", masked, "--partial", "were taken off", exitOK},
		{"a fault", strings.Replace(text, `"ALLOW"`, `"MAYBE"`, 1), "", "response.decision: \"MAYBE\"", exitError},
	} {
		got := verify(write(test.content), strings.Fields(test.flags)...)
		if got.code != test.code || !strings.Contains(got.stdout+got.stderr, test.shows) {
			t.Errorf("%s: want %d and %q, got %+v", test.name, test.code, test.shows, got)
		}
	}
	for flags, shows := range map[string]string{
		"":                                 "missing argument FILE",
		file + " --sample 0":               "--sample 0",
		file + " --data " + t.TempDir():    "holds no store",
		file + " --log-key absent":         "--log-key: open absent",
		file + " --data x --sample 3":      "none of the others can be",
		"absent.jsonl --data " + s.DataDir: "absent.jsonl",
	} {
		if got := execute("127.0.0.1:1", "", append([]string{"log", "verify"}, strings.Fields(flags)...)...); got.code != exitError ||
			!strings.Contains(got.stderr, shows) {
			t.Errorf("%q: want %q, got %+v", flags, shows, got)
		}
	}
}
