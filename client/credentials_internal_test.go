package client

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestCredentialFile: the file is read again after a second, and what cannot be used changes nothing.
func TestCredentialFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "token")
		write := func(content string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("one\n")
		f := &credentialFile{what: "the token's file", path: path}
		if err := f.open(); err != nil {
			t.Fatal(err)
		}
		sends := func(want string) {
			t.Helper()
			if got, err := f.get(t.Context()); got != want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
		}
		write("two")
		time.Sleep(reread - time.Nanosecond)
		sends("one")
		time.Sleep(time.Nanosecond)
		sends("two")
		for _, unusable := range []string{"", "two words", "three\nfour"} {
			write(unusable)
			time.Sleep(reread)
			sends("two")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(reread)
		sends("two")
		write("five")
		time.Sleep(reread)
		sends("five")
	})
}
