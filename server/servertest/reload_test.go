package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/servertest"
)

// policyFolder is a copy of the shipped policies that a test may edit.
func policyFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policies")
	if err := os.CopyFS(dir, policies.FS); err != nil {
		t.Fatal(err)
	}
	return dir
}

// save writes a file of the policies over, as some editors do: not at once.
func save(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// until asks for the policies until done says so, and returns the last answer.
func until(
	t *testing.T, s *servertest.Server, what string, done func(*consentv1.GetPolicyResponse) bool,
) *consentv1.GetPolicyResponse {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		got, err := s.Policies.GetPolicy(t.Context(), &consentv1.GetPolicyRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if done(got) {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 2 minutes: %v", what, got.GetStatus())
		}
	}
}

const (
	exampleTable = "controllers/example/data.yaml"
	exampleRules = "controllers/example/example.rego"
)

// Saves are put in force while checks go on, none of which fails; a bad save changes
// nothing and is told with its place.
func TestSavesDuringChecks(t *testing.T) {
	dir := policyFolder(t)
	s := servertest.Start(t, servertest.Options{PolicySource: source.Config{Location: dir, Poll: time.Hour}})
	good, rules := read(t, dir, exampleTable), read(t, dir, exampleRules)
	ctx, stop := context.WithCancel(t.Context())
	var checkers sync.WaitGroup
	var checked atomic.Int64
	for range 2 {
		checkers.Go(func() {
			for ctx.Err() == nil {
				d, err := s.Decisions.Check(
					ctx, &consentv1.CheckRequest{Controller: "example", SubjectId: "nobody", Purpose: "service_delivery"},
				)
				if errors.Is(ctx.Err(), context.Canceled) {
					return
				}
				if err != nil || d.GetReasons()[0].GetCode() != consentv1.ReasonCode_REASON_CODE_SUBJECT_UNKNOWN {
					t.Errorf("a check failed: %v, %v", d, err)
					return
				}
				checked.Add(1)
			}
		})
	}
	revision := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true }).GetPolicyRevision()
	for i := range 3 {
		began := time.Now()
		save(t, dir, exampleRules, rules+fmt.Sprintf("# saved %d\n", i)) // nothing that must be proven anew
		got := until(t, s, "a save", func(p *consentv1.GetPolicyResponse) bool { return p.GetPolicyRevision() != revision })
		t.Logf("live %v after the save", time.Since(began))
		revision = got.GetPolicyRevision()
	}
	save(t, dir, exampleTable, strings.Replace(good, "name:", "nmae:", 1))
	refused := until(t, s, "a bad save", func(p *consentv1.GetPolicyResponse) bool { return len(p.GetStatus().GetFaults()) > 0 })
	fault := refused.GetStatus().GetFaults()[0]
	if refused.GetPolicyRevision() != revision || fault.GetFile() != exampleTable || fault.GetLine() == 0 ||
		!strings.Contains(fault.GetMessage(), "nmae") {
		t.Errorf("after a bad save: revision %s (want %s), fault %v", refused.GetPolicyRevision(), revision, fault)
	}
	if n := s.Metric(t, "consentd_policy_consecutive_failures", nil); n != 1 {
		t.Errorf("%v failures counted", n)
	}
	save(t, dir, exampleTable, good)
	until(t, s, "the mend", func(p *consentv1.GetPolicyResponse) bool { return len(p.GetStatus().GetFaults()) == 0 })
	stop()
	checkers.Wait()
	if checked.Load() < 10 {
		t.Errorf("only %d checks", checked.Load())
	}
	t.Logf("%d checks", checked.Load())
}

func TestARestartWithBrokenPoliciesStartsFromTheCopy(t *testing.T) {
	dir, data := policyFolder(t), t.TempDir()
	o := servertest.Options{PolicySource: source.Config{Location: dir}, DataDir: data}
	s := servertest.Start(t, o)
	revision := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true }).GetPolicyRevision()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s = servertest.Start(t, o)
	got := until(t, s, "the restart", func(*consentv1.GetPolicyResponse) bool { return true })
	if got.GetPolicyRevision() != revision || !got.GetStatus().GetLastGood() || len(got.GetStatus().GetFaults()) != 1 {
		t.Errorf("revision %s, want %s; status %v", got.GetPolicyRevision(), revision, got.GetStatus())
	}
	if n := s.Metric(t, "consentd_policy_last_good", nil); n != 1 {
		t.Errorf("consentd_policy_last_good = %v", n)
	}
}

func TestActivatedPoliciesSurviveARestart(t *testing.T) {
	data := t.TempDir()
	s := servertest.Start(t, servertest.Options{DataDir: data})
	before := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true }).GetPolicyRevision()
	request := activation(t, policyFolder(t))
	table, rules := request.Files[fileAt(request, exampleTable)], request.Files[fileAt(request, exampleRules)]
	rules.Content = append(rules.Content, "# activated\n"...)
	request.ExpectedPolicyRevision = before
	done, err := s.Policies.ActivatePolicy(t.Context(), request)
	if err != nil || done.GetPreviousPolicyRevision() != before || done.GetPolicyRevision() == before {
		t.Fatalf("ActivatePolicy = %v, %v", done, err)
	}
	table.Content = []byte("nmae: x\n")
	request.ExpectedPolicyRevision = ""
	_, err = s.Policies.ActivatePolicy(t.Context(), request)
	if status.Code(err) != codes.InvalidArgument || !strings.HasPrefix(firstField(err), exampleTable+":1") {
		t.Errorf("a bad table: %v, field %q", err, firstField(err))
	}
	request.ExpectedPolicyRevision = before
	if _, err = s.Policies.ActivatePolicy(t.Context(), request); status.Code(err) != codes.Aborted {
		t.Errorf("another revision expected: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	s = servertest.Start(t, servertest.Options{DataDir: data})
	got := until(t, s, "the restart", func(*consentv1.GetPolicyResponse) bool { return true })
	if got.GetPolicyRevision() != done.GetPolicyRevision() {
		t.Errorf("restarted with %s, want what was activated, %s", got.GetPolicyRevision(), done.GetPolicyRevision())
	}
}

func TestNoActivationBesideASource(t *testing.T) {
	dir := policyFolder(t)
	s := servertest.Start(t, servertest.Options{PolicySource: source.Config{Location: dir}})
	_, err := s.Policies.ActivatePolicy(t.Context(), activation(t, dir))
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), dir) {
		t.Errorf("ActivatePolicy: %v, want FAILED_PRECONDITION that names %s", err, dir)
	}
}

func activation(t *testing.T, dir string) *consentv1.ActivatePolicyRequest {
	t.Helper()
	files, err := source.ReadDir(dir, source.DefaultMaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	request := &consentv1.ActivatePolicyRequest{}
	for _, f := range files.List() {
		request.Files = append(request.Files, &consentv1.PolicyFile{Path: f.Path, Content: f.Content})
	}
	return request
}

func fileAt(r *consentv1.ActivatePolicyRequest, path string) int {
	for i, f := range r.GetFiles() {
		if f.GetPath() == path {
			return i
		}
	}
	return -1
}

// firstField is the field of an error's first violation.
func firstField(err error) string {
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			return bad.GetFieldViolations()[0].GetField()
		}
	}
	return ""
}
