// Package authn finds out who makes a call: by a bearer token or an API key in its authorization header, or by the
// client's certificate of its connection.
//
// What counts:
//   - A call with an authorization header is its bearer's, whatever its connection: services behind a mesh or a proxy
//     share a connection. A header that does not hold is refused, also beside a good certificate: to go on as somebody
//     else than a caller believes to be hides a fault. So is a header of a kind that is not configured.
//   - A call without one is the connection's certificate's, if those are asked for.
//   - All else is refused. Where nothing is configured every call is caller.Anonymous's, and headers are not looked at.
//
// A token is told from a key by the key's prefix. A certificate is looked at once per connection, and only its expiry
// per call; a key costs a hash and a look at an immutable map; a token that was verified before the same
// (BenchmarkAuthenticate has all of them). A stream is looked at again with each message, and ends where its credential
// has expired, or is of a key that was taken out.
//
// Why a credential does not hold is logged, at most once a second, and never in an answer, but that it has expired. No
// part of a credential is in a log, an error or a metric.
package authn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/caller/token"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/follow"
)

// Config says which credentials hold. The zero value: nobody is asked for any.
type Config struct {
	// APIKeys is a file of keys, see package apikey; it is followed as it changes. Empty: there are none.
	APIKeys string
	// Token says which tokens hold. The zero value: none.
	Token token.Config
	// Certificates takes the certificates of clients for credentials: the listeners verify them.
	Certificates bool
	// Insecure permits plain HTTP to the issuer of tokens.
	Insecure bool
	// Now is the clock by which credentials expire. Nil means the system's.
	Now func() time.Time
	// Logger gets why credentials do not hold, and what becomes of the files. Nil: there is no log.
	Logger *slog.Logger
}

// Enabled reports whether anybody is asked for a credential.
func (c Config) Enabled() bool { return c.APIKeys != "" || c.Token.Enabled() || c.Certificates }

// Validate returns all faults that show without looking at files and URLs, each with the setting's name first.
func (c Config) Validate() error { return c.token().Validate() }

// token is the configuration of tokens with what it shares with the rest.
func (c Config) token() token.Config {
	t := c.Token
	t.Insecure, t.Now, t.Logger = c.Insecure, c.Now, c.Logger
	return t
}

// Authenticator finds out who makes a call. New makes it; all methods are safe for concurrent use.
type Authenticator struct {
	config Config
	// keys are those of the file by their digests; tokens is nil where there are none.
	keys    atomic.Pointer[map[apikey.Digest]*keyHolder]
	keyFile *follow.Files
	tokens  *token.Verifier
	// epoch counts the changes of what credentials hold by; streams look at it.
	epoch   atomic.Uint64
	counts  counts
	reasons reasons

	// callers are those of certificates, so that one that connects again is the same; guarded by mu.
	mu      sync.Mutex
	callers map[string]*caller.Caller
}

// keyHolder is whose a key is. It is immutable.
type keyHolder struct {
	caller  *caller.Caller
	expires time.Time
}

// New reads what the configuration names. The error says what is wrong with it. c is valid.
func New(c Config) (*Authenticator, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Authenticator{config: c, callers: map[string]*caller.Caller{}}
	a.reasons.log = c.Logger
	if c.APIKeys != "" {
		var err error
		a.keyFile, err = follow.Open(follow.Config{
			Files: []follow.Source{{Setting: "api-keys", Path: c.APIKeys}}, MaxBytes: apikey.MaxFileBytes, Logger: c.Logger,
			Take:   func(contents [][]byte) error { return a.takeKeys(contents[0]) },
			Counts: func() []any { return []any{"keys", len(*a.keys.Load())} },
		})
		if err != nil {
			return nil, err
		}
	}
	if c.Token.Enabled() {
		t := c.token()
		t.Changed = func() { a.epoch.Add(1) }
		var err error
		if a.tokens, err = token.New(t); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// takeKeys makes a file's keys those that hold. Whose id stays is the same caller as before.
func (a *Authenticator) takeKeys(content []byte) error {
	entries, err := apikey.Parse(content)
	if err != nil {
		return fmt.Errorf("api-keys: %s: %w", a.config.APIKeys, err)
	}
	callers := map[string]*caller.Caller{}
	if before := a.keys.Load(); before != nil {
		for _, holder := range *before {
			callers[holder.caller.ID] = holder.caller
		}
	}
	keys := make(map[apikey.Digest]*keyHolder, len(entries))
	for _, e := range entries {
		if callers[e.ID] == nil {
			callers[e.ID] = &caller.Caller{Kind: caller.KindKey, ID: e.ID}
		}
		keys[e.Digest] = &keyHolder{caller: callers[e.ID], expires: e.Expires}
	}
	if len(keys) == 0 {
		a.config.Logger.Warn("api-keys: the file has no key: nobody is let in by one", "file", a.config.APIKeys)
	}
	a.keys.Store(&keys)
	a.epoch.Add(1)
	return nil
}

// Follow takes in what becomes of the files and the URL, from now on until Close. Call it once.
func (a *Authenticator) Follow() {
	if a.keyFile != nil {
		a.keyFile.Follow()
	}
	if a.tokens != nil {
		a.tokens.Follow()
	}
}

// Close ends Follow. Calls must have ended.
func (a *Authenticator) Close() {
	if a.keyFile != nil {
		a.keyFile.Close()
	}
	if a.tokens != nil {
		a.tokens.Close()
	}
}

// Reload reads the files and the URL now, and says in the log what came of it. What cannot be used changes nothing.
func (a *Authenticator) Reload() {
	for _, one := range []struct {
		name   string
		there  bool
		reload func() (bool, error)
	}{
		{"api-keys", a.keyFile != nil, a.keyFile.Reload}, {"jwks", a.tokens != nil, a.tokens.Reload},
	} {
		if !one.there {
			continue
		}
		if changed, err := one.reload(); err != nil {
			a.config.Logger.Error(one.name+" read again: they cannot be used, what counted before goes on to", "error", err)
		} else {
			a.config.Logger.Info(one.name+" read again", "changed", changed)
		}
	}
}

// standing is what a credential was found to be.
type standing struct {
	caller *caller.Caller
	// expires is from when on it does not hold; zero: it does not expire.
	expires time.Time
}

// expired reports whether it is past. It takes the clock as a function, because most calls do not need it.
func (s standing) expired(now func() time.Time) bool {
	return !s.expires.IsZero() && !now().Before(s.expires)
}

// Authenticate returns who makes a call. It waits for nothing but the keys of a token's issuer, and only where the
// token names one that is not known. The error wraps consent.ErrUnauthenticated or consent.ErrIssuerUnavailable, or is
// the context's.
func (a *Authenticator) Authenticate(ctx context.Context) (*caller.Caller, error) {
	if !a.config.Enabled() {
		return caller.Anonymous, nil
	}
	s, err := a.ofCall(ctx)
	return s.caller, err
}

// Begin is Authenticate for a stream: stands says whether the credential still holds, and is to be asked with each
// message. It is called by one goroutine at a time.
func (a *Authenticator) Begin(ctx context.Context) (c *caller.Caller, stands func() error, err error) {
	if !a.config.Enabled() {
		return caller.Anonymous, func() error { return nil }, nil
	}
	epoch := a.epoch.Load() // before: a change meanwhile is looked at again
	s, err := a.ofCall(ctx)
	if err != nil {
		return nil, nil, err
	}
	first := s.caller
	return first, func() error {
		if now := a.epoch.Load(); now != epoch {
			again, err := a.ofCall(ctx)
			if err == nil && again.caller.String() != first.String() {
				err = a.refuse(first.Kind, errors.New("the credential has another owner than when the stream began"))
			}
			if err != nil {
				return err
			}
			s, epoch = again, now
		}
		if s.expired(a.config.Now) {
			return a.expired(s.caller)
		}
		return nil
	}, nil
}

func (a *Authenticator) ofCall(ctx context.Context) (standing, error) {
	return a.judge(ctx, metadata.ValueFromIncomingContext(ctx, "authorization"), func() *identity { return identityOf(ctx) })
}

// judge is the one place where it is decided who a call is by. Both kinds of listeners come here.
func (a *Authenticator) judge(ctx context.Context, headers []string, certificate func() *identity) (standing, error) {
	if len(headers) > 0 {
		return a.bearer(ctx, headers)
	}
	if a.config.Certificates {
		if id := certificate(); id != nil {
			return a.certified(id)
		}
	}
	return standing{}, a.refuse(noKind, errors.New("there is no credential"))
}

func (a *Authenticator) bearer(ctx context.Context, headers []string) (standing, error) {
	if len(headers) > 1 {
		return standing{}, a.refuse(noKind, errors.New("there are several authorization headers"))
	}
	text, err := parseHeader(headers[0])
	switch {
	case err != nil:
		return standing{}, a.refuse(noKind, err)
	case apikey.Is(text):
		return a.keyed(text)
	}
	return a.tokened(ctx, text)
}

// parseHeader returns what the bearer of a header shows (RFC 6750, 2.1). The errors leave it out.
func parseHeader(value string) (string, error) {
	const scheme = "bearer "
	if len(value) < len(scheme) || !strings.EqualFold(value[:len(scheme)], scheme) {
		return "", errors.New("the authorization header is not of the form Bearer CREDENTIAL")
	}
	text := value[len(scheme):]
	if text == "" {
		return "", errors.New("the authorization header has no credential after Bearer")
	}
	return text, nil
}

func (a *Authenticator) keyed(text string) (standing, error) {
	keys := a.keys.Load()
	if keys == nil {
		return standing{}, a.refuse(caller.KindKey, errors.New("API keys are not configured (api-keys)"))
	}
	digest, err := apikey.DigestOf(text)
	if err != nil {
		return standing{}, a.refuse(caller.KindKey, fmt.Errorf("the API key %w", err))
	}
	// How long the map takes to tell digests apart says nothing: who sends a key cannot choose its digest's beginning.
	holder := (*keys)[digest]
	if holder == nil {
		return standing{}, a.refuse(caller.KindKey, errors.New("the API key is not in the file"))
	}
	s := standing{caller: holder.caller, expires: holder.expires}
	if s.expired(a.config.Now) {
		return standing{}, a.expired(s.caller)
	}
	a.counts.ok(caller.KindKey)
	return s, nil
}

func (a *Authenticator) tokened(ctx context.Context, text string) (standing, error) {
	if a.tokens == nil {
		return standing{}, a.refuse(caller.KindToken, errors.New("tokens are not configured (jwks)"))
	}
	verified, err := a.tokens.Verify(ctx, text)
	if err != nil {
		return standing{}, a.failed(caller.KindToken, err)
	}
	a.counts.ok(caller.KindToken)
	return standing{caller: verified.Caller, expires: verified.Expires}, nil
}

func (a *Authenticator) certified(id *identity) (standing, error) {
	if id.fault != nil {
		return standing{}, a.refuse(caller.KindCertificate, id.fault)
	}
	if id.expired(a.config.Now) {
		return standing{}, a.expired(id.caller)
	}
	a.counts.ok(caller.KindCertificate)
	return id.standing, nil
}

// expired refuses a credential that held before.
func (a *Authenticator) expired(c *caller.Caller) error {
	return a.failed(c.Kind, fmt.Errorf("%w: %w: the credential of %v", consent.ErrCredentialExpired, consent.ErrUnauthenticated, c))
}

func (a *Authenticator) refuse(kind caller.Kind, why error) error {
	return a.failed(kind, fmt.Errorf("%w: %w", consent.ErrUnauthenticated, why))
}

// failed counts and logs what does not hold; nothing else does.
func (a *Authenticator) failed(kind caller.Kind, err error) error {
	if errors.Is(err, consent.ErrUnauthenticated) || errors.Is(err, consent.ErrIssuerUnavailable) {
		a.counts.failed(kind, err)
		a.reasons.tell(kind, err)
	}
	return err
}
