package consent_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

func given(version uint32) consent.Consent {
	return consent.Consent{Purpose: "p", Status: consent.Given, NoticeVersion: version}
}

func status(s consent.Status) consent.Consent { return consent.Consent{Purpose: "p", Status: s} }

func to(c consent.Consent, recipients ...string) consent.Consent {
	c.Recipients = recipients
	return c
}

func TestConsentRecord(t *testing.T) {
	explicit := consent.Consent{
		Purpose: "p", Status: consent.Given, NoticeVersion: 2, Explicit: true, GivenBy: consent.ByParent,
		Countries: []string{"US", "DE"}, ExpiresAt: 99,
	}
	tests := []struct {
		name   string
		events []consent.Event
		want   consent.Record
	}{
		{"given", []consent.Event{event(1, explicit, evidence)}, consent.Record{
			Status: consent.Given, GivenBy: consent.ByParent, Explicit: true, Evidence: true, NoticeVersion: 2, ExpiresAt: 99,
			Countries: []string{"DE", "US"}, GivenAt: sec(1),
		}},
		{"a new grant inherits nothing", []consent.Event{event(1, explicit, evidence), event(2, given(3))}, consent.Record{
			Status: consent.Given, NoticeVersion: 3, GivenAt: sec(2),
		}},
		{"the newest decides", []consent.Event{event(1, given(1)), event(2, status(consent.Withdrawn)), event(3, given(2))},
			consent.Record{Status: consent.Given, NoticeVersion: 2, GivenAt: sec(3), DeniedAt: sec(2), Denied: consent.Withdrawn}},
		{"withdrawn", []consent.Event{event(1, given(1)), event(2, status(consent.Withdrawn))}, consent.Record{
			Status: consent.Withdrawn, GivenAt: sec(1), DeniedAt: sec(2), Denied: consent.Withdrawn,
		}},
		{"the last denial is kept", []consent.Event{event(1, status(consent.Refused)), event(2, status(consent.Invalidated))},
			consent.Record{Status: consent.Invalidated, DeniedAt: sec(2), Denied: consent.Invalidated}},
		{"requested", []consent.Event{event(1, status(consent.Requested))}, consent.Record{
			Status: consent.Requested, RequestedAt: sec(1),
		}},
		{"a request never displaces a grant", []consent.Event{event(1, given(1)), event(2, status(consent.Requested))},
			consent.Record{Status: consent.Given, NoticeVersion: 1, GivenAt: sec(1), RequestedAt: sec(2)}},
		{"a request never lifts a denial", []consent.Event{event(1, status(consent.Refused)), event(2, status(consent.Requested))},
			consent.Record{Status: consent.Refused, DeniedAt: sec(1), Denied: consent.Refused, RequestedAt: sec(2)}},
		{"the last request before the last grant", []consent.Event{
			event(1, status(consent.Requested)), event(2, status(consent.Requested)), event(3, given(1)),
			event(4, status(consent.Requested)),
		}, consent.Record{Status: consent.Given, NoticeVersion: 1, GivenAt: sec(3), RequestedAt: sec(4), RequestedBeforeGivenAt: sec(2)}},
		{"a later grant moves it", []consent.Event{event(1, status(consent.Requested)), event(2, given(1)),
			event(3, status(consent.Requested)), event(4, given(1))}, consent.Record{
			Status: consent.Given, NoticeVersion: 1, GivenAt: sec(4), RequestedAt: sec(3), RequestedBeforeGivenAt: sec(3),
		}},
		{"a request of the same instant is not before the grant", []consent.Event{
			event(1, status(consent.Requested), id("1")), event(1, given(1), id("2")),
		}, consent.Record{Status: consent.Given, NoticeVersion: 1, GivenAt: sec(1), RequestedAt: sec(1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, record(t, foldAll(t, tt.events), "")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// On a tie of occurred_at the more restrictive wins, then the greater event id. The first event of each row wins.
func TestConsentTies(t *testing.T) {
	expiring := func(at consent.Instant) consent.Consent {
		c := given(1)
		c.ExpiresAt = at
		return c
	}
	explicit := given(1)
	explicit.Explicit = true
	tests := []struct {
		name          string
		winner, loser consent.Event
	}{
		{"a withdrawal beats a grant", event(5, status(consent.Withdrawn), id("1")), event(5, given(1), id("2"))},
		{"a refusal beats a grant", event(5, status(consent.Refused), id("1")), event(5, given(1), id("2"))},
		{"an invalidation beats a grant", event(5, status(consent.Invalidated), id("1")), event(5, given(1), id("2"))},
		{"a denial beats a request", event(5, status(consent.Refused), id("1")), event(5, status(consent.Requested), id("2"))},
		{"a grant stands beside a request", event(5, given(1), id("1")), event(5, status(consent.Requested), id("2"))},
		{"not explicit beats explicit", event(5, given(1), id("1")), event(5, explicit, id("2"))},
		{"no evidence beats evidence", event(5, given(1), id("1")), event(5, given(1), id("2"), evidence)},
		{"the older notice beats the newer", event(5, given(1), id("1")), event(5, given(2), id("2"))},
		{"an expiry beats none", event(5, expiring(9), id("1")), event(5, expiring(0), id("2"))},
		{"the earlier expiry beats the later", event(5, expiring(8), id("1")), event(5, expiring(9), id("2"))},
		{"else the greater id", event(5, expiring(8), id("2")), event(5, expiring(8), id("1"))},
		{"an unproven denial beats a grant", event(5, status(consent.Refused), id("1"), unproven), event(5, given(1), id("2"))},
		{"an unproven grant does not count", event(5, given(2), id("1")), event(5, given(1), id("2"), unproven)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := record(t, consent.Fold([]consent.Event{tt.winner}), "")
			got := record(t, foldAll(t, []consent.Event{tt.winner, tt.loser}), "")
			got.GivenAt, got.RequestedAt = want.GivenAt, want.RequestedAt
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRecipients(t *testing.T) {
	tests := []struct {
		name            string
		events          []consent.Event
		own, acme, glob consent.Status
	}{
		{"naming recipients writes only theirs", []consent.Event{event(1, to(given(1), "acme", "glob"))},
			0, consent.Given, consent.Given},
		{"a grant to all leaves theirs", []consent.Event{event(1, to(status(consent.Refused), "acme")), event(2, given(1))},
			consent.Given, consent.Refused, 0},
		{"a refusal of all ends theirs", []consent.Event{event(1, to(given(1), "acme")), event(2, status(consent.Refused))},
			consent.Refused, consent.Refused, 0},
		{"a withdrawal of all ends theirs", []consent.Event{event(1, to(given(1), "acme", "glob")),
			event(2, status(consent.Withdrawn))}, consent.Withdrawn, consent.Withdrawn, consent.Withdrawn},
		{"an invalidation of all ends theirs", []consent.Event{event(1, to(given(1), "acme")),
			event(2, status(consent.Invalidated))}, consent.Invalidated, consent.Invalidated, 0},
		{"a request of all leaves theirs", []consent.Event{event(1, to(given(1), "acme")), event(2, status(consent.Requested))},
			consent.Requested, consent.Given, 0},
		{"a later grant to one", []consent.Event{event(1, status(consent.Withdrawn)), event(2, to(given(1), "acme"))},
			consent.Withdrawn, consent.Given, 0},
		{"a withdrawal from one", []consent.Event{event(1, given(1)), event(2, to(status(consent.Withdrawn), "acme"))},
			consent.Given, consent.Withdrawn, 0},
		{"on a tie the denial of all ends theirs", []consent.Event{event(5, status(consent.Withdrawn), id("1")),
			event(5, to(given(1), "acme"), id("2"))}, consent.Withdrawn, consent.Withdrawn, 0},
		{"unproven grants write nothing", []consent.Event{event(1, to(given(1), "acme"), unproven)}, 0, 0, 0},
		{"unproven denials of all end theirs", []consent.Event{event(1, to(given(1), "acme")),
			event(2, status(consent.Refused), unproven)}, consent.Refused, consent.Refused, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := foldAll(t, tt.events)
			got := []consent.Status{record(t, s, "").Status, record(t, s, "acme").Status, record(t, s, "glob").Status}
			if diff := cmp.Diff([]consent.Status{tt.own, tt.acme, tt.glob}, got); diff != "" {
				t.Errorf("own, acme, glob (-want +got):\n%s", diff)
			}
		})
	}
}

// An event that does not count still tells that something was recorded, for the subject and for the purpose.
func TestUnprovenIsKnown(t *testing.T) {
	s := foldAll(t, []consent.Event{event(1, given(1), unproven)})
	if !s.Known() {
		t.Error("the subject is not known")
	}
	want := []consent.PurposeConsents{{Purpose: "p"}}
	if diff := cmp.Diff(want, s.Consents); diff != "" {
		t.Errorf("consents (-want +got):\n%s", diff)
	}
	s = foldAll(t, []consent.Event{event(1, consent.Objection{Purposes: []string{"p"}, Lifted: true}, unproven)})
	if diff := cmp.Diff([]consent.PurposeMark{{Purpose: "p"}}, s.Objections); diff != "" {
		t.Errorf("objections (-want +got):\n%s", diff)
	}
}

func TestNothingIsNotKnown(t *testing.T) {
	if s := consent.Fold(nil); s.Known() {
		t.Error("a subject without events is known")
	}
}

func TestAdvanceNeedsTheLedgerOnlyForWhatDisplaces(t *testing.T) {
	state := consent.Fold([]consent.Event{event(5, given(1), id("5"))})
	fail := errors.New("no ledger")
	ledger := func() ([]consent.Entry, error) { return nil, fail }
	for name, row := range map[string]struct {
		event consent.Event
		want  error
	}{
		"newer":               {event(6, given(2), id("6")), nil},
		"late":                {event(4, given(2), id("4")), fail},
		"late, of another":    {event(4, consent.Consent{Purpose: "q", Status: consent.Given, NoticeVersion: 1}, id("4")), nil},
		"late, a signal":      {event(4, consent.Signals{GPC: new(true)}, id("4")), nil},
		"of the same instant": {event(5, given(2), id("4")), fail},
		"annulment":           {event(6, consent.Annulment{EventID: "5"}, id("6")), fail},
		"completed erasure":   {event(6, consent.Erasure{Stage: consent.ErasureCompleted}, id("6")), fail},
		"requested erasure":   {event(6, consent.Erasure{Stage: consent.ErasureRequested}, id("6")), nil},
		"newer, of two parts": {event(6, consent.Signals{GPC: new(true), DNT: new(false)}, id("6")), nil},
	} {
		if _, err := consent.Advance(state, entries([]consent.Event{row.event}), ledger); !errors.Is(err, row.want) {
			t.Errorf("%s: error %v, want %v", name, err, row.want)
		}
	}
}
