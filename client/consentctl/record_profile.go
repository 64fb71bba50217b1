package main

import (
	"strings"

	"github.com/spf13/cobra"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (r *recorder) signalsCommand() *cobra.Command {
	var gpc, dnt bool
	cmd := &cobra.Command{
		Use:     "signals",
		Short:   "A browser signal was seen; one that is not given changes nothing",
		Example: `  consentctl record signals example user-42 --gpc --dnt=false`,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := &consentv1.SignalsEvent{Gpc: given(cmd, "gpc", gpc), Dnt: given(cmd, "dnt", dnt)}
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Signals{Signals: kind} })
		},
	}
	cmd.Flags().BoolVar(&gpc, "gpc", false, "Global Privacy Control")
	cmd.Flags().BoolVar(&dnt, "dnt", false, "Do Not Track")
	cmd.MarkFlagsOneRequired("gpc", "dnt")
	return r.app.takes(cmd, controllerArgument, subjectArgument)
}

// profileFlags are those of a profile event; what is not given changes nothing.
type profileFlags struct {
	jurisdiction            string
	ageMin, ageMax          uint32
	account                 enumFlag[consentv1.AccountStatus]
	lastActivity, retention timeFlag
	relationship            relationshipFlags
}

// relationshipFlags are one field: to give any of them replaces all.
type relationshipFlags struct {
	lastSale      timeFlag
	seller        string
	optOutOffered bool
}

func (r *recorder) profileCommand() *cobra.Command {
	clock := timeFlag{now: r.app.now}
	f := profileFlags{lastActivity: clock, retention: clock, relationship: relationshipFlags{lastSale: clock}}
	cmd := &cobra.Command{
		Use:     "profile",
		Short:   "Facts about the subject changed; what is not given stays",
		Example: `  consentctl record profile example user-42 --jurisdiction US-CA --age-min 18 --account-status active`,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := f.event(cmd)
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Profile{Profile: kind} })
		},
	}
	f.add(cmd)
	cmd.MarkFlagsOneRequired("jurisdiction", "age-min", "age-max", "account-status", "last-activity-at", "retention-until",
		"last-sale-at", "selling-entity", "opt-out-offered")
	return r.app.takes(cmd, controllerArgument, subjectArgument)
}

func (f *profileFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.jurisdiction, "jurisdiction", "", "where the subject lives: DE, US-CA; empty: unknown")
	flags.Uint32Var(&f.ageMin, "age-min", 0, "lower bound of the age in full years on the day of the event; alone it unsets the upper")
	flags.Uint32Var(&f.ageMax, "age-max", 0, "upper bound of the age in full years on the day of the event; alone it unsets the lower")
	f.account.add(cmd, "account-status", "the account")
	flags.Var(&f.lastActivity, "last-activity-at", "when the subject was last active: "+timeForms)
	flags.Var(&f.retention, "retention-until", "until when the data may be kept: "+timeForms)
	flags.Var(&f.relationship.lastSale, "last-sale-at", "when the subject last bought: "+timeForms)
	flags.StringVar(&f.relationship.seller, "selling-entity", "", "who sold: a controller's id")
	flags.BoolVar(&f.relationship.optOutOffered, "opt-out-offered", false, "an opt-out was offered when the address was collected")
}

func (f *profileFlags) event(cmd *cobra.Command) *consentv1.ProfileEvent {
	return &consentv1.ProfileEvent{
		Jurisdiction:   given(cmd, "jurisdiction", strings.ToUpper(f.jurisdiction)),
		AgeMin:         given(cmd, "age-min", f.ageMin),
		AgeMax:         given(cmd, "age-max", f.ageMax),
		AccountStatus:  f.account.value,
		LastActivityAt: f.lastActivity.timestamp(),
		RetentionUntil: f.retention.timestamp(),
		Relationship:   f.relationship.proto(cmd),
	}
}

func (f *relationshipFlags) proto(cmd *cobra.Command) *consentv1.Relationship {
	changed := cmd.Flags().Changed
	if !changed("last-sale-at") && !changed("selling-entity") && !changed("opt-out-offered") {
		return nil
	}
	return &consentv1.Relationship{
		LastSaleAt: f.lastSale.timestamp(), SellingEntity: f.seller, OptOutOffered: f.optOutOffered,
	}
}

// given is nil where the flag was not given.
func given[T any](cmd *cobra.Command, flag string, value T) *T {
	if !cmd.Flags().Changed(flag) {
		return nil
	}
	return &value
}
