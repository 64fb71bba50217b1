package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	serverapp "github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/caller/apikey"
	"github.com/consentd/consentd/server/servertest"
)

func TestKeyNew(t *testing.T) {
	shown := execute("", "", "key", "new", "--id", "mailer")
	if shown.code != exitOK {
		t.Fatal(shown)
	}
	key := strings.TrimSuffix(shown.stdout, "\n")
	digest, err := apikey.DigestOf(key)
	if err != nil {
		t.Fatalf("stdout is not the key alone: %v", err)
	}
	entries, err := apikey.Parse([]byte(shown.stderr))
	if err != nil || !cmp.Equal(entries, []apikey.Entry{{ID: "mailer", Digest: digest}}) {
		t.Errorf("stderr is not the lines of the file: %v, %v", entries, err)
	}
	if strings.Contains(shown.stderr, key) {
		t.Error("stderr has the key")
	}
	if again := execute("", "", "key", "new", "--id", "mailer"); again.stdout == shown.stdout {
		t.Error("the next key is the same")
	}
	if inJSON := execute("", "", "key", "new", "--id", "m", "-o", "json"); !strings.Contains(inJSON.stdout, `"sha256"`) {
		t.Errorf("as JSON: %+v", inJSON)
	}
}

func TestKeyNewAppends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.yaml")
	for _, id := range []string{"mailer", "billing", "mailer"} {
		if got := execute("", "", "key", "new", "--id", id, "--file", path); got.code != exitOK || got.stderr != "" {
			t.Fatal(got)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := apikey.Parse(content)
	if err != nil || len(entries) != 3 || entries[1].ID != "billing" {
		t.Errorf("%v, %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for content, want := range map[string]string{"[]\n": "--file: ", "hello": "--file: "} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got := execute("", "", "key", "new", "--id", "mailer", "--file", path)
		if got.code != exitError || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: %+v", content, got)
		}
		if after, _ := os.ReadFile(path); string(after) != content {
			t.Errorf("%q became %q", content, after)
		}
	}
	for want, args := range map[string][]string{
		"--id": {"key", "new", "--id", "a b"}, `"id" not set`: {"key", "new"}, "--file": {"key", "new", "--id", "a", "--file", "/none/x"},
	} {
		if got := execute("", "", args...); got.code != exitError || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// TestKeyOpensTheServer: what key new made and appended lets the next command in, and another key does not.
func TestKeyOpensTheServer(t *testing.T) {
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys.yaml")
	made := execute("", "", "key", "new", "--id", "mailer", "--file", keys)
	address := servertest.Start(t, servertest.Options{Configure: func(c *serverapp.Config) { c.Callers.APIKeys = keys }}).Addr
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, other := write("key", made.stdout), write("other", apikey.New())
	for _, flag := range []string{"--api-key-file", "--token-file"} { // it is a bearer's all the same
		got := execute(address, "", "check", "example", "s", "marketing_email", flag, good)
		if !strings.Contains(got.stdout, "DENY") && !strings.Contains(got.stderr, "PERMISSION_DENIED") {
			t.Errorf("%s: %+v, want an answer to somebody who is known", flag, got)
		}
	}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"policy"}, exitError, "UNAUTHENTICATED"},
		{[]string{"policy", "--api-key-file", other}, exitError, "UNAUTHENTICATED"},
		{[]string{"policy", "--api-key-file", filepath.Join(dir, "none")}, exitError, "no such file"},
		{[]string{"policy", "--api-key-file", good, "--token-file", good}, exitError, "token-file"},
		{[]string{"policy", "--tls-cert", good}, exitError, "tls-key"},
		{[]string{"policy", "--tls-cert", good, "--tls-key", good}, exitError, "--tls-cert, --tls-key: "},
	} {
		got := execute(address, "", test.args...)
		if got.code != test.code || !strings.Contains(got.stdout+got.stderr, test.says) {
			t.Errorf("%v: %+v, want %d, %q", test.args, got, test.code, test.says)
		}
		if strings.Contains(got.stdout+got.stderr, strings.TrimSpace(made.stdout)) {
			t.Errorf("%v: the key is shown", test.args)
		}
	}
}
