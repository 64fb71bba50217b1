package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// fetchTimeout bounds one fetch, from dialling to the last byte: calls with an unknown key wait for it.
	fetchTimeout = 5 * time.Second
	// firstRetry and maxRetry are the waits after fetches that failed.
	firstRetry, maxRetry = time.Second, 30 * time.Second
)

// remote fetches a set of keys from a URL. One fetch is made at a time, with a deadline of its own: whoever wants one
// meanwhile waits for that.
type remote struct {
	config Config
	client *http.Client
	take   func([]byte) error
	tasks  sync.WaitGroup
	ctx    context.Context
	stop   context.CancelFunc

	mu sync.Mutex
	// All below is guarded by mu.

	// underWay is the fetch that is; nil: none is.
	underWay *fetch
	// began is when the last fetch did, by the configured clock; zero: there was none.
	began time.Time
	// good is the last content that was taken in.
	good []byte
	// fault is why the last fetch failed; nil: it did not.
	fault           error
	fetched, failed uint64
}

// fetch is one fetch; err may be read once done is closed.
type fetch struct {
	done chan struct{}
	err  error
}

func newRemote(c Config, take func([]byte) error) *remote {
	own := http.DefaultTransport.(*http.Transport).Clone() // its idle connections are closed with it
	client := &http.Client{Timeout: fetchTimeout, CheckRedirect: sameHost, Transport: own}
	r := &remote{config: c, take: take, client: client}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// sameHost follows redirections within the host that was configured: it is trusted with who may ask, others are not.
func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(before) >= 5 {
		return errors.New("redirects to another host, port or scheme, or too often: name the final address")
	}
	return nil
}

// follow fetches again and again until close.
func (r *remote) follow() {
	r.tasks.Go(func() {
		wait := firstRetry
		for {
			pause := r.config.Refresh
			if r.failing() {
				pause = min(wait, pause)
				wait = min(2*wait, maxRetry)
			} else {
				wait = firstRetry
			}
			// A tenth either way, so that servers started together do not ask together.
			timer := time.NewTimer(pause - pause/10 + rand.N(pause/5+1))
			select {
			case <-timer.C:
				_ = r.fetch() // it logs, and counts
			case <-r.ctx.Done():
				timer.Stop()
				return
			}
		}
	})
}

func (r *remote) close() {
	r.stop()
	r.tasks.Wait()
	r.client.CloseIdleConnections()
}

func (r *remote) failing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault != nil
}

func (r *remote) stats() (fetched, failed uint64, failing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetched, r.failed, r.fault != nil
}

// fetch fetches the set now, or waits for the fetch under way.
func (r *remote) fetch() error {
	f := r.begin(0)
	<-f.done
	return f.err
}

// seek fetches the set for an unknown key, unless one was fetched within Refetch: the set then had all that there is to
// know, for this key and for any. It reports whether there was a fetch, and returns early with ctx.
func (r *remote) seek(ctx context.Context) bool {
	f := r.begin(Refetch)
	if f == nil {
		return false
	}
	select {
	case <-f.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// begin returns the fetch under way, or a new one if the last began at least so long ago; nil otherwise.
func (r *remote) begin(apart time.Duration) *fetch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.underWay != nil {
		return r.underWay
	}
	now := r.config.Now()
	if since := now.Sub(r.began); !r.began.IsZero() && since >= 0 && since < apart {
		return nil
	}
	r.began = now
	f := &fetch{done: make(chan struct{})}
	r.underWay = f
	r.tasks.Go(func() { r.run(f) })
	return f
}

func (r *remote) run(f *fetch) {
	content, err := r.get(r.ctx)
	if err == nil && !r.known(content) {
		err = r.take(content)
	}
	if err != nil {
		err = fmt.Errorf("jwks: %s: %w", r.name(), err)
	}
	r.ended(f, content, err)
	close(f.done)
}

func (r *remote) known(content []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.good != nil && bytes.Equal(content, r.good)
}

func (r *remote) ended(f *fetch, content []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.err = err
	r.underWay = nil
	if err == nil {
		r.fetched++
		r.good, r.fault = content, nil
		return
	}
	r.failed++
	if r.ctx.Err() == nil && (r.fault == nil || r.fault.Error() != err.Error()) {
		counts := "the last good one counts"
		if r.good == nil {
			counts = "there is none yet, and tokens are answered UNAVAILABLE"
		}
		r.config.Logger.Error("the issuer's keys cannot be fetched: "+counts, slog.Any("error", err))
	}
	r.fault = err
}

// name leaves out what may be secret.
func (r *remote) name() string {
	u, err := url.Parse(r.config.JWKS)
	if err != nil {
		return "the URL"
	}
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}

func (r *remote) get(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.config.JWKS, nil)
	if err != nil {
		return nil, errors.New("is no URL")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answers %d: see that the address is that of the issuer's JWKS", response.StatusCode)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxSetBytes+1))
	switch {
	case err != nil:
		return nil, unreachable(err)
	case len(content) > maxSetBytes:
		return nil, fmt.Errorf("sends more than %d bytes: see that the address is that of the issuer's JWKS", maxSetBytes)
	}
	return content, nil
}

// unreachable leaves out the URL, whose query may be secret.
func unreachable(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf("cannot be fetched (%w): see that the issuer runs and the address is right", err)
}
