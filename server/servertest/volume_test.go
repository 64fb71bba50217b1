package servertest_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/servertest"
)

// mounted writes tiny below the folder of a version, and turns the link to it, as the kubelet updates a volume.
func mounted(t *testing.T, dir, version, table string) {
	t.Helper()
	for name, content := range tiny() {
		if name == tinyTable {
			content = table
		}
		file := filepath.Join(dir, version, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	turn(t, version, filepath.Join(dir, "..data"))
}

// turn makes a link, or turns it at once.
func turn(t *testing.T, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link+".tmp"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".tmp", link); err != nil {
		t.Fatal(err)
	}
}

// A server follows a ConfigMap whose keys have paths: the volume's controllers is a link to a folder, and an update
// turns a link that it leads through.
func TestAServerFollowsAVolume(t *testing.T) {
	dir, table := t.TempDir(), tiny()[tinyTable]
	mounted(t, dir, "..1", table)
	turn(t, "..data/controllers", filepath.Join(dir, "controllers"))
	s := servertest.Start(t, servertest.Options{PolicySource: source.Config{Location: dir, Poll: time.Hour}})
	before := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true }).GetPolicyRevision()
	mounted(t, dir, "..2", table+"name: Acme\n")
	if err := os.RemoveAll(filepath.Join(dir, "..1")); err != nil {
		t.Fatal(err)
	}
	after := until(t, s, "the update", func(p *consentv1.GetPolicyResponse) bool { return p.GetPolicyRevision() != before })
	if len(after.GetStatus().GetFaults()) > 0 {
		t.Errorf("after the update: %v", after.GetStatus().GetFaults())
	}
}

// A server sees that a link in the middle of the path to its policies is turned, as deployments turn current.
func TestAServerFollowsATurnedLink(t *testing.T) {
	dir := t.TempDir()
	for version, name := range map[string]string{"v1": "One", "v2": "Two"} {
		mounted(t, filepath.Join(dir, version), "policies", tiny()[tinyTable]+"name: "+name+"\n")
	}
	turn(t, "v1", filepath.Join(dir, "current"))
	s := servertest.Start(t, servertest.Options{
		PolicySource: source.Config{Location: filepath.Join(dir, "current", "policies"), Poll: time.Hour},
	})
	before := until(t, s, "the start", func(*consentv1.GetPolicyResponse) bool { return true })
	turn(t, "v2", filepath.Join(dir, "current"))
	until(t, s, "the turn", func(p *consentv1.GetPolicyResponse) bool { return p.GetPolicyRevision() != before.GetPolicyRevision() })
}
