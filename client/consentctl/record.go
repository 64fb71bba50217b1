package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/nearest"
)

// recorder has what all kinds of events share: the flags of record and the sending.
type recorder struct {
	app                  *app
	id, source, evidence string
	at                   timeFlag
	fence, undeclared    bool
}

func (a *app) recordCommand() *cobra.Command {
	r := &recorder{app: a, at: timeFlag{now: a.now}}
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Record an event of a subject",
		Args:  func(cmd *cobra.Command, args []string) error { return knownKind(cmd, args) },
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	r.addFlags(cmd, cmd.PersistentFlags())
	cmd.PersistentFlags().BoolVar(&r.undeclared, "undeclared", false,
		"record it also for a purpose that the controller's policies do not declare")
	cmd.AddCommand(
		r.consentCommand(), r.objectionCommand(), r.restrictionCommand(), r.optOutCommand(),
		r.signalsCommand(), r.erasureCommand(), r.profileCommand(), r.annulmentCommand(), r.sharingCommand(),
	)
	return cmd
}

// addFlags adds the flags of all events, those of links among them.
func (r *recorder) addFlags(cmd *cobra.Command, flags *pflag.FlagSet) {
	flags.StringVar(&r.id, "id", "", "the event's id, its idempotency key (default a fresh UUIDv7)")
	flags.Var(&r.at, "at", "when it happened (default now): "+timeForms)
	flags.StringVar(&r.source, "source", "consentctl", "where it came from")
	flags.StringVar(&r.evidence, "evidence", "", "proof of it: a URI such as https://…, sha256:… or urn:paper:form-9")
	flags.BoolVar(&r.fence, "fence", false, "return only when no node and no client cache answers from the older state")
	completeFlag(cmd, "source", completions{
		"cookie_banner", "privacy_settings", "unsubscribe_link", "sms_stop", "login", "support", "import", "consentctl",
	})
}

// knownKind refuses a word that is no kind of event; cobra itself would show the help and succeed.
func knownKind(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError(cmd, fmt.Errorf("unknown kind of event %q", args[0]))
}

// event starts the event that the flags describe, without its kind.
func (r *recorder) event(cmd *cobra.Command) (*consentv1.Event, error) {
	if cmd.Flags().Changed("id") && r.id == "" {
		return nil, usageError(cmd, errors.New("--id is empty"))
	}
	id, at := r.id, r.at.timestamp()
	if id == "" {
		id = r.app.newID()
	}
	if at == nil {
		if imported := (consent.Event{Source: r.source}); imported.Imported() {
			return nil, usageError(cmd, fmt.Errorf("--source %s needs --at: an import says when it happened", r.source))
		}
		at = timestamppb.New(r.app.now())
	}
	return &consentv1.Event{Id: id, OccurredAt: at, Source: r.source, Evidence: r.evidence}, nil
}

// record sends one event for the controller and subject that args begin with; set gives it its kind.
func (r *recorder) record(cmd *cobra.Command, args []string, set func(*consentv1.Event)) error {
	event, err := r.event(cmd)
	if err != nil {
		return err
	}
	set(event)
	request := &consentv1.RecordEventsRequest{
		Controller: args[0], SubjectId: args[1], Events: []*consentv1.Event{event}, Fence: r.fence,
	}
	return r.app.with(cmd, func(ctx context.Context, c *client.Client) error {
		if err := r.requireDeclared(ctx, c, request); err != nil {
			return err
		}
		response, err := c.RecordEvents(ctx, request)
		if err != nil {
			r.adviseRepeating(event, err)
			return byFlags(cmd, err)
		}
		done := recorded{event, response, decideNow(ctx, c, request, response.GetConsistencyToken())}
		return r.app.printValue(done.json(), done.table)
	})
}

// requireDeclared refuses an event for a purpose that the controller does not declare: a misspelt one must not swallow
// an unsubscribe.
func (r *recorder) requireDeclared(ctx context.Context, c *client.Client, request *consentv1.RecordEventsRequest) error {
	purposes := purposesOf(request.GetEvents()[0])
	if len(purposes) == 0 || r.undeclared {
		return nil
	}
	response, err := c.Controllers(ctx, &consentv1.ListControllersRequest{Controller: request.GetController()})
	if err != nil {
		return err
	}
	var declared []string
	for _, p := range response.GetControllers()[0].GetPurposes() {
		declared = append(declared, p.GetPurpose())
	}
	for _, name := range purposes {
		if !slices.Contains(declared, name) {
			err = errors.Join(err, undeclaredError(request.GetController(), name, declared))
		}
	}
	return err
}

func undeclaredError(controller, name string, declared []string) error {
	const override = "--undeclared records it all the same"
	if near := nearest.Name(name, slices.Values(declared)); near != "" {
		return fmt.Errorf("no purpose %q; did you mean %s? (%s)", name, near, override)
	}
	return fmt.Errorf("no purpose %q (consentctl controllers %s lists them; %s)", name, controller, override)
}

// purposesOf are the purposes that an event names.
func purposesOf(event *consentv1.Event) []string {
	switch kind := event.GetKind().(type) {
	case *consentv1.Event_Consent:
		return []string{kind.Consent.GetPurpose()}
	case *consentv1.Event_Objection:
		return kind.Objection.GetPurposes()
	case *consentv1.Event_Restriction:
		return kind.Restriction.GetPurposes()
	}
	return nil
}

// adviseRepeating says how to repeat the command without recording the event twice, where it may have been recorded.
func (r *recorder) adviseRepeating(event *consentv1.Event, err error) {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Internal:
		fmt.Fprintf(r.app.stderr, "consentctl: the event may have been recorded; to be sure repeat with --id %q --at %s\n",
			event.GetId(), event.GetOccurredAt().AsTime().Format(time.RFC3339Nano))
	}
}
