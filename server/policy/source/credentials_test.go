package source_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/policy/source"
)

// A server of bundles asks for a token, which is that of the file at each request.
func TestATokenIsSentAndReadAgain(t *testing.T) {
	content, want := build(t, small(t)), "one"
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+want {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(content)
	})
	file := filepath.Join(t.TempDir(), "token")
	s := open(t, source.Config{Location: url + "/b.tar.gz", TokenFile: file})
	for _, step := range []struct{ has, server, says string }{
		{"one\n", "one", ""},
		{"one\n", "two", "the server answers 401"},
		{"two", "two", ""},
		{"", "two", "has no token"},
		{"two lines\nof it", "two", "has no token"},
		{strings.Repeat("x", 9000), "two", "has no token"},
		{"two", "two", ""},
	} {
		write(t, file, []byte(step.has))
		want = step.server
		_, err := s.Read(t.Context())
		switch {
		case step.says == "" && err != nil:
			t.Errorf("%q: %v", step.has, err)
		case step.says != "":
			expect(t, err, step.says)
		}
	}
}

// selfSigned is a certificate of 127.0.0.1 that vouches for itself, and its key.
func selfSigned(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"client"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
}

// A server of bundles vouches for itself by an authority of its own, and takes clients of a certificate alone. The
// files are read again.
func TestCertificatesAreShownAndAskedFor(t *testing.T) {
	content := build(t, small(t))
	cert, key := selfSigned(t)
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(cert)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) }))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	c := source.Config{
		Location: server.URL + "/b.tar.gz", CAFile: filepath.Join(dir, "ca"),
		ClientCertFile: filepath.Join(dir, "cert"), ClientKeyFile: filepath.Join(dir, "key"),
	}
	s := open(t, c)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	other, otherKey := selfSigned(t)
	for _, step := range []struct {
		name          string
		ca, cert, key []byte
		says          string
	}{
		{"another authority", other, cert, key, "unknown authority"},
		{"all is right", ca, cert, key, ""},
		{"another client", ca, other, otherKey, "cannot be fetched"},
		{"the key of another", ca, cert, otherKey, "policies-client-cert, policies-client-key: tls: private key does not match"},
		{"no authority", []byte("nonsense"), cert, key, "policies-ca: " + c.CAFile + " has no certificate"},
		{"all is right again", ca, cert, key, ""},
	} {
		write(t, c.CAFile, step.ca)
		write(t, c.ClientCertFile, step.cert)
		write(t, c.ClientKeyFile, step.key)
		_, err := s.Read(t.Context())
		switch {
		case step.says == "" && err != nil:
			t.Errorf("%s: %v", step.name, err)
		case step.says != "":
			expect(t, err, step.says)
		}
	}
	if bytes.Equal(other, cert) {
		t.Fatal("two certificates are one")
	}
}

func TestCredentialsGoWithSecureURLs(t *testing.T) {
	for says, c := range map[string]source.Config{
		"policies-token-file: a token is sent to an https URL alone": {
			Location: "http://bundles.example/b", Insecure: true, TokenFile: "t",
		},
		"policies-ca: only the server of an https URL": {Location: "./policies", CAFile: "ca"},
		"policies-client-cert: only the server of an https": {
			Location: "http://localhost/b", ClientCertFile: "c", ClientKeyFile: "k",
		},
		"policies-client-cert, policies-client-key: got \"c\" and \"\"": {Location: "https://bundles.example/b", ClientCertFile: "c"},
	} {
		expect(t, c.Validate(), says)
	}
	good := source.Config{Location: "https://bundles.example/b", TokenFile: "t", CAFile: "a", ClientCertFile: "c", ClientKeyFile: "k"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}
