package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) eventsCommand() *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List a subject's ledger in the order in which its events were recorded",
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usageError(cmd, fmt.Errorf("--limit %d: want 0 or more", limit))
			}
			return a.events(cmd, &consentv1.ListEventsRequest{Controller: args[0], SubjectId: args[1]}, limit)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "how many events to show at most; 0: all")
	return a.takes(cmd, controllerArgument, subjectArgument)
}

func (a *app) events(cmd *cobra.Command, request *consentv1.ListEventsRequest, limit int) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		found := &consentv1.ListEventsResponse{}
		for entry, err := range c.Events(ctx, request) {
			if err != nil {
				return err
			}
			found.Entries = append(found.Entries, entry)
			if len(found.Entries) == limit {
				break
			}
		}
		return a.printValue(ledgerJSON(found.GetEntries()), func(w io.Writer) { ledgerTable(w, found.GetEntries()) })
	})
}

// ledgerJSON is a page without a token: all pages are read.
func ledgerJSON(entries []*consentv1.LedgerEntry) any {
	out := make([]messageJSON, len(entries))
	for i, e := range entries {
		out[i] = messageJSON{e}
	}
	return struct {
		Entries []messageJSON `json:"entries"`
	}{out}
}

func ledgerTable(w io.Writer, entries []*consentv1.LedgerEntry) {
	t := table{header: []string{"REVISION", "OCCURRED AT", "KIND", "DETAILS", "SOURCE", "EVENT ID"}}
	for _, e := range entries {
		kind, detail := kindText(e.GetEvent())
		t.add(strconv.FormatUint(e.GetRevision(), 10), timeText(e.GetEvent().GetOccurredAt()), kind, detail,
			e.GetEvent().GetSource(), e.GetEvent().GetId())
	}
	t.write(w)
}

// kindText is an event's kind and what is set in it.
func kindText(event *consentv1.Event) (kind, detail string) {
	m := event.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName(protoreflect.Name("kind")))
	if field == nil {
		return "unknown", ""
	}
	return field.TextName(), detailText(m.Get(field).Message())
}
