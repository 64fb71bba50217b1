package main

import (
	"github.com/spf13/cobra"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (r *recorder) objectionCommand() *cobra.Command {
	lifted := false
	cmd := &cobra.Command{
		Use:   "objection",
		Short: "The subject objected to purposes (none named: all), or took an objection back",
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := &consentv1.ObjectionEvent{Purposes: args[2:], Lifted: lifted}
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Objection{Objection: kind} })
		},
	}
	addLifted(cmd, &lifted)
	return r.app.takes(cmd, controllerArgument, subjectArgument, purposesArgument)
}

func (r *recorder) restrictionCommand() *cobra.Command {
	lifted := false
	cmd := &cobra.Command{
		Use:   "restriction",
		Short: "Processing was restricted for purposes (none named: all), or a restriction was lifted",
		RunE: func(cmd *cobra.Command, args []string) error {
			ground, err := parseEnumArgument[consentv1.RestrictionGround](cmd, "GROUND", args[2])
			if err != nil {
				return err
			}
			kind := &consentv1.RestrictionEvent{Ground: ground, Purposes: args[3:], Lifted: lifted}
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Restriction{Restriction: kind} })
		},
	}
	addLifted(cmd, &lifted)
	ground := argument{name: "GROUND", complete: completeEnum[consentv1.RestrictionGround]}
	return r.app.takes(cmd, controllerArgument, subjectArgument, ground, purposesArgument)
}

func (r *recorder) optOutCommand() *cobra.Command {
	lifted := false
	cmd := &cobra.Command{
		Use:   "opt-out",
		Short: "A statutory opt-out was made or lifted",
		RunE: func(cmd *cobra.Command, args []string) error {
			optOut, err := parseEnumArgument[consentv1.OptOutKind](cmd, "KIND", args[2])
			if err != nil {
				return err
			}
			kind := &consentv1.OptOutEvent{Kind: optOut, Lifted: lifted}
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_OptOut{OptOut: kind} })
		},
	}
	addLifted(cmd, &lifted)
	optOut := argument{name: "KIND", complete: completeEnum[consentv1.OptOutKind]}
	return r.app.takes(cmd, controllerArgument, subjectArgument, optOut)
}

func (r *recorder) erasureCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "erasure",
		Short: "An erasure was requested or went on",
		Example: `  consentctl record erasure example user-42 requested
  consentctl record erasure example user-42 restarted --evidence urn:ticket:77`,
		RunE: func(cmd *cobra.Command, args []string) error {
			stage, err := parseEnumArgument[consentv1.ErasureStage](cmd, "STAGE", args[2])
			if err != nil {
				return err
			}
			kind := &consentv1.ErasureEvent{Stage: stage}
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Erasure{Erasure: kind} })
		},
	}
	stage := argument{name: "STAGE", complete: completeEnum[consentv1.ErasureStage]}
	return r.app.takes(cmd, controllerArgument, subjectArgument, stage)
}

func (r *recorder) annulmentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "annulment",
		Short:   "An event was recorded by mistake: it counts nowhere any more",
		Long:    "Say that an event of the subject was recorded by mistake. It stays in the ledger and counts nowhere any more; what it had displaced counts again. Needs --evidence.",
		Example: `  consentctl record annulment example user-42 0190a2c4-7b1e-7000-8000-1f2e3d4c5b6a --evidence https://support.example/77`,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := &consentv1.AnnulmentEvent{EventId: args[2]}
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Annulment{Annulment: kind} })
		},
	}
	return r.app.takes(cmd, controllerArgument, subjectArgument, argument{name: "EVENT_ID"})
}

func (r *recorder) sharingCommand() *cobra.Command {
	lifted := false
	cmd := &cobra.Command{
		Use:   "sharing",
		Short: "An id belongs to several people, such as a household's address or a shop's till, or no longer",
		Long: "Say that an id belongs to several people. It may then be linked to several: what restricts on it counts for all of " +
			"them, what grants on it for nobody. With --lifted it is one person's again, and linked to one at most.",
		Example: `  consentctl record sharing example till-4`,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := &consentv1.SharingEvent{Shared: !lifted}
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Sharing{Sharing: kind} })
		},
	}
	addLifted(cmd, &lifted)
	return r.app.takes(cmd, controllerArgument, subjectArgument)
}

func addLifted(cmd *cobra.Command, lifted *bool) {
	cmd.Flags().BoolVar(lifted, "lifted", false, "it was taken back")
}
