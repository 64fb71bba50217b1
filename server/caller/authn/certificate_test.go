package authn_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/consent"
)

// year is how long certificates are valid.
const year = 365 * 24 * time.Hour

// authority issues certificates.
type authority struct {
	testing.TB
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate
	roots *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{TB: t, key: newKey(t), roots: x509.NewCertPool()}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(year), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(a.cert)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate for these names; those with :// are URIs.
func (a *authority) issue(names ...string) tls.Certificate {
	a.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "spiffe://example.org/admin"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(year),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if !strings.Contains(name, "://") {
			template.DNSNames = append(template.DNSNames, name)
			continue
		}
		u, err := url.Parse(name)
		if err != nil {
			a.Fatal(err)
		}
		template.URIs = append(template.URIs, u)
	}
	key := newKey(a.TB)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// server is one that tells who calls, by TLS.
type server struct {
	healthpb.UnimplementedHealthServer
	office *office
	addr   string
	seen   chan *caller.Caller
}

func (s *server) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	c, err := s.office.Authenticate(ctx)
	switch {
	case errors.Is(err, consent.ErrCredentialExpired):
		return nil, status.Error(codes.Unauthenticated, "expired")
	case errors.Is(err, consent.ErrUnauthenticated):
		return nil, status.Error(codes.Unauthenticated, "unknown")
	}
	s.seen <- c
	return &healthpb.HealthCheckResponse{}, err
}

func (a *authority) listener() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{a.issue("localhost")}, ClientCAs: a.roots, ClientAuth: tls.VerifyClientCertIfGiven,
	}
}

func (a *authority) serve(o *office) *server {
	a.Helper()
	s := &server{office: o, seen: make(chan *caller.Caller, 1)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		a.Fatal(err)
	}
	s.addr = listener.Addr().String()
	g := grpc.NewServer(grpc.Creds(o.Transport(credentials.NewTLS(a.listener()))))
	healthpb.RegisterHealthServer(g, s)
	go func() { _ = g.Serve(listener) }()
	a.Cleanup(g.Stop)
	return s
}

func (a *authority) client(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: a.roots, ServerName: "localhost", Certificates: certificates}
}

// connect returns a function that calls, and returns whom the server saw.
func (s *server) connect(t *testing.T, c *tls.Config) func(headers ...string) (*caller.Caller, error) {
	t.Helper()
	conn, err := grpc.NewClient(s.addr, grpc.WithTransportCredentials(credentials.NewTLS(c)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return func(headers ...string) (*caller.Caller, error) {
		ctx := t.Context()
		for _, h := range headers {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", h)
		}
		if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
			return nil, err
		}
		return <-s.seen, nil
	}
}

// TestCertificates: a certificate speaks for its one SPIFFE URI, or its one DNS name where it has no URI, and for
// nothing else; the common name is another's throughout.
func TestCertificates(t *testing.T) {
	a, o := newAuthority(t), newOffice(t, "")
	s := a.serve(o)
	for name, test := range map[string]struct {
		names []string
		want  string // nothing: refused
	}{
		"a SPIFFE id":                  {[]string{"spiffe://example.org/mail/v1"}, "spiffe://example.org/mail/v1"},
		"a DNS name":                   {[]string{"mail.example.org"}, "mail.example.org"},
		"both":                         {[]string{"spiffe://example.org/mail", "mail.example.org"}, "spiffe://example.org/mail"},
		"one and two DNS names":        {[]string{"spiffe://example.org/mail", "a.example", "b.example"}, "spiffe://example.org/mail"},
		"a common name alone":          {nil, ""},
		"two SPIFFE ids":               {[]string{"spiffe://example.org/mail", "spiffe://example.org/admin"}, ""},
		"one and another URI":          {[]string{"spiffe://example.org/mail", "https://example.org/"}, ""},
		"another URI":                  {[]string{"https://example.org/mail"}, ""},
		"another URI and a DNS name":   {[]string{"https://example.org/mail", "mail.example.org"}, ""},
		"two DNS names":                {[]string{"a.example", "b.example"}, ""},
		"a wildcard":                   {[]string{"*.example.org"}, ""},
		"a trust domain alone":         {[]string{"spiffe://example.org"}, ""},
		"a SPIFFE id with a query":     {[]string{"spiffe://example.org/mail?admin"}, ""},
		"a SPIFFE id with a port":      {[]string{"spiffe://example.org:80/mail"}, ""},
		"a SPIFFE id with a user":      {[]string{"spiffe://a@example.org/mail"}, ""},
		"a SPIFFE id with an escape":   {[]string{"spiffe://example.org/m%61il"}, ""},
		"a SPIFFE id that climbs":      {[]string{"spiffe://example.org/mail/../admin"}, ""},
		"a SPIFFE id that climbs last": {[]string{"spiffe://example.org/mail/.."}, ""},
		"a SPIFFE id that ends so":     {[]string{"spiffe://example.org/mail/"}, ""},
		"a SPIFFE id in capitals":      {[]string{"spiffe://EXAMPLE.org/mail"}, ""},
		"a SPIFFE id that is long":     {[]string{"spiffe://example.org/" + strings.Repeat("m", 2048)}, ""},
	} {
		call := s.connect(t, a.client(a.issue(test.names...)))
		c, err := call()
		switch {
		case test.want == "" && status.Code(err) != codes.Unauthenticated:
			t.Errorf("%s: %v, %v, want UNAUTHENTICATED", name, c, err)
		case test.want != "" && (err != nil || c.Kind != caller.KindCertificate || c.ID != test.want):
			t.Errorf("%s: %v, %v, want %s", name, c, err, test.want)
		}
	}
	if !strings.Contains(o.log.String(), "subject alternative name") && !strings.Contains(o.log.String(), "SPIFFE") &&
		!strings.Contains(o.log.String(), "wildcard") {
		t.Errorf("the log does not say why: %s", o.log.String())
	}
}

// TestCertificatesAndHeaders: a header that holds says who calls, whatever the connection; one that does not is refused
// beside any certificate.
func TestCertificatesAndHeaders(t *testing.T) {
	key := apikey.New()
	a, o := newAuthority(t), newOffice(t, entry("mailer", key, ""))
	s := a.serve(o)
	certified, nameless := s.connect(t, a.client(a.issue("mesh.example"))), s.connect(t, a.client(a.issue()))
	bare := s.connect(t, a.client())
	for name, test := range map[string]struct {
		call   func(...string) (*caller.Caller, error)
		header []string
		want   string
	}{
		"certificate":              {certified, nil, "certificate:mesh.example"},
		"certificate and key":      {certified, []string{"Bearer " + key}, "key:mailer"},
		"certificate and bad key":  {certified, []string{"Bearer " + apikey.New()}, ""},
		"certificate and garbage":  {certified, []string{"x"}, ""},
		"certificate and nothing":  {certified, []string{""}, ""},
		"certificate and two keys": {certified, []string{"Bearer " + key, "Bearer " + key}, ""},
		"nameless and key":         {nameless, []string{"Bearer " + key}, "key:mailer"},
		"nameless":                 {nameless, nil, ""},
		"no certificate, key":      {bare, []string{"Bearer " + key}, "key:mailer"},
		"no certificate":           {bare, nil, ""},
	} {
		c, err := test.call(test.header...)
		if test.want == "" && status.Code(err) != codes.Unauthenticated || test.want != "" && (err != nil || c.String() != test.want) {
			t.Errorf("%s: %v, %v, want %q", name, c, err, test.want)
		}
	}
}

// TestCertificateOfAConnection: who connects again is the same caller; a connection does not outlive its certificate,
// and one of another authority does not come about.
func TestCertificateOfAConnection(t *testing.T) {
	a, o := newAuthority(t), newOffice(t, "")
	o.at.Store(time.Now().UnixNano())
	s := a.serve(o)
	first := s.connect(t, a.client(a.issue("mail.example")))
	one, err := first()
	if err != nil {
		t.Fatal(err)
	}
	if two, err := s.connect(t, a.client(a.issue("mail.example")))(); err != nil || two != one {
		t.Errorf("another certificate of the same name: %p, %v, want %p", two, err, one)
	}
	o.at.Add(int64(2 * year))
	if _, err := first(); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an expired certificate on an open connection: %v", err)
	}
	foreign := newAuthority(t).issue("mail.example")
	forcing := a.client() // by itself it would send none, as the server names its authorities
	forcing.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &foreign, nil }
	if c, err := s.connect(t, forcing)(); status.Code(err) != codes.Unavailable {
		t.Errorf("a certificate of another authority: %v, %v", c, err)
	}
}

// TestCertificatesByHTTP: /metrics knows callers by their certificates too.
func TestCertificatesByHTTP(t *testing.T) {
	a, o := newAuthority(t), newOffice(t, "")
	s := httptest.NewUnstartedServer(o.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(caller.From(r.Context()).String()))
	})))
	s.TLS = a.listener()
	s.StartTLS()
	defer s.Close()
	for code, certificates := range map[int][]tls.Certificate{200: {a.issue("prometheus.example")}, 401: nil} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: a.client(certificates...)}}
		answer, err := client.Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		client.CloseIdleConnections()
		if answer.StatusCode != code {
			t.Errorf("got %d, want %d", answer.StatusCode, code)
		}
	}
}
