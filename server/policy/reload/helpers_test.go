package reload_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/source"
)

// acme is a set of one controller whose purpose has this clause; edits replace or add files.
func acme(t testing.TB, clause string, edits ...consent.PolicyFile) *source.Files {
	t.Helper()
	list := []consent.PolicyFile{
		{Path: "controllers/acme/data.yaml", Content: fmt.Appendf(nil,
			"notice: {version: 1, material: 1}\npurposes:\n  storage: {basis: CONTRACT, clause: %q}\n", clause)},
		{Path: "controllers/acme/acme.rego", Content: []byte(rego)},
	}
	for _, e := range edits {
		replaced := false
		for i := range list {
			if list[i].Path == e.Path {
				list[i], replaced = e, true
			}
		}
		if !replaced {
			list = append(list, e)
		}
	}
	files, err := source.NewFiles(list)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const rego = `package consentd.controllers.acme

decision := {
	"decision": "ALLOW", "reasons": [{"code": "BASIS_HOLDS", "clause": data.controllers.acme.purposes.storage.clause}],
	"legal_basis": "CONTRACT", "obligations": [], "permitted_data_categories": [],
}
`

// bad does not load, at controllers/acme/acme.rego:4.
func bad(t testing.TB) *source.Files {
	return acme(t, "bad", consent.PolicyFile{Path: "controllers/acme/acme.rego",
		Content: []byte("package consentd.controllers.acme\n\nx := 1\ny := nope(1)\n")})
}

// scripted is a source that has what a test gives it.
type scripted struct {
	name    string
	changed chan struct{}
	mu      sync.Mutex
	files   *source.Files
	err     error
	closed  bool
}

func newScripted(files *source.Files) *scripted {
	return &scripted{name: "the test", changed: make(chan struct{}), files: files}
}

func (s *scripted) Name() string { return s.name }

func (s *scripted) Read(context.Context) (*source.Files, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files, s.err
}

func (s *scripted) Next(ctx context.Context) error {
	select {
	case <-s.changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *scripted) Close() error {
	s.closed = true
	return nil
}

// bench is a manager under test.
type bench struct {
	*reload.Manager
	source   *scripted
	active   *policy.Active
	loader   *policy.Loader
	log      *lockedBuffer
	observed chan consent.PolicyStatus
}

// give has the source have something else, and returns what the manager made of it.
func (b *bench) give(files *source.Files, err error) consent.PolicyStatus {
	b.source.mu.Lock()
	b.source.files, b.source.err = files, err
	b.source.mu.Unlock()
	b.source.changed <- struct{}{}
	return <-b.observed
}

// clause is what the policies in force answer.
func (b *bench) clause(t testing.TB) string {
	t.Helper()
	d := decide(b.active.Current())
	if d.Effect != consent.Allow {
		t.Fatalf("the policies in force answer %+v", d)
	}
	return d.Reasons[0].Clause
}

func decide(set *policy.Set) consent.Decision {
	return set.Decide(context.Background(),
		&consent.Request{Subject: consent.Subject{Controller: "acme", ID: "s"}, Purpose: "storage"},
		&consent.Snapshot{State: &consent.State{}}, 1)
}

// newBench makes a manager over s; nil: over embedded policies whose clause is embedded.
func newBench(t testing.TB, s *scripted, change func(*reload.Config)) *bench {
	t.Helper()
	b := &bench{source: s, active: &policy.Active{}, log: &lockedBuffer{}, observed: make(chan consent.PolicyStatus, 1)}
	b.loader = policy.NewLoader(policy.Options{ShadowRate: -1})
	c := reload.Config{
		Loader: b.loader, Active: b.active, Embedded: acme(t, "embedded").FS(), Dir: t.TempDir() + "/policies",
		Now: func() consent.Instant { return 7 }, Logger: slog.New(slog.NewTextHandler(b.log, nil)),
		Observe: func(s consent.PolicyStatus) { b.observed <- s },
	}
	if s != nil {
		c.Source = s
	}
	if change != nil {
		change(&c)
	}
	b.Manager = reload.New(c)
	return b
}

// start starts the manager and has it follow its source until the test ends.
func (b *bench) start(t testing.TB) {
	t.Helper()
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-b.observed
	b.Watch()
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// candidate asks for files to be activated.
func candidate(files *source.Files, expected string) consent.Candidate {
	return consent.Candidate{Files: files.List(), Expected: expected}
}

// in keeps copies in dir.
func in(dir string) func(*reload.Config) {
	return func(c *reload.Config) { c.Dir = dir }
}

// admitting asks f before a set is put in force.
func admitting(f func(context.Context, fs.FS) error) func(*reload.Config) {
	return func(c *reload.Config) {
		c.Admit = func(ctx context.Context, files fs.FS, _ *policy.Set) error { return f(ctx, files) }
	}
}

// lockedBuffer is a log that a test may read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
