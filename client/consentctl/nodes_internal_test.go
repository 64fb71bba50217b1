package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// wellNode is a node that is as it should be.
func wellNode(name string) *consentv1.Node {
	return &consentv1.Node{
		NodeId: strings.Repeat("0", 32-len(name)) + name, Name: name, Address: "10.0.0.1:7070",
		State: consentv1.NodeState_NODE_STATE_ALIVE, AppliedRevision: 41, LeaseLeft: durationpb.New(1500 * time.Millisecond),
		PolicyRevision: "p7", ActivationNumber: 7, Version: "v1.2.3", StartedAt: at(-2), RenewedAt: at(0),
	}
}

// ListNodes answers with a bit of everything.
func (f *fake) ListNodes(_ context.Context, r *consentv1.ListNodesRequest) (*consentv1.ListNodesResponse, error) {
	asked, behind, silent, own, left := wellNode("node-1"), wellNode("node-2"), wellNode("node-3"), wellNode(""), wellNode("node-5")
	asked.Asked = true
	behind.ActivationNumber, behind.PolicyRevision, behind.PolicyError = 6, "p6", "acme.rego:3: nope\x1b[31m"
	behind.Lag, behind.AppliedRevision = 20, 21
	silent.State, silent.LeaseLeft, silent.RenewedAt = consentv1.NodeState_NODE_STATE_SILENT, nil, at(-1)
	own.ActivationNumber, own.PolicyRevision, own.NodeId = 0, "p0", strings.Repeat("4", 32)
	left.State, left.LeaseLeft, left.ActivationNumber = consentv1.NodeState_NODE_STATE_LEFT, nil, 5
	return &consentv1.ListNodesResponse{
		Nodes: []*consentv1.Node{own, asked, behind, silent, left}, HeadRevision: 41, NewestActivationNumber: 7,
	}, f.keep(r)
}

func TestNodesOutput(t *testing.T) {
	address := (&fake{}).serve(t)
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"nodes":       {[]string{"nodes"}, exitOK},
		"nodes_json":  {[]string{"nodes", "-o", "json"}, exitOK},
		"nodes_check": {[]string{"nodes", "--check", "--max-lag", "10"}, exitDenied},
	} {
		got := execute(address, "", test.args...)
		if got.code != test.code || got.stderr != "" {
			t.Errorf("%s: exit code %d, want %d: %s", name, got.code, test.code, got.stderr)
		}
		golden(t, name, got.stdout)
	}
}

// TestTroubles: what a node is behind with, and what is none of its business.
func TestTroubles(t *testing.T) {
	for name, row := range map[string]struct {
		newest, most uint64
		change       func(*consentv1.Node)
		says         string
	}{
		"all is well":          {7, 10, func(*consentv1.Node) {}, ""},
		"silent":               {7, 0, func(n *consentv1.Node) { n.State = consentv1.NodeState_NODE_STATE_SILENT }, "has not renewed"},
		"left":                 {8, 1, func(n *consentv1.Node) { n.State, n.Lag = consentv1.NodeState_NODE_STATE_LEFT, 9 }, ""},
		"an older activation":  {8, 0, func(*consentv1.Node) {}, "by activation 7, and not by 8"},
		"with its cause":       {8, 0, func(n *consentv1.Node) { n.PolicyError = "nope" }, "not by 8: nope"},
		"a lost activation":    {0, 0, func(*consentv1.Node) {}, "by activation 7, which the store has lost"},
		"its own":              {7, 0, func(n *consentv1.Node) { n.ActivationNumber = 0 }, "of its own, and not by activation 7"},
		"its source fails":     {7, 0, func(n *consentv1.Node) { n.PolicyError = "gone" }, "gone"},
		"lag":                  {7, 10, func(n *consentv1.Node) { n.Lag = 11 }, "lacks 11 changes"},
		"lag that is bearable": {7, 10, func(n *consentv1.Node) { n.Lag = 10 }, ""},
		"lag, and nobody asks": {7, 0, func(n *consentv1.Node) { n.Lag = 1 << 40 }, ""},
		"sources that differ": {0, 0, func(n *consentv1.Node) { n.ActivationNumber, n.PolicyRevision = 0, "other" },
			"other policies than the node that was asked"},
	} {
		asked, n := wellNode("a"), wellNode("b")
		asked.Asked, asked.ActivationNumber = true, row.newest
		row.change(n)
		list := troubles(&consentv1.ListNodesResponse{Nodes: []*consentv1.Node{asked, n}, NewestActivationNumber: row.newest}, row.most)
		if (row.says == "") != (len(list) == 0) || row.says != "" && (list[0][0] != "b" || !strings.Contains(list[0][1], row.says)) {
			t.Errorf("%s: %q, want one that says %q", name, list, row.says)
		}
	}
}

// TestNodesOfARealServer: one that shares nothing is the only node, and well.
func TestNodesOfARealServer(t *testing.T) {
	address := servertest.Start(t, servertest.Options{}).Addr
	got := execute(address, "", "nodes", "--check")
	if got.code != exitOK || !strings.Contains(got.stdout, "ALIVE") || !strings.Contains(got.stdout, "(asked)") || got.stderr != "" {
		t.Errorf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
}

// TestPolicyStatusOfANodeThatIsBehind says so in words.
func TestPolicyStatusOfANodeThatIsBehind(t *testing.T) {
	for _, row := range []struct {
		number, newest uint64
		want           string
	}{
		{0, 0, ""}, {7, 7, "7"}, {6, 7, "6, and the newest is 7: this node is behind"},
		{0, 7, "none, and the newest is 7: this node is behind"},
	} {
		got := activationOf(&consentv1.PolicyStatus{ActivationNumber: row.number, NewestActivationNumber: row.newest})
		if got != row.want {
			t.Errorf("%d of %d: %q, want %q", row.number, row.newest, got, row.want)
		}
	}
}

// ActivatePolicy activates whatever comes.
func (f *fake) ActivatePolicy(_ context.Context, r *consentv1.ActivatePolicyRequest) (*consentv1.ActivatePolicyResponse, error) {
	return &consentv1.ActivatePolicyResponse{PolicyRevision: "p7", PreviousPolicyRevision: "p6", ActivationNumber: 7}, f.keep(r)
}

// TestActivateWithFence asks the server to wait.
func TestActivateWithFence(t *testing.T) {
	for _, fence := range []bool{false, true} {
		f := &fake{}
		line := []string{"policy", "activate", "../../policies"}
		if fence {
			line = append(line, "--fence")
		}
		got := execute(f.serve(t), "", line...)
		asked, _ := f.request(&consentv1.ActivatePolicyRequest{}).(*consentv1.ActivatePolicyRequest)
		if got.code != exitOK || asked.GetFence() != fence || !strings.Contains(got.stdout, "Activation       7") {
			t.Errorf("fence %v: exit code %d, asked %v: %s%s", fence, got.code, asked.GetFence(), got.stdout, got.stderr)
		}
	}
}
