package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Show the active policies: their revision and files, or the content of one",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.policyFile(cmd, args[0])
			}
			return a.policy(cmd)
		},
	}
	cmd.AddCommand(
		a.policyActivateCommand(), a.policyCheckCommand(), a.policyDiffCommand(), a.policyHistoryCommand(), a.policyInitCommand(),
		a.policyTestCommand())
	return a.takes(cmd, argument{name: "PATH", complete: completeFiles, optional: true})
}

func (a *app) policy(cmd *cobra.Command) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		response, err := c.Policy(ctx, &consentv1.GetPolicyRequest{})
		if err != nil {
			return err
		}
		return a.print(response, func(w io.Writer) {
			fields(w, [][2]string{
				{"Policy revision", response.GetPolicyRevision()},
				{"Activated at", timeText(response.GetActivatedAt())},
				{"Source", sourceText(response.GetStatus())},
				{"Activation", activationOf(response.GetStatus())},
				{"Proven by", response.GetStatus().GetProvenBy()},
				{"Last look", timeText(response.GetStatus().GetAttemptedAt())},
				{"Tried again", timeText(response.GetStatus().GetRetryAt())},
				{"Last success", timeText(response.GetStatus().GetSucceededAt())},
			})
			faultTable(response.GetStatus().GetFaults()).section(w)
			files := table{header: []string{"FILE", "SHA-256"}}
			for _, f := range response.GetFiles() {
				files.add(f.GetPath(), f.GetSha256())
			}
			files.section(w)
		})
	})
}

// policyFile writes a file as it is, or with -o json as the API has it.
func (a *app) policyFile(cmd *cobra.Command, path string) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		response, err := c.Policy(ctx, &consentv1.GetPolicyRequest{IncludeContents: true})
		if err != nil {
			return err
		}
		for _, f := range response.GetFiles() {
			if f.GetPath() == path {
				return a.print(f, func(w io.Writer) { _, _ = w.Write(f.GetContent()) })
			}
		}
		return fmt.Errorf("the active policies have no file %q; consentctl policy lists them", path)
	})
}

func (a *app) controllersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "controllers",
		Short: "List the controllers, or what one of them declares",
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &consentv1.ListControllersRequest{}
			if len(args) == 1 {
				request.Controller = args[0]
			}
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				response, err := c.Controllers(ctx, request)
				if err != nil {
					return err
				}
				return a.print(response, func(w io.Writer) { controllerTables(w, response, len(args) == 1) })
			})
		},
	}
	return a.takes(cmd, argument{name: "CONTROLLER", complete: completeControllers, optional: true})
}

func controllerTables(w io.Writer, response *consentv1.ListControllersResponse, purposes bool) {
	t := table{header: []string{"CONTROLLER", "NAME", "PURPOSES"}}
	for _, c := range response.GetControllers() {
		t.add(c.GetId(), c.GetName(), strconv.Itoa(len(c.GetPurposes())))
	}
	t.write(w)
	if !purposes {
		return
	}
	for _, c := range response.GetControllers() {
		purposeTable(c).section(w)
	}
}

func purposeTable(c *consentv1.Controller) *table {
	t := &table{header: []string{"PURPOSE", "LEGAL BASIS", "CLAUSE", "NOTICE", "MATERIAL NOTICE", "DEGRADED"}}
	for _, p := range c.GetPurposes() {
		notice, material := uint64(p.GetNoticeVersion()), uint64(p.GetMaterialNoticeVersion())
		t.add(p.GetPurpose(), basisText(p), p.GetClause(), strconv.FormatUint(notice, 10), strconv.FormatUint(material, 10),
			degradedText(p))
	}
	return t
}

// degradedText is what the checks of a purpose come to while a state cannot be read, as the table of policies has it.
func degradedText(p *consentv1.Purpose) string {
	switch p.GetDegraded() {
	case consentv1.Degradation_DEGRADATION_UNSPECIFIED:
		return "fail"
	case consentv1.Degradation_DEGRADATION_DENIED:
		return "deny"
	case consentv1.Degradation_DEGRADATION_STALE:
		return "serve_stale up to " + p.GetStaleLimit().AsDuration().String()
	}
	return client.EnumName(p.GetDegraded())
}

// basisText is the declared basis of a purpose.
func basisText(p *consentv1.Purpose) string {
	if p.GetProhibited() {
		return "prohibited"
	}
	return client.EnumName(p.GetLegalBasis())
}
