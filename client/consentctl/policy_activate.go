package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/policy/source"
)

// activateTimeout is how long an activation may take unless --timeout says otherwise: admission takes seconds.
const activateTimeout = time.Minute

// maxRequest is what a server takes in one message.
const maxRequest = 4 << 20

func (a *app) policyActivateCommand() *cobra.Command {
	var expected string
	var fence bool
	cmd := &cobra.Command{
		Use:   "activate",
		Short: "Put the policies of a directory in force, on a server that follows no --policies, and on all nodes of its store",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("timeout") {
				a.timeout = activateTimeout
			}
			request, err := activation(args[0], expected)
			if err != nil {
				return err
			}
			request.Fence = fence
			return a.activate(cmd, request)
		},
	}
	cmd.Flags().BoolVar(&fence, "fence", false, "return only when all nodes and near caches decide by them, or name who does not")
	cmd.Flags().StringVar(&expected, "expect", "", "activate only if this policy revision is in force")
	return a.takes(cmd, argument{name: "DIR"})
}

// activation asks for the policies of a directory, tests included.
func activation(dir, expected string) (*consentv1.ActivatePolicyRequest, error) {
	files, err := source.ReadDir(dir, source.DefaultMaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	request := &consentv1.ActivatePolicyRequest{ExpectedPolicyRevision: expected}
	for _, f := range files.List() {
		request.Files = append(request.Files, &consentv1.PolicyFile{Path: f.Path, Content: f.Content})
	}
	if n := proto.Size(request); n > maxRequest {
		return nil, fmt.Errorf(
			"%s: %d bytes of policies, and a call takes %d: start the server with --policies instead", dir, n, maxRequest,
		)
	}
	return request, nil
}

func (a *app) activate(cmd *cobra.Command, request *consentv1.ActivatePolicyRequest) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		response, err := c.ActivatePolicy(ctx, request)
		if err != nil {
			return err
		}
		return a.print(response, func(w io.Writer) {
			fields(w, [][2]string{
				{"Policy revision", response.GetPolicyRevision()},
				{"Previous", response.GetPreviousPolicyRevision()},
				{"Activated at", timeText(response.GetActivatedAt())},
				{"Activation", activationText(response.GetActivationNumber())},
			})
		})
	})
}

// activationOf says which activation of the store the policies are, and whether the node is behind; empty: none.
func activationOf(s *consentv1.PolicyStatus) string {
	number, newest := s.GetActivationNumber(), s.GetNewestActivationNumber()
	if number == newest {
		return activationText(number)
	}
	own := "none"
	if number > 0 {
		own = activationText(number)
	}
	return fmt.Sprintf("%s, and the newest is %d: this node is behind", own, newest)
}

// sourceText says where policies come from.
func sourceText(s *consentv1.PolicyStatus) string {
	if s.GetLastGood() {
		return s.GetSource() + " (the last good copy: the source failed when the server started)"
	}
	return s.GetSource()
}

// faultTable lists why the policies that the source has now are not in force.
func faultTable(faults []*consentv1.PolicyFault) *table {
	t := &table{header: []string{"REFUSED", "WHY"}}
	for _, f := range faults {
		place := f.GetFile()
		if f.GetLine() > 0 {
			place = fmt.Sprintf("%s:%d", place, f.GetLine())
		}
		t.add(place, f.GetMessage())
	}
	return t
}
