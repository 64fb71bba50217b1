package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/caller/apikey"
)

// files are what the server follows. Their changes are made by one goroutine each.
type files struct {
	dir       string
	authority *x509.Certificate
	signer    *ecdsa.PrivateKey
	// main is the key of the clients that stay.
	main string
	// visitors is the key of those that come and go, next the one that follows it: both are in the file.
	visitors atomic.Pointer[string]
	next     string
	// rules and table are a controller's rego and data as they were.
	rules, table []byte
}

func newFiles(dir string) (*files, error) {
	f := &files{dir: dir, main: apikey.New(), next: apikey.New()}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	f.signer, f.authority = signer, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "soak"}, NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, f.authority, f.authority, signer.Public(), signer)
	if err != nil {
		return nil, err
	}
	if f.authority, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	if err := os.CopyFS(f.path("policies"), policies.FS); err != nil {
		return nil, err
	}
	f.rules, err = os.ReadFile(f.controller(question.Controller + ".rego"))
	table, err2 := os.ReadFile(f.controller("data.yaml"))
	f.table = table
	return f, errors.Join(err, err2, f.renewCertificate(1), f.renewKeys(0))
}

func (f *files) path(name string) string { return filepath.Join(f.dir, name) }

func (f *files) controller(name string) string {
	return filepath.Join(f.path("policies"), "controllers", question.Controller, name)
}

// replace puts content in a file's place, all of it at once.
func (f *files) replace(name string, content []byte) error {
	if err := os.WriteFile(f.path(name+".new"), content, 0o600); err != nil {
		return err
	}
	return os.Rename(f.path(name+".new"), f.path(name))
}

// renewCertificate replaces the server's pair by one of another key.
func (f *files) renewCertificate(n int) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(n) + 2), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, f.authority, key.Public(), f.signer)
	if err != nil {
		return err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		f.replace("tls.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
		f.replace("tls.crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
	)
}

// clientTLS trusts the authority.
func (f *files) clientTLS() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(f.authority)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}
}

const grants = `grants:
  - {callers: ["key:soak"], actions: ["*"], controllers: ["*"], purposes: ["*"]}
  - {callers: ["key:visitor"], actions: [check], controllers: [example], purposes: ["*"]}
  - {callers: ["key:change-%d"], actions: [check], controllers: [example], purposes: [analytics]}
`

// renewKeys lets in a further key of the visitors instead of the oldest, and changes who is granted what.
func (f *files) renewKeys(n int) error {
	current := f.next
	f.next = apikey.New()
	var content string
	for _, k := range []struct{ id, key string }{{"soak", f.main}, {"visitor", current}, {"visitor", f.next}} {
		digest, err := apikey.DigestOf(k.key)
		if err != nil {
			return err
		}
		content += apikey.Append(k.id, digest, time.Now())
	}
	if err := errors.Join(f.replace("keys.yaml", []byte(content)), f.replace("grants.yaml", fmt.Appendf(nil, grants, n))); err != nil {
		return err
	}
	f.visitors.Store(&current)
	return nil
}

// tableEvery is which save of the policies changes a table, after which its controller is proven anew.
const tableEvery = 6

// savePolicies saves a file of the policies in place, with another line at its end.
func (f *files) savePolicies(n int) error {
	if n%tableEvery == tableEvery-1 {
		return os.WriteFile(f.controller("data.yaml"), fmt.Appendf(nil, "%sown: {saved: %d}\n", f.table, n), 0o600)
	}
	return os.WriteFile(f.controller(question.Controller+".rego"), fmt.Appendf(nil, "%s# saved %d\n", f.rules, n), 0o600)
}
