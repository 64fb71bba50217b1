package servertest_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/servertest"
)

const jsersTable = "controllers/jsers/data.yaml"

// noTime is a limit in which no test can be run: the machine is too busy.
const noTime = time.Nanosecond

// A save whose tests run out of time is tried again although the source has nothing new, and the status, the metrics
// and the answer say so; the policies in force stay.
func TestASaveThatRunsOutOfTime(t *testing.T) {
	dir := policyFolder(t)
	s := servertest.Start(t, servertest.Options{
		PolicySource: source.Config{Location: dir, Poll: time.Hour}, PolicyTestTimeout: noTime,
	})
	before := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true })
	good := read(t, dir, jsersTable)
	save(t, dir, jsersTable, strings.Replace(good, `clause: "§2"`, `clause: "§9"`, 1))
	got := until(t, s, "another attempt", func(p *consentv1.GetPolicyResponse) bool { return p.GetStatus().GetFailures() > 1 })
	if got.GetPolicyRevision() != before.GetPolicyRevision() || got.GetStatus().GetRefusedPolicyRevision() != "" {
		t.Errorf("revision %s, want %s; status %v", got.GetPolicyRevision(), before.GetPolicyRevision(), got.GetStatus())
	}
	if got.GetStatus().GetRetryAt() == nil || !strings.Contains(got.GetStatus().GetFaults()[0].GetMessage(), "did not end within") {
		t.Errorf("status %v: want when it is tried again, and why", got.GetStatus())
	}
	if n := s.Metric(t, "consentd_policy_loads_total", map[string]string{"outcome": "unfinished"}); n < 2 {
		t.Errorf("%v attempts counted as unfinished", n)
	}
	if at := s.Metric(t, "consentd_policy_retry_seconds", nil); at == 0 {
		t.Error("no metric says when it is tried again")
	}
	save(t, dir, jsersTable, good)
	got = until(t, s, "the good policies", func(p *consentv1.GetPolicyResponse) bool { return len(p.GetStatus().GetFaults()) == 0 })
	if got.GetStatus().GetRetryAt() != nil || s.Metric(t, "consentd_policy_retry_seconds", nil) != 0 {
		t.Errorf("status %v: something is still to be tried again", got.GetStatus())
	}
}

// A caller is told that nothing is wrong with the policies, so that it calls again.
func TestAnActivationThatRunsOutOfTime(t *testing.T) {
	s := servertest.Start(t, servertest.Options{PolicyTestTimeout: noTime})
	request := activation(t, policyFolder(t))
	table := request.Files[fileAt(request, jsersTable)]
	table.Content = []byte(strings.Replace(string(table.Content), `clause: "§2"`, `clause: "§9"`, 1))
	_, err := s.Policies.ActivatePolicy(t.Context(), request)
	if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(err.Error(), "call again") {
		t.Errorf("ActivatePolicy: %v", err)
	}
	check := &consentv1.CheckPolicyRequest{}
	for name, content := range tiny() {
		check.Files = append(check.Files, &consentv1.PolicyFile{Path: name, Content: []byte(content)})
	}
	if _, err := s.Policies.CheckPolicy(t.Context(), check); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("CheckPolicy: %v", err)
	}
}
