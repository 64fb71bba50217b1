package token_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// issuer publishes a set of keys by HTTP, and counts who asks.
type issuer struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[func(http.ResponseWriter, *http.Request)]
}

func newIssuer(t testing.TB, keys ...*tokentest.Key) *issuer {
	i := &issuer{}
	i.publish(keys...)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) publish(keys ...*tokentest.Key) {
	set := tokentest.Set(keys...)
	i.respond(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) })
}

func (i *issuer) respond(answer func(http.ResponseWriter, *http.Request)) { i.answer.Store(&answer) }

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

// TestUnknownKeys: whoever sends them, the issuer is asked at most every 30 s, and not once for each.
func TestUnknownKeys(t *testing.T) {
	c := newClock()
	known, fresh := tokentest.New(t, "k1", "ES256"), tokentest.New(t, "k2", "ES256")
	i := newIssuer(t, known)
	v := open(t, i.URL, c)
	flood := func(size int) {
		var all sync.WaitGroup
		for n := range size {
			all.Go(func() {
				header := map[string]any{"alg": "ES256", "kid": fmt.Sprint("made-up-", n)}
				text := tokentest.Unsigned(t, header, tokentest.Claims(c.now(), nil)) + "AAAA"
				if _, err := v.Verify(t.Context(), text); !errors.Is(err, consent.ErrUnauthenticated) {
					t.Errorf("an unknown key: %v", err)
				}
			})
		}
		all.Wait()
	}
	flood(100)
	if got := i.asked.Load(); got != 1 {
		t.Errorf("asked %d times within 30 s of the first fetch, want once, to begin with", got)
	}
	i.publish(known, fresh)
	c.advance(token.Refetch - time.Nanosecond)
	flood(100)
	if got := i.asked.Load(); got != 1 {
		t.Errorf("asked %d times before 30 s had passed", got)
	}
	c.advance(time.Nanosecond)
	flood(1000)
	if got := i.asked.Load(); got != 2 {
		t.Errorf("asked %d times, want twice", got)
	}
	if _, err := v.Verify(t.Context(), fresh.Token(t, tokentest.Claims(c.now(), nil))); err != nil {
		t.Errorf("the new key: %v", err)
	}
	if s := v.Stats(); s.Keys != 2 || s.Fetched != 2 || s.Failed != 0 || s.Failing {
		t.Errorf("got %+v", s)
	}
}

// TestNewKey: a token by a key that was published after the last fetch has the set fetched, and holds.
func TestNewKey(t *testing.T) {
	c := newClock()
	old, fresh := tokentest.New(t, "k1", "ES256"), tokentest.New(t, "k2", "ES256")
	i := newIssuer(t, old)
	v := open(t, i.URL, c)
	i.publish(old, fresh)
	c.advance(token.Refetch)
	if _, err := v.Verify(t.Context(), fresh.Token(t, tokentest.Claims(c.now(), nil))); err != nil {
		t.Error(err)
	}
}

// TestRemovedKey: a key that its issuer takes out counts no more, also for tokens that were verified before.
func TestRemovedKey(t *testing.T) {
	c := newClock()
	stays, goes := tokentest.New(t, "k1", "ES256"), tokentest.New(t, "k2", "ES256")
	i := newIssuer(t, stays, goes)
	v := open(t, i.URL, c)
	text := goes.Token(t, tokentest.Claims(c.now(), nil))
	for range 2 {
		if _, err := v.Verify(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	i.publish(stays)
	if changed, err := v.Reload(); !changed || err != nil {
		t.Fatalf("changed: %v, %v", changed, err)
	}
	if _, err := v.Verify(t.Context(), text); !errors.Is(err, consent.ErrUnauthenticated) {
		t.Errorf("after the refresh: %v", err)
	}
	if changed, err := v.Reload(); changed || err != nil {
		t.Errorf("the same set again: changed %v, %v", changed, err)
	}
}

// TestAllKeysRemoved: an issuer that takes out all keys is heard, but to begin with: then it is not ready.
func TestAllKeysRemoved(t *testing.T) {
	c := newClock()
	key := tokentest.New(t, "k1", "ES256")
	i := newIssuer(t)
	v := open(t, i.URL, c)
	text := key.Token(t, tokentest.Claims(c.now(), nil))
	if _, err := v.Verify(t.Context(), text); !errors.Is(err, consent.ErrIssuerUnavailable) {
		t.Errorf("to begin with: %v", err)
	}
	for _, keys := range [][]*tokentest.Key{{key}, {}, {key}, {tokentest.NewRSA(t, "k1", "RS256", 1024)}} {
		i.publish(keys...)
		if changed, err := v.Reload(); !changed || err != nil {
			t.Fatalf("%d keys: %v, %v", len(keys), changed, err)
		}
		_, err := v.Verify(t.Context(), text)
		if holds := len(keys) == 1 && keys[0] == key; (err == nil) != holds || err != nil && !errors.Is(err, consent.ErrUnauthenticated) {
			t.Errorf("%d keys: %v", len(keys), err)
		}
	}
}

// TestRefresh: the set is fetched by itself.
func TestRefresh(t *testing.T) {
	c := newClock()
	old, fresh := tokentest.New(t, "k1", "ES256"), tokentest.New(t, "k2", "ES256")
	i := newIssuer(t, old)
	changed := make(chan struct{}, 10)
	v, err := token.New(token.Config{
		Issuer: "https://idp.test", Audience: "consentd", JWKS: i.URL, Refresh: 10 * time.Millisecond, Now: c.now,
		Changed: func() { changed <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	<-changed
	i.publish(fresh)
	v.Follow()
	defer v.Close()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("the set was not fetched again")
	}
	if _, err := v.Verify(t.Context(), fresh.Token(t, tokentest.Claims(c.now(), nil))); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), old.Token(t, tokentest.Claims(c.now(), nil))); err == nil {
		t.Error("the old key still counts")
	}
}

// TestIssuerThatFails: the last good set counts, and without one tokens are neither good nor bad.
func TestIssuerThatFails(t *testing.T) {
	c := newClock()
	key := tokentest.New(t, "k1", "ES256")
	private := tokentest.New(t, "k2", "ES256")
	private.Entry["d"] = private.Entry["x"]
	elsewhere := newIssuer(t, key)
	var log bytes.Buffer
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"answers 500":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"answers 404":             http.NotFound,
		"is no JWKS":              func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"private key":             func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(tokentest.Set(key, private)) },
		"more than 1048576 bytes": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20+1)) },
		"to another host":         func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"cannot be fetched": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("{"))
		},
	} {
		i := newIssuer(t, key)
		i.respond(answer)
		v, err := token.New(token.Config{
			Issuer: "https://idp.test", Audience: "consentd", JWKS: i.URL + "/?token=hunter2", Now: c.now,
			Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatalf("%s: it does not start: %v", name, err)
		}
		text := key.Token(t, tokentest.Claims(c.now(), nil))
		if _, err := v.Verify(t.Context(), text); !errors.Is(err, consent.ErrIssuerUnavailable) {
			t.Errorf("%s: without keys: %v, want ErrIssuerUnavailable", name, err)
		}
		if s := v.Stats(); !s.Failing || s.Failed != 1 {
			t.Errorf("%s: got %+v", name, s)
		}
		i.publish(key)
		if _, err := v.Reload(); err != nil {
			t.Errorf("%s: afterwards: %v", name, err)
		}
		i.respond(answer)
		if changed, err := v.Reload(); changed || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: changed %v, %v", name, changed, err)
		}
		if _, err := v.Verify(t.Context(), text); err != nil {
			t.Errorf("%s: with the last good set: %v", name, err)
		}
		if s := v.Stats(); !s.Failing || s.Keys != 1 || s.Failed != 2 || s.Fetched != 1 {
			t.Errorf("%s: got %+v", name, s)
		}
		v.Close()
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log has the URL's query: %s", log.String())
	}
}

// TestIssuerThatHangs: a call with an unknown key waits no longer than its caller does.
func TestIssuerThatHangs(t *testing.T) {
	c := newClock()
	key := tokentest.New(t, "k1", "ES256")
	i := newIssuer(t, key)
	v := open(t, i.URL, c)
	entered := make(chan struct{})
	i.respond(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	c.advance(token.Refetch)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	text := tokentest.New(t, "k2", "ES256").Token(t, tokentest.Claims(c.now(), nil))
	if _, err := v.Verify(ctx, text); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's", err)
	}
	if _, err := v.Verify(t.Context(), key.Token(t, tokentest.Claims(c.now(), nil))); err != nil {
		t.Errorf("a known key meanwhile: %v", err)
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
