package follow_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/follow"
)

// fixture is a file that is followed, and what was taken in of it.
type fixture struct {
	testing.TB
	path  string
	taken []string
	log   bytes.Buffer
	*follow.Files
}

func newFixture(t testing.TB, content string) *fixture {
	f := &fixture{TB: t, path: filepath.Join(t.TempDir(), "keys")}
	f.write(content)
	var err error
	if f.Files, err = follow.Open(f.config()); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) config() follow.Config {
	return follow.Config{
		Files: []follow.Source{{"api-keys", f.path}}, MaxBytes: 100, Logger: slog.New(slog.NewTextHandler(&f.log, nil)),
		Take: func(contents [][]byte) error {
			content := string(bytes.Join(contents, []byte("+")))
			if content == "garbage" {
				return errors.New("api-keys: is garbage")
			}
			f.taken = append(f.taken, content)
			return nil
		},
		Counts: func() []any { return []any{"taken", len(f.taken)} },
	}
}

func (f *fixture) write(content string) {
	f.Helper()
	if err := os.WriteFile(f.path, []byte(content), 0o600); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) wants(taken string, s follow.Stats) {
	f.Helper()
	if got := strings.Join(f.taken, ","); got != taken {
		f.Errorf("taken in: %q, want %q", got, taken)
	}
	if got := f.Stats(); got != s {
		f.Errorf("got %+v, want %+v", got, s)
	}
}

// TestFollow: a content counts when two readings agree, and what cannot be used changes nothing and is told once.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, "a")
		f.Follow()
		defer f.Close()
		const tick = 500 * time.Millisecond
		pass := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		pass(tick / 2)
		f.wants("a", follow.Stats{})
		f.write("half")
		pass(tick)
		f.wants("a", follow.Stats{})
		f.write("b")
		pass(tick)
		f.wants("a", follow.Stats{})
		pass(tick)
		f.wants("a,b", follow.Stats{Loaded: 1})
		f.write("garbage")
		pass(10 * tick)
		f.wants("a,b", follow.Stats{Loaded: 1, Failed: 1, Failing: true})
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
		pass(10 * tick)
		f.wants("a,b", follow.Stats{Loaded: 1, Failed: 2, Failing: true})
		f.write("b")
		pass(2 * tick)
		f.wants("a,b", follow.Stats{Loaded: 1, Failed: 2})
		f.write("")
		pass(2 * tick)
		f.wants("a,b,", follow.Stats{Loaded: 2, Failed: 2})
		if got := strings.Count(f.log.String(), "level=ERROR"); got != 2 {
			t.Errorf("%d errors in the log, want 2: %s", got, f.log.String())
		}
	})
}

func TestReload(t *testing.T) {
	f := newFixture(t, "a")
	if changed, err := f.Reload(); changed || err != nil {
		t.Errorf("the same: %v, %v", changed, err)
	}
	f.write("b")
	if changed, err := f.Reload(); !changed || err != nil {
		t.Errorf("another: %v, %v", changed, err)
	}
	f.write("garbage")
	if changed, err := f.Reload(); changed || err == nil || err.Error() != "api-keys: is garbage" {
		t.Errorf("garbage: %v, %v", changed, err)
	}
	f.wants("a,b", follow.Stats{Loaded: 1, Failed: 1, Failing: true})
}

// TestFilesCountTogether: a file of two that changes is taken in with the other; one that is gone keeps both as they
// were.
func TestFilesCountTogether(t *testing.T) {
	f := newFixture(t, "a")
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := f.config()
	c.Files = append(c.Files, follow.Source{Setting: "jwks", Path: other})
	var err error
	if f.Files, err = follow.Open(c); err != nil {
		t.Fatal(err)
	}
	f.write("b")
	if changed, err := f.Reload(); !changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	f.write("c")
	if changed, err := f.Reload(); changed || err == nil || !strings.HasPrefix(err.Error(), "jwks: ") {
		t.Errorf("%v, %v", changed, err)
	}
	f.wants("a,a+1,b+1", follow.Stats{Loaded: 1, Failed: 1, Failing: true})
	if log := f.log.String(); !strings.Contains(log, "taken=3") {
		t.Errorf("the log does not say what counts: %s", log)
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("large"), bytes.Repeat([]byte("x"), 101), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"none": "no such file", "large": "more than 100 bytes", "pipe": "is no file", ".": "is no file",
	} {
		f := &fixture{TB: t, path: path(name)}
		_, err := follow.Open(f.config())
		if err == nil || !strings.HasPrefix(err.Error(), "api-keys: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
