package client_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// dial connects to a real server; its calls have time on a busy machine.
func dial(t *testing.T, o servertest.Options) (*client.Client, *servertest.Server) {
	t.Helper()
	s := servertest.Start(t, o)
	c, err := client.Dial(s.Addr, client.WithTimeout(30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, s
}

// recordings counts the events that the tests recorded.
var recordings atomic.Int64

// training is a consent to ai_training, on notice 3 of the example controller. Each is a second newer than the one
// before, and a day old: a withdrawal counts to the end of its second.
func training(subject string, consent consentv1.ConsentStatus) *consentv1.RecordEventsRequest {
	event := client.NewEvent("privacy_settings")
	event.OccurredAt = timestamppb.New(yesterday.Add(time.Duration(recordings.Add(1)) * time.Second))
	event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{Purpose: "ai_training", Status: consent, NoticeVersion: 3}}
	return &consentv1.RecordEventsRequest{Controller: "example", SubjectId: subject, Events: []*consentv1.Event{event}}
}

var yesterday = time.Now().Add(-24 * time.Hour)

// recordTraining records a status of the consent to ai_training.
func recordTraining(t *testing.T, c *client.Client, subject string, consent consentv1.ConsentStatus) (token string) {
	t.Helper()
	response, err := c.RecordEvents(t.Context(), training(subject, consent))
	if err != nil || response.GetApplied() != 1 {
		t.Fatalf("RecordEvents = %v, %v", response, err)
	}
	return response.GetConsistencyToken()
}

func TestConsentAndWithdrawal(t *testing.T) {
	for name, o := range map[string]servertest.Options{"tcp": {}, "unix": {UnixSocket: true}} {
		t.Run(name, func(t *testing.T) {
			c, _ := dial(t, o)
			request := client.NewCheck("example", "u", "ai_training")
			expect := func(allowed bool, code consentv1.ReasonCode) {
				t.Helper()
				got, err := c.Check(t.Context(), request)
				has := slices.ContainsFunc(got.Reasons, func(r *consentv1.Reason) bool { return r.GetCode() == code })
				if err != nil || got.Allowed != allowed || !has {
					t.Errorf("Check = %v, %v; want allowed %v for %v", got, err, allowed, code)
				}
			}
			expect(false, consentv1.ReasonCode_REASON_CODE_SUBJECT_UNKNOWN)
			recordTraining(t, c, "u", consentv1.ConsentStatus_CONSENT_STATUS_GIVEN)
			expect(true, consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS)
			request.Consistency = client.AtLeastAsFresh(recordTraining(t, c, "u", consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN))
			expect(false, consentv1.ReasonCode_REASON_CODE_CONSENT_WITHDRAWN)
			request.Consistency = client.FullyConsistent()
			expect(false, consentv1.ReasonCode_REASON_CODE_CONSENT_WITHDRAWN)
		})
	}
}

func TestWhatARealServerTells(t *testing.T) {
	c, _ := dial(t, servertest.Options{})
	recordTraining(t, c, "u", consentv1.ConsentStatus_CONSENT_STATUS_GIVEN)
	recordTraining(t, c, "u", consentv1.ConsentStatus_CONSENT_STATUS_REQUESTED)
	recordTraining(t, c, "u", consentv1.ConsentStatus_CONSENT_STATUS_GIVEN)

	decision, err := c.Check(t.Context(), client.NewCheck("example", "u", "ai_training"))
	policy, policyErr := c.Policy(t.Context(), &consentv1.GetPolicyRequest{})
	if err != nil || policyErr != nil || decision.PolicyRevision == "" || decision.PolicyRevision != policy.GetPolicyRevision() ||
		decision.ID == "" {
		t.Errorf("Check = %+v, %v; Policy = %v, %v; want one revision", decision, err, policy.GetPolicyRevision(), policyErr)
	}
	controllers, err := c.Controllers(t.Context(), &consentv1.ListControllersRequest{Controller: "example"})
	if err != nil || len(controllers.GetControllers()) != 1 {
		t.Fatalf("Controllers = %v, %v", controllers, err)
	}
	purposes, err := c.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "u"})
	if err != nil || len(purposes) != len(controllers.GetControllers()[0].GetPurposes()) {
		t.Errorf("ListPurposes = %d purposes, %v; the controller declares %d", len(purposes), err,
			len(controllers.GetControllers()[0].GetPurposes()))
	}
	for _, p := range purposes {
		if p.Purpose == "ai_training" && !p.Decision.Allowed {
			t.Errorf("ai_training: %v", p.Decision)
		}
	}
	subject, err := c.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "u"})
	if err != nil || !subject.GetState().GetKnown() || len(subject.GetState().GetConsents()) != 1 {
		t.Errorf("GetSubject = %v, %v", subject, err)
	}
	got, err := revisions(c, &consentv1.ListEventsRequest{Controller: "example", SubjectId: "u", PageSize: 1}, 9)
	if err != nil || !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("Events = %v, %v; want revisions 1 to 3 over pages of one", got, err)
	}
}

func TestErrorsOfARealServer(t *testing.T) {
	c, s := dial(t, servertest.Options{})
	check := func(change func(*consentv1.CheckRequest)) error {
		request := client.NewCheck("example", "u", "ai_training")
		change(request)
		decision, err := c.Check(t.Context(), request)
		if decision.Allowed {
			t.Errorf("allowed with %v", err)
		}
		return err
	}
	for field, change := range map[string]func(*consentv1.CheckRequest){
		"purpose":                       func(r *consentv1.CheckRequest) { r.Purpose = "No" },
		"subject_id":                    func(r *consentv1.CheckRequest) { r.SubjectId = "" },
		"consistency.at_least_as_fresh": func(r *consentv1.CheckRequest) { r.Consistency = client.AtLeastAsFresh("garbage") },
	} {
		err := check(change)
		if v := client.Violations(err); status.Code(err) != codes.InvalidArgument || len(v) != 1 || v[0].GetField() != field ||
			v[0].GetDescription() == "" {
			t.Errorf("%s: %v with violations %v", field, err, v)
		}
	}
	if err := check(func(r *consentv1.CheckRequest) { r.Controller = "none" }); status.Code(err) != codes.NotFound {
		t.Errorf("unknown controller: %v", err)
	}
	results, err := c.BatchCheck(t.Context(), &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{
		client.NewCheck("example", "u", "No"), client.NewCheck("example", "u", "ai_training"),
	}})
	if err != nil || len(client.Violations(results[0].Err)) != 1 || results[1].Err != nil || results[1].Decision.Allowed {
		t.Errorf("BatchCheck = %v, %v", results, err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := check(func(*consentv1.CheckRequest) {}); status.Code(err) != codes.Unavailable {
		t.Errorf("a stopped server: %v", err)
	}
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	if decision, err := c.Check(expired, client.NewCheck("example", "u", "ai_training")); err == nil || decision.Allowed {
		t.Errorf("a cancelled call: %v, %v", decision, err)
	}
}

// A server that stops answers what it has, and its clients' streams do not hold it up.
func TestAServerStopsUnderItsClients(t *testing.T) {
	c, s := dial(t, servertest.Options{DrainTimeout: time.Minute})
	recordTraining(t, c, "u", consentv1.ConsentStatus_CONSENT_STATUS_GIVEN)
	var group sync.WaitGroup
	var answered atomic.Int64
	enough := make(chan struct{})
	for range 32 {
		group.Go(func() {
			for {
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				d, err := c.Check(ctx, client.NewCheck("example", "u", "ai_training"))
				cancel()
				if err != nil {
					if status.Code(err) != codes.Unavailable || d.Allowed {
						t.Errorf("Check = %v, %v; want UNAVAILABLE once the server is gone", d, err)
					}
					return
				}
				if !d.Allowed {
					t.Errorf("Check = %v", d)
				}
				if answered.Add(1) == 1000 {
					close(enough)
				}
			}
		})
	}
	<-enough
	began := time.Now()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("stopping took %v", took)
	}
	group.Wait()
}
