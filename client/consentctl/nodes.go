package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// errBehind makes nodes --check exit 1; nothing more is printed for it.
var errBehind = errors.New("some node is behind or silent")

func (a *app) nodesCommand() *cobra.Command {
	var check bool
	var most uint64
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "List the nodes that share the server's store: who is alive, how far, and by which policies",
		Long: `List the nodes that share the server's store, as the node that is asked sees them. STATE is ALIVE, SILENT (it has not
renewed its lease for longer than that lasts: it ended without a word, or is cut off) or LEFT. APPLIED is the revision up to which a
node, and the near caches behind it, have applied the store's changes, LAG how many the store has beyond that: others than the
node that is asked say it a few times in each lease. ACTIVATION is which activation of policies a node decides by; none:
policies of its own. Below stands who is silent or behind, and why.`,
		Example: `  consentctl nodes
  consentctl nodes --check --max-lag 10000 && echo well`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.nodes(cmd, func(found *consentv1.ListNodesResponse) error {
				if check && len(troubles(found, most)) > 0 {
					return errBehind
				}
				return nil
			}, most)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "exit 1 where a node is silent, or behind with its policies or by --max-lag")
	cmd.Flags().Uint64Var(&most, "max-lag", 0, "count a node as behind that lacks more changes than this; 0: none is")
	return a.takes(cmd)
}

// nodes prints the nodes, then judges them.
func (a *app) nodes(cmd *cobra.Command, judge func(*consentv1.ListNodesResponse) error, most uint64) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		found, err := c.Nodes(ctx, &consentv1.ListNodesRequest{})
		if err != nil {
			return err
		}
		if err := a.print(found, func(w io.Writer) { nodesText(w, found, most) }); err != nil {
			return err
		}
		return judge(found)
	})
}

func nodesText(w io.Writer, found *consentv1.ListNodesResponse, most uint64) {
	t := table{header: []string{
		"NODE", "ADDRESS", "STATE", "APPLIED", "LAG", "LEASE", "POLICY REVISION", "ACTIVATION", "VERSION", "STARTED AT", "RENEWED AT",
	}}
	for _, n := range found.GetNodes() {
		name := nodeName(n)
		if n.GetAsked() {
			name += " (asked)"
		}
		t.add(name, n.GetAddress(), enumText(n.GetState()), strconv.FormatUint(n.GetAppliedRevision(), 10),
			strconv.FormatUint(n.GetLag(), 10), leaseText(n), n.GetPolicyRevision(), activationText(n.GetActivationNumber()), n.GetVersion(),
			timeText(n.GetStartedAt()), timeText(n.GetRenewedAt()))
	}
	t.write(w)
	why := table{header: []string{"BEHIND", "WHY"}}
	for _, trouble := range troubles(found, most) {
		why.add(trouble[0], trouble[1])
	}
	why.section(w)
}

// nodeName is what a node is called, or else its id.
func nodeName(n *consentv1.Node) string {
	if n.GetName() == "" {
		return n.GetNodeId()
	}
	return n.GetName()
}

func leaseText(n *consentv1.Node) string {
	if n.GetLeaseLeft() == nil {
		return ""
	}
	return n.GetLeaseLeft().AsDuration().Round(time.Millisecond).String()
}

// activationText is a number of an activation; empty: there is none.
func activationText(number uint64) string {
	if number == 0 {
		return ""
	}
	return strconv.FormatUint(number, 10)
}

// troubles are the names of nodes that are silent or behind, and why.
func troubles(found *consentv1.ListNodesResponse, most uint64) (list [][2]string) {
	asked := askedRevision(found)
	for _, n := range found.GetNodes() {
		if why := trouble(n, found.GetNewestActivationNumber(), asked); why != "" {
			list = append(list, [2]string{nodeName(n), why})
		}
		if n.GetState() == consentv1.NodeState_NODE_STATE_ALIVE && most > 0 && n.GetLag() > most {
			list = append(list, [2]string{nodeName(n), fmt.Sprintf("it lacks %d changes", n.GetLag())})
		}
	}
	return list
}

// askedRevision is that of the policies of the node that was asked.
func askedRevision(found *consentv1.ListNodesResponse) string {
	for _, n := range found.GetNodes() {
		if n.GetAsked() {
			return n.GetPolicyRevision()
		}
	}
	return ""
}

// trouble is why a node is silent, or behind with its policies: the store's newest activation or, where there is none,
// those of the node that was asked. Empty: it is neither, or has ended.
func trouble(n *consentv1.Node, newest uint64, asked string) string {
	switch number := n.GetActivationNumber(); {
	case n.GetState() == consentv1.NodeState_NODE_STATE_SILENT:
		return strings.TrimSuffix("it has not renewed its lease since "+timeText(n.GetRenewedAt()), " since ")
	case n.GetState() != consentv1.NodeState_NODE_STATE_ALIVE:
		return ""
	case number == newest && n.GetPolicyError() != "":
		return n.GetPolicyError()
	case number == newest && newest == 0 && n.GetPolicyRevision() != asked:
		return "it decides by other policies than the node that was asked"
	case number == newest:
		return ""
	case number == 0:
		return joined(fmt.Sprintf("it decides by policies of its own, and not by activation %d", newest), n.GetPolicyError())
	case newest == 0:
		return joined(fmt.Sprintf("it decides by activation %d, which the store has lost", number), n.GetPolicyError())
	default:
		return joined(fmt.Sprintf("it decides by activation %d, and not by %d", number, newest), n.GetPolicyError())
	}
}

// joined is a sentence, and its cause where there is one.
func joined(text, cause string) string {
	if cause == "" {
		return text
	}
	return text + ": " + cause
}
