package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// ignored is what is not sent to the build.
func ignored(t *testing.T) *patternmatcher.PatternMatcher {
	t.Helper()
	f, err := os.Open(dockerfile + ".dockerignore")
	must(t, err)
	defer func() { _ = f.Close() }()
	patterns, err := ignorefile.ReadAll(f)
	must(t, err)
	matcher, err := patternmatcher.New(patterns)
	must(t, err)
	return matcher
}

// tracked are the files that git has, or would take.
func tracked(t *testing.T) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("git is needed to tell what the repository holds: %v", err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// sendContext copies what COPY . or COPY FILE takes of the repository.
func sendContext(t *testing.T, source, to string) {
	t.Helper()
	matcher, sent := ignored(t), 0
	for _, file := range tracked(t) {
		if out, err := matcher.MatchesOrParentMatches(file); err != nil || out || source != "." && source != file {
			must(t, err)
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, file))
		if os.IsNotExist(err) {
			continue // it was removed, and that is not committed yet
		}
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(to, file)), 0o755))
		must(t, os.WriteFile(filepath.Join(to, file), content, 0o644))
		sent++
	}
	if sent == 0 {
		t.Fatalf("COPY %s: nothing of that name is sent: see Dockerfile.dockerignore", source)
	}
}

// Keys, data and history are not sent, wherever they lie.
func TestSecretsAreNotSentToTheBuild(t *testing.T) {
	matcher := ignored(t)
	for file, want := range map[string]bool{
		".git/config": true, "tls.key": true, "consentd-data/store/000001.sst": true, "server/consentd-data/x": true, ".env": true,
		"dist/linux_amd64/consentd": true, "client/typescript/node_modules/x/index.js": true, "server/main_test.go": true,
		"go.mod": false, "server/main.go": false, "policies/lib/clock/clock.rego": false, "client/check.go": false,
	} {
		if got, err := matcher.MatchesOrParentMatches(file); err != nil || got != want {
			t.Errorf("%s: left out = %v, %v; want %v", file, got, err, want)
		}
	}
}
