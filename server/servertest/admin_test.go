package servertest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/servertest"
)

// administered starts a server with an admin address, and returns that too.
func administered(t *testing.T, addr string) (*servertest.Server, string) {
	t.Helper()
	s := servertest.Start(t, servertest.Options{Configure: func(c *app.Config) { c.Admin.Addr = addr }})
	return s, s.AdminAddr
}

// page gets a page of an HTTP server, as the host that is given.
func page(t *testing.T, client *http.Client, url, host string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestAdminAddress(t *testing.T) {
	s, admin := administered(t, "127.0.0.1:0")
	for path, want := range map[string]string{
		"/debug/pprof/":                      "goroutine",
		"/debug/pprof/goroutine?debug=1":     "goroutine profile: total",
		"/debug/pprof/heap?debug=1":          "heap profile",
		"/debug/pprof/profile?seconds=1":     "", // protobuf
		"/debug/pprof/trace?seconds=0.1":     "go 1.",
		"/metrics":                           "consentd_build_info",
		"/buildinfo":                         "github.com/consentd/consentd",
		"/debug/pprof/threadcreate?debug=1":  "threadcreate profile",
		"/debug/pprof/goroutine?debug=2&x=1": "goroutine",
	} {
		if code, body := page(t, http.DefaultClient, "http://"+admin+path, ""); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, %q not found in %.200q", path, code, want, body)
		}
	}
	for _, row := range []struct {
		url, host string
		want      int
	}{
		// Nothing of it is on the public address.
		{"http://" + s.HTTPAddr + "/debug/pprof/", "", 404},
		{"http://" + s.HTTPAddr + "/debug/pprof/heap", "", 404},
		{"http://" + s.HTTPAddr + "/debug/pprof/profile", "", 404},
		{"http://" + s.HTTPAddr + "/buildinfo", "", 404},
		{"http://" + s.HTTPAddr + "//debug/pprof/", "", 404},
		{"http://" + s.HTTPAddr + "/healthz/../debug/pprof/", "", 404},
		// A page in a browser may have its own name resolve to this machine.
		{"http://" + admin + "/debug/pprof/heap", "evil.example", 403},
		{"http://" + admin + "/debug/pprof/heap", "evil.example:80", 403},
		{"http://" + admin + "/debug/pprof/heap", "127.0.0.1.evil.example", 403},
		{"http://" + admin + "/debug/pprof/heap", "localhost", 200},
		{"http://" + admin + "/debug/pprof/heap", "[::1]:7072", 200},
		// What takes for ever, and what is not there.
		{"http://" + admin + "/debug/pprof/profile?seconds=100000", "", 400},
		{"http://" + admin + "/debug/pprof/trace?seconds=-1", "", 400},
		{"http://" + admin + "/debug/pprof/trace?seconds=NaN", "", 400},
		{"http://" + admin + "/debug/pprof/cmdline", "", 404},
		{"http://" + admin + "/debug/vars", "", 404},
		{"http://" + admin + "/", "", 404},
	} {
		if code, body := page(t, http.DefaultClient, row.url, row.host); code != row.want {
			t.Errorf("%s as %q: %d %.100q, want %d", row.url, row.host, code, body, row.want)
		}
	}
}

func TestAdminSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	_, admin := administered(t, "unix://"+path)
	if admin != "unix://"+path {
		t.Errorf("it says that it listens on %s", admin)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: want 0600", info.Mode(), err)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	if code, body := page(t, client, "http://any/debug/pprof/goroutine?debug=1", ""); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
}

// An address that other machines can reach is refused, also with what permits others.
func TestAdminAddressBeyondThisMachine(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:7072": "other machines", ":7072": "other machines", "192.0.2.1:7072": "other machines", "[::]:7072": "other machines",
		"example.com:7072": "other machines", "127.0.0.1": "no address", "127.0.0.1:http": "port", "127.0.0.1:70000": "port",
		"unix://": "no path",
	} {
		err := servertest.Refused(t, servertest.Options{DataDir: t.TempDir(), Configure: func(c *app.Config) {
			c.Insecure, c.Admin.Addr = true, addr
		}})
		if !strings.HasPrefix(err.Error(), "admin-addr: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", addr, err, want)
		}
	}
}

// Who sends half a request, or many of them, holds up neither the admin address for long nor anything else.
func TestAdminAddressUnderSlowloris(t *testing.T) {
	s, admin := administered(t, "127.0.0.1:0")
	var held []net.Conn
	for range 40 { // more than are accepted at once
		conn, err := net.Dial("tcp", admin)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	if code, _ := page(t, http.DefaultClient, "http://"+s.HTTPAddr+"/healthz", ""); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}
	// The first of them is ended by the server.
	_ = held[0].SetReadDeadline(time.Now().Add(30 * time.Second))
	if answer, err := bufio.NewReader(held[0]).ReadString('\n'); err == nil && !strings.Contains(answer, "408") {
		t.Errorf("half a request was answered: %q", answer)
	} else if err, ok := err.(net.Error); ok && err.Timeout() {
		t.Error("half a request is waited for longer than 30 s")
	}
	for _, conn := range held {
		_ = conn.Close()
	}
	if code, _ := page(t, http.DefaultClient, "http://"+admin+"/buildinfo", ""); code != http.StatusOK {
		t.Errorf("afterwards: %d", code)
	}
}

// A profile under way does not hold up the stop.
func TestStopDuringAProfile(t *testing.T) {
	s, admin := administered(t, "127.0.0.1:0")
	ended := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + admin + "/debug/pprof/trace?seconds=60")
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		ended <- err
	}()
	for !strings.Contains(goroutines(t, admin), "pprof.Trace") {
		if t.Context().Err() != nil {
			t.Fatal("the profile never began")
		}
	}
	began := time.Now()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	<-ended
}

func goroutines(t *testing.T, admin string) string {
	t.Helper()
	_, body := page(t, http.DefaultClient, "http://"+admin+"/debug/pprof/goroutine?debug=2", "")
	return body
}
