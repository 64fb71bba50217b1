package main

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
)

// ListPolicyHistory is a history of two sets, one of which is kept.
func (f *fake) ListPolicyHistory(
	_ context.Context, r *consentv1.ListPolicyHistoryRequest,
) (*consentv1.ListPolicyHistoryResponse, error) {
	return &consentv1.ListPolicyHistoryResponse{Spans: []*consentv1.PolicySpan{
		{PolicyRevision: "p2", InForceFrom: at(-1), Source: "/etc/policies", Controllers: []string{"example", "livex"}, Kept: true},
		{PolicyRevision: "p1", InForceFrom: at(-9), InForceUntil: at(-1), Source: "the binary", Controllers: []string{"example"}},
	}}, f.keep(r)
}

// TestHistoryOfAStore: who activated what, and which node proved it, where nodes share policies.
func TestHistoryOfAStore(t *testing.T) {
	var out strings.Builder
	historyTable(&consentv1.ListPolicyHistoryResponse{Spans: []*consentv1.PolicySpan{
		{
			PolicyRevision: "p2", InForceFrom: at(-1), Source: "ActivatePolicy", Kept: true, ActivationNumber: 7, ProvenBy: "node-1",
			ActivatedBy: &consentv1.Caller{Kind: "key", Id: "release"}, Controllers: []string{"example"},
		},
		{PolicyRevision: "p1", InForceFrom: at(-9), InForceUntil: at(-1), Source: "the binary", Controllers: []string{"example"}},
	}}).write(&out)
	golden(t, "policy_history_shared", out.String())
}

func TestPolicyHistory(t *testing.T) {
	address := (&fake{}).serve(t)
	golden(t, "policy_history", execute(address, "", "policy", "history").stdout)
	golden(t, "policy_history_json", execute(address, "", "policy", "history", "-o", "json").stdout)
}

// TestPastRequests: what the flags ask.
func TestPastRequests(t *testing.T) {
	f := &fake{}
	address := f.serve(t)
	past, known := timestamppb.New(clock.Add(-2*day)), timestamppb.New(clock.Add(-day))
	for line, want := range map[string]proto.Message{
		"subject example u --at -2d --known-at -1d": &consentv1.GetSubjectRequest{
			Controller: "example", SubjectId: "u", At: past, KnownAt: known,
		},
		"purposes example u --at -2d": &consentv1.ListPurposesRequest{
			Controller: "example", SubjectId: "u", At: past, Policies: consentv1.PolicyChoice_POLICY_CHOICE_THEN,
		},
		"purposes example u --known-at -1d --policies now": &consentv1.ListPurposesRequest{
			Controller: "example", SubjectId: "u", KnownAt: known, Policies: consentv1.PolicyChoice_POLICY_CHOICE_NOW,
		},
		"policy diff --from p1 --states=false": &consentv1.DiffPolicyRequest{
			FromPolicyRevision: "p1", Sample: defaultSample, Examples: 3,
		},
	} {
		if got := execute(address, "", strings.Fields(line)...); got.code != exitOK || !proto.Equal(f.request(want), want) {
			t.Errorf("%s: %+v asked %v, want %v", line, got, f.request(want), want)
		}
	}
	for line, says := range map[string]string{
		"policy diff": "missing argument DIR",
		"explain example u storage --at tomorrow": "--at",
		"subject example u --known-at soon":       "--known-at",
		"purposes example u --policies mine":      "then or now",
	} {
		if got := execute(address, "", strings.Fields(line)...); got.code != exitError || !strings.Contains(got.stderr, says) {
			t.Errorf("%s: %+v, want %q", line, got, says)
		}
	}
}

// TestPast: on each axis what came later is left out, and what the answer rests on is told. A withdrawal of three days
// ago was recorded only today, all else two days ago.
func TestPast(t *testing.T) {
	var now atomic.Int64
	now.Store(int64(consent.InstantOf(clock.Add(-2 * day))))
	address := servertest.Start(t, servertest.Options{Now: func() consent.Instant { return consent.Instant(now.Load()) }}).Addr
	recordAll(t, address, "u", []string{
		"profile example u --jurisdiction DE --at -50d",
		"consent example u marketing_email given --notice-version 3 --at -40d",
	}, "")
	now.Store(int64(consent.InstantOf(clock)))
	if got := execute(
		address, "", strings.Fields("record consent example u marketing_email withdrawn --at -3d --id late")...,
	); got.code != exitOK {
		t.Fatal(got.stderr)
	}
	const explain, purposes, subject = "explain example u marketing_email", "purposes example u", "subject example u"
	for _, test := range []struct {
		line  string
		shows []string
		not   string
	}{
		{explain + " --at -3d", []string{"FAILED_PRECONDITION", "begins on 27 February 2026", "--policies now"}, "Why"},
		{purposes + " --at -3d", []string{"FAILED_PRECONDITION", "--policies now"}, "marketing_email"},
		{explain + " --at -3d --policies now", []string{
			"DENY: ", "in force now, not by those of then", "3 events were recorded only after 26 February 2026",
			"late (consent, recorded 1 March",
		}, "not counted"},
		{explain + " --at -3d --known-at -3d --policies now", []string{
			"3 events that had occurred by then were recorded only from 27 February 2026 to 1 March 2026.", "SUBJECT_UNKNOWN", "not counted",
		}, "Nothing was ever recorded"},
		{
			explain + " --at -36h",
			[]string{"DENY: ", "CONSENT_WITHDRAWN", "1 event was recorded only after 28 February 2026, 00:00 UTC, and counted: late"},
			"not counted",
		},
		{
			explain + " --at -36h --known-at -36h",
			[]string{"ALLOW: ", "policies that were in force then, since 27 February 2026", "1 event had occurred by then, but"},
			"DENY: ",
		},
		{explain + " --known-at -36h", []string{"ALLOW: ", "of what was recorded by 28 February 2026, 00:00 UTC"}, "DENY: "},
		{explain + " --at -0h", []string{"CONSENT_WITHDRAWN"}, "recorded only after"},
		{explain + " --at +1h", []string{"at: is in the future"}, "Why"},
		{explain + " --known-at +1h", []string{"known_at: is in the future"}, "Why"},
		{
			purposes + " --at -36h --known-at -36h",
			[]string{"\nmarketing_email               ALLOW", "1 event had occurred by then"}, "CONSENT_WITHDRAWN",
		},
		{
			purposes + " --at -36h",
			[]string{"\nmarketing_email               DENY", "CONSENT_WITHDRAWN", "1 event was recorded only after"}, "not counted",
		},
		{subject + " --at -36h --known-at -36h", []string{"marketing_email             GIVEN", "not counted: late"}, "WITHDRAWN"},
		{subject + " --at -36h", []string{"marketing_email             WITHDRAWN", "and counted: late"}, "not counted"},
		{subject + " --at -45d", []string{"Known              true", "DE"}, "marketing_email"},
	} {
		got := execute(address, "", strings.Fields(test.line)...)
		text := strings.Join(strings.Fields(got.stdout+got.stderr), " ")
		for _, want := range test.shows {
			if !strings.Contains(text, strings.Join(strings.Fields(want), " ")) {
				t.Errorf("%s: %s%s, want %q", test.line, got.stdout, got.stderr, want)
			}
		}
		if strings.Contains(text, test.not) {
			t.Errorf("%s: %s%s, and not %q", test.line, got.stdout, got.stderr, test.not)
		}
	}
}

// TestExplainAnnulled: an event that was annulled is told with what annulled it, and counts where that was not known
// yet.
func TestExplainAnnulled(t *testing.T) {
	var now atomic.Int64
	now.Store(int64(consent.InstantOf(clock.Add(-2 * day))))
	s := servertest.Start(t, servertest.Options{Now: func() consent.Instant { return consent.Instant(now.Load()) }})
	recordAll(t, s.Addr, "u", []string{
		"profile example u --jurisdiction DE --at -50d",
		"consent example u marketing_email given --notice-version 3 --at -40d",
		"consent example u marketing_email withdrawn --at -3d",
	}, "")
	now.Store(int64(consent.InstantOf(clock)))
	_, err := s.Consents.RecordEvents(t.Context(),
		&consentv1.RecordEventsRequest{Controller: "example", SubjectId: "u", Events: []*consentv1.Event{{
			Id: "mistake", OccurredAt: timestamppb.New(clock.Add(-time.Hour)), Source: "support", Evidence: "urn:ticket:7",
			Kind: &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: "u-3"}},
		}}})
	if err != nil {
		t.Fatal(err)
	}
	got := execute(s.Addr, "", "explain", "example", "u", "marketing_email")
	for _, want := range []string{
		"ALLOW: ", "What was recorded by mistake", "event u-3 (consent, from consentctl)",
		"annulled by mistake on 1 March 2026, 12:00 UTC, evidence urn:ticket:7",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("now: %s%s, want %q", got.stdout, got.stderr, want)
		}
	}
	// It was recorded by mistake at all times, as far as is known now; the day before nobody knew.
	for flags, want := range map[string]string{
		"--at -1d": "ALLOW: ", "--at -1d --known-at -1d": "DENY: ", "--known-at -1d": "DENY: ",
	} {
		got := execute(s.Addr, "", append(strings.Fields("explain example u marketing_email"), strings.Fields(flags)...)...)
		if !strings.Contains(got.stdout, want) || strings.Contains(got.stdout, "by mistake") != (want == "ALLOW: ") {
			t.Errorf("%s: %s%s, want %s", flags, got.stdout, got.stderr, want)
		}
	}
}
