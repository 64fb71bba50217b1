package servertest_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/acts"
	"github.com/consentd/consentd/server/servertest"
)

// TestAuditThatCannotBeWritten: nobody is read, and withdrawals and checks go on; then all of it does, by itself.
func TestAuditThatCannotBeWritten(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	read := func() error {
		_, err := s.Consents.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "u1"})
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.DataDir, "audit", "acts.jsonl")
	moved := filepath.Join(s.DataDir, "audit", "moved.jsonl")
	if err := os.Rename(file, moved); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil { // nothing can be written to that
		t.Fatal(err)
	}

	err := read()
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "audit") || strings.Contains(err.Error(), s.DataDir) {
		t.Errorf("reading: %v", err)
	}
	retry := false
	for _, d := range status.Convert(err).Details() {
		_, is := d.(*errdetails.RetryInfo)
		retry = retry || is
	}
	if !retry {
		t.Errorf("reading: no RetryInfo in %v", err)
	}
	recorded, err := s.Consents.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "u1", Events: []*consentv1.Event{{
			Id: "stop", OccurredAt: timestamppb.New(time.Now().Add(-time.Minute)), Source: "unsubscribe_link",
			Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
				Purpose: "marketing_email", Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
			}},
		}},
	})
	if err != nil || recorded.GetApplied() != 1 {
		t.Errorf("a withdrawal is refused because of the audit: %v", err)
	}
	check := &consentv1.CheckRequest{Controller: "example", SubjectId: "u1", Purpose: "marketing_email"}
	if answer, err := s.Decisions.Check(t.Context(), check); err != nil || answer.GetDecision() != consentv1.Decision_DECISION_DENY {
		t.Errorf("a check: %v, %v", answer, err)
	}
	wantMetrics(t, s, "consentd_audit_failing 1", "consentd_audit_missed_total 1")

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := read(); err != nil {
		t.Errorf("reading when it can be written again: %v", err)
	}
	wantMetrics(t, s, "consentd_audit_failing 0", "consentd_audit_missed_total 1")
	r, err := acts.Verify(moved, file)
	if err != nil || len(r.Faults) > 0 || r.Lines != 3 || r.Missed != 1 {
		t.Errorf("verified %+v, error %v", r, err)
	}
}

// wantMetrics fails unless /metrics has these lines.
func wantMetrics(t *testing.T, s *servertest.Server, lines ...string) {
	t.Helper()
	response, err := http.Get("http://" + s.HTTPAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("/metrics lacks %q", line)
		}
	}
}
