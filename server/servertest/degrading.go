package servertest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/consentd/consentd/policies"
)

// Degrading returns the shipped policies, where purposes of the example declare what they come to where the state
// cannot be read: product_improvement to deny, service_delivery to serve_stale for five minutes. The others fail.
func Degrading(t testing.TB) fs.FS {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, policies.FS); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "controllers", "example", "data.yaml")
	table, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for purpose, declared := range map[string]string{
		"service_delivery":    "    degraded: serve_stale\n    stale_limit: 5m\n",
		"product_improvement": "    degraded: deny\n",
	} {
		row := []byte("  " + purpose + ":\n")
		if bytes.Count(table, row) != 1 {
			t.Fatalf("%s has not one row %q", name, row)
		}
		table = bytes.Replace(table, row, append(row, declared...), 1)
	}
	if err := os.WriteFile(name, table, 0o600); err != nil {
		t.Fatal(err)
	}
	return os.DirFS(dir)
}
