package app

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
)

// seenNodes is a member that has seen some nodes.
type seenNodes struct {
	view  cluster.View
	await error
}

func (s *seenNodes) View() cluster.View                        { return s.view }
func (s *seenNodes) AwaitPolicy(context.Context, uint64) error { return s.await }

// viewOf are a node that is asked, one that is behind, a dead one and one that says nothing of itself.
func viewOf() cluster.View {
	seen := func(id byte, state cluster.State, policy uint64, about string) cluster.NodeView {
		v := cluster.NodeView{State: state, Lag: 1, LeaseLeft: time.Second}
		v.ID, v.Policy, v.About, v.Applied.Revision = cluster.NodeID{id}, policy, []byte(about), 8
		return v
	}
	self := seen(1, cluster.Alive, 7, `{"name": "stale"}`)
	self.Self = true
	return cluster.View{Head: 9, Nodes: []cluster.NodeView{
		seen(4, cluster.Alive, 0, ""), self, seen(2, cluster.Alive, 6, `{"name": "node-2", "policy_error": "x.rego:3: nope"}`),
		seen(3, cluster.Dead, 5, `{"name": "node-3"}`),
	}}
}

func nodesSeen(m *seenNodes, number uint64) clusterNodes {
	return clusterNodes{member: m, newest: func() uint64 { return 7 }, self: func() consent.Node {
		return consent.Node{ID: "01", Name: "node-1", Asked: true, PolicyNumber: number}
	}}
}

func TestNodesOfACluster(t *testing.T) {
	m := &seenNodes{view: viewOf()}
	got, err := nodesSeen(m, 7).Nodes(t.Context())
	id := func(first string) string { return first + "000000000000000000000000000000" }
	node := func(n consent.Node) consent.Node {
		n.Applied, n.Lag, n.LeaseLeft = 8, 1, time.Second
		return n
	}
	want := consent.Nodes{Head: 9, PolicyNumber: 7, Nodes: []consent.Node{
		node(consent.Node{ID: id("04"), State: consent.NodeAlive}),
		node(consent.Node{ID: "01", Name: "node-1", Asked: true, PolicyNumber: 7, State: consent.NodeAlive}),
		node(consent.Node{ID: id("02"), Name: "node-2", PolicyNumber: 6, PolicyError: "x.rego:3: nope", State: consent.NodeAlive}),
		node(consent.Node{ID: id("03"), Name: "node-3", PolicyNumber: 5, State: consent.NodeSilent}),
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, age := range []time.Duration{-1, time.Minute} {
		m.view.Age = age
		if _, err := nodesSeen(m, 7).Nodes(t.Context()); !errors.Is(err, consent.ErrUnavailable) {
			t.Errorf("looked at %v ago: %v, want ErrUnavailable", age, err)
		}
	}
}

// TestWhoIsBehindIsNamed: by name, with why; a dead node is not waited for, and this one is.
func TestWhoIsBehindIsNamed(t *testing.T) {
	behind := &consent.BehindError{Nodes: []string{"0400"}}
	others := []string{
		"04000000000000000000000000000000 decides by its own policies", "node-2 decides by activation 6: x.rego:3: nope",
	}
	for name, row := range map[string]struct {
		own   uint64
		await error
		want  []string
	}{
		"all have it":             {7, nil, nil},
		"others are behind":       {7, behind, others},
		"this one is, and others": {6, behind, append(others[:2:2], "node-1 decides by activation 6")},
	} {
		err := nodesSeen(&seenNodes{view: viewOf(), await: row.await}, row.own).AwaitPolicy(t.Context(), 7)
		var got []string
		if e, ok := errors.AsType[*consent.BehindError](err); ok {
			got = e.Nodes
		}
		if diff := cmp.Diff(row.want, got); diff != "" || (err == nil) != (row.want == nil) {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	nobody := &seenNodes{await: behind}
	if err := nodesSeen(nobody, 7).AwaitPolicy(t.Context(), 7); !errors.Is(err, behind) {
		t.Errorf("who cannot be named: %v", err)
	}
	nobody.await = context.Canceled
	if err := nodesSeen(nobody, 7).AwaitPolicy(t.Context(), 7); !errors.Is(err, context.Canceled) {
		t.Errorf("another error: %v", err)
	}
}
