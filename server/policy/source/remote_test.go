package source_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/policy/source"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func TestABundleIsFetchedAndAskedForByItsTag(t *testing.T) {
	content, tag := build(t, small(t)), `"1"`
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old.tar.gz" {
			http.Redirect(w, r, "/bundle.tar.gz", http.StatusFound)
			return
		}
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	s := open(t, source.Config{Location: url + "/old.tar.gz"})
	first, err := s.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(context.Background()); !errors.Is(err, source.ErrUnchanged) {
		t.Errorf("the second reading: %v, want unchanged", err)
	}
	content, tag = archive(t, entry("/a.rego", "package a\n")), `"2"`
	second, err := s.Read(context.Background())
	if err != nil || second.Digest() == first.Digest() {
		t.Errorf("the third reading: %v, or the old files", err)
	}
	content, tag = []byte("garbage"), `"3"`
	for range 2 { // the second is answered 304, and is refused still
		_, err = s.Read(context.Background())
		expect(t, err, "is no bundle")
	}
}

// squeezed is content as gzip.
func squeezed(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A bundle is gzip, and servers say so in Content-Encoding; some compress it once more.
func TestContentEncodings(t *testing.T) {
	bundle := build(t, small(t))
	for name, row := range map[string]struct {
		encoding string
		content  []byte
		says     string // empty: it is read
	}{
		"as it is":            {"", bundle, ""},
		"identity":            {"identity", bundle, ""},
		"its own":             {"gzip", bundle, ""},
		"one more":            {"gzip", squeezed(t, bundle), ""},
		"an old name":         {"X-GZIP", bundle, ""},
		"another":             {"br", bundle, `Content-Encoding "br": have the server send the bundle as it is`},
		"two":                 {"gzip, gzip", squeezed(t, bundle), `Content-Encoding "gzip, gzip"`},
		"none":                {"gzip", []byte("<html>"), "comes with Content-Encoding gzip and is none"},
		"one more, cut off":   {"gzip", squeezed(t, bundle)[:200], "damaged or cut off"},
		"one more, too large": {"gzip", squeezed(t, append([]byte("\x1f\x8b"), make([]byte, 2<<20)...)), "larger than 1 MiB"},
		"no bundle inside":    {"gzip", squeezed(t, []byte("no tar")), "damaged or cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if row.encoding != "" {
					w.Header().Set("Content-Encoding", row.encoding)
				}
				_, _ = w.Write(row.content)
			})
			files, err := open(t, source.Config{Location: url, MaxBytes: 1 << 20}).Read(context.Background())
			if row.says != "" {
				expect(t, err, row.says)
			} else if err != nil || len(files.List()) == 0 {
				t.Errorf("files %v, %v", files, err)
			}
		})
	}
}

func TestRemotesRefused(t *testing.T) {
	elsewhere := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) })
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		says    []string
	}{
		"not found": {http.NotFound, []string{"answers 404"}},
		"not modified, first": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) },
			[]string{"answers 304"}},
		"garbage": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
			[]string{"is no bundle", "opa build"}},
		"another host": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere, http.StatusFound) },
			[]string{"redirects to another host", "--policies"}},
		"for ever": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
			[]string{"more than five times"}},
		"too large, as it says": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "99999999") },
			[]string{"larger than 1 MiB", "--policies-max-size"}},
		"too large, unsaid": {func(w http.ResponseWriter, _ *http.Request) {
			for range 40 {
				_, _ = w.Write(make([]byte, 64<<10))
				w.(http.Flusher).Flush()
			}
		}, []string{"larger than 1 MiB"}},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("half"))
		}, []string{"cannot be fetched"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, source.Config{Location: serve(t, row.handler) + "/b.tar.gz", MaxBytes: 1 << 20}).Read(context.Background())
			expect(t, err, row.says...)
		})
	}
	t.Run("nobody", func(t *testing.T) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		location := strings.Replace(gone.URL, "http://", "http://user:hunter2@", 1) + "/b.tar.gz?token=hunter2"
		s := open(t, source.Config{Location: location})
		_, err := s.Read(context.Background())
		expect(t, err, "cannot be fetched")
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error has the password: %v", err)
		}
	})
}

func TestURLsRefused(t *testing.T) {
	_, public := keys(t, "ES256")
	key := source.Key{File: public, Algorithm: "ES256"}
	for _, row := range []struct {
		config source.Config
		says   string
	}{
		{source.Config{Location: "http://example.com/b.tar.gz"}, "plain HTTP"},
		{source.Config{Location: "http://example.com/b.tar.gz", Key: key}, ""},
		{source.Config{Location: "http://example.com/b.tar.gz", Insecure: true}, ""},
		{source.Config{Location: "https://example.com/b.tar.gz"}, ""},
		{source.Config{Location: "http://127.0.0.1:1/b.tar.gz"}, ""},
		{source.Config{Location: "http://[::1]/b.tar.gz"}, ""},
		{source.Config{Location: "https://"}, "is no URL"},
		{source.Config{Location: "https://a:hunter2@%zz/"}, "is no URL"},
		{source.Config{Key: key}, "no bundle to verify"},
		{source.Config{MaxBytes: -1}, "policies-max-size"},
		{source.Config{Poll: -1}, "policies-poll"},
	} {
		err := row.config.Validate()
		if row.says == "" && err != nil {
			t.Errorf("%s: %v", row.config.Location, err)
		}
		if row.says != "" {
			expect(t, err, row.says)
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the password: %v", err)
			}
		}
	}
}

// transport answers requests; its failures are the network's.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAHangingServerIsGivenUp(t *testing.T) {
	for name, answer := range map[string]transport{
		"before the header": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"in the body": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, ContentLength: -1, Header: http.Header{}, Body: hanging{r.Context()},
				Request: r}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, source.Config{Location: "https://example.com/b.tar.gz"}.WithTransport(answer))
				began := time.Now()
				_, err := s.Read(context.Background())
				expect(t, err, "did not send the bundle within 30s")
				if took := time.Since(began); took != 30*time.Second {
					t.Errorf("given up after %v", took)
				}
			})
		})
	}
}

// hanging is a body of which nothing comes.
type hanging struct{ ctx context.Context }

func (h hanging) Read([]byte) (int, error) {
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

func (hanging) Close() error { return nil }

// The waits double after each failure up to a bound, and are the poll's again after a success; none is ever the same.
func TestPollsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing bool
		content := build(t, small(t))
		s := open(t, source.Config{Location: "https://example.com/b.tar.gz", Poll: 30 * time.Second}.WithTransport(
			transport(func(r *http.Request) (*http.Response, error) {
				if failing {
					return nil, errors.New("no route")
				}
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(content)),
					Request: r}, nil
			})))
		next := func(want time.Duration) time.Duration {
			t.Helper()
			began := time.Now()
			if err := s.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			took := time.Since(began)
			if took < want*4/5 || took > want*6/5+1 {
				t.Errorf("waited %v, want %v more or less", took, want)
			}
			return took
		}
		read := func(wantErr bool) {
			t.Helper()
			if _, err := s.Read(t.Context()); (err != nil) != wantErr {
				t.Errorf("Read: %v", err)
			}
		}
		read(false)
		waits := map[string]bool{}
		for range 5 {
			waits[fmt.Sprint(next(30*time.Second))] = true
		}
		if len(waits) < 4 {
			t.Errorf("waits without jitter: %v", waits)
		}
		failing = true
		for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
			read(true)
			next(want)
		}
		failing = false
		read(false)
		next(30 * time.Second)
	})
}
