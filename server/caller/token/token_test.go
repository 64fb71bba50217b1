package token_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/caller/token"
	"github.com/consentd/consentd/server/caller/token/tokentest"
	"github.com/consentd/consentd/server/consent"
)

// clock is one that tests set.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time             { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration)    { c.at.Add(int64(d)) }
func (c *clock) unix(d time.Duration) int64 { return c.now().Add(d).Unix() }

func write(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a verifier over a file or URL.
func open(t testing.TB, jwks string, c *clock) *token.Verifier {
	t.Helper()
	v, err := token.New(token.Config{Issuer: "https://idp.test", Audience: "consentd", JWKS: jwks, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func TestTokenThatHolds(t *testing.T) {
	c := newClock()
	rs := tokentest.New(t, "", "RS256")
	keys := []*tokentest.Key{tokentest.New(t, "", "EdDSA")}
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		keys = append(keys, rs.As("", algorithm))
	}
	for _, algorithm := range []string{"ES256", "ES384", "ES512"} {
		keys = append(keys, tokentest.New(t, "", algorithm))
	}
	for _, made := range keys {
		algorithm := made.Algorithm
		key, bare := made.As("k1", algorithm), made.As("k2", algorithm)
		delete(bare.Entry, "alg")
		delete(bare.Entry, "use")
		v := open(t, write(t, tokentest.Set(key, bare)), c)
		for _, k := range []*tokentest.Key{key, bare} {
			claims := tokentest.Claims(c.now(), map[string]any{"aud": []string{"other", "consentd"}, "roles": []string{"mail"}})
			got, err := v.Verify(t.Context(), k.Token(t, claims))
			if err != nil {
				t.Errorf("%s: %v", algorithm, err)
				continue
			}
			want := &caller.Caller{Kind: caller.KindToken, ID: "mailer", Issuer: "https://idp.test", Claims: map[string]any{
				"iss": "https://idp.test", "sub": "mailer", "aud": []any{"other", "consentd"}, "roles": []any{"mail"},
				"exp": float64(c.unix(time.Hour)), "iat": float64(c.unix(0)),
			}}
			if diff := cmp.Diff(want, got.Caller); diff != "" {
				t.Errorf("%s: %s", algorithm, diff)
			}
			if want := c.now().Add(time.Hour + token.Skew); !got.Expires.Equal(want) {
				t.Errorf("%s: expires %v, want %v", algorithm, got.Expires, want)
			}
		}
	}
}

func TestTokenThatDoesNotHold(t *testing.T) {
	c := newClock()
	key, other, rs := tokentest.New(t, "k1", "ES256"), tokentest.New(t, "k1", "ES256"), tokentest.New(t, "rs", "RS256")
	v := open(t, write(t, tokentest.Set(key, rs)), c)
	claims, es, none := tokentest.Claims(c.now(), nil), header("ES256", "k1"), header("none", "k1")
	with := func(claims map[string]any) string { return key.Token(t, tokentest.Claims(c.now(), claims)) }
	headed := func(k *tokentest.Key, header map[string]any) string { return k.Signed(t, header, claims) }
	signed := func(raw string) string { return key.Signed(t, es, raw) }
	public, err := x509.MarshalPKIXPublicKey(rs.Public())
	if err != nil {
		t.Fatal(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	good := with(nil)
	parts, admin := strings.Split(good, "."), strings.Split(with(map[string]any{"sub": "admin"}), ".")[1]
	for name, test := range map[string]struct{ token, reason string }{
		"alg none":                        {tokentest.Unsigned(t, none, claims), `"none"`},
		"alg None":                        {tokentest.Unsigned(t, header("None", "k1"), claims), ""},
		"no alg":                          {headed(key, map[string]any{"kid": "k1"}), "for which its key was not made"},
		"HMAC with the public key":        {tokentest.Keyed(t, secret, header("HS256", "rs"), claims), `"HS256"`},
		"HMAC with the key in DER":        {tokentest.Keyed(t, public, header("HS256", "rs"), claims), `"HS256"`},
		"HMAC with nothing":               {tokentest.Keyed(t, nil, header("HS256", "k1"), claims), `"HS256"`},
		"an RSA key's other algorithm":    {headed(rs, header("PS256", "rs")), `"PS256"`},
		"an algorithm of another kind":    {headed(key, header("RS256", "k1")), `"RS256"`},
		"another key of the same name":    {other.Token(t, claims), "signature does not hold"},
		"a key that it brings itself":     {headed(other, header("ES256", "k1", "jwk", other.Entry)), "signature does not hold"},
		"a URL of keys that it brings":    {headed(other, header("ES256", "k1", "jku", "http://[::1]:1")), "signature does not hold"},
		"an unknown key":                  {headed(key, header("ES256", "k9")), `"k9"`},
		"no key named":                    {headed(key, map[string]any{"alg": "ES256"}), "names no key"},
		"something critical":              {headed(key, header("ES256", "k1", "crit", []string{"exp2"}, "exp2", 1)), "malformed"},
		"an unencoded payload":            {headed(key, header("ES256", "k1", "crit", []string{"b64"}, "b64", false)), "malformed"},
		"another issuer":                  {with(map[string]any{"iss": "https://idp.test/"}), "another issuer"},
		"no issuer":                       {with(map[string]any{"iss": nil}), "another issuer"},
		"another audience":                {with(map[string]any{"aud": "billing"}), "another audience"},
		"an audience that begins so":      {with(map[string]any{"aud": "consentd2"}), "another audience"},
		"other audiences":                 {with(map[string]any{"aud": []string{"a", "b"}}), "another audience"},
		"no audience":                     {with(map[string]any{"aud": nil}), "another audience"},
		"no subject":                      {with(map[string]any{"sub": nil}), "sub"},
		"an empty subject":                {with(map[string]any{"sub": ""}), "sub"},
		"a subject that is a number":      {with(map[string]any{"sub": 7}), "sub"},
		"a long subject":                  {with(map[string]any{"sub": strings.Repeat("x", 257)}), "sub"},
		"a subject of two lines":          {with(map[string]any{"sub": "mailer\nadmin"}), "sub"},
		"expired":                         {with(map[string]any{"exp": c.unix(-token.Skew)}), "expired"},
		"no exp":                          {with(map[string]any{"exp": nil}), "no exp"},
		"exp as text":                     {with(map[string]any{"exp": "2030-01-01"}), "exp is no time"},
		"exp null":                        {signed(strings.ReplaceAll(deep(c, 1), `"exp":`, `"exp":null,"was":`)), "exp is no time"},
		"exp negative":                    {with(map[string]any{"exp": -1}), "exp is no time"},
		"exp past all time":               {with(map[string]any{"exp": 1e300}), "exp is no time"},
		"not yet valid":                   {with(map[string]any{"nbf": c.unix(token.Skew + time.Second)}), "nbf"},
		"issued in the future":            {with(map[string]any{"iat": c.unix(token.Skew + time.Second)}), "iat"},
		"nbf as text":                     {with(map[string]any{"nbf": "soon"}), "nbf is no time"},
		"claims that are deep":            {signed(deep(c, 20)), "deeper"},
		"claims that are a list":          {signed(`[1]`), "no JSON object"},
		"claims that are null":            {signed(`null`), "no JSON object"},
		"claims that are no JSON":         {signed(`{`), "no JSON object"},
		"claims that are no UTF-8":        {signed("{\"sub\":\"a\xff\"}"), "no JSON object"},
		"other claims than signed":        {parts[0] + "." + admin + "." + parts[2], "signature does not hold"},
		"a signature of nothing":          {parts[0] + "." + parts[1] + ".", "signature does not hold"},
		"a signature in DER":              {parts[0] + "." + parts[1] + ".MEUCIQ", "signature does not hold"},
		"two parts":                       {parts[0] + "." + parts[1], "three parts"},
		"five parts, encrypted":           {good + ".a.b", "three parts"},
		"JSON in the place of text":       {`{"payload":"e30","signatures":[]}`, "three parts"},
		"padded":                          {good + "=", "three parts"},
		"with a space":                    {parts[0] + ". " + parts[1] + "." + parts[2], "three parts"},
		"100 KB":                          {strings.Repeat("a", 100<<10), "102400 bytes"},
		"one byte too long":               {strings.Repeat("a", token.MaxBytes+1), "8193 bytes"},
		"of dots":                         {strings.Repeat(".", 8000), "three parts"},
		"nothing":                         {"", "three parts"},
		"a signature with one bit turned": {turned(good), "signature does not hold"},
	} {
		got, err := v.Verify(t.Context(), test.token)
		switch {
		case got != nil:
			t.Errorf("%s: holds for %v", name, got.Caller)
		case !errors.Is(err, consent.ErrUnauthenticated):
			t.Errorf("%s: %v, want ErrUnauthenticated", name, err)
		case !strings.Contains(err.Error(), test.reason):
			t.Errorf("%s: %v, want %q", name, err, test.reason)
		case errors.Is(err, consent.ErrCredentialExpired) != (name == "expired"):
			t.Errorf("%s: %v: is it expired?", name, err)
		case strings.Contains(err.Error(), parts[2]):
			t.Errorf("%s: the error has the token's signature: %v", name, err)
		}
	}
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Errorf("the token that they are made of: %v", err)
	}
}

// header is that of a token, with more members after the two.
func header(algorithm, key string, more ...any) map[string]any {
	h := map[string]any{"alg": algorithm, "kid": key}
	for i := 0; i < len(more); i += 2 {
		h[more[i].(string)] = more[i+1]
	}
	return h
}

// deep are good claims, but for one that is nested.
func deep(c *clock, levels int) string {
	return fmt.Sprintf(`{"iss":"https://idp.test","aud":"consentd","sub":"m","exp":%d,"x":%s1%s}`,
		c.unix(time.Hour), strings.Repeat("[", levels), strings.Repeat("]", levels))
}

// turned is a token whose signature differs by a bit.
func turned(good string) string {
	at := len(good) - 10
	other := byte('A')
	if good[at] == other {
		other = 'B'
	}
	return good[:at] + string(other) + good[at+1:]
}

// TestSkew: the bounds are those of 30 s, to the second, also for tokens that are remembered.
func TestSkew(t *testing.T) {
	c := newClock()
	key := tokentest.New(t, "k1", "EdDSA")
	v := open(t, write(t, tokentest.Set(key)), c)
	text := key.Token(t, tokentest.Claims(c.now(), map[string]any{
		"exp": c.unix(60 * time.Second), "nbf": c.unix(10 * time.Second), "iat": c.unix(10 * time.Second),
	}))
	c.advance(-20*time.Second - time.Nanosecond)
	if _, err := v.Verify(t.Context(), text); err == nil {
		t.Error("it holds more than 30 s before its nbf")
	}
	c.advance(time.Nanosecond)
	for _, step := range []time.Duration{0, 50 * time.Second, 60*time.Second - time.Nanosecond} {
		c.advance(step)
		if _, err := v.Verify(t.Context(), text); err != nil {
			t.Errorf("%v: %v", c.now(), err)
		}
	}
	c.advance(time.Nanosecond)
	if _, err := v.Verify(t.Context(), text); !errors.Is(err, consent.ErrCredentialExpired) {
		t.Errorf("30 s after its exp: %v", err)
	}
	if s := v.Stats(); s.Hits != 3 { // the last of them had expired
		t.Errorf("%d of 3 looks found the token remembered", s.Hits)
	}
}

func TestKeysThatAreLeftOut(t *testing.T) {
	c := newClock()
	good := tokentest.New(t, "good", "ES256")
	changed := func(k *tokentest.Key, name string, value any) *tokentest.Key {
		if k.Entry[name] = value; value == nil {
			delete(k.Entry, name)
		}
		return k
	}
	short := tokentest.NewRSA(t, "short", "RS256", 1024)
	secret := &tokentest.Key{ID: "oct", Algorithm: "HS256"}
	secret.Entry = map[string]any{"kty": "oct", "kid": "oct", "alg": "HS256", "k": "c2VjcmV0"}
	for name, bad := range map[string]*tokentest.Key{
		"encrypts":                    changed(tokentest.New(t, "bad", "ES256"), "use", "enc"),
		"signs only":                  changed(changed(tokentest.New(t, "bad", "ES256"), "use", nil), "key_ops", []string{"sign"}),
		"1024 bits":                   short,
		"a secret":                    secret,
		"of another algorithm":        changed(tokentest.New(t, "bad", "ES256"), "alg", "ES384"),
		"of an algorithm not here":    changed(tokentest.New(t, "bad", "ES256"), "alg", "ES256K"),
		"of a kind that nobody knows": {ID: "bad", Algorithm: "ES256", Entry: map[string]any{"kty": "ML-DSA", "kid": "bad"}},
		"a point that is not on it":   changed(tokentest.New(t, "bad", "ES256"), "y", good.Entry["x"]),
	} {
		v := open(t, write(t, tokentest.Set(good, bad)), c)
		if s := v.Stats(); s.Keys != 1 {
			t.Errorf("%s: %d keys, want the good one alone", name, s.Keys)
		}
		if _, err := v.Verify(t.Context(), good.Token(t, tokentest.Claims(c.now(), nil))); err != nil {
			t.Errorf("%s: the good key beside it: %v", name, err)
		}
		_, err := token.New(token.Config{Issuer: "i", Audience: "a", JWKS: write(t, tokentest.Set(bad))})
		if err == nil || !strings.HasPrefix(err.Error(), "jwks: ") {
			t.Errorf("%s, alone: %v, want a fault of jwks", name, err)
		}
	}
	if _, err := token.New(token.Config{Issuer: "i", Audience: "a", JWKS: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a file that is not there starts")
	}
}

func TestSeveralKeysOfOneName(t *testing.T) {
	c := newClock()
	one, two := tokentest.New(t, "k", "ES256"), tokentest.New(t, "k", "ES256")
	v := open(t, write(t, tokentest.Set(one, two)), c)
	for _, k := range []*tokentest.Key{one, two} {
		if _, err := v.Verify(t.Context(), k.Token(t, tokentest.Claims(c.now(), nil))); err != nil {
			t.Error(err)
		}
	}
}

// TestNamelessKey: where the set has one key, tokens need not name it.
func TestNamelessKey(t *testing.T) {
	c := newClock()
	key := tokentest.New(t, "", "ES256")
	delete(key.Entry, "kid")
	v := open(t, write(t, tokentest.Set(key)), c)
	text := key.Signed(t, map[string]any{"alg": "ES256"}, tokentest.Claims(c.now(), nil))
	if _, err := v.Verify(t.Context(), text); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	good := token.Config{Issuer: "i", Audience: "a", JWKS: "keys.json"}
	with := func(change func(*token.Config)) token.Config {
		c := good
		change(&c)
		return c
	}
	for _, test := range []struct {
		config token.Config
		want   []string
	}{
		{token.Config{}, nil},
		{good, nil},
		{token.Config{JWKS: "keys.json"}, []string{"jwt-issuer: ", "jwt-audience: "}},
		{token.Config{Issuer: "i"}, []string{"jwt-audience: ", "jwks: "}},
		{with(func(c *token.Config) { c.JWKS = "https://idp.test/keys" }), nil},
		{with(func(c *token.Config) { c.JWKS = "http://localhost:1/keys" }), nil},
		{with(func(c *token.Config) { c.JWKS = "http://[::1]:1/keys" }), nil},
		{with(func(c *token.Config) { c.JWKS = "http://idp.test/keys" }), []string{"plain HTTP"}},
		{with(func(c *token.Config) { c.JWKS, c.Insecure = "http://idp.test/keys", true }), nil},
		{with(func(c *token.Config) { c.JWKS = "ftp://idp.test/keys" }), []string{"jwks: is no http(s) URL"}},
		{with(func(c *token.Config) { c.JWKS = "https://a:hunter2@idp.test/" }), []string{"user or password"}},
		{with(func(c *token.Config) { c.JWKS = "https://a:hunter2@%zz/" }), []string{"is no http(s) URL"}},
		{with(func(c *token.Config) { c.Refresh = time.Second }), []string{"jwks-refresh: 1s is too often"}},
		{with(func(c *token.Config) { c.Issuer = strings.Repeat("x", 2000) }), []string{"jwt-issuer: has 2000 bytes"}},
	} {
		err := test.config.Validate()
		if (err == nil) != (len(test.want) == 0) {
			t.Errorf("%+v: %v", test.config, err)
		}
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%+v: %v, want %q", test.config, err, want)
			}
		}
	}
}
