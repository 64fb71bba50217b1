package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) purposesCommand() *cobra.Command {
	var facts contextFlag
	var consistency consistencyFlags
	cmd := &cobra.Command{
		Use:   "purposes",
		Short: "Decide all purposes of a controller for one subject",
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &consentv1.ListPurposesRequest{Controller: args[0], SubjectId: args[1]}
			var err error
			if request.Context, request.Consistency, err = requestContext(cmd, &facts, &consistency); err != nil {
				return err
			}
			return a.purposes(cmd, request)
		},
	}
	addContextFlag(cmd, &facts)
	consistency.add(cmd)
	return a.takes(cmd, controllerArgument, subjectArgument)
}

func (a *app) purposes(cmd *cobra.Command, request *consentv1.ListPurposesRequest) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		decisions, err := c.ListPurposes(ctx, request)
		if err != nil {
			return err
		}
		response := &consentv1.ListPurposesResponse{}
		t := table{header: []string{"PURPOSE", "DECISION", "LEGAL BASIS", "REASONS", "OBLIGATIONS", "VALID UNTIL"}}
		for _, d := range decisions {
			answer := responseOf(d.Decision)
			response.Purposes = append(response.Purposes, &consentv1.PurposeDecision{Purpose: d.Purpose, Response: answer})
			t.add(d.Purpose, client.EnumName(answer.GetDecision()), enumText(answer.GetLegalBasis()),
				reasonCodes(d.Decision), obligationCodes(d.Decision), timeText(answer.GetValidUntil()))
		}
		return a.print(response, func(w io.Writer) { t.write(w) })
	})
}
