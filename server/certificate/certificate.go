// Package certificate keeps a server's certificate and key those of their files, while the server runs.
//
// The files are read twice a second and compared with what was read before. Notifications of the file system would be
// no cheaper and miss more: a link that is turned somewhere in the path, as Kubernetes does for secrets, a network file
// system, a system that has no watch left. A pair is taken in when two readings in a row agree, so that no half-written
// file is taken for a whole one, and a certificate is never served with the key of another.
//
// A pair that cannot be used (files that are gone, not PEM, not of each other, expired) changes nothing: the last good
// one stays, and one line in the log and Stats say why.
//
// Each pair gets a TLS configuration and a ticket key of its own: no session that began under one certificate is
// resumed under the next. The key is also changed once a day.
package certificate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
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
	inUse atomic.Pointer[tls.Config]

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
	certificate, err := first.parse()
	if err != nil {
		return nil, err
	}
	if expired(certificate) {
		c.Logger.Warn("the certificate has expired: clients will refuse it, renew it", "file", c.CertFile,
			"expired", certificate.Leaf.NotAfter)
	}
	p.mu.seen, p.mu.tried, p.mu.good = first.digest, first.digest, first.digest
	p.mu.stats.Expires = certificate.Leaf.NotAfter
	p.inUse.Store(configOf(certificate))
	return p, nil
}

// TLS is the configuration of a listener. Each connection gets the pair that is in use when it begins.
func (p *Pair) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return p.inUse.Load(), nil },
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
	certificate, err := now.parse()
	if err == nil && now.digest != p.mu.good && expired(certificate) {
		err = fmt.Errorf("tls-cert: the certificate in %s expired on %s: renew it", p.config.CertFile,
			certificate.Leaf.NotAfter.UTC().Format(time.RFC3339))
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
		p.use(certificate)
	case recovered:
		p.config.Logger.Info("the certificate is the one in use again", "file", p.config.CertFile)
	}
}

// use gives a pair to new connections; p.mu is held.
func (p *Pair) use(certificate tls.Certificate) {
	p.inUse.Store(configOf(certificate))
	p.mu.stats.Loaded++
	p.mu.stats.Expires = certificate.Leaf.NotAfter
	p.config.Logger.Info("certificate loaded", "file", p.config.CertFile, "serial", certificate.Leaf.SerialNumber.Text(16),
		"expires", certificate.Leaf.NotAfter)
}

// failed notes why a pair cannot be used, and logs it unless it is what was wrong before; p.mu is held.
func (p *Pair) failed(err error) {
	if p.mu.fault == nil || p.mu.fault.Error() != err.Error() {
		p.mu.stats.Failed++
		p.config.Logger.Error("the certificate cannot be loaded, the one in use stays", "error", err, "expires", p.mu.stats.Expires)
	}
	p.mu.fault, p.mu.stats.Failing = err, true
}

// renew changes the key of tickets.
func (p *Pair) renew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inUse.Store(configOf(p.inUse.Load().Certificates[0]))
}

// configOf returns a configuration with a ticket key of its own. Without one, connections would get the listener's,
// under which sessions with earlier certificates were made.
func configOf(certificate tls.Certificate) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
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
	err       error
}

func (c Config) read() (r reading) {
	if r.cert, r.err = readFile("tls-cert", c.CertFile); r.err == nil {
		r.key, r.err = readFile("tls-key", c.KeyFile)
	}
	if r.err != nil {
		return reading{digest: sha256.Sum256([]byte(r.err.Error())), err: r.err}
	}
	cert, key := sha256.Sum256(r.cert), sha256.Sum256(r.key)
	r.digest = sha256.Sum256(append(cert[:], key[:]...))
	return r
}

func readFile(name, path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: name a PEM file that can be read", name, err)
	}
	return content, nil
}

func (r reading) parse() (tls.Certificate, error) {
	if r.err != nil {
		return tls.Certificate{}, r.err
	}
	certificate, err := tls.X509KeyPair(r.cert, r.key)
	if err != nil {
		return certificate, fmt.Errorf("tls-cert, tls-key: %w: name the PEM files of a certificate and its key", err)
	}
	return certificate, nil
}
