package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

const (
	// maxKeys bounds a set; issuers have two to ten.
	maxKeys = 200
	// minRSABits is the least that RFC 7518, 3.3 allows.
	minRSABits = 2048
	// maxRSABits bounds what one signature can cost: 16,384 bits take 2 ms.
	maxRSABits = 8192
)

// keySet is the keys of an issuer. It is immutable.
type keySet struct {
	all []*key
	// byID has the keys of each name; one name may have several.
	byID map[string][]*key
	// leftOut counts those that cannot verify: of other kinds, too short, for encryption.
	leftOut int
}

// key verifies signatures of some algorithms.
type key struct {
	public     any
	algorithms []jwa.SignatureAlgorithm
}

// parseKeys reads a JWKS. Keys that cannot verify are left out, as issuers publish others too; a set with the private
// half of a key is refused.
func parseKeys(content []byte) (*keySet, error) {
	parsed, err := jwk.Parse(content, jwk.WithStrictKeySetParsing(false), jwk.WithMaxKeys(maxKeys))
	if err != nil {
		return nil, errors.New(`is no JWKS of at most 200 keys: publish {"keys": [...]} with the issuer's public keys`)
	}
	set := &keySet{byID: map[string][]*key{}}
	for i := range parsed.Len() {
		published, _ := parsed.Key(i)
		if private, err := jwk.IsPrivateKey(published); err == nil && private {
			return nil, fmt.Errorf("keys[%d] is a private key: replace it, whoever read it can make tokens, and publish public keys only", i)
		}
		k := keyOf(published)
		if k == nil {
			set.leftOut++
			continue
		}
		set.all = append(set.all, k)
		if id, ok := published.KeyID(); ok {
			set.byID[id] = append(set.byID[id], k)
		}
	}
	return set, nil
}

// keyOf returns nil for a key that cannot verify tokens.
func keyOf(published jwk.Key) *key {
	if jwk.IsUnsupportedKey(published) {
		return nil
	}
	if use, ok := published.KeyUsage(); ok && use != "sig" {
		return nil
	}
	if operations, ok := published.KeyOps(); ok && !verifies(operations) {
		return nil
	}
	k := &key{}
	if err := jwk.Export(published, &k.public); err != nil {
		return nil
	}
	k.algorithms = algorithmsOf(k.public)
	if own, ok := published.Algorithm(); ok {
		k.algorithms = only(k.algorithms, own.String())
	}
	if len(k.algorithms) == 0 {
		return nil
	}
	return k
}

func verifies(operations jwk.KeyOperationList) bool {
	for _, o := range operations {
		if o == jwk.KeyOpVerify {
			return true
		}
	}
	return false
}

// algorithmsOf are those that a key may verify; a secret has none, so that no public key is taken for one.
func algorithmsOf(public any) []jwa.SignatureAlgorithm {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil
		}
		return []jwa.SignatureAlgorithm{jwa.RS256(), jwa.RS384(), jwa.RS512(), jwa.PS256(), jwa.PS384(), jwa.PS512()}
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256():
			return []jwa.SignatureAlgorithm{jwa.ES256()}
		case elliptic.P384():
			return []jwa.SignatureAlgorithm{jwa.ES384()}
		case elliptic.P521():
			return []jwa.SignatureAlgorithm{jwa.ES512()}
		}
	case ed25519.PublicKey:
		return []jwa.SignatureAlgorithm{jwa.EdDSA(), jwa.EdDSAEd25519()} // RFC 8037 and RFC 9864 call it so
	}
	return nil
}

func only(algorithms []jwa.SignatureAlgorithm, name string) []jwa.SignatureAlgorithm {
	for _, a := range algorithms {
		if a.String() == name {
			return []jwa.SignatureAlgorithm{a}
		}
	}
	return nil
}

// errUnknownKey is why a token does not hold whose key is not in the set.
var errUnknownKey = errors.New("no key of the issuer's has the name that the token gives")

// verify returns what was signed. The error wraps consent.ErrUnauthenticated. A nil set has no keys.
func (s *keySet) verify(text string) ([]byte, error) {
	if !compact(text) {
		return nil, refused("the token is not three parts in base64url (RFC 7515, 7.1)")
	}
	p := &provider{set: s}
	payload, err := jws.Verify([]byte(text), jws.WithCompact(), jws.WithKeyProvider(p),
		jws.WithAlgorithmMatch(true), jws.WithCritValidation(true))
	switch {
	case p.fault != nil:
		return nil, p.fault
	case err != nil:
		return nil, refused("the token is malformed, or its signature does not hold")
	}
	return payload, nil
}

// compact keeps all but the one form away from the parser: the others (RFC 7515, 7.2) have several signatures.
func compact(text string) bool {
	if strings.Count(text, ".") != 2 {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// provider finds the keys for a token, or keeps why there is none.
type provider struct {
	set   *keySet
	fault error
}

// FetchKeys implements jws.KeyProvider.
func (p *provider) FetchKeys(_ context.Context, sink jws.KeySink, signature *jws.Signature, _ *jws.Message) error {
	headers := signature.ProtectedHeaders()
	algorithm, _ := headers.Algorithm()
	id, named := headers.KeyID()
	var candidates []*key
	switch {
	case p.set == nil:
		p.fault = refused("%w: there are no keys yet", errUnknownKey)
	case named:
		if candidates = p.set.byID[id]; len(candidates) == 0 {
			p.fault = refused("%w: %.64q", errUnknownKey, id)
		}
	case len(p.set.all) == 1:
		candidates = p.set.all
	default:
		p.fault = refused("the token names no key (kid), and its issuer has several")
	}
	if p.fault != nil {
		return p.fault
	}
	found := false
	for _, k := range candidates {
		for _, a := range only(k.algorithms, algorithm.String()) {
			sink.Key(a, k.public)
			found = true
		}
	}
	if !found {
		p.fault = refused("the token is signed by %.16q, for which its key was not made", algorithm.String())
	}
	return p.fault
}
