package certificate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/certificate"
)

// authority issues certificates to clients.
type authority struct {
	testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	a := authority{TB: t, key: newKey(t)}
	a.cert = a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, a.key)
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

// sign signs for a key by the authority, or by itself where there is no parent.
func (a authority) sign(template, parent *x509.Certificate, of *ecdsa.PrivateKey) *x509.Certificate {
	a.Helper()
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, of.Public(), a.key)
	if err != nil {
		a.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.Fatal(err)
	}
	return cert
}

// client returns a client's certificate.
func (a authority) client(change func(*x509.Certificate)) tls.Certificate {
	a.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{"mailer"}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	key := newKey(a)
	return tls.Certificate{Certificate: [][]byte{a.sign(template, a.cert, key).Raw}, PrivateKey: key}
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// openFor opens the pair of the folder for clients of ca.crt.
func (f folder) openFor(log *bytes.Buffer) (*certificate.Pair, error) {
	f.Helper()
	return certificate.Open(certificate.Config{
		CertFile: f.path("tls.crt"), KeyFile: f.path("tls.key"), ClientCAFile: f.path("ca.crt"),
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
}

// visit connects to a listener of the configuration with a client's, and returns what the server found of it.
func visit(t testing.TB, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var served sync.WaitGroup
	var state tls.ConnectionState
	var fault error
	served.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			t.Errorf("serving: %v", err)
			return
		}
		s := tls.Server(conn, server)
		if fault = s.Handshake(); fault == nil {
			state = s.ConnectionState()
			_, _ = s.Write([]byte("x"))
		}
		_ = s.Close()
	})
	client.InsecureSkipVerify = true
	if conn, err := tls.Dial("tcp", l.Addr().String(), client); err == nil {
		_, _ = conn.Read(make([]byte, 1))
		_, _ = conn.Read(make([]byte, 1)) // also takes the session's ticket
		_ = conn.Close()
	}
	served.Wait()
	return state, fault
}

func TestClientsNeedACertificateOfTheAuthority(t *testing.T) {
	f, ours, theirs := folder{t, t.TempDir()}, newAuthority(t), newAuthority(t)
	f.put(issue(t, 1, time.Hour))
	f.write("ca.crt", ours.pem())
	p, err := f.openFor(&bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	self := authority{TB: t, key: newKey(t)}
	self.cert = self.sign(&x509.Certificate{SerialNumber: big.NewInt(3), DNSNames: []string{"mailer"},
		NotAfter: time.Now().Add(time.Hour)}, nil, self.key)
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	early := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	for name, row := range map[string]struct {
		client tls.Certificate
		// required and optional are whether listeners of the two kinds take it.
		required, optional bool
	}{
		"one of the authority":        {ours.client(nil), true, true},
		"none":                        {tls.Certificate{}, false, true},
		"one of another authority":    {theirs.client(nil), false, false},
		"self-signed":                 {tls.Certificate{Certificate: [][]byte{self.cert.Raw}, PrivateKey: self.key}, false, false},
		"expired":                     {ours.client(expired), false, false},
		"not valid yet":               {ours.client(early), false, false},
		"a server's":                  {ours.client(forServers), false, false},
		"with the key of another one": {tls.Certificate{Certificate: ours.client(nil).Certificate, PrivateKey: newKey(t)}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for server, want := range map[*tls.Config]bool{p.TLS(): row.required, p.TLSWithOptionalClient(): row.optional} {
				// The certificate is shown also where the server names other authorities.
				show := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &row.client, nil }
				state, err := visit(t, server, &tls.Config{GetClientCertificate: show})
				if taken := err == nil; taken != want {
					t.Errorf("taken = %v (%v), want %v", taken, err, want)
				}
				if err == nil && len(row.client.Certificate) > 0 != (len(state.VerifiedChains) > 0) {
					t.Errorf("%d verified chains", len(state.VerifiedChains))
				}
			}
		})
	}
	if _, err := visit(t, p.TLS(), &tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
}

// A session must not outlive the authority that its client came by, and must not carry a client from a listener that
// needs no certificate to one that does.
func TestSessionsEndWithTheirAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, old, next := folder{t, t.TempDir()}, newAuthority(t), newAuthority(t)
		f.put(issue(t, 1, time.Hour))
		f.write("ca.crt", append(old.pem(), next.pem()...))
		p, err := f.openFor(&bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		p.Follow()
		defer p.Close()
		client := &tls.Config{Certificates: []tls.Certificate{old.client(nil)}, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
		expectVisit := func(resumed, taken bool, when string) {
			t.Helper()
			state, err := visit(t, p.TLS(), client)
			if state.DidResume != resumed || taken != (err == nil) {
				t.Errorf("%s: resumed = %v (want %v), err = %v", when, state.DidResume, resumed, err)
			}
		}
		expectVisit(false, true, "at first")
		expectVisit(true, true, "again")
		f.write("ca.crt", next.pem())
		second()
		expectVisit(false, false, "after its authority was removed")
	})
}

func TestASessionOfAnOptionalClientIsNotResumedWhereOneIsRequired(t *testing.T) {
	f, ours := folder{t, t.TempDir()}, newAuthority(t)
	f.put(issue(t, 1, time.Hour))
	f.write("ca.crt", ours.pem())
	p, err := f.openFor(&bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	nobody := &tls.Config{ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(8)}
	for range 2 {
		if _, err := visit(t, p.TLSWithOptionalClient(), nobody); err != nil {
			t.Fatal(err)
		}
	}
	if state, err := visit(t, p.TLS(), nobody); err == nil || state.DidResume {
		t.Errorf("a client without a certificate was taken: resumed = %v", state.DidResume)
	}
}

func TestFilesOfAuthorities(t *testing.T) {
	ours, pair := newAuthority(t), issue(t, 7, time.Hour)
	leaf := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.client(nil).Certificate[0]})
	for name, row := range map[string]struct {
		content []byte
		says    string
	}{
		"empty":               {nil, "has no certificate"},
		"no PEM":              {[]byte("nonsense"), "comes what is no PEM"},
		"cut off":             {ours.pem()[:200], "comes what is no PEM"},
		"garbage at the end":  {append(ours.pem(), "more"...), "after 1 certificates"},
		"a key":               {pair.key, "has a PRIVATE KEY"},
		"a client's own":      {append(ours.pem(), leaf...), "certificate 2 () is none of an authority"},
		"no certificate":      {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), "certificate 1: "},
		"comments around it":  {append([]byte("# ours\n"), append(ours.pem(), '\n')...), ""},
		"several authorities": {append(ours.pem(), newAuthority(t).pem()...), ""},
	} {
		f := folder{t, t.TempDir()}
		f.put(pair)
		f.write("ca.crt", row.content)
		_, err := f.openFor(&bytes.Buffer{})
		switch {
		case row.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case row.says == "":
		case err == nil || !strings.HasPrefix(err.Error(), "tls-client-ca: ") || !strings.Contains(err.Error(), row.says):
			t.Errorf("%s: %v, want tls-client-ca: … %s", name, err, row.says)
		}
	}
}

// A file of authorities that breaks leaves the last good ones: a reload never lets in more.
func TestTheLastGoodAuthoritiesStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ours, log := folder{t, t.TempDir()}, newAuthority(t), &bytes.Buffer{}
		f.put(issue(t, 1, time.Hour))
		f.write("ca.crt", ours.pem())
		p, err := f.openFor(log)
		if err != nil {
			t.Fatal(err)
		}
		p.Follow()
		defer p.Close()
		f.write("ca.crt", nil)
		second()
		if _, err := visit(t, p.TLS(), &tls.Config{Certificates: []tls.Certificate{ours.client(nil)}}); err != nil {
			t.Errorf("a client of the last good authority: %v", err)
		}
		if _, err := visit(t, p.TLS(), &tls.Config{}); err == nil {
			t.Error("a client without a certificate was taken")
		}
		if s := p.Stats(); !s.Failing || s.Failed != 1 {
			t.Errorf("stats = %+v", s)
		}
		if _, err := p.Reload(); err == nil || errors.Unwrap(err) == nil {
			t.Errorf("reload: %v", err)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "tls-client-ca") {
			t.Errorf("%d lines in the log:\n%s", n, log)
		}
	})
}
