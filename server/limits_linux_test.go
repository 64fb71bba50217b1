package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// resident is the memory of a process, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// breakWrites has every write of the process to a file fail.
func (s *launched) breakWrites(t *testing.T) {
	t.Helper()
	none := unix.Rlimit{Cur: 0, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(s.Process.Pid, unix.RLIMIT_FSIZE, &none, nil); err != nil {
		t.Fatal(err)
	}
}

func (s *launched) record(t *testing.T, id string) error {
	t.Helper()
	_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "s", Events: []*consentv1.Event{{
			Id: id, OccurredAt: timestamppb.Now(), Source: "privacy_settings",
			Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
				Purpose: "ai_training", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3,
			}},
		}},
	})
	return err
}

func (s *launched) status(t *testing.T, service string) healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	got, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	return got.GetStatus()
}

// page is the answer to a GET, its status first.
func page(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, body)
}

// expectWrites fails unless all that tells whether events can be recorded says so, and that decisions are made.
func (s *launched) expectWrites(t *testing.T, http string, going bool) {
	t.Helper()
	writes, plain, service, gauge := healthpb.HealthCheckResponse_SERVING, "200 ok\n", "200 ok\n", "consentd_store_writable 1\n"
	if !going {
		writes, gauge = healthpb.HealthCheckResponse_NOT_SERVING, "consentd_store_writable 0\n"
		plain = "200 ok: events cannot be recorded, see the log; decisions go on\n"
		service = "503 not serving: events cannot be recorded, see the log; decisions go on\n"
	}
	for name, want := range map[string]healthpb.HealthCheckResponse_ServingStatus{
		"": healthpb.HealthCheckResponse_SERVING, "consent.v1.DecisionService": healthpb.HealthCheckResponse_SERVING,
		"consent.v1.PolicyService": healthpb.HealthCheckResponse_SERVING, "consent.v1.ConsentService": writes,
	} {
		if got := s.status(t, name); got != want {
			t.Errorf("%q is %v, want %v", name, got, want)
		}
	}
	for path, want := range map[string]string{"/readyz": plain, "/readyz?service=consent.v1.ConsentService": service} {
		if got := page(t, http+path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := page(t, http+"/metrics"); !strings.Contains(got, "\n"+gauge) {
		t.Errorf("/metrics has no %q", gauge)
	}
	d, err := consentv1.NewDecisionServiceClient(s.conn).Check(t.Context(), &consentv1.CheckRequest{
		Controller: "example", SubjectId: "s", Purpose: "service_messages",
	})
	if err != nil {
		t.Errorf("a decision: %v, %v", d, err)
	}
}

// Where writes fail decisions go on, and health, /readyz and a gauge tell; a restart with a
// disk that works is the recovery.
func TestFailingWritesAreTold(t *testing.T) {
	addr := freePort(t)
	s := launch(t, "--http-addr", addr)
	if err := s.record(t, "before"); err != nil {
		t.Fatal(err)
	}
	s.expectWrites(t, "http://"+addr, true)
	watch, err := healthpb.NewHealthClient(s.conn).Watch(
		t.Context(), &healthpb.HealthCheckRequest{Service: "consent.v1.ConsentService"},
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	s.breakWrites(t)
	if err := s.record(t, "while"); status.Code(err) != codes.Unavailable {
		t.Errorf("recording: %v, want Unavailable", err)
	}
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("who watches is told %v, %v; want NOT_SERVING", got, err)
	}
	s.expectWrites(t, "http://"+addr, false)

	_ = s.Process.Kill()
	_ = s.Wait()
	next := launch(t, "--http-addr", addr, "--data-dir", s.dataDir)
	if err := next.record(t, "after"); err != nil {
		t.Error(err)
	}
	next.expectWrites(t, "http://"+addr, true)
}
