package acts

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// TestDenialsDoNotFillTheDisk: of each caller some are written, and the rest is counted; none hides another's.
func TestDenialsDoNotFillTheDisk(t *testing.T) {
	now := noon
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	l := mustOpen(t, Config{File: path, Now: func() time.Time { return now }})
	denied := func(by consent.Identity) {
		l.mustWrite(t, Act{Method: "GetSubject", By: by, Denied: true, Outcome: "PERMISSION_DENIED"})
	}
	for range 1000 {
		denied(portal)
	}
	quiet := consent.Identity{Kind: "key", ID: "quiet"}
	denied(quiet)
	now = now.Add(deniedWindow)
	l.mustWrite(t, explained("s")) // the window is over: its denials are summed up
	for range deniedLines + 5 {
		denied(portal)
	}
	mustClose(t, l)
	r := verified(t, path)
	if want := deniedLines + 1 + 1 + 1 + deniedLines + 1; r.Lines != want || r.Denied != 990+5 {
		t.Errorf("%d lines, want %d; %d more denied, want 995", r.Lines, want, r.Denied)
	}
	if s := l.Stats(); s.Suppressed != 995 {
		t.Errorf("suppressed %d", s.Suppressed)
	}
	byCaller := map[string]int{}
	for _, l := range read(t, path) {
		if !l.Authorized && l.Denied == 0 {
			byCaller[l.Caller.ID]++
		}
	}
	if diff := cmp.Diff(map[string]int{"portal": 2 * deniedLines, "quiet": 1}, byCaller); diff != "" {
		t.Errorf("denials (-want +got):\n%s", diff)
	}
}

func TestDenialsOfManyCallersAreBounded(t *testing.T) {
	d, written := denials{counts: map[consent.Identity]*denied{}}, 0
	for i := range 100_000 {
		if d.admit(consent.Identity{Kind: "token", ID: fmt.Sprint(i)}, noon) {
			written++
		}
	}
	if written > deniedCallers+deniedLines || len(d.counts) > deniedCallers+1 {
		t.Errorf("%d lines, %d callers kept", written, len(d.counts))
	}
}
