package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) checkCommand() *cobra.Command {
	var flags requestFlags
	var exitCode bool
	var log string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Decide one purpose for one subject",
		Example: `  consentctl check example user-42 marketing_email
  consentctl check jasminai user-42 affiliate_sharing --recipient affiliate --category user.location.country
  if consentctl check example user-42 ai_training --context anonymized=true --exit-code >/dev/null; then train; fi`,
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := flags.request(cmd, args)
			if err != nil {
				return err
			}
			allowed, err := a.check(cmd, request, log)
			if err == nil && exitCode && !allowed {
				return errDenied
			}
			return err
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "exit 0 if allowed, 1 if denied, 2 on an error")
	addLogFlag(cmd, &log)
	return a.takes(cmd, controllerArgument, subjectArgument, purposeArgument)
}

// check asks and prints; it reports true only for a decision that allows.
func (a *app) check(cmd *cobra.Command, request *consentv1.CheckRequest, log string) (allowed bool, err error) {
	err = a.with(cmd, func(ctx context.Context, c *client.Client) error {
		decision, err := c.Check(ctx, request)
		if err != nil {
			return err
		}
		allowed = decision.Allowed
		if err := a.logDecision(log, request, responseOf(decision)); err != nil {
			return err
		}
		return a.print(responseOf(decision), func(w io.Writer) { decisionTable(w, decision) })
	})
	return allowed && err == nil, err
}

func addLogFlag(cmd *cobra.Command, log *string) {
	cmd.Flags().StringVar(log, "log", "", "append request and decision to this file, for policy diff --decisions")
	must(cmd.MarkFlagFilename("log"))
}

// responseOf is a decision as the API has it, with the client's view of whether it allows.
func responseOf(d client.Decision) *consentv1.CheckResponse {
	return &consentv1.CheckResponse{
		Decision:                effect(d),
		Reasons:                 d.Reasons,
		LegalBasis:              d.LegalBasis,
		Obligations:             d.Obligations,
		PermittedDataCategories: d.PermittedDataCategories,
		ValidUntil:              timestampOf(d.ValidUntil),
		ConsistencyToken:        d.ConsistencyToken,
		PolicyRevision:          d.PolicyRevision,
		DecisionId:              d.ID,
		Degraded:                d.Degraded,
		StateAge:                durationOf(d.StateAge),
	}
}

// durationOf is nil for zero.
func durationOf(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

func effect(d client.Decision) consentv1.Decision {
	if d.Allowed {
		return consentv1.Decision_DECISION_ALLOW
	}
	return consentv1.Decision_DECISION_DENY
}

// decisionText is the effect in one cell, with what is degraded about it: ALLOW (STALE).
func decisionText(d client.Decision) string {
	text := client.EnumName(effect(d))
	if d.Degraded != 0 {
		text += " (" + client.EnumName(d.Degraded) + ")"
	}
	return text
}

func decisionTable(w io.Writer, d client.Decision) {
	fields(w, [][2]string{
		{"Decision", client.EnumName(effect(d))},
		{"Degraded", degradationText(d)},
		{"Legal basis", enumText(d.LegalBasis)},
		{"Permitted data", strings.Join(d.PermittedDataCategories, ", ")},
		{"Valid until", timeText(timestampOf(d.ValidUntil))},
		{"Consistency token", d.ConsistencyToken},
		{"Policy revision", d.PolicyRevision},
		{"Decision id", d.ID},
	})
	reasons := table{header: []string{"REASON", "CLAUSE", "MESSAGE"}}
	for _, r := range d.Reasons {
		reasons.add(client.EnumName(r.GetCode()), r.GetClause(), r.GetMessage())
	}
	reasons.section(w)
	obligations := table{header: []string{"OBLIGATION", "PARAMETERS"}}
	for _, o := range d.Obligations {
		obligations.add(client.EnumName(o.GetCode()), detailText(o.GetParameters().ProtoReflect()))
	}
	obligations.section(w)
}

// degradationText says in what way a decision is degraded; empty: it is not.
func degradationText(d client.Decision) string {
	switch d.Degraded {
	case consentv1.Degradation_DEGRADATION_UNSPECIFIED:
		return ""
	case consentv1.Degradation_DEGRADATION_STALE:
		return "STALE: the state could not be read; decided by one that may be " + d.StateAge.Round(time.Millisecond).String() + " old"
	}
	return client.EnumName(d.Degraded) + ": the state could not be read"
}

// reasonCodes lists the codes of a decision's reasons in one cell, each once: a controller and a statute often agree.
func reasonCodes(d client.Decision) string {
	codes := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		codes[i] = client.EnumName(r.GetCode())
	}
	return strings.Join(slices.Compact(codes), ", ")
}

// obligationCodes lists the codes of a decision's obligations in one cell, each once.
func obligationCodes(d client.Decision) string {
	codes := make([]string, len(d.Obligations))
	for i, o := range d.Obligations {
		codes[i] = client.EnumName(o.GetCode())
	}
	return strings.Join(slices.Compact(codes), ", ")
}
