package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// NodeLister tells of the nodes of the store. Its errors are consent.ErrUnavailable, wrapped, and the context's.
type NodeLister interface {
	Nodes(context.Context) (consent.Nodes, error)
}

// noNodes lists none.
type noNodes struct{}

// Nodes implements NodeLister.
func (noNodes) Nodes(context.Context) (consent.Nodes, error) { return consent.Nodes{}, nil }

// ListNodes returns the nodes of the store.
func (s *adminService) ListNodes(ctx context.Context, _ *consentv1.ListNodesRequest) (*consentv1.ListNodesResponse, error) {
	found, err := s.nodes.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	return &consentv1.ListNodesResponse{
		Nodes: convertAll(found.Nodes, wireNode), HeadRevision: uint64(found.Head), NewestActivationNumber: found.PolicyNumber,
	}, nil
}

// wireNode converts a node to the API's form.
func wireNode(n *consent.Node) *consentv1.Node {
	out := &consentv1.Node{
		NodeId: n.ID, Name: n.Name, Address: n.Address, Asked: n.Asked, State: consentv1.NodeState(n.State),
		AppliedRevision: uint64(n.Applied), Lag: n.Lag, PolicyRevision: n.PolicyRevision, ActivationNumber: n.PolicyNumber,
		PolicyError: n.PolicyError, Version: n.Version, StartedAt: timestamp(n.StartedAt), RenewedAt: timestamp(n.RenewedAt),
	}
	if n.LeaseLeft > 0 {
		out.LeaseLeft = durationpb.New(n.LeaseLeft)
	}
	return out
}
