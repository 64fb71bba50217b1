package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// recorder has what all kinds of events share: the flags of record and the sending.
type recorder struct {
	app                  *app
	id, source, evidence string
	at                   timeFlag
	fence                bool
}

func (a *app) recordCommand() *cobra.Command {
	r := &recorder{app: a, at: timeFlag{now: a.now}}
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Record an event of a subject",
		Args:  func(cmd *cobra.Command, args []string) error { return knownKind(cmd, args) },
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.id, "id", "", "the event's id, its idempotency key (default a fresh UUIDv7)")
	flags.Var(&r.at, "at", "when it happened (default now): "+timeForms)
	flags.StringVar(&r.source, "source", "consentctl", "where it came from")
	flags.StringVar(&r.evidence, "evidence", "", "proof of it: a URI or a hash")
	flags.BoolVar(&r.fence, "fence", false, "return only when no node and no client cache answers from the older state")
	completeFlag(cmd, "source", completions{"cookie_banner", "privacy_settings", "unsubscribe_link", "sms_stop", "support", "import", "consentctl"})
	cmd.AddCommand(
		r.consentCommand(), r.objectionCommand(), r.restrictionCommand(), r.optOutCommand(),
		r.signalsCommand(), r.erasureCommand(), r.profileCommand(),
	)
	return cmd
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
		response, err := c.RecordEvents(ctx, request)
		if err != nil {
			r.adviseRepeating(event, err)
			return err
		}
		return r.app.printValue(recordedOf(event, response), func(w io.Writer) { recordedTable(w, event, response) })
	})
}

// adviseRepeating says how to repeat the command without recording the event twice, where it may have been recorded.
func (r *recorder) adviseRepeating(event *consentv1.Event, err error) {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Internal:
		fmt.Fprintf(r.app.stderr, "consentctl: the event may have been recorded; to be sure repeat with --id %q --at %s\n",
			event.GetId(), event.GetOccurredAt().AsTime().Format(time.RFC3339Nano))
	}
}

// recorded is what came of an event, for JSON.
type recorded struct {
	EventID          string `json:"event_id"`
	Applied          uint32 `json:"applied"`
	Duplicates       uint32 `json:"duplicates"`
	ConsistencyToken string `json:"consistency_token"`
}

func recordedOf(event *consentv1.Event, response *consentv1.RecordEventsResponse) recorded {
	return recorded{event.GetId(), response.GetApplied(), response.GetDuplicates(), response.GetConsistencyToken()}
}

func recordedTable(w io.Writer, event *consentv1.Event, response *consentv1.RecordEventsResponse) {
	fields(w, [][2]string{
		{"Event id", event.GetId()},
		{"Applied", strconv.FormatUint(uint64(response.GetApplied()), 10)},
		{"Duplicates", strconv.FormatUint(uint64(response.GetDuplicates()), 10)},
		{"Consistency token", response.GetConsistencyToken()},
	})
}
