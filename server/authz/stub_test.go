package authz_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

const now = consent.Instant(1_700_000_000_000_000_000)

// read is a call of stubStates.Snapshot.
type read struct {
	Subject   consent.Subject
	Freshness consent.Freshness
}

// stubStates answers each read by the next of its snapshots, the last one for ever.
type stubStates struct {
	applied   consent.Revision
	snapshots []consent.Snapshot
	err       error
	// during, if set, runs within each read.
	during func()
	reads  []read
	// newest is the revision of the store's newest change, asked are those whose mark was asked for.
	newest consent.Revision
	asked  []consent.Revision
}

// stubMarks are marks in memory.
type stubMarks map[consent.Revision]consent.HistoryMark

func (m stubMarks) Get(r consent.Revision) (consent.HistoryMark, bool) {
	mark, ok := m[r]
	return mark, ok
}

func (s *stubStates) Applied() consent.Revision { return s.applied }

// Mark is ten times the revision, and of those above the newest none.
func (s *stubStates) Mark(_ context.Context, r consent.Revision) (consent.HistoryMark, bool, error) {
	s.asked = append(s.asked, r)
	return consent.HistoryMark(10 * r), r <= s.newest, s.err
}

func (s *stubStates) Snapshot(_ context.Context, subject consent.Subject, f consent.Freshness) (consent.Snapshot, error) {
	s.reads = append(s.reads, read{subject, f})
	if s.during != nil {
		s.during()
	}
	if s.err != nil {
		return consent.Snapshot{}, s.err
	}
	return s.snapshots[min(len(s.reads), len(s.snapshots))-1], nil
}

// stubPolicies declares purposes for the controller "example" and decides by a function.
type stubPolicies struct {
	revision string
	purposes []string
	// degraded is what purposes declare for when states cannot be read.
	degraded map[string]consent.Degraded
	decide   func(*consent.Request, *consent.Snapshot, consent.Instant) consent.Decision
}

func (p *stubPolicies) Revision() string { return p.revision }

func (p *stubPolicies) Purposes(controller string) ([]string, error) {
	if controller != "example" {
		return nil, consent.ErrUnknownController
	}
	return p.purposes, nil
}

func (p *stubPolicies) Declared(controller, purpose string) (consent.Purpose, bool) {
	degraded, ok := p.degraded[purpose]
	return consent.Purpose{Name: purpose, Clause: "§" + purpose, Degraded: degraded}, ok && controller == "example"
}

func (p *stubPolicies) Decide(_ context.Context, r *consent.Request, s *consent.Snapshot, at consent.Instant) consent.Decision {
	return p.decide(r, s, at)
}

var holds = []consent.Reason{{Code: consent.BasisHolds, Clause: "4.1"}}

// allowAll allows what is asked.
func allowAll(r *consent.Request, _ *consent.Snapshot, _ consent.Instant) consent.Decision {
	return consent.Decision{
		Effect: consent.Allow, Reasons: holds, Basis: consent.BasisContract, PermittedDataCategories: r.DataCategories,
	}
}

// fixture is an authorizer over stubs.
type fixture struct {
	*authz.Authorizer
	states   *stubStates
	policies *stubPolicies
	config   authz.Config
	// log is what was logged.
	log *records
}

// newFixture returns an authorizer of a store with 5 changes that allows everything.
func newFixture(t testing.TB, change func(*authz.Config)) *fixture {
	t.Helper()
	f := &fixture{
		states:   &stubStates{applied: 5, newest: 5, snapshots: []consent.Snapshot{{State: &consent.State{}, Changed: 2, AsOf: 5}}},
		policies: &stubPolicies{revision: "p1", purposes: []string{"a", "b", "c"}, decide: allowAll},
		log:      &records{},
	}
	f.config = authz.Config{
		States: f.states, Policies: func() authz.Policies { return f.policies }, StoreID: [16]byte{1, 2, 3},
		Now: func() consent.Instant { return now }, Log: slog.New(f.log),
	}
	if change != nil {
		change(&f.config)
	}
	var err error
	if f.Authorizer, err = authz.New(f.config); err != nil {
		t.Fatal(err)
	}
	return f
}

func request(id, purpose string, categories ...string) consent.Request {
	return consent.Request{
		Subject: consent.Subject{Controller: "example", ID: id}, Purpose: purpose, DataCategories: categories,
	}
}

// records keeps log records.
type records struct{ all []slog.Record }

func (r *records) Enabled(context.Context, slog.Level) bool { return true }

func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.all = append(r.all, record)
	return nil
}

func (r *records) WithAttrs([]slog.Attr) slog.Handler { return r }

func (r *records) WithGroup(string) slog.Handler { return r }

// subjects lists whose states were read, in order.
func (s *stubStates) subjects() (ids []string) {
	for _, r := range s.reads {
		ids = append(ids, r.Subject.ID)
	}
	return slices.Clip(ids)
}

// tokenOf is the token of a revision.
func tokenOf(a interface {
	AppendToken([]byte, consent.Revision) []byte
}, r consent.Revision) string {
	return string(a.AppendToken(nil, r))
}
