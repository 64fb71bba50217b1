package version

import (
	"runtime"
	"strings"
	"testing"
)

func TestLineOfARelease(t *testing.T) {
	t.Cleanup(func() { version, commit, date = "", "", "" })
	version, commit, date = "v1.2.3", "0a7b212", "2026-11-30T09:58:11Z"
	want := "consentd v1.2.3, commit 0a7b212 of 2026-11-30T09:58:11Z, " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
	if got := Line("consentd"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A test's binary has no stamps: what is not known is said to be.
func TestLineOfAnUnknownBuild(t *testing.T) {
	if got := Line("consentd"); !strings.HasPrefix(got, "consentd (devel), commit unknown of unknown, go1.") {
		t.Errorf("got %s", got)
	}
}
