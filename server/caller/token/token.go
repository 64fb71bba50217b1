// Package token finds out whose a JSON Web Token is (RFC 7519), as bearers show it (RFC 6750).
//
// It guarantees that a token holds only with a signature by a key of the issuer's set that was made for it: algorithms
// are those of the key, from a list without none and HMAC, and what a token says of where its key is to be found (jku,
// jwk, x5u, x5c) is not looked at. Issuer and audience must be the configured ones, sub and exp must be there, and
// what the token calls critical is refused (RFC 7515, 4.1.11). Signatures are verified before a claim is believed, by
// github.com/lestrrat-go/jwx.
//
// A set from a URL is fetched every few minutes, so that keys which its issuer takes out count no more; a token whose
// key is unknown has it fetched at most every 30 s, whoever sends it. While the set cannot be fetched the last good
// one counts, a metric says so. Without any tokens are neither good nor bad: the error is
// consent.ErrIssuerUnavailable, which asks for another try.
//
// Verified tokens are remembered by their SHA-256 until they expire or the set changes: a token is verified once, and
// then costs a hash and a look at a table (BenchmarkAuthenticate of package authn).
package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/follow"
)

// The bounds.
const (
	// MaxBytes is the largest token that is looked at. Headers of 16 KiB are the bound of a call's.
	MaxBytes = 8 << 10
	// Skew is how far the issuer's clock and ours may be apart.
	Skew = 30 * time.Second
	// DefaultRefresh is how often a set is fetched from a URL.
	DefaultRefresh = 5 * time.Minute
	// minRefresh keeps a mistaken unit from loading the issuer.
	minRefresh = 10 * time.Second
	// Refetch is how often unknown keys have the set fetched, at most. An issuer publishes a key before it signs by it,
	// so this is seldom needed; and anybody can send the names of keys that do not exist.
	Refetch = 30 * time.Second
	// maxSetBytes bounds a set of keys; 100 of RSA with their certificates have about 300 kB.
	maxSetBytes = 1 << 20
	// maxText bounds what a configuration and a token may have as issuer and audience, in bytes.
	maxText = 1024
)

// Config says which tokens hold. The zero value: none.
type Config struct {
	// Issuer is what iss must be, exactly; Audience what aud must be or list.
	Issuer, Audience string
	// JWKS is where the issuer's keys are (RFC 7517): a file, which is followed as it changes, or an http(s) URL. All
	// three are set, or none.
	JWKS string
	// Refresh is how often a URL is fetched, from 10 s on. Zero means DefaultRefresh.
	Refresh time.Duration
	// Insecure permits plain HTTP to other machines: whoever can change the answer on its way can make tokens.
	Insecure bool
	// Changed is called after another set counts. Nil: nobody is told.
	Changed func()
	// Now is the clock by which tokens expire and fetches are counted. Nil means the system's.
	Now func() time.Time
	// Logger gets a line for each change of the set, and for each new reason why it cannot be had. Nil: there is no log.
	Logger *slog.Logger
}

// Enabled reports whether tokens may hold at all.
func (c Config) Enabled() bool { return c.Issuer != "" || c.Audience != "" || c.JWKS != "" }

func (c Config) withDefaults() Config {
	c.Refresh = cmp.Or(c.Refresh, DefaultRefresh)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate returns all faults of c, each with the setting's name first.
func (c Config) Validate() error {
	if !c.Enabled() {
		return nil
	}
	var faults []error
	for _, given := range []struct{ name, value string }{
		{"jwt-issuer", c.Issuer}, {"jwt-audience", c.Audience}, {"jwks", c.JWKS},
	} {
		if given.value == "" {
			faults = append(faults, fmt.Errorf("%s: is not set: tokens need jwt-issuer, jwt-audience and jwks, all three or none",
				given.name))
		}
		if len(given.value) > maxText {
			faults = append(faults, fmt.Errorf("%s: has %d bytes: give %d at most", given.name, len(given.value), maxText))
		}
	}
	if refresh := c.withDefaults().Refresh; refresh < minRefresh {
		faults = append(faults, fmt.Errorf("jwks-refresh: %v is too often: give %v or more", refresh, minRefresh))
	}
	return errors.Join(append(faults, c.validateURL())...)
}

// errors of it leave out what may be secret: passwords and queries.
func (c Config) validateURL() error {
	if !strings.Contains(c.JWKS, "://") {
		return nil
	}
	u, err := url.Parse(c.JWKS)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("jwks: is no http(s) URL: name a file or an http(s) URL")
	case u.User != nil:
		return errors.New("jwks: has a user or password in it: a set of public keys needs none")
	case u.Scheme == "http" && !c.Insecure && !isLoopback(u.Hostname()):
		return errors.New("jwks: plain HTTP lets whoever is on the way make tokens: name an https URL, or permit it by insecure")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Verified is a token that holds. It is immutable.
type Verified struct {
	// Caller is its bearer.
	Caller *caller.Caller
	// Expires is from when on it does not hold any more: its exp and the Skew.
	Expires time.Time
}

// Stats tell how it goes.
type Stats struct {
	// Fetched counts the sets that were fetched or read, after the first; Failed those that could not be.
	Fetched, Failed uint64
	// Keys is how many of the set's keys can verify, Failing whether the set cannot be had at the moment.
	Keys    int
	Failing bool
	// Hits counts tokens that were remembered, Misses those that were not; Remembered is how many are.
	Hits, Misses uint64
	Remembered   int
}

// Verifier verifies tokens. New makes it; all methods are safe for concurrent use.
type Verifier struct {
	config Config
	// keys are those that count; nil: there were none yet.
	keys       atomic.Pointer[keySet]
	remembered *table
	// One of the two is where the keys come from.
	file   *follow.Files
	remote *remote
}

// New reads the keys. Those in a file must be there, as they are not far; those behind a URL may come later: the
// issuer's bad day is not this server's. They are not followed until Follow. c is valid and enabled.
func New(c Config) (*Verifier, error) {
	v := &Verifier{config: c.withDefaults(), remembered: newTable()}
	if strings.Contains(c.JWKS, "://") {
		v.remote = newRemote(v.config, v.take)
		v.remote.fetch()
		return v, nil
	}
	var err error
	v.file, err = follow.Open(follow.Config{
		Files: []follow.Source{{Setting: "jwks", Path: c.JWKS}}, MaxBytes: maxSetBytes, Logger: v.config.Logger,
		Take: func(contents [][]byte) error {
			if err := v.take(contents[0]); err != nil {
				return fmt.Errorf("jwks: %w", err)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// take makes a set of keys the one that counts, if it is one. To begin with a set without keys is a mistake; later it
// is an issuer that took all of them out, and then no token holds.
func (v *Verifier) take(content []byte) error {
	set, err := parseKeys(content)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if len(set.all) == 0 {
		if v.keys.Load() == nil {
			return fmt.Errorf("has no key that can verify tokens (%d were left out): "+
				"publish RSA keys of %d to %d bits, P-256, P-384, P-521 or Ed25519", set.leftOut, minRSABits, maxRSABits)
		}
		level = slog.LevelWarn
	}
	v.keys.Store(set)
	v.config.Changed()
	v.config.Logger.Log(context.Background(), level, "jwks: the issuer's keys were taken in", "keys", len(set.all),
		"left_out", set.leftOut)
	return nil
}

// Follow keeps the keys those of their source, from now on until Close. Call it once.
func (v *Verifier) Follow() {
	if v.file != nil {
		v.file.Follow()
		return
	}
	v.remote.follow()
}

// Close ends following the keys, and waits for a fetch under way.
func (v *Verifier) Close() {
	if v.file != nil {
		v.file.Close()
		return
	}
	v.remote.close()
}

// Reload reads the keys now. It reports whether others count than before; the error is why there are none.
func (v *Verifier) Reload() (changed bool, err error) {
	if v.file != nil {
		return v.file.Reload()
	}
	before := v.keys.Load()
	err = v.remote.fetch()
	return v.keys.Load() != before, err
}

// Stats tell how it goes.
func (v *Verifier) Stats() Stats {
	s := Stats{Hits: v.remembered.hits.Load(), Misses: v.remembered.misses.Load()}
	set := v.keys.Load()
	if set != nil {
		s.Keys = len(set.all)
	}
	s.Remembered = v.remembered.size(set, v.config.Now())
	if v.file != nil {
		of := v.file.Stats()
		s.Fetched, s.Failed, s.Failing = of.Loaded, of.Failed, of.Failing
		return s
	}
	s.Fetched, s.Failed, s.Failing = v.remote.stats()
	return s
}

// refused is why a token does not hold, for the log; no part of it is the token's signature.
func refused(format string, arguments ...any) error {
	return fmt.Errorf("%w: %w", consent.ErrUnauthenticated, fmt.Errorf(format, arguments...))
}

// Verify returns whose a token is. The error wraps consent.ErrUnauthenticated, and consent.ErrCredentialExpired too
// where time is all that is wrong; consent.ErrIssuerUnavailable where the issuer's keys are not to be had; or it is the
// context's. It says why, for the log, and has nothing by which somebody else could make use of the token.
func (v *Verifier) Verify(ctx context.Context, text string) (*Verified, error) {
	if len(text) > MaxBytes {
		return nil, refused("the token has %d bytes: %d are looked at", len(text), MaxBytes)
	}
	digest := digestOf(text)
	now := v.config.Now()
	if known := v.remembered.get(digest, v.keys.Load()); known != nil && now.Before(known.Expires) {
		return &known.Verified, nil
	}
	verified, set, err := v.verify(ctx, text)
	if err != nil {
		return nil, err
	}
	e := &entry{digest: *digest, set: set, Verified: *verified}
	v.remembered.put(e, now)
	return &e.Verified, nil
}

// verify is Verify without memory. An unknown key is looked for where the keys come from, once.
func (v *Verifier) verify(ctx context.Context, text string) (*Verified, *keySet, error) {
	set := v.keys.Load()
	payload, err := set.verify(text)
	if errors.Is(err, errUnknownKey) && v.remote != nil && v.remote.seek(ctx) {
		set = v.keys.Load()
		payload, err = set.verify(text)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, nil, ctx.Err()
	case err != nil && set == nil && errors.Is(err, errUnknownKey):
		return nil, nil, consent.ErrIssuerUnavailable
	case err != nil:
		return nil, nil, err
	}
	verified, err := v.config.claims(payload)
	return verified, set, err
}
