package source

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
)

// maxTokenBytes bounds a token: servers refuse longer headers.
const maxTokenBytes = 8 << 10

// validateCredentials returns what is wrong with the settings, not with their files.
func (c Config) validateCredentials() error {
	var faults []error
	if (c.ClientCertFile == "") != (c.ClientKeyFile == "") {
		faults = append(faults, fmt.Errorf("policies-client-cert, policies-client-key: got %q and %q: set both or none",
			c.ClientCertFile, c.ClientKeyFile))
	}
	u, err := url.Parse(c.Location)
	secure := err == nil && strings.EqualFold(u.Scheme, "https")
	for _, file := range [][2]string{
		{"policies-client-cert", c.ClientCertFile}, {"policies-client-key", c.ClientKeyFile}, {"policies-ca", c.CAFile},
	} {
		if file[1] != "" && !secure {
			faults = append(faults, fmt.Errorf("%s: only the server of an https URL is shown one: give that by policies", file[0]))
		}
	}
	loopback := err == nil && strings.EqualFold(u.Scheme, "http") && isLoopback(u.Hostname())
	if c.TokenFile != "" && !secure && !loopback {
		faults = append(faults, errors.New("policies-token-file: a token is sent to an https URL alone: give one by policies"))
	}
	return errors.Join(faults...)
}

// credentials are what a server is shown, and what it must show. The zero value shows nothing.
type credentials struct{ tokenFile, certFile, keyFile, caFile string }

// credentialError says that a file of credentials cannot be used: the server was not asked.
type credentialError struct{ error }

func (e credentialError) Unwrap() error { return e.error }

// authorize adds the token to a request. What cannot be read is said, for a request without it would be refused with
// less of a reason.
func (c *credentials) authorize(r *http.Request) error {
	if c.tokenFile == "" {
		return nil
	}
	content, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return fmt.Errorf("policies-token-file: %w: name a file that can be read", err)
	}
	token := string(bytes.TrimSpace(content))
	if token == "" || len(token) > maxTokenBytes || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("policies-token-file: %s has no token: give one line of at most %d printable characters",
			c.tokenFile, maxTokenBytes)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

// follower is a transport whose certificates are those of their files: one that changed means new connections.
type follower struct {
	credentials
	mu struct {
		sync.Mutex
		seen  [3][]byte
		inUse *http.Transport
	}
}

// RoundTrip implements http.RoundTripper.
func (f *follower) RoundTrip(r *http.Request) (*http.Response, error) {
	t, err := f.transport()
	if err != nil {
		return nil, credentialError{err}
	}
	return t.RoundTrip(r)
}

// CloseIdleConnections is called by the client of the same name.
func (f *follower) CloseIdleConnections() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.inUse != nil {
		f.mu.inUse.CloseIdleConnections()
	}
}

// transport is that of the files as they are now.
func (f *follower) transport() (*http.Transport, error) {
	var now [3][]byte
	for i, file := range [][2]string{
		{"policies-client-cert", f.certFile}, {"policies-client-key", f.keyFile}, {"policies-ca", f.caFile},
	} {
		if file[1] == "" {
			continue
		}
		content, err := os.ReadFile(file[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w: name a PEM file that can be read", file[0], err)
		}
		now[i] = content
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mu.inUse != nil && slices.EqualFunc(now[:], f.mu.seen[:], bytes.Equal) {
		return f.mu.inUse, nil
	}
	config, err := f.config(now)
	if err != nil {
		return nil, err
	}
	if f.mu.inUse != nil {
		f.mu.inUse.CloseIdleConnections()
	}
	f.mu.seen, f.mu.inUse = now, http.DefaultTransport.(*http.Transport).Clone()
	f.mu.inUse.TLSClientConfig = config
	return f.mu.inUse, nil
}

func (f *follower) config(files [3][]byte) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.certFile != "" {
		pair, err := tls.X509KeyPair(files[0], files[1])
		if err != nil {
			return nil, fmt.Errorf("policies-client-cert, policies-client-key: %w: name the PEM files of a certificate and its key", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if f.caFile != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(files[2]) {
			return nil, fmt.Errorf("policies-ca: %s has no certificate: name a PEM file of the authorities' certificates", f.caFile)
		}
	}
	return c, nil
}
