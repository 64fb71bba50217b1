package access_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/access"
	"github.com/consentd/consentd/server/caller"
)

// TestTheTableIsFollowed: a change counts within a second, and a bad one changes nothing.
func TestTheTableIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, shipped(), mailGrant)
		w.Follow()
		change := func(grants string) {
			w.write(t, grants)
			time.Sleep(1100 * time.Millisecond) // of the test's own clock
			synctest.Wait()
		}
		explain := caller.Act{Action: caller.Explain, Controller: "example", Purpose: "marketing_email"}
		change(strings.Replace(mailGrant, "check", "explain", 1))
		if w.permits(mailer, mail) || !w.permits(mailer, explain) {
			t.Error("the change does not count")
		}
		for _, bad := range []string{"", "grants: [\n", "grant: []\n", "grants:\n  - {callers: [x]}\n"} {
			change(bad)
			if s := w.Stats(); !s.Failing || !w.permits(mailer, explain) {
				t.Errorf("%q: %+v", bad, s)
			}
		}
		if err := os.Remove(w.file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1100 * time.Millisecond)
		if s := w.Stats(); !s.Failing || s.Failed != 5 || s.Loaded != 1 || !w.permits(mailer, explain) {
			t.Errorf("without the file: %+v", s)
		}
		change("grants: []\n")
		if s := w.Stats(); s.Failing || s.Loaded != 2 || w.permits(mailer, explain) {
			t.Errorf("an empty list of grants permits something: %+v", s)
		}
		w.Close()
		log := w.log.String()
		if !strings.Contains(log, "grants.yaml:1: unknown key grant") || strings.Count(log, "cannot be used") != 5 {
			t.Errorf("the log has %s", log)
		}
	})
}

func TestReload(t *testing.T) {
	w := open(t, shipped(), mailGrant)
	w.write(t, "grants: []\n")
	if changed, err := w.Reload(); !changed || err != nil || w.permits(mailer, mail) {
		t.Errorf("%v, %v", changed, err)
	}
	if changed, err := w.Reload(); changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
	w.write(t, "x")
	if changed, err := w.Reload(); changed || err == nil {
		t.Errorf("%v, %v", changed, err)
	}
}

// TestOpenRefuses: a start with a bad file, or with one that would have no effect, ends with what to do.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, row := range map[string]struct {
		config access.Config
		want   string
	}{
		"no such file": {access.Config{Required: true, File: filepath.Join(dir, "none")}, "access: open "},
		"a folder":     {access.Config{Required: true, File: dir}, "name a YAML file of grants that can be read"},
		"a fault":      {access.Config{Required: true, File: file("bad.yaml", "grants:\n  - {callers: [x]}\n")}, "bad.yaml:2: "},
		"too large":    {access.Config{Required: true, File: file("large.yaml", strings.Repeat("#", 5<<20))}, "more than 4 MiB"},
		"no callers":   {access.Config{File: file("good.yaml", mailGrant)}, "grants nothing while callers are not authenticated"},
	} {
		_, err := access.Open(row.config, access.Sources{Policies: shipped, Shipped: policies.FS})
		if err == nil || !strings.HasPrefix(err.Error(), "access: ") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (access.Config{File: filepath.Join(dir, "none")}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "access: ") {
		t.Error(err)
	}
}
