package consent_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

func source(s string) func(*consent.Event) { return func(e *consent.Event) { e.Source = s } }

func proof(s string) func(*consent.Event) { return func(e *consent.Event) { e.Evidence = s } }

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
		{"valid", event(0, given(1), at(now)), nil},
		{"a clock a minute ahead", event(0, given(1), at(now+consent.MaxAhead)), nil},
		{"in the future", event(0, given(1), at(now+consent.MaxAhead+1)), []string{"occurred_at"}},
		{"no time", event(0, given(1), at(0)), []string{"occurred_at"}},
		{"before 1970", event(0, given(1), at(-1)), []string{"occurred_at"}},
		{"no fact", event(1, nil), []string{"kind"}},
		{"no notice version", event(1, given(0)), []string{"consent.notice_version"}},
		{"a refusal needs none", event(1, status(consent.Refused)), nil},
		{"given by the controller", event(1, byController(consent.Given)), []string{"consent.given_by"}},
		{"withdrawn by the controller", event(1, byController(consent.Withdrawn)), nil},
		{"expires with the event", event(5, expiring(sec(5))), []string{"consent.expires_at"}},
		{"expires after the event", event(5, expiring(sec(5)+1)), nil},
		{"all faults at once", event(0, consent.Consent{Status: consent.Given, GivenBy: consent.ByController, ExpiresAt: -1}, at(0)),
			[]string{"occurred_at", "consent.notice_version", "consent.given_by", "consent.expires_at"}},
		{"opting in without evidence", event(1, consent.OptOut{Kind: consent.SaleOrSharing, Lifted: true}), []string{"evidence"}},
		{"opting in with evidence", event(1, consent.OptOut{Kind: consent.SaleOrSharing, Lifted: true}, evidence), nil},
		{"a withdrawal five minutes ahead", event(0, status(consent.Withdrawn), at(now+consent.MaxAheadRestricting)), nil},
		{
			"a withdrawal further ahead", event(0, status(consent.Withdrawn), at(now+consent.MaxAheadRestricting+1)),
			[]string{"occurred_at"},
		},
		{
			"a closing five minutes ahead",
			event(0, consent.Profile{AccountStatus: consent.AccountClosed}, at(now+consent.MaxAheadRestricting)), nil,
		},
		{"a closing with a place ahead", event(0, consent.Profile{AccountStatus: consent.AccountClosed, Jurisdiction: new("DE")},
			at(now+consent.MaxAhead+1)), []string{"occurred_at"}},
		{
			"signals true and false ahead", event(0, consent.Signals{GPC: new(true), DNT: new(false)}, at(now+consent.MaxAhead+1)),
			[]string{"occurred_at"},
		},
		{
			"a cancelling ahead", event(0, consent.Erasure{Stage: consent.ErasureCancelled}, at(now+consent.MaxAhead+1)),
			[]string{"occurred_at"},
		},
		{
			"an erasure five minutes ahead",
			event(0, consent.Erasure{Stage: consent.ErasureCompleted}, at(now+consent.MaxAheadRestricting)), nil,
		},
		{
			"a withdrawal that expires", event(1, consent.Consent{Purpose: "p", Status: consent.Withdrawn, ExpiresAt: sec(9)}),
			[]string{"consent.expires_at"},
		},
		{
			"a request that expires", event(1, consent.Consent{Purpose: "p", Status: consent.Requested, ExpiresAt: sec(9)}),
			[]string{"consent.expires_at"},
		},
		{"expires in 2200", event(1, expiring(consent.MaxInstant)), []string{"consent.expires_at"}},
		{"expires before 2200", event(1, expiring(consent.MaxInstant-1)), nil},
		{"active in 2200", event(1, consent.Profile{LastActivityAt: consent.MaxInstant}), []string{"profile.last_activity_at"}},
		{"kept until 2262", event(1, consent.Profile{RetentionUntil: 9223286400e9}), []string{"profile.retention_until"}},
		{"sold in 2200", event(1, consent.Profile{Relationship: &consent.Relationship{LastSaleAt: consent.MaxInstant}}),
			[]string{"profile.relationship.last_sale_at"}},
		{"no source", event(1, given(1), source("")), []string{"source"}},
		{"a source with a capital", event(1, given(1), source("Support")), []string{"source"}},
		{"a source with a hyphen", event(1, given(1), source("cookie-banner")), []string{"source"}},
		{"the longest source", event(1, given(1), source("a123456789012345678901234567890123456789012345678901234567890123")), nil},
		{
			"a source too long", event(1, given(1), source("a1234567890123456789012345678901234567890123456789012345678901234")),
			[]string{"source"},
		},
		{"evidence without a scheme", event(1, given(1), proof("form 17")), []string{"evidence"}},
		{"evidence with white space", event(1, given(1), proof("urn:form 17")), []string{"evidence"}},
		{"evidence with a no-break space", event(1, given(1), proof("urn:form\u00a017")), []string{"evidence"}},
		{"evidence of nothing", event(1, given(1), proof("urn:")), []string{"evidence"}},
		{"evidence by digest", event(1, given(1), proof("sha256:9f86d08")), nil},
		{"evidence in words of other letters", event(1, given(1), proof("urn:paper:formulär-9")), nil},
		{"restarting without evidence", event(1, consent.Erasure{Stage: consent.ErasureRestarted}), []string{"evidence"}},
		{"restarting with evidence", event(1, consent.Erasure{Stage: consent.ErasureRestarted}, evidence), nil},
		{"annulling without evidence", event(1, consent.Annulment{EventID: "x"}), []string{"evidence"}},
		{"annulling with evidence", event(1, consent.Annulment{EventID: "x"}, evidence), nil},
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
