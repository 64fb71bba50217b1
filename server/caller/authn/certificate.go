package authn

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"regexp"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/consentd/consentd/server/caller"
)

// identity is whose a connection's certificate is, or why it is nobody's. It is immutable.
type identity struct {
	standing
	fault error
}

// connection is the standard AuthInfo with what is found out once per connection.
type connection struct {
	credentials.TLSInfo
	identity *identity
}

// transport adds the identity to what the standard credentials find.
type transport struct {
	credentials.TransportCredentials
	authenticator *Authenticator
}

// Transport returns credentials for a server that do what standard does, credentials.NewTLS's, and find out once per
// connection whose its certificate is.
func (a *Authenticator) Transport(standard credentials.TransportCredentials) credentials.TransportCredentials {
	return transport{standard, a}
}

// ServerHandshake implements credentials.TransportCredentials.
func (t transport) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	secured, info, err := t.TransportCredentials.ServerHandshake(conn)
	if standard, ok := info.(credentials.TLSInfo); ok && err == nil {
		info = connection{standard, t.authenticator.identify(&standard.State)}
	}
	return secured, info, err
}

// Clone implements credentials.TransportCredentials.
func (t transport) Clone() credentials.TransportCredentials {
	return transport{t.TransportCredentials.Clone(), t.authenticator}
}

// identityOf is that of a call's connection; nil: it has no certificate that was verified.
func identityOf(ctx context.Context) *identity {
	if p, ok := peer.FromContext(ctx); ok {
		if secured, ok := p.AuthInfo.(connection); ok {
			return secured.identity
		}
	}
	return nil
}

// identify finds out whose the certificate of a connection is; nil: it has none that was verified.
func (a *Authenticator) identify(state *tls.ConnectionState) *identity {
	if len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return nil
	}
	leaf := state.VerifiedChains[0][0]
	id, err := nameOf(leaf)
	if weak(leaf) {
		err = errWeak
	}
	if err != nil {
		return &identity{fault: err}
	}
	return &identity{standing: standing{caller: a.certificateCaller(id), expires: leaf.NotAfter}}
}

// maxCallers bounds the callers that are remembered; past it they are found anew.
const maxCallers = 4096

func (a *Authenticator) certificateCaller(id string) *caller.Caller {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.callers[id]
	if c == nil {
		if len(a.callers) >= maxCallers {
			clear(a.callers)
		}
		c = &caller.Caller{Kind: caller.KindCertificate, ID: id}
		a.callers[id] = c
	}
	return c
}

var (
	errSANs = errors.New("the client's certificate has not exactly one SPIFFE URI, or no URI and exactly one DNS name, " +
		"as subject alternative name")
	errSPIFFE = errors.New("the client's certificate names a malformed SPIFFE id: want spiffe://trust.domain/path")
	errDNS    = errors.New("the client's certificate names a wildcard or malformed DNS name: that is not one caller")
	errWeak   = errors.New("the client's certificate has an RSA key of less than 2048 bits: issue one with a greater key")
)

// The forms of names. A SPIFFE id is written in one way only (SPIFFE-ID, 2: no escapes, user, port, query or fragment),
// so it may be compared as text.
var (
	spiffeForm = regexp.MustCompile(`^spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+$`)
	dnsForm    = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)
)

const maxSPIFFE = 2048

// weak reports whether a certificate's key can be broken, so that its name says nothing: RSA below 2048 bits (NIST SP
// 800-131A), which TLS itself lets through.
func weak(leaf *x509.Certificate) bool {
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() < 2048
}

// nameOf is the one name that a certificate speaks for. Common and distinguished names are not looked at: they have no
// one form, and CAs do not prove them.
func nameOf(leaf *x509.Certificate) (string, error) {
	switch {
	case len(leaf.URIs) == 1:
		return spiffeID(leaf.URIs[0])
	case len(leaf.URIs) == 0 && len(leaf.DNSNames) == 1:
		if !dnsForm.MatchString(leaf.DNSNames[0]) {
			return "", errDNS
		}
		return leaf.DNSNames[0], nil
	}
	return "", errSANs
}

func spiffeID(u *url.URL) (string, error) {
	id := u.String()
	if len(id) > maxSPIFFE || !spiffeForm.MatchString(id) || strings.Contains(id, "/./") || strings.Contains(id, "/../") ||
		strings.HasSuffix(id, "/.") || strings.HasSuffix(id, "/..") {
		return "", errSPIFFE
	}
	return id, nil
}
