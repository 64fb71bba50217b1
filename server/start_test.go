package main_test

import (
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"
)

// A server that still waits for its policies ends when it is told to.
func TestTheStartEndsOnSIGTERM(t *testing.T) {
	asked := make(chan struct{}, 1)
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-r.Context().Done()
	}))
	t.Cleanup(web.Close)
	server := command(t, "--policies", web.URL)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	<-asked
	began := time.Now()
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("stopped while it started: %v, want exit code 0", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("ended after %v: it waited for its policies", took)
	}
}
