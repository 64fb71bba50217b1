package main

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) policyHistoryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the policies that were in force on the server, and when",
		Long: `List the policies that were in force on the server, the newest first, from when until when, where they came from and which
controllers they declare. Where nodes share a store these are its activations, on whichever node, by whom, and which node proved
them. Those that are kept decide what explain, purposes and policy diff ask of the past; the server's
--policies-keep says how many there are.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				response, err := c.PolicyHistory(ctx, &consentv1.ListPolicyHistoryRequest{})
				if err != nil {
					return err
				}
				return a.print(response, func(w io.Writer) { historyTable(response).write(w) })
			})
		},
	}
	return a.takes(cmd)
}

// historyTable has three columns more where nodes share policies.
func historyTable(r *consentv1.ListPolicyHistoryResponse) *table {
	sharing := slices.ContainsFunc(r.GetSpans(), func(s *consentv1.PolicySpan) bool { return s.GetActivationNumber() > 0 })
	t := &table{header: []string{"POLICY REVISION", "FROM", "UNTIL", "KEPT", "SOURCE"}}
	if sharing {
		t.header = append(t.header, "ACTIVATION", "BY", "PROVEN BY")
	}
	t.header = append(t.header, "CONTROLLERS")
	for _, s := range r.GetSpans() {
		until, kept := timeText(s.GetInForceUntil()), "no"
		if until == "" {
			until = "in force"
		}
		if s.GetKept() {
			kept = "yes"
		}
		row := []string{s.GetPolicyRevision(), timeText(s.GetInForceFrom()), until, kept, s.GetSource()}
		if sharing {
			row = append(row, activationText(s.GetActivationNumber()), callerText(s.GetActivatedBy()), s.GetProvenBy())
		}
		t.add(append(row, strings.Join(s.GetControllers(), ", "))...)
	}
	return t
}
