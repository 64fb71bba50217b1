// Package certificate keeps a server's certificate and key, and the authorities whose clients it takes, those of
// their files, while the server runs. It speaks TLS 1.3 (RFC 8446) and nothing older.
//
// The files are read twice a second and compared with what was read before. Notifications of the file system would be
// no cheaper and miss more: a link that is turned somewhere in the path, as Kubernetes does for secrets, a network file
// system, a system that has no watch left. A pair is taken in when two readings in a row agree, so that no half-written
// file is taken for a whole one, and a certificate is never served with the key of another.
//
// A pair that cannot be used (files that are gone, not PEM, not of each other, expired) changes nothing: the last good
// one stays, and one line in the log and Stats say why. The authorities are part of the pair here: all of it changes,
// or nothing.
//
// Each pair gets a TLS configuration and ticket keys of its own: no session that began under one certificate, or with a
// client of an authority that was since removed, is resumed under the next. The keys are also changed once a day. A
// connection that is open stays open: how long is for the server to bound.
package certificate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// look is how often the files are read: a change is live after two readings, within a second.
	look = 500 * time.Millisecond
	// ticketLife is how long one key protects the tickets of sessions.
	ticketLife = 24 * time.Hour
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
	// Loaded counts the pairs that were taken in since the start, the first one not among
	// them; Failed those that were not.
	Loaded, Failed uint64
	// Failing is whether the files have a pair that cannot be used.
	Failing bool
	// Expires is when the certificate in use does.
	Expires time.Time
}

// Pair is a certificate and its key. Open makes it; all methods are safe for concurrent use.
type Pair struct {
	config Config
	// inUse is what new connections get.
	inUse atomic.Pointer[material]

	mu struct {
		sync.Mutex
		// seen is of the last reading, tried of the last that was tried, good of the one in use.
		seen, tried, good digest
		stats             Stats
		// fault is why what was tried cannot be used; nil: it is in use.
		fault error
	}

	following sync.WaitGroup
	stop      context.CancelFunc
}

// Open reads the files. They are not followed until Follow. The error says what is wrong with them.
func Open(c Config) (*Pair, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Pair{config: c, stop: func() {}}
	first := c.read()
	m, err := first.parse()
	if err != nil {
		return nil, err
	}
	if expired(m.certificate) {
		c.Logger.Warn("the certificate has expired: clients will refuse it, renew it", "file", c.CertFile,
			"expired", m.certificate.Leaf.NotAfter)
	}
	p.mu.seen, p.mu.tried, p.mu.good = first.digest, first.digest, first.digest
	p.mu.stats.Expires = m.certificate.Leaf.NotAfter
	p.inUse.Store(m)
	return p, nil
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
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.following.Go(func() { p.follow(ctx) })
}

func (p *Pair) follow(ctx context.Context) {
	looks, renewals := time.NewTicker(look), time.NewTicker(ticketLife)
	defer looks.Stop()
	defer renewals.Stop()
	for {
		select {
		case <-looks.C:
			p.look()
		case <-renewals.C:
			p.renew()
		case <-ctx.Done():
			return
		}
	}
}

// Close ends following the files.
func (p *Pair) Close() {
	p.stop()
	p.following.Wait()
}

// Reload reads the files now and takes in what they have. It reports whether that is another pair than before; the
// error is why they cannot be used.
func (p *Pair) Reload() (changed bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.mu.good
	now := p.config.read()
	p.mu.seen = now.digest
	p.try(now)
	return p.mu.good != before, p.mu.fault
}

// Stats tell how following the files goes.
func (p *Pair) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.stats
}

// look reads the files, and tries what they have if the last reading had the same.
func (p *Pair) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.config.read()
	stable := now.digest == p.mu.seen
	p.mu.seen = now.digest
	if stable && now.digest != p.mu.tried {
		p.try(now)
	}
}

// try takes a reading in, if it is good; p.mu is held.
func (p *Pair) try(now reading) {
	p.mu.tried = now.digest
	m, err := now.parse()
	if err == nil && now.digest != p.mu.good && expired(m.certificate) {
		err = fmt.Errorf("tls-cert: the certificate in %s expired on %s: renew it", p.config.CertFile,
			m.certificate.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	if err != nil {
		p.failed(err)
		return
	}
	recovered := p.mu.fault != nil
	p.mu.fault, p.mu.stats.Failing = nil, false
	switch {
	case now.digest != p.mu.good:
		p.mu.good = now.digest
		p.use(m)
	case recovered:
		p.config.Logger.Info("the certificate is the one in use again", "file", p.config.CertFile)
	}
}

// use gives a pair to new connections; p.mu is held.
func (p *Pair) use(m *material) {
	p.inUse.Store(m)
	leaf := m.certificate.Leaf
	p.mu.stats.Loaded++
	p.mu.stats.Expires = leaf.NotAfter
	p.config.Logger.Info("certificate loaded", "file", p.config.CertFile, "serial", leaf.SerialNumber.Text(16),
		"expires", leaf.NotAfter, "client_authorities", m.count)
}

// failed notes why a pair cannot be used, and logs it unless it is what was wrong before; p.mu is held.
func (p *Pair) failed(err error) {
	if p.mu.fault == nil || p.mu.fault.Error() != err.Error() {
		p.mu.stats.Failed++
		p.config.Logger.Error("the certificate cannot be loaded, the one in use stays", "error", err, "expires", p.mu.stats.Expires)
	}
	p.mu.fault, p.mu.stats.Failing = err, true
}

// renew changes the keys of tickets.
func (p *Pair) renew() {
	p.mu.Lock()
	defer p.mu.Unlock()
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

func expired(certificate tls.Certificate) bool { return time.Now().After(certificate.Leaf.NotAfter) }

// digest is that of the files, or of why they cannot be read.
type digest [sha256.Size]byte

// reading is what the files had at one time.
type reading struct {
	digest    digest
	cert, key []byte
	// clients is the file of authorities, at path.
	clients []byte
	path    string
	err     error
}

func (c Config) read() (r reading) {
	if r.cert, r.err = readFile("tls-cert", c.CertFile); r.err == nil {
		r.key, r.err = readFile("tls-key", c.KeyFile)
	}
	if r.path = c.ClientCAFile; r.err == nil && r.path != "" {
		r.clients, r.err = readFile("tls-client-ca", r.path)
	}
	if r.err != nil {
		return reading{digest: sha256.Sum256([]byte(r.err.Error())), err: r.err}
	}
	all := sha256.New()
	for _, content := range [][]byte{r.cert, r.key, r.clients} {
		one := sha256.Sum256(content)
		all.Write(one[:])
	}
	r.digest = digest(all.Sum(nil))
	return r
}

func readFile(name, path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: name a PEM file that can be read", name, err)
	}
	return content, nil
}

func (r reading) parse() (*material, error) {
	if r.err != nil {
		return nil, r.err
	}
	certificate, err := tls.X509KeyPair(r.cert, r.key)
	if err != nil {
		return nil, fmt.Errorf("tls-cert, tls-key: %w: name the PEM files of a certificate and its key", err)
	}
	var clients authorities
	if r.path != "" {
		if clients, err = r.authorities(); err != nil {
			return nil, fmt.Errorf("tls-client-ca: %s: %w: name a PEM file of the authorities' certificates", r.path, err)
		}
	}
	return newMaterial(certificate, clients), nil
}

// authorities reads the file of authorities. All of it must be certificates of authorities: who names a client's own
// certificate by mistake would let in whoever has its key, for ever.
func (r reading) authorities() (found authorities, err error) {
	found.pool = x509.NewCertPool()
	for rest := bytes.TrimSpace(r.clients); len(rest) > 0; rest = bytes.TrimSpace(rest) {
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
