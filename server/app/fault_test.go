package app_test

import (
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
)

// TestABrokenDisk: after a sync that failed nothing is recorded any more, whatever the disk does, decisions go on from
// what is durable, and health, the log and the end of the process say that it must be started again.
func TestABrokenDisk(t *testing.T) {
	var broken atomic.Bool
	disk := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		syncs := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if broken.Load() && syncs && strings.HasSuffix(op.Path, ".log") {
			return syscall.EIO
		}
		return nil
	}))
	s := start(t, app.Config{StoreFS: disk})
	conn := dial(t, s.GRPCAddr(), insecure.NewCredentials())
	record := func(id string, fact consentv1.ConsentStatus) error {
		c := &consentv1.ConsentEvent{Purpose: "ai_training", Status: fact, NoticeVersion: 3}
		_, err := consentv1.NewConsentServiceClient(conn).RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: "s", Events: []*consentv1.Event{{
				Id: id, OccurredAt: timestamppb.Now(), Source: "privacy_settings", Kind: &consentv1.Event_Consent{Consent: c},
			}},
		})
		return err
	}
	if err := record("1", consentv1.ConsentStatus_CONSENT_STATUS_GIVEN); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	for _, id := range []string{"2", "3"} {
		if err := record(id, consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN); status.Code(err) != codes.Unavailable {
			t.Errorf("a withdrawal: %v, want UNAVAILABLE", err)
		}
		broken.Store(false)
	}
	health := healthpb.NewHealthClient(conn)
	for service, want := range map[string]healthpb.HealthCheckResponse_ServingStatus{
		"consent.v1.ConsentService":  healthpb.HealthCheckResponse_NOT_SERVING,
		"consent.v1.DecisionService": healthpb.HealthCheckResponse_SERVING,
	} {
		got, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != want {
			t.Errorf("%s is %v, %v; want %v", service, got, err, want)
		}
	}
	got, err := consentv1.NewDecisionServiceClient(conn).Check(t.Context(), &consentv1.CheckRequest{
		Controller: "example", SubjectId: "s", Purpose: "ai_training",
	})
	if err != nil || got.GetDecision() != consentv1.Decision_DECISION_ALLOW {
		t.Errorf("%v, %v: the withdrawals were not acknowledged", got, err)
	}
	if err := s.stop(); err == nil || !strings.Contains(err.Error(), "restart the process") {
		t.Errorf("stopping: %v", err)
	}
}
