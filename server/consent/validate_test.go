package consent_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

func TestValidate(t *testing.T) {
	const now = consent.Instant(time.Hour)
	byController := func(s consent.Status) consent.Consent {
		return consent.Consent{Purpose: "p", Status: s, NoticeVersion: 1, GivenBy: consent.ByController}
	}
	expiring := func(at consent.Instant) consent.Consent {
		return consent.Consent{Purpose: "p", Status: consent.Given, NoticeVersion: 1, ExpiresAt: at}
	}
	tests := []struct {
		name  string
		event consent.Event
		want  []string
	}{
		{"valid", event(now, given(1)), nil},
		{"a clock a minute ahead", event(now+consent.MaxAhead, given(1)), nil},
		{"in the future", event(now+consent.MaxAhead+1, given(1)), []string{"occurred_at"}},
		{"no time", event(0, given(1)), []string{"occurred_at"}},
		{"before 1970", event(-1, given(1)), []string{"occurred_at"}},
		{"no fact", event(1, nil), []string{"kind"}},
		{"no notice version", event(1, given(0)), []string{"consent.notice_version"}},
		{"a refusal needs none", event(1, status(consent.Refused)), nil},
		{"given by the controller", event(1, byController(consent.Given)), []string{"consent.given_by"}},
		{"withdrawn by the controller", event(1, byController(consent.Withdrawn)), nil},
		{"expires with the event", event(5, expiring(5)), []string{"consent.expires_at"}},
		{"expires after the event", event(5, expiring(6)), nil},
		{"all faults at once", event(0, consent.Consent{Status: consent.Given, GivenBy: consent.ByController, ExpiresAt: -1}),
			[]string{"occurred_at", "consent.notice_version", "consent.given_by", "consent.expires_at"}},
		{"opting in without evidence", event(1, consent.OptOut{Kind: consent.SaleOrSharing, Lifted: true}), []string{"evidence"}},
		{"opting in with evidence", event(1, consent.OptOut{Kind: consent.SaleOrSharing, Lifted: true}, evidence), nil},
		{"opting out", event(1, consent.OptOut{Kind: consent.SaleOrSharing}), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, v := range tt.event.Validate(now) {
				got = append(got, v.Field)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}
