package servertest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/decisionlog"
	"github.com/consentd/consentd/server/servertest"
)

// batchOf asks about n subjects.
func batchOf(n int) *consentv1.BatchCheckRequest {
	r := &consentv1.BatchCheckRequest{}
	for i := range n {
		r.Requests = append(r.Requests, &consentv1.CheckRequest{
			Controller: "acme", SubjectId: fmt.Sprintf("%s%d", strings.Repeat("u", 200), i), Purpose: "storage",
		})
	}
	return r
}

// TestNothingIsDecidedUnlogged: with block, a check that cannot be logged before its deadline fails, and says when to
// try again; and a server without a log decides, its metrics at zero.
func TestNothingIsDecidedUnlogged(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Policies: acme("1"), DecisionLog: decisionlog.Config{
		Sink: "otlp://127.0.0.1:1", Overflow: decisionlog.Block, Buffer: 1 << 20,
	}})
	check := &consentv1.CheckRequest{Controller: "acme", SubjectId: "u", Purpose: "storage"}
	ask := func(timeout time.Duration, call func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		return call(ctx)
	}
	var err error
	for err == nil { // a batch that fails may only have been too slow
		_ = ask(time.Second, func(ctx context.Context) error { _, err := s.Decisions.BatchCheck(ctx, batchOf(500)); return err })
		err = ask(2*time.Second, func(ctx context.Context) error { _, err := s.Decisions.Check(ctx, check); return err })
	}
	retry := false
	for _, d := range status.Convert(err).Details() {
		_, is := d.(*errdetails.RetryInfo)
		retry = retry || is
	}
	if status.Code(err) != codes.Unavailable || !retry || !strings.Contains(err.Error(), "cannot be logged") {
		t.Errorf("got %v, want UNAVAILABLE with RetryInfo", err)
	}
	if s.Metric(t, "consentd_decision_log_failing", nil) != 1 || s.Metric(t, "consentd_decision_log_queue_bytes", nil) == 0 {
		t.Error("the metrics do not tell that the sink fails")
	}
	bare := servertest.Start(t, servertest.Options{Policies: acme("1")})
	if _, err := bare.Decisions.Check(t.Context(), check); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"lines_total", "bytes_total", "failing", "queue_bytes", "spilled_total", "rule_errors_total"} {
		if got := bare.Metric(t, "consentd_decision_log_"+name, nil); got != 0 {
			t.Errorf("%s is %v without a log", name, got)
		}
	}
}

// TestWhatIsLogged: by decision, by purpose, and by the rules of a file. The policies of acme allow whatever is asked.
func TestWhatIsLogged(t *testing.T) {
	dir := t.TempDir()
	rules := filepath.Join(dir, "log.rego")
	const text = "package consentd.decision_log\n\nmask contains \"request.subject_id\"\n"
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "decisions.jsonl")
	s := servertest.Start(t, servertest.Options{Policies: acme("1"), DecisionLog: decisionlog.Config{
		Sink: file, Decisions: "deny", Purposes: "acme/storage=all", Rules: rules,
	}})
	for _, purpose := range []string{"storage", "undeclared", "storage"} {
		check := &consentv1.CheckRequest{Controller: "acme", SubjectId: "somebody", Purpose: purpose}
		if _, err := s.Decisions.Check(t.Context(), check); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, s)
	log, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(log), "\n"); lines != 2 || strings.Contains(string(log), "somebody") ||
		strings.Count(string(log), `"masked":["request.subject_id"]`) != 2 {
		t.Errorf("%d lines:\n%s", lines, log)
	}
	for want, c := range map[string]decisionlog.Config{
		"decision-log-rules: ":      {Sink: file, Rules: filepath.Join(dir, "absent")},
		"decision-log-decisions: ":  {Sink: file, Decisions: "some"},
		"decision-log-subject-key:": {Sink: file, SubjectKey: rules},
		"decision-log: ":            {Sink: dir},
	} {
		err := servertest.Refused(t, servertest.Options{Policies: acme("1"), DataDir: t.TempDir(), DecisionLog: c})
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
