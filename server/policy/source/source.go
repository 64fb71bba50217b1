// Package source reads policies from where they come from: a directory, an OPA bundle in a file, or one behind an
// HTTP(S) URL.
//
// What it returns is a copy in memory of all files as they were at one time, within a limit in bytes, with clean
// relative paths. A bundle is read by OPA's own package, which verifies its signature where a key is configured; a
// bundle that is unsigned or wrongly signed is then refused.
//
// Whatever is wrong (missing, half-written, too large, a path or a symbolic link that leaves the tree, garbage, a
// server that hangs) is an error of one line with the place and what to do. Nothing is kept of it, and the next change
// is looked at afresh. A Source is used by one goroutine.
package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// The defaults of Config.
const (
	DefaultMaxBytes = 64 << 20
	DefaultPoll     = 30 * time.Second
	DefaultTimeout  = 30 * time.Second
)

// ErrUnchanged is returned by Read where the source says that nothing changed since the last Read.
var ErrUnchanged = errors.New("unchanged")

// Source is where policies come from.
type Source interface {
	// Name names it for people and in files: an absolute path, or a URL without password and query.
	Name() string
	// Read returns the files as they are now, or ErrUnchanged.
	Read(context.Context) (*Files, error)
	// Next waits until there may be something new to read; it fails only with ctx.
	Next(context.Context) error
	// Close ends watching.
	Close() error
}

// Config says where policies come from.
type Config struct {
	// Location is a directory, a bundle file, or an http:// or https:// URL of a bundle; required.
	Location string
	// MaxBytes limits a bundle, packed and unpacked, and the policy files of a directory. Zero means 64 MiB.
	MaxBytes int64
	// Poll is how often a URL is asked, and how often a path is looked at beside its notifications. Zero means 30 s.
	Poll time.Duration
	// Timeout bounds one request for a URL, from dialling to the last byte. Zero means 30 s.
	Timeout time.Duration
	// Key verifies bundles; zero: they must not be signed.
	Key Key
	// TokenFile is a file whose content is sent as a bearer token (RFC 6750); ClientCertFile and ClientKeyFile are PEM
	// files of a client certificate, CAFile one of the authorities that vouch for the server. They are for https URLs,
	// the token also for http on loopback, and are read again at each request. Empty: no token, no certificate, the
	// system's authorities.
	TokenFile, ClientCertFile, ClientKeyFile, CAFile string
	// Insecure permits plain HTTP from other machines without a key.
	Insecure bool
	// transport stands in for the network, in tests.
	transport http.RoundTripper
	// Logger is told once where the system gives no notifications. Nil: nobody is.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.MaxBytes, c.Poll, c.Timeout = cmp.Or(c.MaxBytes, DefaultMaxBytes), cmp.Or(c.Poll, DefaultPoll), cmp.Or(c.Timeout, DefaultTimeout)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate returns all faults that show without looking at the location, each with the setting's name.
func (c Config) Validate() error {
	var faults []error
	if c.MaxBytes < 0 {
		faults = append(faults, fmt.Errorf("policies-max-size: %d bytes: give a size above 0, such as 64MiB", c.MaxBytes))
	}
	if c.Poll < 0 {
		faults = append(faults, fmt.Errorf("policies-poll: %v: give a duration above 0, such as 30s", c.Poll))
	}
	if _, err := c.Key.verification(); err != nil {
		faults = append(faults, err)
	}
	if c.Location == "" && c.Key.File != "" {
		faults = append(faults, errors.New("policies-key: there is no bundle to verify: name one by policies"))
	}
	if isURL(c.Location) {
		faults = append(faults, c.validateURL())
	}
	faults = append(faults, c.validateCredentials())
	return errors.Join(faults...)
}

func (c Config) validateURL() error {
	u, err := url.Parse(c.Location)
	switch {
	case err != nil || u.Host == "":
		return errors.New("policies: is no URL: give https://host/path of a bundle") // the error would show a password
	case u.Scheme == "http" && !isLoopback(u.Hostname()) && c.Key.File == "" && !c.Insecure:
		return fmt.Errorf("policies: %s: who is on the way can change what comes over plain HTTP: use https, "+
			"sign the bundle and set policies-key, or permit it by insecure", u.Redacted())
	}
	return nil
}

func isURL(location string) bool {
	scheme, _, ok := strings.Cut(location, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// Open returns the source that c names. It does not look at it yet.
func Open(c Config) (Source, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	key, err := c.Key.verification()
	if err != nil {
		return nil, err
	}
	unpack := unpacker{maxBytes: c.MaxBytes, key: key}
	if isURL(c.Location) {
		return newRemote(c, unpack)
	}
	path, err := filepath.Abs(c.Location)
	if err != nil {
		return nil, fmt.Errorf("policies: %q: %w", c.Location, err)
	}
	return newLocal(path, c, unpack), nil
}
