package grpcapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

func TestEventWarnings(t *testing.T) {
	c := &consent.Controller{ID: "acme", Purposes: []consent.Purpose{
		{Name: "ads", NoticeVersion: 3}, {Name: "marketing_email", NoticeVersion: 3}, {Name: "sale_of_data", Prohibited: true},
	}}
	given := func(purpose string, version uint32) consent.Fact {
		return consent.Consent{Purpose: purpose, Status: consent.Given, NoticeVersion: version}
	}
	const undeclared, unknown = consentv1.EventWarningCode_EVENT_WARNING_CODE_PURPOSE_NOT_DECLARED,
		consentv1.EventWarningCode_EVENT_WARNING_CODE_NOTICE_UNKNOWN
	for name, row := range map[string]struct {
		fact consent.Fact
		want []*consentv1.EventWarning
	}{
		"declared":               {given("ads", 3), nil},
		"a newer notice":         {given("ads", 4), []*consentv1.EventWarning{{Code: unknown, Purpose: "ads"}}},
		"a denial has no notice": {consent.Consent{Purpose: "ads", Status: consent.Refused, NoticeVersion: 9}, nil},
		"prohibited":             {given("sale_of_data", 1), nil},
		"misspelt": {given("marketing_emial", 1),
			[]*consentv1.EventWarning{{Code: undeclared, Purpose: "marketing_emial", Nearest: "marketing_email"}}},
		"a part of the name": {given("email", 1), []*consentv1.EventWarning{{Code: undeclared, Purpose: "email",
			Nearest: "marketing_email"}}},
		"nothing near": {given("telepathy", 1), []*consentv1.EventWarning{{Code: undeclared, Purpose: "telepathy"}}},
		"an objection to two, one not": {consent.Objection{Purposes: []string{"ads", "adds"}},
			[]*consentv1.EventWarning{{Code: undeclared, Purpose: "adds", Nearest: "ads"}}},
		"a restriction": {consent.Restriction{Purposes: []string{"adds"}},
			[]*consentv1.EventWarning{{Code: undeclared, Purpose: "adds", Nearest: "ads"}}},
		"all purposes": {consent.Objection{}, nil},
		"a profile":    {consent.Profile{}, nil},
	} {
		words := protocmp.IgnoreFields(&consentv1.EventWarning{}, "message")
		got := eventWarnings(c, &consent.Event{Fact: row.fact})
		if diff := cmp.Diff(row.want, got, protocmp.Transform(), words); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, w := range got {
			if w.GetMessage() == "" {
				t.Errorf("%s: no words for %v", name, w)
			}
		}
	}
}
