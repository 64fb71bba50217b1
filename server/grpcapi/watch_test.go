package grpcapi_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

func TestFenceComesAfterTheRecordAndBeforeTheDeadline(t *testing.T) {
	for fenced, want := range map[bool][]string{false: {"record"}, true: {"record", "fence"}} {
		var calls []string
		var spare time.Duration
		deadline := time.Now().Add(time.Minute)
		s := serve(t, &fake{
			record: func(consent.Batch) (consent.Recorded, error) {
				calls = append(calls, "record")
				return consent.Recorded{}, nil
			},
			fence: func(ctx context.Context) error {
				calls = append(calls, "fence")
				until, _ := ctx.Deadline()
				spare = deadline.Sub(until)
				return nil
			},
		})
		ctx, cancel := context.WithDeadline(t.Context(), deadline)
		_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(ctx, objection(fenced))
		cancel()
		if err != nil || !slices.Equal(calls, want) {
			t.Errorf("fence %v: calls %v, error %v", fenced, calls, err)
		}
		if fenced && (spare < 20*time.Millisecond || spare > time.Second) {
			t.Errorf("the fence has %v less than the caller", spare)
		}
	}
}

func objection(fence bool) *consentv1.RecordEventsRequest {
	return &consentv1.RecordEventsRequest{Controller: "acme", SubjectId: "s", Fence: fence, Events: []*consentv1.Event{{
		Id: "e", OccurredAt: timestamppb.New(noon.Time()), Source: "support",
		Kind: &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{}},
	}}}
}

func TestNothingIsFencedThatWasNotRecorded(t *testing.T) {
	s := serve(t, &fake{
		record: func(consent.Batch) (consent.Recorded, error) { return consent.Recorded{}, consent.ErrErasureStands },
		fence: func(context.Context) error {
			t.Error("fenced")
			return nil
		},
	})
	_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), objection(true))
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("RecordEvents = %v", err)
	}
}

func TestWatchInvalidationsRefuses(t *testing.T) {
	s := serve(t, &fake{})
	for name, row := range map[string]struct {
		id   []byte
		code codes.Code
	}{
		"no name":       {nil, codes.InvalidArgument},
		"a short name":  {make([]byte, 15), codes.InvalidArgument},
		"a long name":   {make([]byte, 17), codes.InvalidArgument},
		"too many more": {make([]byte, 16), codes.ResourceExhausted},
	} {
		stream, err := consentv1.NewDecisionServiceClient(s.conn).WatchInvalidations(t.Context())
		if err == nil {
			err = stream.Send(&consentv1.WatchInvalidationsRequest{CacheId: row.id})
		}
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != row.code {
			t.Errorf("%s: %v, want %v", name, err, row.code)
		}
		if row.code == codes.InvalidArgument && !slices.Equal(fields(err), []string{"cache_id"}) {
			t.Errorf("%s: fields %v", name, fields(err))
		}
	}
}
