package main

import (
	"strings"

	"github.com/spf13/cobra"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// consentFlags are those of a consent event besides purpose and status.
type consentFlags struct {
	notice                uint32
	explicit              bool
	givenBy               enumFlag[consentv1.GivenBy]
	recipients, countries []string
	expires               timeFlag
}

func (r *recorder) consentCommand() *cobra.Command {
	f := consentFlags{expires: timeFlag{now: r.app.now}}
	cmd := &cobra.Command{
		Use:   "consent",
		Short: "A consent was requested, given, refused, withdrawn or invalidated",
		Example: `  consentctl record consent example user-42 marketing_email given --notice-version 3 --expires-at +365d
  consentctl record consent example user-42 marketing_email withdrawn --source unsubscribe_link`,
		RunE: func(cmd *cobra.Command, args []string) error {
			status, err := parseEnumArgument[consentv1.ConsentStatus](cmd, "STATUS", args[3])
			if err != nil {
				return err
			}
			kind := f.event(args[2], status)
			return r.record(cmd, args, func(e *consentv1.Event) { e.Kind = &consentv1.Event_Consent{Consent: kind} })
		},
	}
	f.add(cmd)
	status := argument{name: "STATUS", complete: completeEnum[consentv1.ConsentStatus]}
	return r.app.takes(cmd, controllerArgument, subjectArgument, purposeArgument, status)
}

func (f *consentFlags) add(cmd *cobra.Command) {
	cmd.Flags().Uint32Var(&f.notice, "notice-version", 0, "version of the notice shown; at least 1 where the consent is given")
	cmd.Flags().BoolVar(&f.explicit, "explicit", false, "the consent was explicit")
	f.givenBy.add(cmd, "given-by", "who acted (default SUBJECT)")
	cmd.Flags().StringSliceVar(&f.recipients, "recipient", nil, "id of a recipient that it names (repeat or separate by commas)")
	cmd.Flags().StringSliceVar(&f.countries, "country", nil, "country that it names, such as US (repeat or separate by commas)")
	cmd.Flags().Var(&f.expires, "expires-at", "when it ends by itself: "+timeForms)
}

func (f *consentFlags) event(purpose string, status consentv1.ConsentStatus) *consentv1.ConsentEvent {
	return &consentv1.ConsentEvent{
		Purpose: purpose, Status: status, NoticeVersion: f.notice, Explicit: f.explicit, GivenBy: f.givenBy.value,
		Recipients: f.recipients, Countries: upper(f.countries), ExpiresAt: f.expires.timestamp(),
	}
}

func upper(codes []string) []string {
	all := make([]string, len(codes))
	for i, code := range codes {
		all[i] = strings.ToUpper(code)
	}
	return all
}
