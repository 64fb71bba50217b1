package grpcapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/audit/acts"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/grpcapi"
)

func TestListNodes(t *testing.T) {
	s := serve(t, &fake{nodes: func() (consent.Nodes, error) {
		return consent.Nodes{Head: 9, PolicyNumber: 4, Nodes: []consent.Node{
			{
				ID: "0a", Name: "a", Address: "10.0.0.1:7070", Asked: true, State: consent.NodeAlive, Applied: 9, LeaseLeft: time.Second,
				PolicyRevision: "r4", PolicyNumber: 4, Version: "v1", StartedAt: noon, RenewedAt: noon + 1,
			},
			{ID: "0b", State: consent.NodeSilent, Applied: 7, Lag: 2, PolicyNumber: 3, PolicyError: "a.rego:3: nope"},
			{ID: "0c", State: consent.NodeLeft},
		}}, nil
	}})
	got, err := consentv1.NewAdminServiceClient(s.conn).ListNodes(t.Context(), &consentv1.ListNodesRequest{})
	want := &consentv1.ListNodesResponse{HeadRevision: 9, NewestActivationNumber: 4, Nodes: []*consentv1.Node{
		{
			NodeId: "0a", Name: "a", Address: "10.0.0.1:7070", Asked: true, State: consentv1.NodeState_NODE_STATE_ALIVE, AppliedRevision: 9,
			LeaseLeft: durationpb.New(time.Second), PolicyRevision: "r4", ActivationNumber: 4, Version: "v1",
			StartedAt: timestamppb.New(noon.Time()), RenewedAt: timestamppb.New((noon + 1).Time()),
		},
		{
			NodeId: "0b", State: consentv1.NodeState_NODE_STATE_SILENT, AppliedRevision: 7, Lag: 2, ActivationNumber: 3,
			PolicyError: "a.rego:3: nope",
		},
		{NodeId: "0c", State: consentv1.NodeState_NODE_STATE_LEFT},
	}}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestNodesOfNobody(t *testing.T) {
	s := serveWith(t, &fake{}, func(c *grpcapi.Config) { c.Nodes = nil })
	got, err := consentv1.NewAdminServiceClient(s.conn).ListNodes(t.Context(), &consentv1.ListNodesRequest{})
	if err != nil || len(got.GetNodes()) > 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// behindOf are the nodes that an error's details name.
func behindOf(err error) (names []string) {
	for _, d := range status.Convert(err).Details() {
		if failure, ok := d.(*errdetails.PreconditionFailure); ok {
			for _, v := range failure.GetViolations() {
				names = append(names, v.GetType()+" "+v.GetSubject())
			}
		}
	}
	return names
}

// activating is a fake whose activations are number 7, and a request with fence.
func activating(f *fake) (*fake, *consentv1.ActivatePolicyRequest) {
	f.activate = func(consent.Candidate) (consent.Activated, error) {
		return consent.Activated{Revision: "r7", Previous: "r6", At: noon, Number: 7}, nil
	}
	return f, &consentv1.ActivatePolicyRequest{
		Files: []*consentv1.PolicyFile{{Path: "a.rego", Content: []byte("package a")}}, Fence: true,
	}
}

// An activation with fence waits for the nodes, then for this node's caches, a little shorter than its caller.
func TestActivationsWithFenceWait(t *testing.T) {
	var waited []string
	f, request := activating(&fake{
		await: func(ctx context.Context, number uint64) error {
			waited = append(waited, fmt.Sprint("nodes for ", number))
			if deadline, has := ctx.Deadline(); !has || time.Until(deadline) > 10*time.Second-10*time.Millisecond {
				t.Errorf("waits until %v, as long as its caller or longer", deadline)
			}
			return nil
		},
		fence: func(context.Context) error { waited = append(waited, "caches"); return nil },
	})
	s := serve(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := consentv1.NewPolicyServiceClient(s.conn).ActivatePolicy(ctx, request)
	if diff := cmp.Diff([]string{"nodes for 7", "caches"}, waited); err != nil || got.GetActivationNumber() != 7 || diff != "" {
		t.Errorf("%v, %v (-want +got):\n%s", got, err, diff)
	}
	waited, request.Fence = nil, false
	if _, err := consentv1.NewPolicyServiceClient(s.conn).ActivatePolicy(ctx, request); err != nil || len(waited) > 0 {
		t.Errorf("without fence: waited for %v, %v", waited, err)
	}
}

// A caller who has no deadline does not wait for ever for a node that cannot load the set.
func TestActivationsWithFenceAreBounded(t *testing.T) {
	f, request := activating(&fake{await: func(ctx context.Context, _ uint64) error {
		if deadline, has := ctx.Deadline(); !has || time.Until(deadline) > time.Minute {
			t.Errorf("waits until %v, %v", deadline, has)
		}
		return &consent.BehindError{Nodes: []string{"node-2"}}
	}})
	_, err := consentv1.NewPolicyServiceClient(serve(t, f).conn).ActivatePolicy(t.Context(), request)
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v, want DEADLINE_EXCEEDED", err)
	}
}

// Who is behind is named, the activation stands, and the audit says which policies are in force.
func TestAFenceNamesWhoIsBehind(t *testing.T) {
	a := &audit{}
	f, request := activating(&fake{acts: a, await: func(context.Context, uint64) error {
		return fmt.Errorf("waiting: %w: %s", &consent.BehindError{Nodes: []string{"node-2: a.rego:3: nope", "node-3"}}, driverText)
	}})
	_, err := consentv1.NewPolicyServiceClient(serve(t, f).conn).ActivatePolicy(t.Context(), request)
	text := status.Convert(err).Message()
	if status.Code(err) != codes.DeadlineExceeded || !strings.Contains(text, "r7 are activated") ||
		!strings.Contains(text, "node-3") || !strings.Contains(text, "repeat the call") {
		t.Errorf("%v", err)
	}
	checkNoLeak(t, err)
	if diff := cmp.Diff([]string{"NODE_BEHIND node-2: a.rego:3: nope", "NODE_BEHIND node-3"}, behindOf(err)); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	_, noted := a.take()
	want := []acts.Act{{Method: "ActivatePolicy", Files: 1, Policies: "r7", Outcome: "DEADLINE_EXCEEDED"}}
	if diff := cmp.Diff(want, noted); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}

// A fenced write names the nodes that are behind likewise.
func TestAFencedWriteNamesWhoIsBehind(t *testing.T) {
	s := serve(t, &fake{fence: func(context.Context) error { return &consent.BehindError{Nodes: []string{"node-2"}} }})
	request := recordRequest(objectionOf("e1"))
	request.Fence = true
	_, err := consentv1.NewConsentServiceClient(s.conn).RecordEvents(t.Context(), request)
	if diff := cmp.Diff([]string{"NODE_BEHIND node-2"}, behindOf(err)); status.Code(err) != codes.DeadlineExceeded || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// A history that cannot be read is not told as an empty one.
func TestAHistoryThatCannotBeRead(t *testing.T) {
	s := serveWith(t, &fake{}, func(c *grpcapi.Config) {
		c.History = func(context.Context) ([]consent.PolicySpan, error) {
			return nil, fmt.Errorf("%w: %s", consent.ErrUnavailable, driverText)
		}
	})
	_, err := consentv1.NewPolicyServiceClient(s.conn).ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("%v, want UNAVAILABLE", err)
	}
	checkNoLeak(t, err)
}
