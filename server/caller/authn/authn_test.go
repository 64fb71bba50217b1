package authn_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/metadata"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/caller/authn"
	"github.com/consentd/consentd/server/caller/token"
	"github.com/consentd/consentd/server/caller/token/tokentest"
	"github.com/consentd/consentd/server/consent"
)

// office is an authenticator with a file of keys and a file of an issuer's keys, and a clock of its own.
type office struct {
	testing.TB
	*authn.Authenticator
	at     atomic.Int64
	keys   string
	issuer *tokentest.Key
	log    bytes.Buffer
}

// entry is a key's lines for the file.
func entry(id, key, more string) string {
	digest := sha256.Sum256([]byte(key))
	return fmt.Sprintf("- id: %s\n  sha256: %s\n%s", id, hex.EncodeToString(digest[:]), more)
}

func newOffice(t testing.TB, keys string) *office {
	t.Helper()
	o := &office{TB: t, issuer: tokentest.New(t, "k1", "ES256"), keys: filepath.Join(t.TempDir(), "keys.yaml")}
	o.at.Store(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC).UnixNano())
	o.write(keys)
	set := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(set, tokentest.Set(o.issuer), 0o600); err != nil {
		t.Fatal(err)
	}
	o.open(authn.Config{
		APIKeys: o.keys, Token: token.Config{Issuer: "https://idp.test", Audience: "consentd", JWKS: set}, Certificates: true,
	})
	return o
}

func (o *office) open(c authn.Config) {
	o.Helper()
	c.Now, c.Logger = o.now, slog.New(slog.NewTextHandler(&o.log, nil))
	var err error
	if o.Authenticator, err = authn.New(c); err != nil {
		o.Fatal(err)
	}
}

func (o *office) now() time.Time { return time.Unix(0, o.at.Load()) }

func (o *office) write(keys string) {
	o.Helper()
	if err := os.WriteFile(o.keys, []byte(keys), 0o600); err != nil {
		o.Fatal(err)
	}
}

func (o *office) token(others map[string]any) string {
	return o.issuer.Token(o.TB, tokentest.Claims(o.now(), others))
}

// showing is the context of a call with these authorization headers.
func showing(ctx context.Context, headers ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{"authorization": headers, "user-agent": {"x"}})
}

func TestHeaders(t *testing.T) {
	mailer, spare, late := apikey.New(), apikey.New(), apikey.New()
	o := newOffice(t, entry("mailer", mailer, "")+entry("mailer", spare, "  expires: 2026-12-01\n")+
		entry("late", late, "  expires: 2026-11-30\n"))
	wrong := mailer[:len(mailer)-8] + "AAAAAAAA"
	good := o.token(nil)
	for name, test := range map[string]struct {
		headers []string
		want    string // a caller, or a reason in the log
	}{
		"a key":                       {[]string{"Bearer " + mailer}, "key:mailer"},
		"the other key of the id":     {[]string{"Bearer " + spare}, "key:mailer"},
		"the scheme in small letters": {[]string{"bearer " + mailer}, "key:mailer"},
		"a token":                     {[]string{"Bearer " + good}, "token:mailer https://idp.test"},
		"nothing":                     {nil, "there is no credential"},
		"two headers":                 {[]string{"Bearer " + mailer, "Bearer " + mailer}, "several authorization headers"},
		"a good and a bad one":        {[]string{"Bearer " + mailer, "Bearer x"}, "several authorization headers"},
		"two in one":                  {[]string{"Bearer " + mailer + ", Bearer " + mailer}, "is no key"},
		"empty":                       {[]string{""}, "is not of the form"},
		"no credential":               {[]string{"Bearer "}, "no credential after Bearer"},
		"a scheme alone":              {[]string{"Bearer"}, "is not of the form"},
		"another scheme":              {[]string{"Basic bWFpbGVyOnNlY3JldA=="}, "is not of the form"},
		"no scheme":                   {[]string{mailer}, "is not of the form"},
		"a scheme that begins so":     {[]string{"Bearers " + mailer}, "is not of the form"},
		"two spaces":                  {[]string{"Bearer  " + mailer}, "three parts"},
		"a tab":                       {[]string{"Bearer\t" + mailer}, "is not of the form"},
		"one wrong character":         {[]string{"Bearer " + wrong}, "mistyped"},
		"a key of nobody":             {[]string{"Bearer " + apikey.New()}, "not in the file"},
		"a key in capitals":           {[]string{"Bearer " + strings.ToUpper(mailer)}, "three parts"},
		"an expired key":              {[]string{"Bearer " + late}, "the credential has expired"},
		"100 KB":                      {[]string{"Bearer " + strings.Repeat("a", 100<<10)}, "102400 bytes"},
		"100 KB that begin as a key":  {[]string{"Bearer " + apikey.Prefix + strings.Repeat("a", 100<<10)}, "is no key"},
		"a token of another issuer":   {[]string{"Bearer " + o.token(map[string]any{"iss": "x"})}, "another issuer"},
	} {
		o.log.Reset()
		o.open(authn.Config{APIKeys: o.keys, Token: o.tokenConfig(), Certificates: true}) // its log begins anew
		c, err := o.Authenticate(showing(t.Context(), test.headers...))
		switch {
		case err == nil && c.String() != test.want:
			t.Errorf("%s: %v, want %s", name, c, test.want)
		case err != nil && (!errors.Is(err, consent.ErrUnauthenticated) || c != nil):
			t.Errorf("%s: %v, %v", name, c, err)
		case err != nil && !strings.Contains(o.log.String(), test.want):
			t.Errorf("%s: the log says %s, want %q", name, o.log.String(), test.want)
		}
		for _, secret := range []string{mailer, spare, late, wrong, good} {
			if strings.Contains(o.log.String(), secret) || err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: a credential is in the log or the error: %v %s", name, err, o.log.String())
			}
		}
	}
}

func (o *office) tokenConfig() token.Config {
	set := filepath.Join(o.TempDir(), "jwks.json")
	if err := os.WriteFile(set, tokentest.Set(o.issuer), 0o600); err != nil {
		o.Fatal(err)
	}
	return token.Config{Issuer: "https://idp.test", Audience: "consentd", JWKS: set}
}

// TestWhatIsNotConfigured: a credential of a kind that is not configured is refused, and where none is nobody is asked.
func TestWhatIsNotConfigured(t *testing.T) {
	key := apikey.New()
	o := newOffice(t, entry("mailer", key, ""))
	bearer := func(text string) context.Context { return showing(t.Context(), "Bearer "+text) }
	o.open(authn.Config{APIKeys: o.keys})
	if _, err := o.Authenticate(bearer(o.token(nil))); err == nil || !strings.Contains(err.Error(), "tokens are not configured") {
		t.Errorf("a token: %v", err)
	}
	o.open(authn.Config{Token: o.tokenConfig()})
	if _, err := o.Authenticate(bearer(key)); err == nil || !strings.Contains(err.Error(), "API keys are not configured") {
		t.Errorf("a key: %v", err)
	}
	o.open(authn.Config{})
	for _, ctx := range []context.Context{t.Context(), bearer(key), bearer("x")} {
		if c, err := o.Authenticate(ctx); c != caller.Anonymous || err != nil {
			t.Errorf("nobody is asked: %v, %v", c, err)
		}
		if c, stands, err := o.Begin(ctx); c != caller.Anonymous || err != nil || stands() != nil {
			t.Errorf("nobody is asked of a stream: %v, %v", c, err)
		}
	}
}

// TestKeysChange: keys come and go with the file, whose last good content counts; who stays is the same caller.
func TestKeysChange(t *testing.T) {
	old, fresh := apikey.New(), apikey.New()
	o := newOffice(t, entry("mailer", old, ""))
	who := func(key string) *caller.Caller {
		c, _ := o.Authenticate(showing(t.Context(), "Bearer "+key))
		return c
	}
	mailer := who(old)
	for i, step := range []struct {
		file       string
		old, fresh bool
	}{
		{entry("mailer", old, "") + entry("mailer", fresh, ""), true, true},
		{entry("mailer", fresh, ""), false, true},
		{"garbage", false, true},
		{entry("mailer", old, "") + "- id: broken", false, true},
		{"", false, false},
		{entry("mailer", fresh, ""), false, true},
	} {
		o.write(step.file)
		o.Reload()
		if gotOld, gotFresh := who(old) != nil, who(fresh) != nil; gotOld != step.old || gotFresh != step.fresh {
			t.Errorf("%q: the old key %v, the new one %v", step.file, gotOld, gotFresh)
		}
		if c := who(fresh); i < 4 && c != mailer {
			t.Errorf("%q: the caller is another, %p, not %p", step.file, c, mailer)
		}
	}
}

// TestKeysFileIsFollowed: emptied while running, it lets nobody in, by itself; one that is gone changes nothing.
func TestKeysFileIsFollowed(t *testing.T) {
	key := apikey.New()
	o := newOffice(t, entry("mailer", key, ""))
	o.Follow()
	defer o.Close()
	registry := prometheus.NewRegistry()
	registry.MustRegister(o.Authenticator)
	if err := os.Remove(o.keys); err != nil {
		t.Fatal(err)
	}
	awaitMetric(t, registry, "consentd_api_keys_failing", 1)
	if _, err := o.Authenticate(showing(t.Context(), "Bearer "+key)); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
	o.write("")
	awaitMetric(t, registry, "consentd_api_keys", 0)
	if _, err := o.Authenticate(showing(t.Context(), "Bearer "+key)); !errors.Is(err, consent.ErrUnauthenticated) {
		t.Errorf("the file is empty: %v", err)
	}
}

func value(t *testing.T, registry *prometheus.Registry, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			have := ""
			for _, l := range m.GetLabel() {
				have += l.GetValue() + " "
			}
			if family.GetName() == name && (len(labels) == 0 || have == strings.Join(labels, " ")+" ") {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func awaitMetric(t *testing.T, registry *prometheus.Registry, name string, want float64) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); value(t, registry, name) != want; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s is %v, want %v", name, value(t, registry, name), want)
		}
	}
}

// TestStreams: what a stream began with is looked at again: when it expires, when its key is taken out, when it is
// another's.
func TestStreams(t *testing.T) {
	key := apikey.New()
	file := entry("mailer", key, "  expires: 2026-12-01\n")
	o := newOffice(t, file)
	begin := func(text string) func() error {
		t.Helper()
		_, stands, err := o.Begin(showing(t.Context(), "Bearer "+text))
		if err != nil || stands() != nil {
			t.Fatal(err, stands())
		}
		return stands
	}
	byToken := begin(o.token(map[string]any{"exp": o.now().Add(time.Minute).Unix()}))
	byKey := begin(key)
	o.at.Add(int64(time.Minute + token.Skew - time.Nanosecond))
	if err := byToken(); err != nil {
		t.Errorf("within the skew: %v", err)
	}
	o.at.Add(1)
	if err := byToken(); !errors.Is(err, consent.ErrCredentialExpired) || !errors.Is(err, consent.ErrUnauthenticated) {
		t.Errorf("the token has expired: %v", err)
	}
	o.write(file + entry("other", apikey.New(), ""))
	o.Reload()
	if err := byKey(); err != nil {
		t.Errorf("another key came: %v", err)
	}
	o.write(strings.Replace(file, "id: mailer", "id: billing", 1))
	o.Reload()
	if err := byKey(); !errors.Is(err, consent.ErrUnauthenticated) {
		t.Errorf("the key is another's: %v", err)
	}
	o.write(file)
	o.Reload()
	byKey = begin(key)
	o.at.Add(int64(12 * time.Hour))
	if err := byKey(); !errors.Is(err, consent.ErrCredentialExpired) {
		t.Errorf("the key has expired: %v", err)
	}
	o.at.Add(-int64(12 * time.Hour))
	byKey = begin(key)
	o.write("")
	o.Reload()
	if err := byKey(); !errors.Is(err, consent.ErrUnauthenticated) || errors.Is(err, consent.ErrCredentialExpired) {
		t.Errorf("the key is gone: %v", err)
	}
}

func TestMetrics(t *testing.T) {
	key := apikey.New()
	o := newOffice(t, entry("mailer", key, ""))
	registry := prometheus.NewRegistry()
	registry.MustRegister(o.Authenticator)
	good := o.token(nil)
	for _, header := range []string{"Bearer " + key, "Bearer " + good, "Bearer " + good, "Bearer x", "x",
		"Bearer " + o.token(map[string]any{"exp": 1})} {
		_, _ = o.Authenticate(showing(t.Context(), header))
	}
	for _, want := range []struct {
		value  float64
		name   string
		labels []string
	}{
		{1, "consentd_authentications_total", []string{"key", "ok"}},
		{2, "consentd_authentications_total", []string{"token", "ok"}},
		{1, "consentd_authentications_total", []string{"token", "refused"}},
		{1, "consentd_authentications_total", []string{"token", "expired"}},
		{1, "consentd_authentications_total", []string{"none", "refused"}},
		{6, "consentd_authentications_total", nil},
		{1, "consentd_api_keys", nil},
		{1, "consentd_jwks_keys", nil},
		{0, "consentd_jwks_failing", nil},
		{1, "consentd_token_cache_lookups_total", []string{"hit"}},
		{3, "consentd_token_cache_lookups_total", []string{"miss"}},
		{1, "consentd_token_cache_entries", nil},
	} {
		if got := value(t, registry, want.name, want.labels...); got != want.value {
			t.Errorf("%s%v: %v, want %v", want.name, want.labels, got, want.value)
		}
	}
	off := prometheus.NewRegistry()
	o.open(authn.Config{})
	off.MustRegister(o.Authenticator)
	families, err := off.Gather()
	if err != nil || len(families) != 9 {
		t.Errorf("%d families at zero, want 9: %v", len(families), err)
	}
}

// TestHTTP: /metrics asks what gRPC asks.
func TestHTTP(t *testing.T) {
	key := apikey.New()
	o := newOffice(t, entry("mailer", key, "")+entry("late", "x", ""))
	s := httptest.NewServer(o.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, caller.From(r.Context()))
	})))
	defer s.Close()
	for _, test := range []struct {
		headers []string
		code    int
		says    string
	}{
		{[]string{"Bearer " + key}, 200, "key:mailer"},
		{nil, 401, "no credential that holds"},
		{[]string{"Bearer " + apikey.New()}, 401, "no credential that holds"},
		{[]string{"Bearer " + key, "Bearer " + key}, 401, "no credential that holds"},
		{[]string{"Bearer " + o.token(map[string]any{"exp": 1})}, 401, "has expired"},
		{[]string{"Bearer " + o.token(nil)}, 200, "token:mailer https://idp.test"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header["Authorization"] = test.headers
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != test.code || !strings.Contains(body.String(), test.says) {
			t.Errorf("%v: %d %s", test.headers, answer.StatusCode, body.String())
		}
		if challenged := answer.Header.Get("WWW-Authenticate") != ""; challenged != (test.code == 401) {
			t.Errorf("%v: WWW-Authenticate %v", test.headers, challenged)
		}
	}
}

// FuzzHeader: whatever a header has, it is a caller's that is known or it is refused.
func FuzzHeader(f *testing.F) {
	key := apikey.New()
	o := newOffice(f, entry("mailer", key, ""))
	good := o.token(nil)
	for _, seed := range []string{"", "Bearer", "Bearer x.y.z", "bearer " + key, "Bearer " + good, "Bearer eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := o.Authenticate(showing(t.Context(), header))
		switch {
		case err == nil && len(header) > 7 && strings.EqualFold(header[:7], "bearer ") && (header[7:] == key || header[7:] == good):
		case err == nil:
			t.Errorf("%q is %v's", header, c)
		case !errors.Is(err, consent.ErrUnauthenticated):
			t.Errorf("%q: %v", header, err)
		}
	})
}
