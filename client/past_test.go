package client_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// A client over several addresses demands its own writes of every answer, but not of one about the past: the server
// refuses a consistency there.
func TestSeveralAddressesExplainThePast(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	c, err := client.Dial(s.Addr + "," + newForwarder(t, s.Addr).addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	recordTraining(t, c, "u", consentv1.ConsentStatus_CONSENT_STATUS_GIVEN)
	then := timestamppb.New(time.Now().Add(-time.Hour)) // after the consent was given, before it was recorded
	for _, past := range []struct {
		name    string
		ask     *consentv1.ExplainRequest
		allowed bool
	}{
		{"at", &consentv1.ExplainRequest{At: then, Policies: consentv1.PolicyChoice_POLICY_CHOICE_NOW}, true},
		{"known_at", &consentv1.ExplainRequest{KnownAt: then, Policies: consentv1.PolicyChoice_POLICY_CHOICE_NOW}, false},
	} {
		past.ask.Check = client.NewCheck("example", "u", "ai_training")
		got, err := c.Explain(t.Context(), past.ask)
		if allowed := got.GetDecision().GetDecision() == consentv1.Decision_DECISION_ALLOW; err != nil || !got.GetAsOf() ||
			allowed != past.allowed {
			t.Errorf("%s: allowed %v, as of %v, %v; want allowed %v", past.name, allowed, got.GetStateAsOf(), err, past.allowed)
		}
	}
}
