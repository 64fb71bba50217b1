package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/consentd/consentd/server/app"
)

// running is a server that serves until stop is called, or the test ends.
type running struct {
	*app.App
	stop func() error
}

func start(t *testing.T, c app.Config) *running {
	t.Helper()
	if c.GRPCAddr == "" {
		c.GRPCAddr = "127.0.0.1:0"
	}
	c.HTTPAddr, c.DataDir = "127.0.0.1:0", t.TempDir()
	a, err := app.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx) }()
	var ended bool
	r := &running{App: a, stop: func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return errors.Join(<-served, a.Close())
	}}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func dial(t *testing.T, addr string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// services are those whose health and descriptions a server tells.
var services = []string{"consent.v1.DecisionService", "consent.v1.ConsentService", "consent.v1.PolicyService"}

func TestHealthIsWatchedToTheEnd(t *testing.T) {
	s := start(t, app.Config{})
	client := healthpb.NewHealthClient(dial(t, s.GRPCAddr(), insecure.NewCredentials()))
	var watches []healthpb.Health_WatchClient
	for _, name := range append([]string{""}, services...) {
		watch, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		if err != nil {
			t.Fatal(err)
		}
		if got := await(t, watch); got != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q is %v, want SERVING", name, got)
		}
		watches = append(watches, watch)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for i, watch := range watches {
		if got := await(t, watch); got != healthpb.HealthCheckResponse_NOT_SERVING {
			t.Errorf("watch %d: %v, want NOT_SERVING", i, got)
		}
		if _, err := watch.Recv(); err == nil {
			t.Errorf("watch %d goes on after the server stopped", i)
		}
	}
}

// await returns the next status.
func await(t *testing.T, watch healthpb.Health_WatchClient) healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	answer, err := watch.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetStatus()
}

func TestReflectionListsTheServices(t *testing.T) {
	s := start(t, app.Config{})
	stream, err := reflectionpb.NewServerReflectionClient(dial(t, s.GRPCAddr(), insecure.NewCredentials())).
		ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, s := range answer.GetListServicesResponse().GetService() {
		listed[s.GetName()] = true
	}
	for _, name := range append([]string{"grpc.health.v1.Health"}, services...) {
		if !listed[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	// The stream is still open: it must not hold up the stop.
	began := time.Now()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took >= app.DefaultDrainTimeout {
		t.Errorf("an open stream held up the stop for %v", took)
	}
}

func TestHTTP(t *testing.T) {
	s := start(t, app.Config{Version: "v9"})
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ok", "/metrics": `version="v9"`} {
		code, body := get(t, http.DefaultClient, "http://"+s.HTTPAddr()+path)
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, %q not found", path, code, want)
		}
	}
	for service, want := range map[string]int{"consent.v1.ConsentService": 200, "consent.v1.DecisionService": 200, "nonsense": 404} {
		if code, body := get(t, http.DefaultClient, "http://"+s.HTTPAddr()+"/readyz?service="+service); code != want {
			t.Errorf("/readyz of %s: %d %s", service, code, body)
		}
	}
	_, metrics := get(t, http.DefaultClient, "http://"+s.HTTPAddr()+"/metrics")
	for _, name := range []string{
		"grpc_server_handled_total", "grpc_server_handling_seconds_bucket", "consentd_cache_lookups_total", "consentd_store_revision",
		"consentd_policy_info", "consentd_panics_total", "consentd_build_info", "go_goroutines",
	} {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}

func TestNotReadyBeforeServing(t *testing.T) {
	a, err := app.New(app.Config{GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", a.GRPCAddr())
	if err != nil {
		t.Errorf("New returned before the address was bound: %v", err)
	} else {
		_ = conn.Close()
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", a.GRPCAddr()); err == nil {
		t.Error("the address is still bound after Close")
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "grpc.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	s := start(t, app.Config{GRPCAddr: "unix://" + path})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v (%v), want 0600", info.Mode(), err)
	}
	client := healthpb.NewHealthClient(dial(t, "unix://"+path, insecure.NewCredentials()))
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
	_, err = app.New(app.Config{GRPCAddr: "unix://" + path, HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server took a socket in use: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestAFileInPlaceOfTheSocketIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := app.New(app.Config{GRPCAddr: "unix://" + path, HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("err = %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	cert, key, roots := selfSigned(t)
	s := start(t, app.Config{TLSCert: cert, TLSKey: key})
	trusting := &tls.Config{RootCAs: roots, ServerName: "localhost"}
	client := healthpb.NewHealthClient(dial(t, s.GRPCAddr(), credentials.NewTLS(trusting)))
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
	plain := healthpb.NewHealthClient(dial(t, s.GRPCAddr(), insecure.NewCredentials()))
	if _, err := plain.Check(t.Context(), &healthpb.HealthCheckRequest{}); err == nil {
		t.Error("plaintext was answered")
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting}}
	defer web.CloseIdleConnections()
	if code, _ := get(t, web, "https://"+s.HTTPAddr()+"/readyz"); code != http.StatusOK {
		t.Errorf("/readyz by TLS: %d", code)
	}
}

func TestABadCertificateStopsTheStart(t *testing.T) {
	cert, _, _ := selfSigned(t)
	_, err := app.New(app.Config{TLSCert: cert, TLSKey: cert, GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "tls-cert, tls-key") {
		t.Errorf("err = %v", err)
	}
}

// selfSigned writes a certificate for localhost and its key.
func selfSigned(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) {
		t.Fatal("the certificate does not parse")
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private), roots
}

func TestWhatIsMissingStopsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		change func(*app.Config)
		says   string
	}{
		"busy gRPC port":      {func(c *app.Config) { c.GRPCAddr = taken.Addr().String() }, "--grpc-addr"},
		"busy HTTP port":      {func(c *app.Config) { c.HTTPAddr = taken.Addr().String() }, "--http-addr"},
		"data dir is a file":  {func(c *app.Config) { c.DataDir = file }, file},
		"bad policies":        {func(c *app.Config) { c.Policies = fstest.MapFS{"a.rego": {Data: []byte("nonsense")}} }, "a.rego"},
		"no policies":         {func(c *app.Config) { c.Policies = fstest.MapFS{} }, "policies"},
		"an invalid config":   {func(c *app.Config) { c.CacheSize = 1 }, "cache-size"},
		"no such certificate": {func(c *app.Config) { c.TLSCert, c.TLSKey = file+"x", file+"y" }, "tls-cert"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := app.Config{GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: dir}
			row.change(&c)
			if _, err := app.New(c); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("err = %v, want %q in it", err, row.says)
			}
			// Nothing is left open: the same directory serves the next one.
			next, err := app.New(app.Config{GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: dir})
			if err != nil {
				t.Fatalf("the failed start left something open: %v", err)
			}
			if err := next.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
