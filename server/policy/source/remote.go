package source

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBackoff bounds the wait after failures, unless polls are further apart anyway.
const maxBackoff = 5 * time.Minute

// remote is a bundle behind a URL. It is asked for by its ETag, if the server gives one.
type remote struct {
	url    *url.URL
	unpack unpacker
	poll   time.Duration
	client *http.Client
	credentials
	// etag is that of the last bundle that came whole, refused why it was none; nil: it was.
	etag    string
	refused error
	// failures counts the requests that failed in a row.
	failures int
}

func newRemote(c Config, unpack unpacker) (*remote, error) {
	u, err := url.Parse(c.Location)
	if err != nil {
		return nil, errors.New("policies: is no URL") // Validate has said more
	}
	shown := credentials{c.TokenFile, c.ClientCertFile, c.ClientKeyFile, c.CAFile}
	client := &http.Client{Timeout: c.Timeout, CheckRedirect: sameHost, Transport: c.transport}
	if client.Transport == nil {
		client.Transport = &follower{credentials: shown}
	}
	return &remote{url: u, unpack: unpack, poll: c.Poll, client: client, credentials: shown}, nil
}

// errRedirect is why a redirection is not followed.
var errRedirect = errors.New("redirects to another host, port or scheme: name the final address by --policies")

// sameHost follows redirections within the host that was configured; another one was not chosen by who runs this
// server.
func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return errRedirect
	}
	if len(before) >= 5 {
		return errors.New("redirects more than five times: name the final address by --policies")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Name implements Source. It leaves out what may be secret: the password and the query.
func (r *remote) Name() string {
	u := *r.url
	u.RawQuery, u.Fragment = "", ""
	return u.Redacted()
}

// Close implements Source.
func (r *remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

// Read implements Source.
func (r *remote) Read(ctx context.Context) (*Files, error) {
	content, err := r.fetch(ctx)
	if err != nil && !errors.Is(err, ErrUnchanged) {
		r.failures++
		return nil, err
	}
	r.failures = 0
	if err != nil {
		return nil, cmp.Or(r.refused, err) // what was refused stays so until it changes
	}
	files, err := r.unpack.unpack(content)
	r.refused = err
	return files, err
}

// fetch returns the bundle, or ErrUnchanged.
func (r *remote) fetch(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url.String(), nil)
	if err != nil {
		return nil, err
	}
	if err := r.authorize(request); err != nil {
		return nil, err
	}
	request.Header.Set("Accept-Encoding", "gzip") // named here, it is left to decoded to decode
	if r.etag != "" {
		request.Header.Set("If-None-Match", r.etag)
	}
	began := time.Now()
	response, err := r.client.Do(request)
	if err != nil {
		return nil, r.unreachable(err, began)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusNotModified && r.etag != "":
		return nil, ErrUnchanged
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %d: see that the bundle is there and may be read", response.StatusCode)
	}
	content, err := r.body(response, began)
	if err == nil {
		content, err = r.decoded(content, response.Header.Get("Content-Encoding"))
	}
	if err != nil {
		return nil, err
	}
	r.etag = response.Header.Get("ETag")
	return content, nil
}

func (r *remote) body(response *http.Response, began time.Time) ([]byte, error) {
	if response.ContentLength > r.unpack.maxBytes {
		return nil, tooLarge("the bundle is", r.unpack.maxBytes)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, r.unpack.maxBytes+1))
	if err != nil {
		return nil, r.unreachable(err, began)
	}
	if int64(len(content)) > r.unpack.maxBytes {
		return nil, tooLarge("the bundle is", r.unpack.maxBytes)
	}
	return content, nil
}

// decoded is the bundle, of which servers say in two ways that it is gzip: of its own compression, so that it stays as
// it is, and of one more around it.
func (r *remote) decoded(content []byte, encoding string) ([]byte, error) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return content, nil
	case "gzip", "x-gzip":
	default:
		return nil, fmt.Errorf("comes with Content-Encoding %q: have the server send the bundle as it is", encoding)
	}
	outer, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("comes with Content-Encoding gzip and is none (%w): have the server send the bundle as it is", err)
	}
	inner := bufio.NewReader(outer)
	if magic, err := inner.Peek(2); err != nil || string(magic) != "\x1f\x8b" {
		return content, nil // what is damaged is found when it is unpacked
	}
	content, err = io.ReadAll(io.LimitReader(inner, r.unpack.maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("comes with Content-Encoding gzip and is damaged or cut off (%w): see what the server sends", err)
	case int64(len(content)) > r.unpack.maxBytes:
		return nil, tooLarge("the bundle is", r.unpack.maxBytes)
	}
	return content, nil
}

// unreachable says what to do about a request that failed, without the URL, whose query may be secret.
func (r *remote) unreachable(err error, began time.Time) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	var timeout net.Error
	switch {
	case errors.Is(err, errRedirect), errors.As(err, &credentialError{}):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		within := min(time.Since(began).Round(100*time.Millisecond), r.client.Timeout)
		return fmt.Errorf("did not send the bundle within %v: see what holds the server up", within)
	}
	return fmt.Errorf("cannot be fetched (%w): see that the server runs and the address is right", err)
}

// Next implements Source: it waits for a poll's time, and after failures for twice as long each time.
func (r *remote) Next(ctx context.Context) error {
	wait := r.poll
	for range min(r.failures, 16) {
		wait = min(2*wait, max(maxBackoff, r.poll))
	}
	// A fifth either way, so that servers started together do not ask together.
	return pause(ctx, wait-wait/5+rand.N(2*wait/5+1))
}
