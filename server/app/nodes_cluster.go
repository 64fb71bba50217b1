package app

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
)

// member is this node among those of its store; cluster.Member is one.
type member interface {
	View() cluster.View
	AwaitPolicy(ctx context.Context, number uint64) error
}

// clusterNodes lists the nodes of a shared store, and waits for them. Newest is the number of the store's newest
// activation of policies.
type clusterNodes struct {
	member member
	self   func() consent.Node
	newest func() uint64
}

// nodesStale is how old a look at the nodes may be that is shown: they are looked at with each renewal of the lease.
const nodesStale = 10 * time.Second

// Nodes implements grpcapi.NodeLister. It asks nobody: the nodes were looked at a moment ago.
func (c clusterNodes) Nodes(context.Context) (consent.Nodes, error) {
	v := c.member.View()
	if v.Age < 0 || v.Age > nodesStale {
		return consent.Nodes{}, fmt.Errorf("%w: the nodes were not looked at for %v", consent.ErrUnavailable, v.Age)
	}
	found := consent.Nodes{Head: v.Head, PolicyNumber: c.newest()}
	for i := range v.Nodes {
		found.Nodes = append(found.Nodes, c.node(&v.Nodes[i]))
	}
	slices.SortFunc(found.Nodes, func(a, b consent.Node) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return found, nil
}

var clusterStates = map[cluster.State]consent.NodeState{
	cluster.Alive: consent.NodeAlive, cluster.Dead: consent.NodeSilent, cluster.Left: consent.NodeLeft,
}

// node is a node as it was seen; of itself this one knows more than it said.
func (c clusterNodes) node(seen *cluster.NodeView) (n consent.Node) {
	if seen.Self {
		n = c.self()
	} else {
		describe(&n, seen.About)
		n.ID, n.PolicyNumber = hex.EncodeToString(seen.ID[:]), seen.Policy
	}
	n.State, n.Applied, n.Lag, n.LeaseLeft = clusterStates[seen.State], seen.Applied.Revision, seen.Lag, seen.LeaseLeft
	if !seen.RenewedAt.IsZero() {
		n.RenewedAt = consent.InstantOf(seen.RenewedAt)
	}
	return n
}

// AwaitPolicy implements grpcapi.Waiter: this node is waited for too, and those that are behind are named by their
// names, with why.
func (c clusterNodes) AwaitPolicy(ctx context.Context, number uint64) error {
	err := c.member.AwaitPolicy(ctx, number)
	if _, behind := errors.AsType[*consent.BehindError](err); err != nil && !behind {
		return err
	}
	late := c.late(number)
	switch self := c.self(); {
	case self.PolicyNumber < number:
		return fmt.Errorf("waiting for the policies: %w", &consent.BehindError{Nodes: append(late, lateness(&self))})
	case err != nil && len(late) > 0:
		return fmt.Errorf("waiting for the policies: %w", &consent.BehindError{Nodes: late})
	}
	return err
}

// late are the other nodes that are alive and do not decide by an activation, or by a later one.
func (c clusterNodes) late(number uint64) (names []string) {
	v := c.member.View()
	for i := range v.Nodes {
		seen := &v.Nodes[i]
		if n := c.node(seen); !seen.Self && seen.State == cluster.Alive && n.PolicyNumber < number {
			names = append(names, lateness(&n))
		}
	}
	slices.Sort(names)
	return names
}

// lateness names a node, says by which activation it decides, and why by no newer one where it said so.
func lateness(n *consent.Node) string {
	text := cmp.Or(n.Name, n.ID) + " decides by its own policies"
	if n.PolicyNumber > 0 {
		text = fmt.Sprintf("%s decides by activation %d", cmp.Or(n.Name, n.ID), n.PolicyNumber)
	}
	if n.PolicyError != "" {
		text += ": " + n.PolicyError
	}
	return text
}
