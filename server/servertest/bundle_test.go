package servertest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/servertest"
)

// A bundle that a server labels as the gzip that it is loads.
func TestABundleWithContentEncoding(t *testing.T) {
	bundle := tinyBundle(t, nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bundle)
	}))
	t.Cleanup(web.Close)
	s := servertest.Start(t, servertest.Options{PolicySource: source.Config{Location: web.URL}})
	got := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true })
	if got.GetStatus().GetLastGood() {
		t.Errorf("started with %v", got)
	}
}

// A server that does not answer does not hold up a start from the last good copy, and what it has is read once it
// answers.
func TestAHungServerDoesNotDelayAStart(t *testing.T) {
	var hangs atomic.Bool
	release, bundle := make(chan struct{}), atomic.Pointer[[]byte]{}
	put := func(content []byte) { bundle.Store(&content) }
	put(tinyBundle(t, nil))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			select {
			case <-release:
			case <-r.Context().Done():
				return
			}
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(*bundle.Load())))
	}))
	t.Cleanup(web.Close)
	o := servertest.Options{
		PolicySource: source.Config{Location: web.URL, Timeout: time.Hour, Poll: time.Hour}, DataDir: t.TempDir(),
	}
	s := servertest.Start(t, o)
	before := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true }).GetPolicyRevision()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	put(tinyBundle(t, map[string]string{"/data.json": strings.Replace(bundledTable, `"§1"`, `"§2"`, 1)}))
	hangs.Store(true)
	began := time.Now()
	s = servertest.Start(t, o) // would take an hour
	t.Logf("started after %v", time.Since(began))
	got := until(t, s, "the restart", func(*consentv1.GetPolicyResponse) bool { return true })
	if got.GetPolicyRevision() != before || !got.GetStatus().GetLastGood() {
		t.Errorf("revision %s, want %s; status %v", got.GetPolicyRevision(), before, got.GetStatus())
	}
	close(release)
	until(t, s, "the answer", func(p *consentv1.GetPolicyResponse) bool {
		return p.GetPolicyRevision() != before && !p.GetStatus().GetLastGood()
	})
}
