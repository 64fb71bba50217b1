package client_test

import (
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func TestOutcomeText(t *testing.T) {
	at := &timestamppb.Timestamp{Seconds: 1_767_355_200, Nanos: 999_999_999}
	superseded := consentv1.EventEffect_EVENT_EFFECT_SUPERSEDED
	misspelt := &consentv1.EventWarning{
		Code: consentv1.EventWarningCode_EVENT_WARNING_CODE_PURPOSE_NOT_DECLARED, Purpose: "marketing_emial", Nearest: "marketing_email",
	}
	notice := &consentv1.EventWarning{Code: consentv1.EventWarningCode_EVENT_WARNING_CODE_NOTICE_UNKNOWN, Purpose: "storage"}
	for want, o := range map[string]*consentv1.EventOutcome{
		"UNSPECIFIED": nil,
		"COUNTED":     {Effect: consentv1.EventEffect_EVENT_EFFECT_COUNTED},
		"99":          {Effect: 99},
		"SUPERSEDED":  {Effect: superseded},
		"SUPERSEDED by the consent sms-7 of 2026-01-02T12:00:00Z": {
			Effect: superseded, SupersededBy: "sms-7", SupersededByKind: "consent", SupersededByOccurredAt: at,
		},
		"SUPERSEDED by the event sms-7": {
			Effect: superseded, SupersededBy: "sms-7", SupersededByOccurredAt: &timestamppb.Timestamp{Nanos: -1},
		},
		"DUPLICATE; PURPOSE_NOT_DECLARED: marketing_emial (nearest: marketing_email); NOTICE_UNKNOWN: storage; 9": {
			Effect:   consentv1.EventEffect_EVENT_EFFECT_DUPLICATE,
			Warnings: []*consentv1.EventWarning{misspelt, notice, {Code: 9}},
		},
	} {
		if got := client.OutcomeText(o); got != want {
			t.Errorf("OutcomeText = %q; want %q", got, want)
		}
	}
}
