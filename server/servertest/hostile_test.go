package servertest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/servertest"
)

// guarded is a server that asks who calls, by keys and by what else its configuration says, and keeps them to what they
// are granted.
type guarded struct {
	*servertest.Server
	// owner may everything, newcomer nothing.
	owner, newcomer string
}

// startGuarded starts one whose table of access has these grants beside the owner's.
func startGuarded(t *testing.T, o servertest.Options, grants string) *guarded {
	t.Helper()
	g := &guarded{owner: apikey.New(), newcomer: apikey.New()}
	keys := file(t, "keys.yaml", keyOf("owner", g.owner)+keyOf("newcomer", g.newcomer))
	table := file(t, "grants.yaml", "grants:\n"+
		`  - {callers: ["key:owner"], actions: ["*"], controllers: ["*"], purposes: ["*"]}`+"\n"+grants)
	more := o.Configure
	o.Configure = func(c *app.Config) {
		c.Callers.APIKeys, c.Access.File = keys, table
		if more != nil {
			more(c)
		}
	}
	g.Server = servertest.Start(t, o)
	return g
}

func keyOf(id, key string) string {
	digest := sha256.Sum256([]byte(key))
	return "- id: " + id + "\n  sha256: " + hex.EncodeToString(digest[:]) + "\n"
}

// file writes a file of the test's own.
func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func bearing(ctx context.Context, key string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
}

// expectServed fails the test unless a well-behaved caller's check is answered.
func (g *guarded) expectServed(t *testing.T) {
	t.Helper()
	if _, err := g.Decisions.Check(bearing(t.Context(), g.owner), aCheck); err != nil {
		t.Errorf("a well-behaved caller's check: %v", err)
	}
}
