package token_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consentd/consentd/server/caller/token"
	"github.com/consentd/consentd/server/caller/token/tokentest"
	"github.com/consentd/consentd/server/consent"
)

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
