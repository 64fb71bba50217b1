package consent_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
)

func stage(n consent.Instant, s consent.Stage, options ...func(*consent.Event)) consent.Event {
	return event(n, consent.Erasure{Stage: s}, append([]func(*consent.Event){evidence}, options...)...)
}

const (
	eRequested, eInProgress, eCompleted = consent.ErasureRequested, consent.ErasureInProgress, consent.ErasureCompleted
	eCancelled, eRestarted              = consent.ErasureCancelled, consent.ErasureRestarted
)

func TestErasureStage(t *testing.T) {
	// begin is the first nanosecond of the nth second.
	begin := func(n consent.Instant) func(*consent.Event) { return at(n * 1e9) }
	tests := []struct {
		name   string
		events []consent.Event
		stage  consent.Stage
		at     consent.Instant
	}{
		{"the newest", []consent.Event{stage(1, eRequested), stage(2, eInProgress), stage(3, eCompleted)}, eCompleted, sec(3)},
		{"cancelled", []consent.Event{stage(1, eRequested), stage(2, eCancelled)}, eCancelled, sec(2)},
		{"in one second the later stage wins", []consent.Event{stage(1, eCompleted, begin(1)), stage(1, eRequested)}, eCompleted, sec(1)},
		{
			"a request outranks a cancelling of its second",
			[]consent.Event{stage(1, eRequested, begin(1)), stage(1, eCancelled, at(15e8))}, eRequested, sec(1),
		},
		{"also of its last instant", []consent.Event{stage(1, eRequested), stage(1, eCancelled)}, eRequested, sec(1)},
		{
			"a completion outranks a restart of its second",
			[]consent.Event{stage(1, eCompleted, begin(1)), stage(1, eRestarted, at(15e8))}, eCompleted, sec(1),
		},
		{"a cancelling in the second after", []consent.Event{stage(1, eRequested), stage(2, eCancelled, begin(2))}, eCancelled, 2e9},
		{
			"completed and cancelled in one second", []consent.Event{stage(1, eCompleted), stage(1, eCancelled, begin(1))},
			eCompleted, sec(1),
		},
		{"a cancellation between a completion and its restart does not count",
			[]consent.Event{stage(1, eCompleted), stage(2, eCancelled), stage(3, eRestarted)}, eRestarted, sec(3)},
		{"nor one after a completion", []consent.Event{stage(1, eCompleted), stage(2, eCancelled)}, eCompleted, sec(1)},
		{
			"nor after a new request behind it", []consent.Event{stage(1, eCompleted), stage(2, eRequested), stage(3, eCancelled)},
			eRequested, sec(2),
		},
		{
			"a restart without a completion does not count", []consent.Event{stage(1, eRequested), stage(2, eRestarted)}, eRequested,
			sec(1),
		},
		{"a new erasure after a restart is cancelled",
			[]consent.Event{stage(1, eCompleted), stage(2, eRestarted), stage(3, eRequested), stage(4, eCancelled)}, eCancelled, sec(4)},
		{"unproven cancelling does not count", []consent.Event{event(1, consent.Erasure{Stage: eRequested}),
			event(2, consent.Erasure{Stage: eCancelled}, unproven)}, eRequested, sec(1)},
		{"unproven stages count", []consent.Event{event(1, consent.Erasure{Stage: eInProgress}, unproven)}, eInProgress, sec(1)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := foldAll(t, tt.events).Erasure; got != (consent.Dated[consent.Stage]{Value: tt.stage, At: tt.at}) {
				t.Errorf("got %v, want %v at %d", got, tt.stage, tt.at)
			}
		})
	}
}

// TestCompletedErasureEndsForGood folds each history with a completion in second 10, in every order of arrival.
func TestCompletedErasureEndsForGood(t *testing.T) {
	completed, restarted := stage(10, eCompleted, id("completed")), stage(20, eRestarted, id("restarted"))
	tests := []struct {
		name   string
		events []consent.Event
		// want are the events of whose fold the rest of the state is.
		want []consent.Event
	}{
		{"a grant", []consent.Event{event(1, given(1))}, nil},
		{"a request", []consent.Event{event(1, status(consent.Requested))}, nil},
		{"a withdrawal stays, the grant after it does not",
			[]consent.Event{event(1, status(consent.Withdrawn), id("w")), event(2, given(1), id("g"))},
			[]consent.Event{event(1, status(consent.Withdrawn), id("w"))}},
		{"an objection stays, its lifting does not",
			[]consent.Event{event(1, objection(false, "p"), id("o")), event(2, objection(true, "p"), id("l"))},
			[]consent.Event{event(1, objection(false, "p"), id("o"))}},
		{"an opt-out stays, its lifting does not",
			[]consent.Event{event(1, consent.OptOut{Kind: consent.SaleOrSharing}, id("o")),
				event(2, consent.OptOut{Kind: consent.SaleOrSharing, Lifted: true}, evidence, id("l"))},
			[]consent.Event{event(1, consent.OptOut{Kind: consent.SaleOrSharing}, id("o"))}},
		{"a signal stays, what broke its run does not",
			[]consent.Event{event(1, consent.Signals{GPC: new(true)}, id("t")), event(2, consent.Signals{GPC: new(false)}, id("f"))},
			[]consent.Event{event(1, consent.Signals{GPC: new(true)}, id("t"))}},
		{"the whole profile", []consent.Event{event(1, consent.Profile{Jurisdiction: new("DE"), AccountStatus: consent.AccountClosed,
			Age: &consent.Age{Min: 3, Max: 4}, LastActivityAt: 1, RetentionUntil: 2, Relationship: &consent.Relationship{}})}, nil},
		{"a grant in the second of the completion", []consent.Event{event(10, given(1))}, nil},
		{"not what comes after it", []consent.Event{event(11, given(1), id("g"))}, []consent.Event{event(11, given(1), id("g"))}},
		{
			"not what comes after the restart", []consent.Event{event(21, given(1), id("g"))},
			[]consent.Event{event(21, given(1), id("g"))},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := foldAll(t, slices.Concat(number(tt.events), []consent.Event{completed, restarted}))
			if got.Erasure.Value != eRestarted || got.Completed.Open {
				t.Errorf("erasure %+v, %+v", got.Erasure, got.Completed)
			}
			want := consent.Fold(tt.want)
			ignore := cmpopts.IgnoreFields(consent.State{}, "Recorded", "Newest", "Erasure", "Completed")
			if diff := cmp.Diff(want, withoutEmpty(got), ignore, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

// withoutEmpty drops what only tells that something was recorded.
func withoutEmpty(s *consent.State) *consent.State {
	s.Consents = slices.DeleteFunc(
		s.Consents, func(p consent.PurposeConsents) bool { return p.Own.Status == 0 && len(p.Recipients) == 0 },
	)
	return s
}

func TestErasedIsStillKnown(t *testing.T) {
	s := foldAll(t, []consent.Event{event(1, given(1)), stage(2, eCompleted), stage(3, eRestarted)})
	if !s.Known() || len(s.Consents) != 1 || s.Consents[0].Own.Status != 0 {
		t.Errorf("state %+v: something was recorded for the purpose", s)
	}
}

func TestAdmitStages(t *testing.T) {
	tests := []struct {
		name     string
		recorded []consent.Event
		event    consent.Event
		want     error
	}{
		{"cancelled before anything", nil, stage(1, eCancelled), nil},
		{"cancelled", []consent.Event{stage(1, eRequested)}, stage(2, eCancelled), nil},
		{"cancelled, by its date before the request", []consent.Event{stage(3, eRequested)}, stage(2, eCancelled), nil},
		{
			"cancelled after completion", []consent.Event{stage(1, eRequested), stage(2, eCompleted)}, stage(3, eCancelled),
			consent.ErrErasureStage,
		},
		{
			"cancelled by a date before the completion", []consent.Event{stage(1, eRequested), stage(3, eCompleted)},
			stage(2, eCancelled), consent.ErrErasureStage,
		},
		{
			"cancelled after a new request behind the completion", []consent.Event{stage(1, eCompleted), stage(2, eRequested)},
			stage(3, eCancelled), consent.ErrErasureStage,
		},
		{
			"cancelled by a date between completion and restart", []consent.Event{stage(1, eCompleted), stage(3, eRestarted)},
			stage(2, eCancelled), consent.ErrErasureStage,
		},
		{
			"cancelled, of a new erasure", []consent.Event{stage(1, eCompleted), stage(2, eRestarted), stage(3, eRequested)},
			stage(4, eCancelled), nil,
		},
		{"restarted", []consent.Event{stage(1, eCompleted)}, stage(2, eRestarted), nil},
		{"restarted before anything", nil, stage(1, eRestarted), consent.ErrErasureStage},
		{"restarted without completion", []consent.Event{stage(1, eRequested)}, stage(2, eRestarted), consent.ErrErasureStage},
		{
			"restarted by a date before the completion", []consent.Event{stage(2, eCompleted)}, stage(1, eRestarted),
			consent.ErrErasureStage,
		},
		{"restarted twice", []consent.Event{stage(1, eCompleted), stage(2, eRestarted)}, stage(3, eRestarted), consent.ErrErasureStage},
		{
			"restarted by a date between two completions", []consent.Event{stage(1, eCompleted), stage(3, eCompleted)},
			stage(2, eRestarted), consent.ErrErasureStage,
		},
		{"completed by a date before a restart", []consent.Event{stage(2, eCompleted), stage(3, eRestarted)}, stage(1, eCompleted), nil},
		{
			"annulling a stage of the erasure that stands", []consent.Event{stage(1, eRequested, id("r"))},
			event(2, consent.Annulment{EventID: "r"}, evidence), nil,
		},
		{"annulling a grant while an erasure stands", []consent.Event{event(1, given(1), id("g")), stage(2, eRequested)},
			event(3, consent.Annulment{EventID: "g"}, evidence), consent.ErrErasureStands},
		{"annulling the cancellation of an older one meanwhile", []consent.Event{
			stage(1, eRequested), stage(2, eCancelled, id("cancelled")), stage(3, eRequested),
		},
			event(4, consent.Annulment{EventID: "cancelled"}, evidence), consent.ErrErasureStands},
		{"annulling a request of an older one meanwhile", []consent.Event{
			stage(1, eRequested, id("requested")), stage(2, eCancelled), stage(3, eRequested),
		},
			event(4, consent.Annulment{EventID: "requested"}, evidence), consent.ErrErasureStands},
		{
			"annulling a restart", []consent.Event{stage(1, eCompleted), stage(2, eRestarted, id("r"))},
			event(3, consent.Annulment{EventID: "r"}, evidence), nil,
		},
		{
			"annulling a completion", []consent.Event{stage(1, eCompleted, id("c")), stage(2, eRestarted)},
			event(3, consent.Annulment{EventID: "c"}, evidence), consent.ErrAnnulment,
		},
		{"annulling an annulment", []consent.Event{
			event(1, given(1), id("g")), event(2, consent.Annulment{EventID: "g"}, evidence, id("n")),
		},
			event(3, consent.Annulment{EventID: "n"}, evidence), consent.ErrAnnulment},
		{"annulling what is not on record", nil, event(3, consent.Annulment{EventID: "g"}, evidence), consent.ErrAnnulment},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recorded := entries(number(tt.recorded))
			fresh := entries([]consent.Event{tt.event})
			fresh[0].Event.ID = "fresh"
			err := consent.Admit(consent.FoldEntries(recorded), fresh, func() ([]consent.Entry, error) { return recorded, nil })
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
