package main_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// until polls a condition and fails the test if it does not come true in time.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("in 15 s it did not come to this: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// logged waits for a text in the server's log.
func (s *launched) logged(t *testing.T, text string) {
	t.Helper()
	until(t, "the log has "+text, func() bool { return strings.Contains(s.log.String(), text) })
}

func (s *launched) send(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// answers fails unless the server still does.
func (s *launched) answers(t *testing.T) {
	t.Helper()
	if _, err := consentv1.NewPolicyServiceClient(s.conn).GetPolicy(t.Context(), &consentv1.GetPolicyRequest{}); err != nil {
		t.Fatalf("it does not answer any more: %v", err)
	}
}

// acme is a bundle of one controller with one purpose.
func acme(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	packed := tar.NewWriter(zipped)
	for name, content := range map[string]string{
		"controllers/acme/data.yaml": "notice: {version: 1, material: 1}\npurposes:\n" +
			"  storage: {basis: LEGAL_OBLIGATION, clause: terms}\n",
		"controllers/acme/acme.rego": `package consentd.controllers.acme

decision := {
	"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": "terms"}],
	"legal_basis": "LEGAL_OBLIGATION", "obligations": [], "permitted_data_categories": [],
}
`,
	} {
		if err := packed.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := packed.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(packed.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Whatever signal ends the server, it says so to those who watch, answers what is under way, and exits well.
func TestSignalsThatEndProcessesDrain(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT} {
		t.Run(signal.String(), func(t *testing.T) {
			s := launch(t)
			watch, err := healthpb.NewHealthClient(s.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := watch.Recv(); err != nil {
				t.Fatal(err)
			}
			s.send(t, signal)
			if got, err := watch.Recv(); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
				t.Errorf("health = %v, %v; want NOT_SERVING", got, err)
			}
			if err := s.Wait(); err != nil {
				t.Errorf("it ended with %v, want exit code 0:\n%s", err, s.log)
			}
			for _, want := range []string{"msg=stopping", signal.String(), "msg=stopped"} {
				if !strings.Contains(s.log.String(), want) {
					t.Errorf("the log has no %q:\n%s", want, s.log)
				}
			}
		})
	}
}

func TestAHangupWithNothingToReadAgainSaysSo(t *testing.T) {
	s := launch(t)
	s.send(t, syscall.SIGHUP)
	s.logged(t, "policies come from the binary")
	s.answers(t)
	s.signal(t)
	if err := s.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit code 0:\n%s", err, s.log)
	}
}

// A hangup reads the policies at once, whatever their source's own time is: here nobody would look for an hour.
func TestAHangupReadsThePoliciesAgain(t *testing.T) {
	var bundle atomic.Pointer[[]byte]
	good, bad := acme(t), []byte("no bundle")
	bundle.Store(&good)
	bundles := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*bundle.Load()) }))
	t.Cleanup(bundles.Close)
	s := launch(t, "--policies", bundles.URL+"/bundle.tar.gz", "--policies-poll", "1h")
	s.send(t, syscall.SIGHUP)
	s.logged(t, `msg="policies read again"`)
	bundle.Store(&bad)
	s.send(t, syscall.SIGHUP)
	s.logged(t, "policies refused, those in force stay")
	s.logged(t, "faults=1 changed=false")
	s.answers(t)
}

// A terminal, or a program that reads the log, may go away: the server stays.
func TestTheServerOutlivesTheReaderOfItsLog(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := launchLogging(t, writer)
	_ = writer.Close()
	until(t, "it says that it serves", func() bool {
		line := make([]byte, 1024)
		n, err := reader.Read(line)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		return strings.Contains(string(line[:n]), "msg=serving")
	})
	_ = reader.Close()
	for range 3 { // each writes lines that nobody reads
		s.send(t, syscall.SIGHUP)
		s.answers(t)
	}
	s.signal(t)
	if err := s.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit code 0", err)
	}
}
