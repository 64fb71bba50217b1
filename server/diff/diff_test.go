package diff_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/diff"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store/storetest"
)

// memory is a store of a few subjects.
type memory struct {
	ledgers map[consent.Subject][]consent.Entry
	order   []consent.Subject
	// hook runs before each subject that a scan shows.
	hook func()
}

const now = consent.Instant(1_767_225_660_000_000_000) // a minute after storetest.Epoch

func (m *memory) Scan(_ context.Context, _ string, f func(consent.Subject, consent.Snapshot) error) error {
	for _, s := range m.order {
		if m.hook != nil {
			m.hook()
		}
		if err := f(s, explain.StateAsOf(m.ledgers[s], explain.Past{At: now, KnownAt: now})); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Events(_ context.Context, s consent.Subject, _ consent.Page) (consent.Entries, error) {
	return consent.Entries{Entries: m.ledgers[s]}, nil
}

// populated is a store of random subjects of two controllers, and of one that no policy declares.
func populated(n int) *memory {
	m := &memory{ledgers: map[consent.Subject][]consent.Entry{}}
	draw := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		generator := storetest.NewGenerator(uint64(i))
		subject := consent.Subject{Controller: []string{"example", "jsers", "nobody"}[draw.IntN(3)], ID: fmt.Sprintf("s%04d", i)}
		for j, e := range generator.Events(1 + draw.IntN(8)) {
			m.ledgers[subject] = append(m.ledgers[subject], consent.Entry{
				Event:      e,
				RecordedAt: e.OccurredAt,
				Revision:   consent.Revision(j + 1),
			})
		}
		m.order = append(m.order, subject)
	}
	return m
}

// files are the shipped policies of the controllers example and jsers, with some text replaced.
func files(t testing.TB, replace ...string) (list []consent.PolicyFile) {
	t.Helper()
	replacer := strings.NewReplacer(replace...)
	changed := false
	err := fs.WalkDir(policies.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.rego") {
			return err
		}
		rest, ok := strings.CutPrefix(path, "controllers/")
		if ok && !strings.HasPrefix(rest, "example") && !strings.HasPrefix(rest, "jsers") {
			return nil
		}
		content, err := fs.ReadFile(policies.FS, path)
		text := replacer.Replace(string(content))
		changed = changed || text != string(content)
		list = append(list, consent.PolicyFile{Path: path, Content: []byte(text)})
		return err
	})
	if err != nil || changed != (len(replace) > 0) {
		t.Fatalf("policies: changed %v, error %v", changed, err)
	}
	return list
}

func load(t testing.TB, list []consent.PolicyFile) *policy.Set {
	t.Helper()
	tree := fstest.MapFS{}
	for _, f := range list {
		tree[f.Path] = &fstest.MapFile{Data: f.Content}
	}
	set, err := policy.Load(tree, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The edits: an objection and a restriction do not count, and a purpose rests on another basis.
var edits = []string{
	`denials contains [6, "OBJECTED", _objection_rule] if {`,
	`denials contains [6, "OBJECTED", _objection_rule] if {` + "\n\tinput.purpose != \"marketing_email\"",
	`denials contains [3, "RESTRICTED", "GDPR-18"] if {`,
	`denials contains [3, "RESTRICTED", "GDPR-18"] if {` + "\n\tinput.purpose != \"product_analytics\"",
	"product_improvement:\n    basis: LEGITIMATE_INTERESTS", "product_improvement:\n    basis: CONSENT",
}

// kept has one set.
func kept(set *policy.Set) func(context.Context, string) (*policy.Set, error) {
	return func(_ context.Context, revision string) (*policy.Set, error) {
		if set.Revision() != revision {
			return nil, &consent.PolicyNotKeptError{Revision: revision}
		}
		return set, nil
	}
}

func newDiffer(t testing.TB, m *memory, active *policy.Set) *diff.Differ {
	t.Helper()
	d, err := diff.New(diff.Config{
		Active: func() *policy.Set { return active }, Kept: kept(active), Store: m,
		Now: func() consent.Instant { return now }, Workers: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// counted is a difference as a brute-force comparison counts it.
type counted map[string]uint64

func (c counted) add(request *consent.Request, before, after *consent.Decision) {
	text := func(d *consent.Decision) string {
		var codes []string
		for _, r := range d.Reasons {
			if !slices.Contains(codes, r.Code.String()) {
				codes = append(codes, r.Code.String())
			}
		}
		return fmt.Sprint(d.Effect, d.Basis, codes)
	}
	if a, b := text(before), text(after); a != b {
		c[fmt.Sprint(request.Subject.Controller, request.Purpose, request.Recipient.Kind, a, b)]++
	}
}

func countedOf(r diff.Result, over diff.Over) counted {
	c := counted{}
	side := func(s diff.Side) string {
		var codes []string
		for _, code := range s.Codes() {
			codes = append(codes, code.String())
		}
		return fmt.Sprint(s.Effect, s.Basis, codes)
	}
	for _, d := range r.Differences {
		if d.Over == over {
			c[fmt.Sprint(d.Controller, d.Purpose, d.Recipient, side(d.Before), side(d.After))] += d.Count
		}
	}
	return c
}

// TestSubjectsAgreeWithBruteForce compares the counts over all subjects with those of two loops.
func TestSubjectsAgreeWithBruteForce(t *testing.T) {
	m := populated(300)
	candidate := files(t, edits...)
	before, after := load(t, files(t)), load(t, candidate)
	result, err := newDiffer(t, m, before).Compare(t.Context(), diff.Request{Files: candidate, AllSubjects: true, Examples: 3})
	if err != nil {
		t.Fatal(err)
	}
	want, compared := counted{}, uint64(0)
	ask := func(s consent.Subject, purpose string, kind consent.RecipientKind) bool {
		request := &consent.Request{Subject: s, Purpose: purpose, Recipient: consent.Recipient{Kind: kind}}
		snapshot := explain.StateAsOf(m.ledgers[s], explain.Past{At: now, KnownAt: now})
		a, b := before.Decide(t.Context(), request, &snapshot, now), after.Decide(t.Context(), request, &snapshot, now)
		want.add(request, &a, &b)
		compared++
		needs := func(r consent.Reason) bool { return r.Code == consent.RecipientNotPermitted }
		return slices.ContainsFunc(a.Reasons, needs) && slices.ContainsFunc(b.Reasons, needs)
	}
	for _, s := range m.order {
		purposes, _ := before.Purposes(s.Controller)
		for _, purpose := range purposes {
			for kind := consent.RecipientKind(0); kind <= consent.Authority; kind++ {
				if needed := ask(s, purpose, kind); kind == 0 && !needed {
					break
				}
			}
		}
	}
	if diff := cmp.Diff(want, countedOf(result, diff.Subjects)); diff != "" || len(want) < 5 {
		t.Errorf("%d differences (-brute force +got):\n%s", len(want), diff)
	}
	total := result.Totals[0]
	if total.Compared != compared || total.Allowed == 0 || total.Denied == 0 || total.Changed == 0 {
		t.Errorf("totals %+v, compared by hand %d", total, compared)
	}
	for _, d := range result.Differences {
		if len(d.Examples) == 0 || len(d.Examples) > 3 || uint64(len(d.Examples)) > d.Count {
			t.Errorf("examples %v of %d", d.Examples, d.Count)
		}
		if kind := d.Before.Effect != d.After.Effect; kind && len(d.Rules) == 0 {
			t.Errorf("no rule behind %+v", d.Key)
		}
	}
	if result.ActiveRevision != before.Revision() || result.CandidateRevision != after.Revision() {
		t.Errorf("revisions %s, %s", result.ActiveRevision, result.CandidateRevision)
	}
}

func TestSampleIsTheSameEachTime(t *testing.T) {
	m := populated(200)
	differ := newDiffer(t, m, load(t, files(t)))
	candidate := files(t, edits...)
	sample := func() diff.Result {
		result, err := differ.Compare(t.Context(), diff.Request{Files: candidate, Sample: 60, Examples: 100})
		if err != nil {
			t.Fatal(err)
		}
		result.Totals[0].Took = 0
		return result
	}
	first := sample()
	slices.Reverse(m.order)
	if diff := cmp.Diff(first, sample(), cmp.AllowUnexported(diff.Side{})); diff != "" {
		t.Errorf("a second sample differs:\n%s", diff)
	}
	if n := first.Totals[0].Subjects; n == 0 || n >= 60 {
		t.Errorf("%d subjects of declared controllers in a sample of 60", n)
	}
}

// TestStates finds the classes of people that an edit concerns, and the rules.
func TestStates(t *testing.T) {
	differ := newDiffer(t, populated(0), load(t, small(files(t))))
	candidate := small(files(t, edits[:2]...))
	result, err := differ.Compare(t.Context(), diff.Request{Files: candidate, States: true, Examples: 2})
	if err != nil {
		t.Fatal(err)
	}
	total := result.Totals[0]
	if total.Allowed == 0 || total.Denied != 0 || total.Subjects < 1000 {
		t.Errorf("totals %+v: an objection that does not count allows, and denies nothing", total)
	}
	for _, d := range result.Differences {
		if d.Purpose != "marketing_email" || !strings.Contains(d.Examples[0].Description, "object") {
			t.Errorf("difference %+v", d)
		}
		if d.After.Effect == consent.Allow && (len(d.Rules) == 0 || !strings.HasPrefix(d.Rules[0].Title, "Level 6")) {
			t.Errorf("rules %+v", d.Rules)
		}
	}
}

// small leaves the controller example, with two purposes: their states are walked in a second.
func small(list []consent.PolicyFile) []consent.PolicyFile {
	list = slices.DeleteFunc(list, func(f consent.PolicyFile) bool { return strings.HasPrefix(f.Path, "controllers/jsers/") })
	for i := range list {
		if list[i].Path == "controllers/example/data.yaml" {
			list[i].Content = []byte("name: Example\nnotice: {version: 3, material: 2}\nhome_pack: gdpr\npurposes:\n" +
				"  marketing_email: {basis: CONSENT, clause: a}\n  storage: {basis: CONTRACT, clause: b}\n")
		}
	}
	return list
}

// TestDecisions replays a log: on the state as of then, against what was recorded.
func TestDecisions(t *testing.T) {
	m := populated(120)
	before := load(t, files(t))
	candidate := files(t, edits...)
	after := load(t, candidate)
	var log []diff.Recorded
	want := counted{}
	for i, s := range m.order {
		if s.Controller == "nobody" {
			continue
		}
		at := consent.InstantOf(storetest.Epoch) + consent.Instant(i%8)*1e9
		request := consent.Request{Subject: s, Purpose: []string{"marketing_email", "storage", "product_improvement"}[i%3]}
		snapshot := explain.StateAsOf(m.ledgers[s], explain.Past{At: at, KnownAt: at})
		a, b := before.Decide(t.Context(), &request, &snapshot, at), after.Decide(t.Context(), &request, &snapshot, at)
		a.Basis, b.Basis = 0, 0
		want.add(&request, &a, &b)
		recorded := diff.Recorded{Request: request, At: at, Effect: a.Effect}
		for _, r := range a.Reasons {
			recorded.Codes = append(recorded.Codes, r.Code)
		}
		log = append(log, recorded)
	}
	result, err := newDiffer(t, m, before).Compare(t.Context(), diff.Request{Files: candidate, Decisions: log, Examples: 1})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, countedOf(result, diff.Decisions)); diff != "" || len(want) < 2 {
		t.Errorf("%d differences (-by hand +got):\n%s", len(want), diff)
	}
	if total := result.Totals[0]; total.NotReproduced != 0 || total.Compared != uint64(len(log)) {
		t.Errorf("totals %+v of %d", total, len(log))
	}
	log[0].Effect = 3 - log[0].Effect
	if result, err = newDiffer(t, m, before).Compare(t.Context(), diff.Request{Files: candidate, Decisions: log[:1]}); err != nil {
		t.Fatal(err)
	}
	if n := result.Totals[0].NotReproduced; n != 1 {
		t.Errorf("%d decisions were not reproduced, want the forged one", n)
	}
}

func TestOneAtATimeAndCancelled(t *testing.T) {
	m := populated(500)
	differ := newDiffer(t, m, load(t, files(t)))
	request := diff.Request{Files: files(t, edits...), AllSubjects: true}
	scanning, ctx, cancel := make(chan struct{}), context.Context(nil), context.CancelFunc(nil)
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	shown := 0
	m.hook = func() {
		if shown++; shown == 100 {
			close(scanning)
			<-ctx.Done()
		}
	}
	done := make(chan error)
	go func() {
		_, err := differ.Compare(ctx, request)
		done <- err
	}()
	<-scanning
	if _, err := differ.Compare(t.Context(), request); !errors.Is(err, consent.ErrBusy) {
		t.Errorf("a second comparison: got %v, want ErrBusy", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled comparison: got %v", err)
	}
	m.hook = nil
	if _, err := differ.Compare(t.Context(), diff.Request{Files: request.Files, Sample: 3}); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestCandidatesThatDoNotLoad(t *testing.T) {
	differ := newDiffer(t, populated(3), load(t, files(t)))
	broken := files(t)
	for i := range broken {
		if broken[i].Path == "controllers/example/example.rego" {
			broken[i].Content = append(broken[i].Content, "\nx := if\n"...)
		}
	}
	_, err := differ.Compare(t.Context(), diff.Request{Files: broken, AllSubjects: true})
	var faults *consent.PolicyFaultsError
	if !errors.As(err, &faults) || len(faults.Faults) == 0 || faults.Faults[0].File != "controllers/example/example.rego" {
		t.Errorf("got %v", err)
	}
}
