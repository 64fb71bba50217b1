package grpcapi

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// Every value of every enumeration has the same bare name on the wire and in the domain.
func TestEnumerationsAgreeByName(t *testing.T) {
	for _, row := range []struct {
		prefix string
		enum   protoreflect.Enum
		domain func(protoreflect.EnumNumber) string
	}{
		{"REASON_CODE_", consentv1.ReasonCode(0), func(n protoreflect.EnumNumber) string { return consent.ReasonCode(n).String() }},
		{"LEGAL_BASIS_", consentv1.LegalBasis(0), func(n protoreflect.EnumNumber) string { return consent.Basis(n).String() }},
		{"OBLIGATION_CODE_", consentv1.ObligationCode(0),
			func(n protoreflect.EnumNumber) string { return consent.ObligationCode(n).String() }},
		{"RECIPIENT_KIND_", consentv1.RecipientKind(0),
			func(n protoreflect.EnumNumber) string { return consent.RecipientKind(n).String() }},
		{"CONSENT_STATUS_", consentv1.ConsentStatus(0), func(n protoreflect.EnumNumber) string { return consent.Status(n).String() }},
		{"RESTRICTION_GROUND_", consentv1.RestrictionGround(0),
			func(n protoreflect.EnumNumber) string { return consent.Ground(n).String() }},
		{"OPT_OUT_KIND_", consentv1.OptOutKind(0), func(n protoreflect.EnumNumber) string { return consent.OptOutKind(n).String() }},
		{"ERASURE_STAGE_", consentv1.ErasureStage(0), func(n protoreflect.EnumNumber) string { return consent.Stage(n).String() }},
		{"EVENT_EFFECT_", consentv1.EventEffect(0),
			func(n protoreflect.EnumNumber) string { return consent.Effectiveness(n).String() }},
		{"DEGRADATION_", consentv1.Degradation(0), func(n protoreflect.EnumNumber) string { return consent.Degradation(n).String() }},
		{"ACCOUNT_STATUS_", consentv1.AccountStatus(0),
			func(n protoreflect.EnumNumber) string { return consent.AccountStatus(n).String() }},
		{"GIVEN_BY_", consentv1.GivenBy(0), func(n protoreflect.EnumNumber) string { return actorOf(consentv1.GivenBy(n)).String() }},
	} {
		values := row.enum.Descriptor().Values()
		for i := range values.Len() {
			v := values.Get(i)
			if v.Number() == 0 {
				continue
			}
			if got, want := row.prefix+row.domain(v.Number()), string(v.Name()); got != want {
				t.Errorf("%s is %s in the domain", want, got)
			}
		}
		if next := row.domain(protoreflect.EnumNumber(values.Len())); len(next) < 7 || next[:7] != "UNKNOWN" {
			t.Errorf("%s%s is not on the wire", row.prefix, next)
		}
	}
}

func TestNothingButAllowIsAllow(t *testing.T) {
	for e := range 256 {
		got := decisionOf(consent.Effect(e))
		want := consentv1.Decision_DECISION_DENY
		if consent.Effect(e) == consent.Allow {
			want = consentv1.Decision_DECISION_ALLOW
		}
		if got != want {
			t.Errorf("effect %d gives %v, want %v", e, got, want)
		}
	}
}

// What is declared is told as what it comes to, and a word that nobody knows as an error.
func TestDegradationsOfDeclarations(t *testing.T) {
	for when, want := range map[consent.WhenUnavailable]consentv1.Degradation{
		consent.Fail: 0, consent.DenyDegraded: consentv1.Degradation_DEGRADATION_DENIED,
		consent.ServeStale: consentv1.Degradation_DEGRADATION_STALE, 99: 0,
	} {
		if got := degradationOf(when); got != want {
			t.Errorf("%v gives %v, want %v", when, got, want)
		}
	}
}

func TestActorsComeBack(t *testing.T) {
	for a := consent.BySubject; a <= consent.ByController; a++ {
		if got := actorOf(givenByOf(a)); got != a {
			t.Errorf("%v came back as %v", a, got)
		}
	}
	if actorOf(consentv1.GivenBy_GIVEN_BY_UNSPECIFIED) != consent.BySubject {
		t.Error("an unspecified actor is not the subject")
	}
}

func TestEveryReasonHasAMessage(t *testing.T) {
	for code := range consentv1.ReasonCode_name {
		if code != 0 && messages[consent.ReasonCode(code)] == "" {
			t.Errorf("%v has none", consentv1.ReasonCode(code))
		}
	}
}
