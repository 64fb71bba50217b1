package reload_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/source"
)

func TestAChangeIsPutInForce(t *testing.T) {
	b := newBench(t, newScripted(acme(t, "1")), nil)
	b.start(t)
	if got := b.clause(t); got != "1" {
		t.Errorf("started with %q", got)
	}
	status := b.give(acme(t, "2"), nil)
	if got := b.clause(t); got != "2" {
		t.Errorf("the change is not in force: %q", got)
	}
	want := consent.PolicyStatus{Source: "the test", AttemptedAt: 7, SucceededAt: 7}
	if diff := cmp.Diff(want, status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	if log := b.log.String(); strings.Count(log, "policies activated") != 1 || !strings.Contains(log, b.active.Current().Revision()) {
		t.Errorf("log:\n%s", log)
	}
}

func TestAFailureKeepsTheLastGood(t *testing.T) {
	place := []consent.PolicyFault{{File: "x.rego", Line: 3, Message: "allows who withdrew"}}
	b := newBench(t, newScripted(acme(t, "good")), admitting(func(_ context.Context, files fs.FS) error {
		switch content, _ := fs.ReadFile(files, "controllers/acme/data.yaml"); {
		case strings.Contains(string(content), "unproven"):
			return &consent.PolicyFaultsError{Faults: place}
		case strings.Contains(string(content), "panicking"):
			panic("oh")
		}
		return nil
	}))
	b.start(t)
	for i, row := range []struct {
		name     string
		files    *source.Files
		err      error
		file     string
		line     int
		says     string
		revision bool
	}{
		{name: "a fault", files: bad(t), file: "controllers/acme/acme.rego", line: 4, says: "nope"},
		{name: "not admitted", files: acme(t, "unproven"), file: "x.rego", line: 3, says: "withdrew", revision: true},
		{name: "a panic", files: acme(t, "panicking"), says: "panicked: oh", revision: true},
		{name: "unreadable", err: errors.New("did not send the bundle"), says: "did not send"},
	} {
		status := b.give(row.files, row.err)
		if got := b.clause(t); got != "good" {
			t.Errorf("%s: the last good set is gone: %q", row.name, got)
		}
		if len(status.Faults) == 0 || status.Faults[0].File != row.file || status.Faults[0].Line != row.line ||
			!strings.Contains(status.Faults[0].Message, row.says) {
			t.Errorf("%s: faults %q, want one in %s:%d that says %q", row.name, status.Faults, row.file, row.line, row.says)
		}
		if status.Failures != i+1 || (status.RefusedRevision != "") != row.revision || status.LastGood {
			t.Errorf("%s: status %+v", row.name, status)
		}
		if !strings.Contains(b.log.String(), row.says) {
			t.Errorf("%s: the log does not say %q:\n%s", row.name, row.says, b.log)
		}
	}
	status := b.give(acme(t, "good"), nil)
	if len(status.Faults) != 0 || status.Failures != 0 || b.clause(t) != "good" {
		t.Errorf("after the mend: %+v", status)
	}
	want := reload.Counts{Activated: 1, Unchanged: 1, Refused: 3, Unreadable: 1}
	if diff := cmp.Diff(want, b.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// A source that stays as it is, or stays broken, is not logged at every look.
func TestWhatStaysAsItIsIsNotLoggedAgain(t *testing.T) {
	b := newBench(t, newScripted(acme(t, "1")), nil)
	b.start(t)
	lines := func() int { return strings.Count(b.log.String(), "\n") }
	before := lines()
	for range 3 {
		b.give(acme(t, "1"), nil)
		b.give(nil, source.ErrUnchanged)
	}
	if lines() != before {
		t.Errorf("unchanged, and logged:\n%s", b.log)
	}
	for range 3 {
		b.give(bad(t), nil)
	}
	if status := b.give(nil, source.ErrUnchanged); len(status.Faults) == 0 || status.Failures != 1 {
		t.Errorf("a refused set became good by staying: %+v", status)
	}
	for range 3 {
		b.give(nil, errors.New("gone"))
	}
	if lines() != before+2 {
		t.Errorf("%d lines for two failures:\n%s", lines()-before, b.log)
	}
	if status := b.give(bad(t), nil); status.Faults[0].Line != 4 {
		t.Errorf("back, and still bad: %+v", status)
	}
}

// Files that are no part of the set, its tests, are admitted and kept without a new revision.
func TestTestsAloneChangeNoRevision(t *testing.T) {
	b := newBench(t, newScripted(acme(t, "1")), nil)
	b.start(t)
	before := b.active.Describe()
	b.give(acme(t, "1", consent.PolicyFile{Path: "a_test.rego", Content: []byte("package a_test\n")}), nil)
	if after := b.active.Describe(); after.Revision != before.Revision {
		t.Errorf("revision %s became %s", before.Revision, after.Revision)
	}
}

// Close ends an admission under way and waits for it.
func TestCloseEndsAnAttempt(t *testing.T) {
	began, ended := make(chan struct{}, 1), false
	s := newScripted(acme(t, "1"))
	first := true
	b := newBench(t, s, admitting(func(ctx context.Context, _ fs.FS) error {
		if first {
			first = false
			return nil
		}
		began <- struct{}{}
		<-ctx.Done()
		ended = true
		return ctx.Err()
	}))
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-b.observed
	b.Watch()
	s.files = acme(t, "2")
	s.changed <- struct{}{}
	<-began
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if !ended || !s.closed || b.clause(t) != "1" {
		t.Errorf("ended %v, source closed %v, in force %q", ended, s.closed, b.clause(t))
	}
}
