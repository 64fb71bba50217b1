package explain_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
	"github.com/consentd/consentd/server/policy"
)

// memory is a ledger and the states that it adds up to, of one subject.
type memory struct{ entries []consent.Entry }

func (m *memory) Snapshot(context.Context, consent.Subject, consent.Freshness) (consent.Snapshot, error) {
	return explain.StateAsOf(m.entries, explain.Past{At: 1 << 62, KnownAt: 1 << 62}), nil
}

func (m *memory) Applied() consent.Revision { return consent.Revision(len(m.entries)) }

// Events pages as small as can be.
func (m *memory) Mark(context.Context, consent.Revision) (consent.HistoryMark, bool, error) {
	return 0, false, nil
}

func (m *memory) Events(_ context.Context, subject consent.Subject, page consent.Page) (consent.Entries, error) {
	from := len(page.After)
	to := min(from+3, len(m.entries))
	found := consent.Entries{Entries: slices.Clone(m.entries[from:to])}
	for i := range found.Entries {
		found.Entries[i].SubjectID = subject.ID
	}
	if to < len(m.entries) {
		found.Next = strings.Repeat("x", to)
	}
	return found, nil
}

// record puts events into the ledger, each a change of its own.
func (m *memory) record(at consent.Instant, events ...consent.Event) {
	for _, e := range events {
		m.entries = append(m.entries, consent.Entry{Event: e, RecordedAt: at, Revision: consent.Revision(len(m.entries) + 1)})
	}
}

// world is an explainer over a memory.
type world struct {
	*memory
	authorizer *authz.Authorizer
	explainer  *explain.Explainer
}

func newWorld(t testing.TB, set *policy.Set, now consent.Instant) *world {
	t.Helper()
	w, err := worldAt(set, now)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func worldAt(set *policy.Set, now consent.Instant) (w *world, err error) {
	w = &world{memory: &memory{}}
	w.authorizer, err = authz.New(authz.Config{
		States: w.memory, Policies: func() authz.Policies { return set }, Now: func() consent.Instant { return now },
	})
	if err != nil {
		return nil, err
	}
	w.explainer, err = explain.New(w.config(set))
	return w, err
}

func (w *world) config(set *policy.Set) explain.Config {
	return explain.Config{
		Authorizer: w.authorizer, Ledger: w.memory, Active: func() *policy.Set { return set }, History: noHistory{}, AtOnce: 8,
	}
}

// noHistory keeps no sets.
type noHistory struct{}

func (noHistory) At(_ context.Context, at consent.Instant) (consent.PolicySpan, error) {
	return consent.PolicySpan{}, &consent.PolicyNotKeptError{At: at, Why: "there is no history"}
}

func (noHistory) Set(_ context.Context, revision string) (*policy.Set, error) {
	return nil, &consent.PolicyNotKeptError{Revision: revision}
}

func shipped(t testing.TB) *policy.Set {
	t.Helper()
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestCorpus explains every case of the corpus. What is explained is what Check decides, each reason has a rule behind
// it, each fact an event, and each change that is told does what is said of it: the answer flips.
func TestCorpus(t *testing.T) {
	set := shipped(t)
	all, err := cases.Load("../cases/testdata")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for i, c := range all {
		if c.Expect.Error != "" || (explain.RaceEnabled || testing.Short()) && i%20 != 0 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, set, consent.InstantOf(start))
			events, err := cases.DomainEvents(c.Events, "e", start)
			if err != nil {
				t.Fatal(err)
			}
			w.record(consent.InstantOf(start), events...)
			request, err := c.Request(consent.Subject{Controller: c.Controller, ID: "subject"})
			if err != nil {
				t.Fatal(err)
			}
			checkStory(t, w, &request)
		})
	}
}

func checkStory(t *testing.T, w *world, request *consent.Request) {
	t.Helper()
	checked, err := w.authorizer.Check(t.Context(), request, authz.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	story, err := w.explainer.Explain(t.Context(), explain.Question{Request: request})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(checked, story.Decision, cmpopts.IgnoreFields(consent.Decision{}, "ID")); diff != "" {
		t.Errorf("decision (-checked +explained):\n%s", diff)
	}
	for _, r := range checked.Reasons {
		byTable := []consent.ReasonCode{
			consent.BasisHolds, consent.PurposeNotDeclared, consent.PurposeProhibited, consent.SubjectUnknown,
			// These come of a table alone: allow-lists, and kinds of recipients.
			consent.RecipientNotPermitted, consent.DataCategoryUnspecified, consent.DataCategoryNotPermitted,
			consent.SensitiveDataNotPermitted,
		}
		ruled := slices.ContainsFunc(story.Rules, func(f explain.Fired) bool { return slices.Contains(f.Reasons, r) })
		if !ruled && !slices.Contains(byTable, r.Code) {
			t.Errorf("no rule is told that gives %v", r)
		}
	}
	for _, f := range story.Facts {
		if len(f.Events) == 0 || f.Text == "" {
			t.Errorf("fact without an event or a text: %+v", f)
		}
	}
	for _, c := range story.Changes {
		if c.Then.Effect == checked.Effect || len(c.Texts) == 0 {
			t.Errorf("change that changes nothing: %+v", c)
		}
	}
	if (story.Until == nil) != (checked.ValidUntil == 0) {
		t.Errorf("valid until %v is told as %+v", checked.ValidUntil, story.Until)
	}
}

// contrary is an authorizer of another opinion than the policies.
type contrary struct{ *authz.Authorizer }

func (c contrary) Answer(ctx context.Context, r *consent.Request, q authz.Consistency) (authz.Answer, error) {
	answer, err := c.Authorizer.Answer(ctx, r, q)
	answer.Decision.Effect = consent.Allow
	return answer, err
}

// TestNoStoryOnDisagreement: a decision that topdown does not make is not explained away.
func TestNoStoryOnDisagreement(t *testing.T) {
	set := shipped(t)
	w := newWorld(t, set, 1)
	config := w.config(set)
	config.Authorizer = contrary{w.authorizer}
	x, err := explain.New(config)
	if err != nil {
		t.Fatal(err)
	}
	request := &consent.Request{Subject: consent.Subject{Controller: "example", ID: "u"}, Purpose: "storage"}
	if _, err := x.Explain(t.Context(), explain.Question{Request: request}); err == nil ||
		!strings.Contains(err.Error(), "topdown decides DENY") {
		t.Errorf("got error %v", err)
	}
	request.Subject.Controller = "nobody"
	if _, err := w.explainer.Explain(t.Context(), explain.Question{Request: request}); !errors.Is(err, consent.ErrUnknownController) {
		t.Errorf("an unknown controller: got error %v", err)
	}
}

// TestPolicyError: the story of a policy that fails says what failed, and makes up no remedy.
func TestPolicyError(t *testing.T) {
	set, err := policy.Load(fstest.MapFS{
		"controllers/acme/data.yaml": {Data: []byte(`name: Acme
notice: {version: 1, material: 1}
purposes:
  p: {basis: CONTRACT, clause: "1"}
`)},
		"controllers/acme/acme.rego": {Data: []byte(`package consentd.controllers.acme

decision := {} if to_number(input.purpose) > 1
`)},
	}, policy.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	request := &consent.Request{Subject: consent.Subject{Controller: "acme", ID: "u"}, Purpose: "p"}
	story, err := newWorld(t, set, 1).explainer.Explain(t.Context(), explain.Question{Request: request, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	if story.Decision.Reasons[0].Code != consent.PolicyError || !strings.Contains(story.Failure, "to_number") ||
		len(story.Changes) > 0 {
		t.Errorf("story %+v", story)
	}
	if !strings.Contains(story.Trace, "Enter") {
		t.Errorf("trace %q", story.Trace)
	}
}
