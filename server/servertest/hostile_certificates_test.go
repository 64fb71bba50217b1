package servertest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/servertest"
)

// authority signs certificates.
type authority struct {
	testing.TB
	key  crypto.Signer
	cert *x509.Certificate
	// chain is what its clients send beside their own.
	chain [][]byte
}

func ecKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func authorityOf(t testing.TB, name string, change func(*x509.Certificate)) (*authority, *x509.Certificate) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	if change != nil {
		change(template)
	}
	return &authority{TB: t, key: ecKey(t)}, template
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a, template := authorityOf(t, name, nil)
	a.cert = template
	a.cert = a.parsed(a.sign(template, a.key))
	return a
}

// under returns an authority that this one signed.
func (a *authority) under(name string, change func(*x509.Certificate)) *authority {
	a.Helper()
	b, template := authorityOf(a.TB, name, change)
	der := a.sign(template, b.key)
	b.cert, b.chain = a.parsed(der), [][]byte{der}
	return b
}

func (a *authority) sign(template *x509.Certificate, key crypto.Signer) []byte {
	a.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.Fatal(err)
	}
	return der
}

func (a *authority) parsed(der []byte) *x509.Certificate {
	a.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return cert
}

// client is a certificate for mailer.example, but for what is changed.
func (a *authority) client(change func(*x509.Certificate)) tls.Certificate {
	a.Helper()
	return a.clientWith(ecKey(a), change)
}

func (a *authority) clientWith(key crypto.Signer, change func(*x509.Certificate)) tls.Certificate {
	a.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"mailer.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(template)
	}
	return tls.Certificate{Certificate: append([][]byte{a.sign(template, key)}, a.chain...), PrivateKey: key}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// mutual is a server that takes clients of an authority, of whom mailer.example alone may check.
type mutual struct {
	*guarded
	*authority
	caFile string
}

func startMutual(t *testing.T, authorities ...*authority) *mutual {
	t.Helper()
	m := &mutual{authority: authorities[0]}
	key := ecKey(t)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	own := m.clientWith(key, func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage = []string{"localhost"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	certFile := file(t, "tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})))
	keyFile := file(t, "tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	var all strings.Builder
	for _, a := range authorities {
		all.WriteString(a.pem())
	}
	m.caFile = file(t, "ca.crt", all.String())
	m.guarded = startGuarded(t, servertest.Options{
		Configure: func(c *app.Config) { c.TLSCert, c.TLSKey, c.TLSClientCA = certFile, keyFile, m.caFile },
		Dial:      []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(m.config(m.client(nil))))},
	}, `  - {callers: ["certificate:mailer.example"], actions: [check], controllers: [example], purposes: [ai_training]}`+"\n")
	return m
}

// config is that of a client who shows a certificate also where the server names other authorities.
func (m *mutual) config(cert tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(m.cert)
	show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	return &tls.Config{RootCAs: roots, ServerName: "localhost", GetClientCertificate: show}
}

// check checks on a connection of its own, and reports whether its session was resumed.
func (m *mutual) check(t *testing.T, creds credentials.TransportCredentials, key string) (resumed bool, err error) {
	t.Helper()
	conn, err := grpc.NewClient(m.Addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ctx := t.Context()
	if key != "" {
		ctx = bearing(ctx, key)
	}
	var p peer.Peer
	_, err = consentv1.NewDecisionServiceClient(conn).Check(ctx, aCheck, grpc.Peer(&p))
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
		resumed = info.State.DidResume
	}
	return resumed, err
}

// alert connects, says nothing, and returns how the server ends the handshake.
func (m *mutual) alert(t *testing.T, c *tls.Config) string {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", m.Addr, c)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err = conn.Read(make([]byte, 1)); err != nil {
		return err.Error()
	}
	return "it is taken"
}

// refusedCertificates are those with which no connection comes about, and the alerts that the server sends.
func (m *mutual) refusedCertificates() map[string]struct {
	cert tls.Certificate
	says string
} {
	other := newAuthority(m, "authority") // of the same name
	self := tls.Certificate{Certificate: [][]byte{other.cert.Raw}, PrivateKey: other.key}
	stranger := m.client(nil)
	stranger.PrivateKey = ecKey(m)
	notAuthority := func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }
	elsewhere := m.under("elsewhere", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"other.example"} })
	silent := m.under("intermediate", nil)
	silent.chain = nil
	past := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }
	early := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	garbage := tls.Certificate{Certificate: [][]byte{[]byte("hello")}, PrivateKey: ecKey(m)}
	usage := func(usage x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{usage} }
	}
	const unknown, bad = "unknown certificate authority", "bad certificate"
	return map[string]struct {
		cert tls.Certificate
		says string
	}{
		"none":                         {tls.Certificate{}, "certificate required"},
		"of another authority":         {other.client(nil), unknown},
		"of itself":                    {self, unknown},
		"expired":                      {m.client(past), "expired certificate"},
		"not yet valid":                {m.client(early), "expired certificate"},
		"a server's":                   {m.client(usage(x509.ExtKeyUsageServerAuth)), bad},
		"for signing code":             {m.client(usage(x509.ExtKeyUsageCodeSigning)), bad},
		"with another's key":           {stranger, "error decrypting message"},
		"signed by another client":     {m.under("client", notAuthority).client(nil), unknown},
		"of an authority for others":   {elsewhere.client(nil), bad},
		"of an authority that expired": {m.under("old", past).client(nil), ""},
		"without its intermediate":     {silent.client(nil), unknown},
		"no certificate at all":        {garbage, "error decoding message"},
	}
}

// TestHostileCertificates: a connection comes about with a certificate that holds and no other; then the one name that
// it speaks for is matched exactly, and no other field counts.
func TestHostileCertificates(t *testing.T) {
	m := startMutual(t, newAuthority(t, "authority"))
	for name, row := range m.refusedCertificates() {
		if got := m.alert(t, m.config(row.cert)); !strings.Contains(got, "remote error: tls: "+row.says) {
			t.Errorf("%s: %s, want %s", name, got, row.says)
		}
		if _, err := m.check(t, credentials.NewTLS(m.config(row.cert)), m.owner); status.Code(err) != codes.Unavailable {
			t.Errorf("%s, beside a good key: %v", name, err)
		}
	}
	names := func(names ...string) tls.Certificate {
		return m.client(func(c *x509.Certificate) { c.DNSNames = names })
	}
	uri := func(text string, more ...string) tls.Certificate {
		return m.client(func(c *x509.Certificate) {
			c.DNSNames = more
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = []*url.URL{u}
		})
	}
	common := func(name string, more ...string) tls.Certificate {
		return m.client(func(c *x509.Certificate) { c.Subject.CommonName, c.DNSNames = name, more })
	}
	mail := func(c *x509.Certificate) { c.DNSNames, c.EmailAddresses = nil, []string{"a@mailer.example"} }
	address := func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{{127, 0, 0, 1}} }
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	const ok, nobody, may = codes.OK, codes.Unauthenticated, codes.PermissionDenied
	for name, row := range map[string]struct {
		cert tls.Certificate
		want codes.Code
	}{
		"the one that may":                      {names("mailer.example"), ok},
		"of an intermediate":                    {m.under("intermediate", nil).client(nil), ok},
		"two names":                             {names("mailer.example", "admin.example"), nobody},
		"its name twice":                        {names("mailer.example", "mailer.example"), nobody},
		"no name":                               {names(), nobody},
		"the common name alone":                 {common("mailer.example"), nobody},
		"the common name, and another's":        {common("mailer.example", "other.example"), may},
		"a common name like a caller's":         {common("certificate:mailer.example", "other.example"), may},
		"a wildcard":                            {names("*.example"), nobody},
		"a star":                                {names("*"), nobody},
		"in capitals":                           {names("MAILER.example"), may},
		"with a dot at the end":                 {names("mailer.example."), nobody},
		"a name below":                          {names("mailer.example.evil.example"), may},
		"a name that ends so":                   {names("x.mailer.example"), may},
		"a name with a colon":                   {names("certificate:mailer.example"), nobody},
		"a name with a space and an issuer":     {names("mailer.example https://idp.test"), nobody},
		"the name as mail":                      {m.client(mail), nobody},
		"an address":                            {m.client(address), nobody},
		"another's SPIFFE id and the name":      {uri("spiffe://prod.example/other", "mailer.example"), may},
		"a SPIFFE id with the name as its path": {uri("spiffe://x/mailer.example"), may},
		"a URL and the name":                    {uri("https://mailer.example/", "mailer.example"), nobody},
		"a key of 1024 bits":                    {m.clientWith(small, nil), nobody},
	} {
		_, err := m.check(t, credentials.NewTLS(m.config(row.cert)), "")
		if status.Code(err) != row.want {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
	if _, err := m.Decisions.Check(t.Context(), aCheck); err != nil {
		t.Errorf("a well-behaved client's check: %v", err)
	}
}

// TestHostileTransports: older TLS and plaintext are spoken on neither port, and a certificate that may not see the
// metrics does not.
func TestHostileTransports(t *testing.T) {
	m := startMutual(t, newAuthority(t, "authority"))
	old := m.config(m.client(nil))
	old.MaxVersion = tls.VersionTLS12
	if got := m.alert(t, old); !strings.Contains(got, "protocol version not supported") {
		t.Errorf("TLS 1.2: %s", got)
	}
	for protocol, says := range map[string]string{"spdy/3": "no application protocol", "http/1.1": "EOF"} {
		other := m.config(m.client(nil))
		other.NextProtos = []string{protocol}
		if got := m.alert(t, other); !strings.Contains(got, says) {
			t.Errorf("%s by ALPN: %s", protocol, got)
		}
	}
	if _, err := m.check(t, insecure.NewCredentials(), m.owner); status.Code(err) != codes.Unavailable {
		t.Errorf("plaintext with a good key: %v", err)
	}
	if got, all := said(t, m.HTTPAddr, requestOf("GET /metrics", "Authorization: Bearer "+m.owner)); len(got) != 1 || got[0] != 400 {
		t.Errorf("plaintext to the HTTP port: %v: %.200q", got, all)
	}
	for name, row := range map[string]struct {
		cert tls.Certificate
		path string
		want int
	}{
		"none, metrics": {tls.Certificate{}, "/metrics", 401}, "none, health": {tls.Certificate{}, "/healthz", 200},
		"without rights, metrics": {m.client(nil), "/metrics", 403},
	} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: m.config(row.cert), DisableKeepAlives: true}}
		if got, body := page(t, client, "https://"+m.HTTPAddr+row.path, ""); got != row.want || strings.Contains(body, "consentd_") {
			t.Errorf("%s: %d %.200q, want %d", name, got, body, row.want)
		}
	}
	if _, err := m.Decisions.Check(t.Context(), aCheck); err != nil {
		t.Errorf("a well-behaved client's check: %v", err)
	}
}

// TestARemovedAuthority: clients whose authority was removed do not come in anew, neither with their certificate nor by
// a session of before; those of the other authority do.
func TestARemovedAuthority(t *testing.T) {
	next, removed := newAuthority(t, "next"), newAuthority(t, "removed")
	m := startMutual(t, next, removed)
	session := m.config(removed.client(nil))
	session.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	for i, want := range []bool{false, true, true} {
		resumed, err := m.check(t, credentials.NewTLS(session), "")
		if err != nil || resumed != want {
			t.Fatalf("connection %d while its authority counts: resumed %v, %v", i, resumed, err)
		}
	}
	if err := os.WriteFile(m.caFile, []byte(next.pem()), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := m.config(removed.client(nil))
	within(t, 20*time.Second, "a new connection is refused", func() bool {
		_, err := m.check(t, credentials.NewTLS(fresh), "")
		return status.Code(err) == codes.Unavailable
	})
	if resumed, err := m.check(t, credentials.NewTLS(session), ""); status.Code(err) != codes.Unavailable {
		t.Errorf("a session of before: resumed %v, %v", resumed, err)
	}
	if got := m.alert(t, fresh); !strings.Contains(got, "unknown certificate authority") {
		t.Errorf("a new connection: %s", got)
	}
	if _, err := m.check(t, credentials.NewTLS(m.config(next.client(nil))), ""); err != nil {
		t.Errorf("a client of the other authority: %v", err)
	}
}
