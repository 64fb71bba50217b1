package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	grpccredentials "google.golang.org/grpc/credentials"

	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/caller/token/tokentest"
)

// credentials makes what servers and clients know each other by.
type credentials struct {
	testing.TB
	dir    string
	signer *ecdsa.PrivateKey
	ca     *x509.Certificate
	roots  *x509.CertPool
}

// known is how a server is started that asks for a credential, and how its clients show it.
type known struct {
	flags   []string
	options []grpc.DialOption
}

// benchGrants lets the callers of all kinds check, and nobody anything else.
const benchGrants = `grants:
  - callers: ["key:mailer", "certificate:spiffe://example.org/mailer", "token:mailer https://idp.test"]
    actions: [check]
    controllers: [example]
    purposes: [marketing_email, special_category_personalization]
`

func newCredentials(t testing.TB) *credentials {
	c := &credentials{TB: t, dir: t.TempDir(), roots: x509.NewCertPool()}
	c.write("grants.yaml", []byte(benchGrants))
	c.signer = c.private()
	c.ca = &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der := c.sign(c.ca, c.signer)
	var err error
	if c.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	c.roots.AddCert(c.ca)
	c.write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return c
}

func (c *credentials) write(name string, content []byte) (path string) {
	path = filepath.Join(c.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		c.Fatal(err)
	}
	return path
}

// access has benchGrants in force.
func (c *credentials) access() []string {
	return []string{"--access", filepath.Join(c.dir, "grants.yaml")}
}

func (c *credentials) private() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.Fatal(err)
	}
	return key
}

func (c *credentials) sign(template *x509.Certificate, of *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, c.ca, of.Public(), c.signer)
	if err != nil {
		c.Fatal(err)
	}
	return der
}

// tls is a server's certificate, which clients verify.
func (c *credentials) tls() known {
	key := c.private()
	der := c.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: c.ca.NotBefore, NotAfter: c.ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, key)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		c.Fatal(err)
	}
	return known{
		flags: []string{
			"--tls-cert", c.write("server.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
			"--tls-key", c.write("server.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		},
		options: c.transport(&tls.Config{RootCAs: c.roots}),
	}
}

func (c *credentials) transport(config *tls.Config) []grpc.DialOption {
	return []grpc.DialOption{grpc.WithTransportCredentials(grpccredentials.NewTLS(config))}
}

// mutual is TLS with a client's certificate. flags are those of TLS.
func (c *credentials) mutual(flags []string) known {
	key := c.private()
	der := c.sign(&x509.Certificate{
		SerialNumber: big.NewInt(3), NotBefore: c.ca.NotBefore, NotAfter: c.ca.NotAfter,
		URIs:        []*url.URL{{Scheme: "spiffe", Host: "example.org", Path: "/mailer"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, key)
	client := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return known{
		flags:   slices.Concat(flags, []string{"--tls-client-ca", filepath.Join(c.dir, "ca.pem")}, c.access()),
		options: c.transport(&tls.Config{RootCAs: c.roots, Certificates: []tls.Certificate{client}}),
	}
}

func (c *credentials) key() known {
	key := apikey.New()
	digest, err := apikey.DigestOf(key)
	if err != nil {
		c.Fatal(err)
	}
	file := c.write("keys.yaml", fmt.Appendf(nil, "- id: mailer\n  sha256: %s\n", hex.EncodeToString(digest[:])))
	return known{
		flags:   append(c.access(), "--api-keys", file),
		options: []grpc.DialOption{grpc.WithPerRPCCredentials(bearer(key))},
	}
}

func (c *credentials) token() known {
	issuer := tokentest.New(c, "k1", "ES256")
	claims := tokentest.Claims(time.Now(), map[string]any{"exp": time.Now().Add(24 * time.Hour).Unix()})
	return known{
		flags: append(c.access(),
			"--jwt-issuer", "https://idp.test", "--jwt-audience", "consentd", "--jwks", c.write("jwks.json", tokentest.Set(issuer)),
		),
		options: []grpc.DialOption{grpc.WithPerRPCCredentials(bearer(issuer.Token(c, claims)))},
	}
}

// bearer shows a credential with each call.
type bearer string

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity is false: what a credential costs is measured by itself, too.
func (b bearer) RequireTransportSecurity() bool { return false }
