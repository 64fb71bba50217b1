package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) purposesCommand() *cobra.Command {
	var facts contextFlag
	var consistency consistencyFlags
	var past pastFlags
	cmd := &cobra.Command{
		Use:   "purposes",
		Short: "Decide all purposes of a controller for one subject",
		Long: "Decide all purposes of a controller for one subject, now or as of the past.\n\n" + pastHelp + ` The policies that were in
force at --at decide, unless --policies now asks those of now; where they are not kept any more that is an error.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &consentv1.ListPurposesRequest{
				Controller: args[0], SubjectId: args[1], At: past.at.timestamp(), KnownAt: past.knownAt.timestamp(), Policies: past.choice(),
			}
			var err error
			if request.Context, request.Consistency, err = requestContext(cmd, &facts, &consistency); err != nil {
				return err
			}
			return a.purposes(cmd, request)
		},
	}
	addContextFlag(cmd, &facts)
	consistency.add(cmd)
	past.add(a, cmd)
	past.addPolicies(cmd)
	return a.takes(cmd, controllerArgument, subjectArgument)
}

func (a *app) purposes(cmd *cobra.Command, request *consentv1.ListPurposesRequest) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		found, err := a.purposesOf(ctx, c, request)
		if err != nil {
			return err
		}
		response := &consentv1.ListPurposesResponse{AsOf: found.AsOf, Policies: found.Policies}
		t := table{header: []string{"PURPOSE", "DECISION", "LEGAL BASIS", "REASONS", "OBLIGATIONS", "VALID UNTIL"}}
		for _, d := range found.Decisions {
			answer := responseOf(d.Decision)
			response.Purposes = append(response.Purposes, &consentv1.PurposeDecision{Purpose: d.Purpose, Response: answer})
			t.add(d.Purpose, decisionText(d.Decision), enumText(answer.GetLegalBasis()),
				reasonCodes(d.Decision), obligationCodes(d.Decision), timeText(answer.GetValidUntil()))
		}
		return a.print(response, func(w io.Writer) {
			if found.AsOf != nil {
				writeAsOf(w, found.AsOf, found.Policies)
				fmt.Fprintln(w)
			}
			t.write(w)
		})
	})
}

// purposesOf asks as of now or, where the request says so, as of the past.
func (a *app) purposesOf(
	ctx context.Context, c *client.Client, request *consentv1.ListPurposesRequest,
) (client.PurposesAsOf, error) {
	if request.GetAt() != nil || request.GetKnownAt() != nil {
		return c.PurposesAsOf(ctx, request)
	}
	decisions, err := c.ListPurposes(ctx, request)
	return client.PurposesAsOf{Decisions: decisions}, err
}
