package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// decisions is a server that allows everything to callers of this package.
type decisions struct {
	consentv1.UnimplementedDecisionServiceServer
}

func (decisions) Check(ctx context.Context, _ *consentv1.CheckRequest) (*consentv1.CheckResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if agent := md.Get("user-agent"); len(agent) != 1 || !strings.HasPrefix(agent[0], "consentd-go ") {
		return nil, status.Errorf(codes.PermissionDenied, "user agent %q", agent)
	}
	return allow(), nil
}

// serve answers on a listener until the test ends and returns its address.
func serve(t *testing.T, listener net.Listener, opts ...grpc.ServerOption) string {
	t.Helper()
	server := grpc.NewServer(opts...)
	consentv1.RegisterDecisionServiceServer(server, decisions{})
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func check(t *testing.T, target string, opts ...client.Option) (client.Decision, error) {
	t.Helper()
	c, err := client.Dial(target, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return c.Check(ctx, client.NewCheck("example", "u", "p"))
}

func TestPlaintextOnThisMachine(t *testing.T) {
	tcp := serve(t, listen(t, "tcp", "127.0.0.1:0"))
	dir, err := os.MkdirTemp("", "c") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := serve(t, listen(t, "unix", filepath.Join(dir, "s")))
	for _, target := range []string{tcp, "dns:///" + tcp, "unix://" + socket, "unix:" + socket} {
		if got, err := check(t, target); err != nil || !got.Allowed {
			t.Errorf("%s: Check = %v, %v; want an answer in plaintext", target, got, err)
		}
	}
}

// Where a target is not on this machine nothing may be sent in plaintext unasked, even though the server would take it.
func TestNoPlaintextElsewhere(t *testing.T) {
	address := serve(t, listen(t, "tcp", "127.0.0.1:0"))
	reroute := client.WithDialOptions(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}))
	for _, target := range []string{"192.0.2.1:7070", "[2001:db8::1]:7070", "passthrough:///consentd.example:7070",
		"passthrough:///127.0.0.1:7070"} {
		if got, err := check(t, target, reroute); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: Check = %v, %v; want a failed TLS handshake", target, got, err)
		}
		if got, err := check(t, target, reroute, client.WithInsecure()); err != nil || !got.Allowed {
			t.Errorf("%s: Check = %v, %v; want an answer where plaintext is asked for", target, got, err)
		}
	}
}

func TestTLSOnLoopbackWhereAskedFor(t *testing.T) {
	certificate, pool := selfSigned(t)
	address := serve(t, listen(t, "tcp", "127.0.0.1:0"), grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	if got, err := check(t, address, client.WithTLS(&tls.Config{RootCAs: pool})); err != nil || !got.Allowed {
		t.Errorf("Check = %v, %v; want an answer over TLS", got, err)
	}
	if got, err := check(t, address, client.WithTLS(&tls.Config{})); status.Code(err) != codes.Unavailable {
		t.Errorf("Check = %v, %v; want an unknown authority refused", got, err)
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

func TestDialRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		target string
		opts   []client.Option
	}{
		"nothing":             {"", nil},
		"no port":             {"127.0.0.1", nil},
		"empty port":          {"127.0.0.1:", nil},
		"no host":             {":7070", nil},
		"bare IPv6":           {"::1", nil},
		"dns without a port":  {"dns:///localhost", nil},
		"dns without a host":  {"dns:///", nil},
		"contradiction":       {"127.0.0.1:1", []client.Option{client.WithInsecure(), client.WithTLS(&tls.Config{})}},
		"a relative unix URL": {"unix://relative/path", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := client.Dial(test.target, test.opts...)
			if err == nil {
				c.Close()
				t.Fatal("Dial succeeded")
			}
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), test.target) {
				t.Errorf("unclear error %q", err)
			}
		})
	}
}

func TestCloseEndsCalls(t *testing.T) {
	c, err := client.Dial(serve(t, listen(t, "tcp", "127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Check(t.Context(), nil); status.Code(err) != codes.Canceled || got.Allowed {
		t.Errorf("Check = %v, %v; want CANCELED", got, err)
	}
}

// distant is a listener whose connections take 300 ms for what comes, as a round trip may.
type distant struct{ net.Listener }

type distantConn struct{ net.Conn }

func (d distant) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	return distantConn{c}, err
}

func (c distantConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	<-time.After(300 * time.Millisecond)
	return n, err
}

// TLS takes two round trips, the server's first word one, and the call another.
func TestTheFirstCallOverALongWay(t *testing.T) {
	certificate, pool := selfSigned(t)
	address := serve(t, distant{listen(t, "tcp", "127.0.0.1:0")}, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
	c, err := client.Dial(address, client.WithTLS(&tls.Config{RootCAs: pool}), client.WithTimeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	d, err := c.Check(t.Context(), client.NewCheck("example", "u", "p"))
	t.Logf("the first call took %v", time.Since(began))
	if err != nil || !d.Allowed {
		t.Errorf("Check = %v, %v", d, err)
	}
}
