package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// freePort is one that nobody listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// publish writes a certificate for localhost and its key as Kubernetes writes secrets: into a new folder, to which
// the link ..data is then turned.
func publish(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	version, err := os.MkdirTemp(dir, "..version")
	if err != nil {
		t.Fatal(err)
	}
	write(t, version, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, version, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	turn(t, dir, filepath.Base(version))
}

// turn has ..data link to a folder.
func turn(t *testing.T, dir, target string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, "..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

// secret is a folder with a certificate that publish renews.
func secret(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	publish(t, dir, 1)
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// served is the serial number of the certificate that is shown at an address.
func served(t *testing.T, network, addr string) int64 {
	t.Helper()
	conn, err := tls.Dial(network, addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// launchTLS launches a server with the certificate of a secret, and returns where it listens.
func launchTLS(t *testing.T, dir string, args ...string) (s *launched, grpcAddr, httpAddr string) {
	t.Helper()
	grpcAddr, httpAddr = freePort(t), freePort(t)
	s = &launched{log: &lockedLog{}}
	s.Cmd = command(t, append([]string{
		"--grpc-addr", grpcAddr, "--http-addr", httpAddr,
		"--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"),
	}, args...)...)
	s.Stderr = s.log
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Process.Kill()
		_ = s.Wait()
	})
	s.logged(t, "serving")
	return s, grpcAddr, httpAddr
}

// A certificate is renewed while the server runs, at both listeners, by turning the link, again and
// again; a bad one changes nothing.
func TestCertificatesAreFollowed(t *testing.T) {
	dir := secret(t)
	s, grpcAddr, httpAddr := launchTLS(t, dir)
	for serial := int64(2); serial < 5; serial++ {
		publish(t, dir, serial)
		for _, addr := range []string{grpcAddr, httpAddr} {
			until(t, "the next certificate is served", func() bool { return served(t, "tcp", addr) == serial })
		}
	}
	turn(t, dir, "nowhere")
	s.logged(t, "tls-cert: the file cannot be used, what it had before goes on to count")
	if got := served(t, "tcp", grpcAddr); got != 4 {
		t.Errorf("certificate %d is served, want the last good one", got)
	}
	s.send(t, syscall.SIGHUP)
	s.logged(t, "certificate read again: it cannot be loaded")
	publish(t, dir, 5)
	s.send(t, syscall.SIGHUP)
	until(t, "the mended certificate is served", func() bool { return served(t, "tcp", grpcAddr) == 5 })
}

// What the HTTP server says goes to the log in its form.
func TestEveryLineOfTheLogHasItsForm(t *testing.T) {
	s, grpcAddr, httpAddr := launchTLS(t, secret(t), "--log-format", "json")
	for _, addr := range []string{httpAddr, grpcAddr} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
	}
	s.logged(t, "TLS handshake error")
	for line := range strings.Lines(s.log.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

// The server tells clients what headers it takes, and ends streams with more: gRPC alone would keep 16 MiB for each.
func TestHeadersAreBounded(t *testing.T) {
	s := launch(t)
	decisions := consentv1.NewDecisionServiceClient(s.conn)
	r := &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "ai_training"}
	large := metadata.AppendToOutgoingContext(t.Context(), "authorization", strings.Repeat("x", 20<<10))
	if _, err := decisions.Check(large, r); status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "header list size") {
		t.Errorf("20 KiB of headers: %v", err)
	}
	ordinary := metadata.AppendToOutgoingContext(t.Context(), "authorization", strings.Repeat("x", 12<<10))
	if _, err := decisions.Check(ordinary, r); err != nil {
		t.Errorf("12 KiB of headers: %v", err)
	}
	before := resident(t, s.Process.Pid)
	streams := hostile(t, strings.TrimPrefix(s.conn.Target(), "unix://"))
	if grown := resident(t, s.Process.Pid) - before; grown > 64<<20 {
		t.Errorf("%d streams with 8 MiB of headers each: the server grew by %d MiB", streams, grown>>20)
	}
	s.answers(t)
}

// hostile sends streams of large headers, whatever the server says, until the connection breaks; none may be answered.
func hostile(t *testing.T, socket string) (streams int) {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := http2.NewFramer(conn, conn)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if _, ok := frame.(*http2.DataFrame); ok {
				t.Error("a call with too large headers is answered")
			}
		}
	}()
	for ; streams < 40; streams++ {
		if sendHeaders(f, uint32(2*streams+1)) != nil {
			return streams
		}
	}
	return streams
}

// sendHeaders begins a call with 8 MiB of headers, in frames of 16 KiB.
func sendHeaders(f *http2.Framer, stream uint32) error {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "localhost"},
		{Name: ":path", Value: consentv1.DecisionService_CheckStream_FullMethodName},
		{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
		{Name: "x-large", Value: strings.Repeat("~", 8<<20), Sensitive: true},
	} {
		if err := encoder.WriteField(field); err != nil {
			return err
		}
	}
	const size = 16 << 10
	rest := block.Bytes()
	first := rest[:size]
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: first}); err != nil {
		return err
	}
	for rest = rest[size:]; len(rest) > 0; {
		part := rest[:min(size, len(rest))]
		rest = rest[len(part):]
		if err := f.WriteContinuation(stream, len(rest) == 0, part); err != nil {
			return err
		}
	}
	return nil
}
