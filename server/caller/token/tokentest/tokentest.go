// Package tokentest makes keys, sets of keys and tokens for tests, good and bad ones. It signs by the standard library
// alone, so that tests of package token do not check its library by itself.
package tokentest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of algorithms
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"
)

// Key is a key of an issuer: its private half, and its entry in a set of keys.
type Key struct {
	ID, Algorithm string
	private       crypto.Signer
	// Entry is the public half as a JWK; tests may change it.
	Entry map[string]any
}

// New makes a key for an algorithm: ES256, ES384, ES512, EdDSA, RS256, …, PS512; RSA keys have 2048 bits.
func New(t testing.TB, id, algorithm string) *Key {
	t.Helper()
	return NewRSA(t, id, algorithm, 2048)
}

// NewRSA is New with another size of RSA keys.
func NewRSA(t testing.TB, id, algorithm string, bits int) *Key {
	t.Helper()
	k := &Key{ID: id, Algorithm: algorithm}
	var err error
	switch algorithm[:2] {
	case "ES":
		curves := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
		k.private, err = ecdsa.GenerateKey(curves[algorithm], rand.Reader)
	case "Ed":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		k.private, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k.As(id, algorithm)
}

// As is the same key under another name, for another algorithm of its kind: to make a key of RSA takes long.
func (k *Key) As(id, algorithm string) *Key {
	other := &Key{ID: id, Algorithm: algorithm, private: k.private, Entry: entry(k.private.Public())}
	other.Entry["kid"], other.Entry["alg"], other.Entry["use"] = id, algorithm, "sig"
	return other
}

// Public is the public half.
func (k *Key) Public() crypto.PublicKey { return k.private.Public() }

func entry(public crypto.PublicKey) map[string]any {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		size := (public.Curve.Params().BitSize + 7) / 8
		point, _ := public.Bytes() // 4, x, y
		return map[string]any{
			"kty": "EC", "crv": public.Curve.Params().Name, "x": text(point[1 : 1+size]), "y": text(point[1+size:]),
		}
	case ed25519.PublicKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": text(public)}
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": text(public.N.Bytes()), "e": text(big.NewInt(int64(public.E)).Bytes())}
	}
	return nil
}

// Set is a set of keys, as an issuer publishes it.
func Set(keys ...*Key) []byte {
	entries := []any{}
	for _, k := range keys {
		entries = append(entries, k.Entry)
	}
	set, _ := json.Marshal(map[string]any{"keys": entries})
	return set
}

// Claims are good ones: of issuer https://idp.test for audience consentd and subject mailer, that expire in an hour.
// Others are put over them; nil takes one away.
func Claims(now time.Time, others map[string]any) map[string]any {
	claims := map[string]any{
		"iss": "https://idp.test", "aud": "consentd", "sub": "mailer", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
	}
	for name, value := range others {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// Token is a token of these claims that the key signed.
func (k *Key) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	return k.Signed(t, map[string]any{"alg": k.Algorithm, "kid": k.ID, "typ": "JWT"}, claims)
}

// Signed is Token with a header of the test's own; the signature is of the key's algorithm, whatever the header says.
func (k *Key) Signed(t testing.TB, header, claims any) string {
	t.Helper()
	signed := part(t, header) + "." + part(t, claims)
	return signed + "." + text(k.sign(t, signed))
}

// Unsigned is a token without a signature.
func Unsigned(t testing.TB, header, claims any) string {
	t.Helper()
	return part(t, header) + "." + part(t, claims) + "."
}

// Keyed is a token signed by HMAC with a secret.
func Keyed(t testing.TB, secret []byte, header, claims any) string {
	t.Helper()
	signed := part(t, header) + "." + part(t, claims)
	mac := hmac.New(crypto.SHA256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + text(mac.Sum(nil))
}

func (k *Key) sign(t testing.TB, signed string) []byte {
	t.Helper()
	if private, ok := k.private.(ed25519.PrivateKey); ok {
		return ed25519.Sign(private, []byte(signed))
	}
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[k.Algorithm[2:]]
	h := hash.New()
	h.Write([]byte(signed))
	if private, ok := k.private.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, private, h.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		size := (private.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	var options crypto.SignerOpts = hash
	if strings.HasPrefix(k.Algorithm, "PS") {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	signature, err := k.private.Sign(rand.Reader, h.Sum(nil), options)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// part is one part of a token; text is taken as it is.
func part(t testing.TB, value any) string {
	t.Helper()
	if raw, ok := value.(string); ok {
		return text([]byte(raw))
	}
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text(content)
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
