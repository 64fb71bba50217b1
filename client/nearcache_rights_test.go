package client_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/servertest"
)

const (
	watchGrant = "grants:\n- {callers: ['key:mailer'], actions: [watch], controllers: ['*'], purposes: ['*']}\n"
	checkGrant = "- {callers: ['key:mailer'], actions: [check], controllers: [example], purposes: [marketing_email]}\n"
)

// TestNearCacheForgetsWhatItsCallerMayNotAsk: a right that the operator takes back is lost for what a near cache knows
// too, though the caller may watch still.
func TestNearCacheForgetsWhatItsCallerMayNotAsk(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := apikey.New()
	digest, err := apikey.DigestOf(key)
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, servertest.Options{Configure: func(c *app.Config) {
		c.Callers.APIKeys = write("keys.yaml", apikey.Append("mailer", digest, time.Now()))
		c.Access.File = write("grants.yaml", watchGrant+checkGrant)
	}})
	c, err := client.Dial(s.Addr, client.WithTimeout(30*time.Second), client.WithAPIKeyFile(write("key", key)),
		client.WithNearCache(client.NearCacheConfig{}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	awaitLease(t, c)
	ask := func() error {
		_, err := c.Check(t.Context(), client.NewCheck("example", "u", "marketing_email"))
		return err
	}
	for c.NearCacheStats().Hits == 0 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	write("grants.yaml", watchGrant)
	for began := time.Now(); status.Code(ask()) != codes.PermissionDenied; time.Sleep(time.Millisecond) {
		if time.Since(began) > 15*time.Second {
			t.Fatalf("15 s after the right was lost the near cache answers: %+v", c.NearCacheStats())
		}
	}
}
