package consent_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// TestAdverse: everything that the subject may have said since is said, what the controller has time for is not, and
// the state itself stays as it was.
func TestAdverse(t *testing.T) {
	const then, now = consent.Instant(1e18), consent.Instant(2e18)
	on := true
	given := consent.Consent{Purpose: "mail", Status: consent.Given, NoticeVersion: 1}
	named := consent.Consent{Purpose: "mail", Status: consent.Given, NoticeVersion: 1, Recipients: []string{"acme"}}
	events := []consent.Event{
		{ID: "1", OccurredAt: then, Fact: given},
		{ID: "2", OccurredAt: then, Fact: named},
		{ID: "3", OccurredAt: then, Fact: consent.Objection{Purposes: []string{"mail"}, Lifted: true}},
		{ID: "4", OccurredAt: then, Fact: consent.Signals{DNT: &on}},
		{ID: "5", OccurredAt: then, Fact: consent.Restriction{Ground: consent.ObjectionPending, Lifted: true}},
	}
	s := consent.Fold(events)
	a := s.Adverse("storage", now)
	if d := cmp.Diff(consent.Fold(events), s); d != "" {
		t.Errorf("the state itself changed:\n%s", d)
	}
	for _, p := range a.Consents {
		if p.Own.Status != consent.Withdrawn || p.Own.DeniedAt != now {
			t.Errorf("consent to %s is %v since %d", p.Purpose, p.Own.Status, p.Own.DeniedAt)
		}
		for _, r := range p.Recipients {
			if r.Status != consent.Withdrawn || r.DeniedAt != now {
				t.Errorf("consent to %s for %s is %v since %d", p.Purpose, r.Recipient, r.Status, r.DeniedAt)
			}
		}
	}
	if len(a.Consents) != 2 {
		t.Errorf("consents to %d purposes, want mail and storage", len(a.Consents))
	}
	want := consent.Mark{Raised: true, At: now}
	if d := cmp.Diff([]consent.PurposeMark{{Mark: want}}, a.Objections); d != "" {
		t.Errorf("objections (-want +got):\n%s", d)
	}
	if a.OptOuts != [2]consent.Mark{want, want} || !a.GPC.Value || !a.DNT.Value {
		t.Errorf("opt-outs %v, gpc %v, dnt %v", a.OptOuts, a.GPC, a.DNT)
	}
	if d := cmp.Diff(s.Restrictions, a.Restrictions); d != "" || a.Recorded != s.Recorded || a.Erasure != s.Erasure {
		t.Errorf("more than that is another:\n%s", d)
	}
	if unknown := (&consent.State{}).Adverse("storage", now); unknown.Known() {
		t.Error("an unknown subject became known")
	}
}
