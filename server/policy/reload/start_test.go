package reload_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/consent"
)

// run starts a manager over s with copies in dir, and closes it.
func run(t *testing.T, s *scripted, dir string) {
	t.Helper()
	b := newBench(t, s, in(dir))
	b.start(t)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFirstStartWithABadSourceFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	for name, s := range map[string]*scripted{"bad": newScripted(bad(t)), "gone": {name: "x", err: errors.New("gone")}} {
		b := newBench(t, s, in(dir))
		err := b.Start(context.Background())
		if err == nil {
			t.Fatalf("%s: started", name)
		}
		want := []string{"--policies", "no last good copy", s.name}
		if s.err == nil {
			want = append(want, "controllers/acme/acme.rego:4")
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error does not say %q: %v", name, w, err)
			}
		}
		if b.active.Current() != nil {
			t.Errorf("%s: something is in force", name)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a failed start left files")
	}
}

func TestARestartWithABadSourceStartsFromTheCopy(t *testing.T) {
	for name, s := range map[string]*scripted{
		"bad": newScripted(bad(t)), "gone": {name: "the test", err: errors.New("gone"), changed: make(chan struct{})},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "policies")
			run(t, newScripted(acme(t, "good")), dir)
			b := newBench(t, s, in(dir))
			b.start(t)
			status := b.Status()
			if b.clause(t) != "good" || !status.LastGood || len(status.Faults) == 0 {
				t.Errorf("in force %q, status %+v", b.clause(t), status)
			}
			if !strings.Contains(b.log.String(), "last good copy") {
				t.Errorf("the log does not say so:\n%s", b.log)
			}
			if status = b.give(acme(t, "good"), nil); status.LastGood || len(status.Faults) > 0 {
				t.Errorf("the source is back, status %+v", status)
			}
			if b.give(acme(t, "new"), nil); b.clause(t) != "new" {
				t.Errorf("in force %q, want what the source has", b.clause(t))
			}
		})
	}
}

// A copy follows every change, so that a restart never falls back by more than what failed.
func TestTheCopyIsTheLastSetInForce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	b := newBench(t, newScripted(acme(t, "1")), in(dir))
	b.start(t)
	b.give(acme(t, "2"), nil)
	b.give(bad(t), nil)
	again := newBench(t, newScripted(bad(t)), in(dir))
	again.start(t)
	if got := again.clause(t); got != "2" {
		t.Errorf("the copy is %q", got)
	}
}

func TestCopiesRefused(t *testing.T) {
	for name, row := range map[string]struct {
		harm func(t *testing.T, file string)
		says string
	}{
		"a byte changed": {func(t *testing.T, file string) { change(t, file, []byte("CONTRACT"), []byte("CONTRACU")) }, "damaged"},
		"half of it":     {func(t *testing.T, file string) { truncate(t, file) }, "damaged"},
		"empty":          {func(t *testing.T, file string) { rewrite(t, file, nil) }, "damaged"},
		"another origin in it": {func(t *testing.T, file string) { change(t, file, []byte(`"the test"`), []byte(`"the best"`)) },
			"damaged"},
		"a newer format": {func(t *testing.T, file string) {
			change(t, file, []byte(`"consentd_policies":1`), []byte(`"consentd_policies":2`))
		}, "newer format"},
		"another source": {func(t *testing.T, file string) {
			other := newScripted(acme(t, "good"))
			other.name = "elsewhere"
			run(t, other, filepath.Dir(file))
		}, "another source, elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "policies")
			run(t, newScripted(acme(t, "good")), dir)
			row.harm(t, filepath.Join(dir, "last-good.zip"))
			b := newBench(t, newScripted(bad(t)), in(dir))
			err := b.Start(context.Background())
			if err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "acme.rego:4") {
				t.Errorf("Start: %v, want both faults, and %q", err, row.says)
			}
		})
	}
}

// With a good source the copy is not looked at, and mended.
func TestADamagedCopyIsReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	run(t, newScripted(acme(t, "1")), dir)
	truncate(t, filepath.Join(dir, "last-good.zip"))
	run(t, newScripted(acme(t, "2")), dir)
	b := newBench(t, newScripted(bad(t)), in(dir))
	b.start(t)
	if got := b.clause(t); got != "2" {
		t.Errorf("in force %q", got)
	}
}

// A copy that cannot be written is logged and counted; the policies are in force all the same.
func TestACopyThatCannotBeKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	rewrite(t, file, nil)
	b := newBench(t, newScripted(acme(t, "1")), in(filepath.Join(file, "policies")))
	b.start(t)
	b.give(acme(t, "2"), nil)
	if got := b.clause(t); got != "2" || b.Counts().Unkept != 2 || !strings.Contains(b.log.String(), "could not be kept") {
		t.Errorf("in force %q, counts %+v, log:\n%s", got, b.Counts(), b.log)
	}
}

func TestActivation(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	b := newBench(t, nil, in(dir))
	b.start(t)
	embedded := b.active.Current().Revision()
	if got := b.clause(t); got != "embedded" || b.Status().Source != "the binary" {
		t.Fatalf("started with %q of %q", got, b.Status().Source)
	}
	ctx := context.Background()
	var faults *consent.PolicyFaultsError
	if _, err := b.Activate(ctx, candidate(bad(t), "")); !errors.As(err, &faults) ||
		faults.Faults[0].Place() != "controllers/acme/acme.rego:4" {
		t.Errorf("a bad set: %v", err)
	}
	escaping := []consent.PolicyFile{{Path: "../x.rego", Content: []byte("package x")}}
	if _, err := b.Activate(ctx, consent.Candidate{Files: escaping}); !errors.As(err, &faults) ||
		!strings.Contains(err.Error(), "../x.rego") {
		t.Errorf("a path that leaves: %v", err)
	}
	if _, err := b.Activate(ctx, candidate(acme(t, "1"), "something else")); !errors.Is(err, consent.ErrPolicyRevision) {
		t.Errorf("another revision expected: %v", err)
	}
	if got := b.clause(t); got != "embedded" {
		t.Fatalf("what was refused changed the policies: %q", got)
	}
	done, err := b.Activate(ctx, candidate(acme(t, "1"), embedded))
	if err != nil || done.Previous != embedded || done.Revision != b.active.Current().Revision() || done.At != 7 {
		t.Fatalf("Activate = %+v, %v", done, err)
	}
	<-b.observed
	if repeated, err := b.Activate(ctx, candidate(acme(t, "1"), embedded)); err != nil || repeated != done {
		t.Errorf("repeated: %+v, %v, want %+v", repeated, err, done)
	}
	if _, err := b.Activate(ctx, candidate(acme(t, "1"), "something else")); !errors.Is(err, consent.ErrPolicyRevision) {
		t.Errorf("repeated with another revision expected: %v", err)
	}
	again := newBench(t, nil, in(dir))
	again.start(t)
	if got := again.clause(t); got != "1" || again.Status().Source != "ActivatePolicy" ||
		!strings.Contains(again.log.String(), "activated") {
		t.Errorf("restarted with %q of %q, log:\n%s", got, again.Status().Source, again.log)
	}
	truncate(t, filepath.Join(dir, "activated.zip"))
	if err := newBench(t, nil, in(dir)).Start(ctx); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged copy: %v, want it refused: the binary's policies may allow more", err)
	}
}

// What cannot be kept is not activated: it would be gone after a restart.
func TestActivationThatCannotBeKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	rewrite(t, file, nil)
	b := newBench(t, nil, in(filepath.Join(file, "policies")))
	b.start(t)
	if _, err := b.Activate(context.Background(), candidate(acme(t, "1"), "")); err == nil || b.clause(t) != "embedded" {
		t.Errorf("Activate: %v, in force %q", err, b.clause(t))
	}
}

func TestNoActivationBesideASource(t *testing.T) {
	b := newBench(t, newScripted(acme(t, "1")), nil)
	b.start(t)
	var source *consent.PolicySourceError
	_, err := b.Activate(context.Background(), candidate(acme(t, "2"), ""))
	if !errors.As(err, &source) || source.Source != "the test" {
		t.Errorf("Activate: %v", err)
	}
}

// What was activated is not lost to a time with a source.
func TestActivatedPoliciesOutlastASource(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policies")
	b := newBench(t, nil, in(dir))
	b.start(t)
	if _, err := b.Activate(context.Background(), candidate(acme(t, "activated"), "")); err != nil {
		t.Fatal(err)
	}
	<-b.observed
	run(t, newScripted(acme(t, "source")), dir)
	again := newBench(t, nil, in(dir))
	again.start(t)
	if got := again.clause(t); got != "activated" {
		t.Errorf("in force %q", got)
	}
}

func rewrite(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func change(t *testing.T, file string, from, to []byte) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(content, from) {
		t.Fatalf("%s has no %q", file, from)
	}
	rewrite(t, file, bytes.Replace(content, from, to, 1))
}

func truncate(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, file, content[:len(content)/2])
}
