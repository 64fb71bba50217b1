package fake_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// TestRecordedFollowsWhatWasRecorded: each event is seen by the next check, also by a client with a near cache.
func TestRecordedFollowsWhatWasRecorded(t *testing.T) {
	c := connect(t, start(t, "rules: [{purpose: ads, decision: RECORDED}]"), client.WithNearCache(client.NearCacheConfig{}))
	began := time.Now().Add(-time.Hour)
	status := func(s consentv1.ConsentStatus, expires *timestamppb.Timestamp) *consentv1.Event {
		return &consentv1.Event{Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
			Purpose: "ads", Status: s, ExpiresAt: expires, NoticeVersion: 1,
		}}}
	}
	objection := func(lifted bool, purposes ...string) *consentv1.Event {
		objection := &consentv1.ObjectionEvent{Purposes: purposes, Lifted: lifted}
		return &consentv1.Event{Kind: &consentv1.Event_Objection{Objection: objection}}
	}
	restriction := func(lifted bool) *consentv1.Event {
		return &consentv1.Event{Kind: &consentv1.Event_Restriction{Restriction: &consentv1.RestrictionEvent{
			Ground: consentv1.RestrictionGround_RESTRICTION_GROUND_ACCURACY_CONTESTED, Lifted: lifted,
		}}}
	}
	erasure := &consentv1.Event{Kind: &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{
		Stage: consentv1.ErasureStage_ERASURE_STAGE_REQUESTED,
	}}}
	const given, allow = consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, "ALLOW BASIS_HOLDS"
	soon, past := timestamppb.New(time.Now().Add(time.Hour)), timestamppb.New(began.Add(30*time.Minute))
	for i, step := range []struct {
		event *consentv1.Event
		want  string
	}{
		{objection(false, "other"), "CONSENT_MISSING"},
		{status(consentv1.ConsentStatus_CONSENT_STATUS_REQUESTED, nil), "CONSENT_PENDING"},
		{status(given, soon), allow},
		{status(consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN, nil), "CONSENT_WITHDRAWN"},
		{status(given, past), "CONSENT_EXPIRED"},
		{status(given, nil), allow},
		{status(consentv1.ConsentStatus_CONSENT_STATUS_REFUSED, nil), "CONSENT_REFUSED"},
		{status(given, nil), allow},
		{objection(false, "ads"), "OBJECTED"},
		{objection(true, "ads"), allow},
		{objection(false), "OBJECTED"},
		{objection(true), allow},
		{restriction(false), "RESTRICTED"},
		{restriction(true), allow},
		{erasure, "ERASURE_REQUESTED"},
	} {
		e := step.event
		e.Source, e.Id = "settings", client.NewEvent("settings").GetId()
		e.OccurredAt = timestamppb.New(began.Add(time.Duration(i) * 10 * time.Second))
		_, err := c.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: "u", Events: []*consentv1.Event{e}, Fence: true,
		})
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		d, err := c.Check(t.Context(), client.NewCheck("example", "u", "ads"))
		if got := said(d, err); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
		if wanted := i == 2; d.ValidUntil.IsZero() == wanted {
			t.Errorf("step %d: valid until %v", i, d.ValidUntil)
		}
	}
}
