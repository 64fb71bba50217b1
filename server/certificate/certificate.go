// Package certificate keeps a server's certificate and key, and the authorities whose clients it takes, those of
// their files, while the server runs. It speaks TLS 1.3 (RFC 8446) and nothing older.
//
// The files are followed as package follow does it: a certificate is never served with the key of another. The
// authorities are part of the pair here: all of it changes, or nothing.
//
// Each pair gets a TLS configuration and ticket keys of its own: no session that began under one certificate, or with a
// client of an authority that was since removed, is resumed under the next. The keys are also changed once a day. A
// connection that is open stays open: how long is for the server to bound.
package certificate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/follow"
)

const (
	// ticketLife is how long one key protects the tickets of sessions.
	ticketLife = 24 * time.Hour
	// maxFileBytes is room for the authorities of the whole web, several times.
	maxFileBytes = 4 << 20
)

// Config says which files to follow.
type Config struct {
	// CertFile and KeyFile are PEM files: the certificate, followed by the intermediate ones,
	// and its key. Both are required.
	CertFile, KeyFile string
	// ClientCAFile is a PEM file of the authorities that issue certificates to clients. Empty: clients are not asked.
	ClientCAFile string
	// Logger gets one line per change, and per failure that is not the same as the last. Nil: there is no log.
	Logger *slog.Logger
}

// Stats tell how following the files goes.
type Stats struct {
	follow.Stats
	// Expires is when the certificate in use does.
	Expires time.Time
}

// Pair is a certificate and its key. Open makes it; all methods are safe for concurrent use.
type Pair struct {
	config Config
	files  *follow.Files
	// inUse is what new connections get. Who changes it holds changing.
	inUse    atomic.Pointer[material]
	changing sync.Mutex

	renewing sync.WaitGroup
	stop     context.CancelFunc
}

// Open reads the files. They are not followed until Follow. The error says what is wrong with them.
func Open(c Config) (_ *Pair, err error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Pair{config: c, stop: func() {}}
	files := []follow.Source{{Setting: "tls-cert", Path: c.CertFile}, {Setting: "tls-key", Path: c.KeyFile}}
	if c.ClientCAFile != "" {
		files = append(files, follow.Source{Setting: "tls-client-ca", Path: c.ClientCAFile})
	}
	p.files, err = follow.Open(follow.Config{
		Files: files, MaxBytes: maxFileBytes, Take: p.take, Counts: func() []any { return p.inUse.Load().about() }, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// take gives a pair to new connections, if it is one. To begin with it may have expired: there is no other to stay
// with.
func (p *Pair) take(contents [][]byte) error {
	m, err := p.config.parse(contents)
	if err != nil {
		return err
	}
	leaf := m.certificate.Leaf
	if time.Now().After(leaf.NotAfter) {
		if p.inUse.Load() != nil {
			return fmt.Errorf("tls-cert: the certificate in %s expired on %s: renew it", p.config.CertFile,
				leaf.NotAfter.UTC().Format(time.RFC3339))
		}
		p.config.Logger.Warn("the certificate has expired: clients will refuse it, renew it", "file", p.config.CertFile,
			"expired", leaf.NotAfter)
	}
	p.changing.Lock()
	defer p.changing.Unlock()
	p.inUse.Store(m)
	return nil
}

// TLS is the configuration of a listener. Each connection gets the pair that is in use when it begins. Where there are
// authorities, a client without a certificate of theirs is refused.
func (p *Pair) TLS() *tls.Config {
	return listener(func() *tls.Config { return p.inUse.Load().required })
}

// TLSWithOptionalClient is TLS for a listener that also takes clients without a certificate: whoever answers looks into
// the connection's VerifiedChains. One with a certificate that does not hold is refused all the same.
func (p *Pair) TLSWithOptionalClient() *tls.Config {
	return listener(func() *tls.Config { return p.inUse.Load().optional })
}

func listener(inUse func() *tls.Config) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return inUse(), nil },
	}
}

// Follow takes in what becomes of the files, from now on until Close. Call it once.
func (p *Pair) Follow() {
	p.files.Follow()
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.renewing.Go(func() {
		renewals := time.NewTicker(ticketLife)
		defer renewals.Stop()
		for {
			select {
			case <-renewals.C:
				p.renew()
			case <-ctx.Done():
				return
			}
		}
	})
}

// Close ends following the files.
func (p *Pair) Close() {
	p.files.Close()
	p.stop()
	p.renewing.Wait()
}

// Reload reads the files now and takes in what they have. It reports whether that is another pair than before; the
// error is why they cannot be used.
func (p *Pair) Reload() (changed bool, err error) { return p.files.Reload() }

// Stats tell how following the files goes.
func (p *Pair) Stats() Stats {
	return Stats{p.files.Stats(), p.inUse.Load().certificate.Leaf.NotAfter}
}

// renew changes the keys of tickets.
func (p *Pair) renew() {
	p.changing.Lock()
	defer p.changing.Unlock()
	now := p.inUse.Load()
	p.inUse.Store(newMaterial(now.certificate, now.authorities))
}

// material is what connections are made with; it is immutable.
type material struct {
	certificate        tls.Certificate
	required, optional *tls.Config
	authorities
}

// authorities are those who issue certificates to clients; the zero value asks clients for none.
type authorities struct {
	pool  *x509.CertPool
	count int
}

func newMaterial(certificate tls.Certificate, clients authorities) *material {
	m := &material{certificate: certificate, authorities: clients}
	m.required = m.config(tls.RequireAndVerifyClientCert)
	m.optional = m.config(tls.VerifyClientCertIfGiven)
	return m
}

// config returns a configuration with a ticket key of its own. Without one, connections would get the listener's, under
// which sessions with earlier certificates were made, and sessions of clients whose authority was removed
// (CVE-2025-68121).
func (m *material) config(clients tls.ClientAuthType) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{m.certificate}}
	if m.pool != nil {
		c.ClientAuth, c.ClientCAs = clients, m.pool
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // it never fails
	c.SetSessionTicketKeys([][32]byte{key})
	return c
}

// about is what the log says of a pair.
func (m *material) about() []any {
	leaf := m.certificate.Leaf
	return []any{"serial", leaf.SerialNumber.Text(16), "expires", leaf.NotAfter, "client_authorities", m.count}
}

// parse makes the contents of the files a pair: the certificate, its key and, where there is a file of them,
// authorities.
func (c Config) parse(contents [][]byte) (*material, error) {
	certificate, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return nil, fmt.Errorf("tls-cert, tls-key: %w: name the PEM files of a certificate and its key", err)
	}
	var clients authorities
	if c.ClientCAFile != "" {
		if clients, err = parseAuthorities(contents[2]); err != nil {
			return nil, fmt.Errorf("tls-client-ca: %s: %w: name a PEM file of the authorities' certificates", c.ClientCAFile, err)
		}
	}
	return newMaterial(certificate, clients), nil
}

// parseAuthorities reads a file of authorities. All of it must be certificates of authorities: who names a client's own
// certificate by mistake would let in whoever has its key, for ever.
func parseAuthorities(content []byte) (found authorities, err error) {
	found.pool = x509.NewCertPool()
	for rest := bytes.TrimSpace(content); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return found, fmt.Errorf("after %d certificates comes what is no PEM", found.count)
		}
		if block.Type != "CERTIFICATE" {
			return found, fmt.Errorf("has a %s", block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return found, fmt.Errorf("certificate %d: %w", found.count+1, err)
		}
		if !certificate.BasicConstraintsValid || !certificate.IsCA {
			return found, fmt.Errorf("certificate %d (%s) is none of an authority", found.count+1, certificate.Subject)
		}
		found.pool.AddCert(certificate)
		found.count++
	}
	if found.count == 0 {
		return found, errors.New("has no certificate")
	}
	return found, nil
}
