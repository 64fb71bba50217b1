package main

import (
	"context"
	"fmt"
	"io"
	"slices"
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
		Short: "List a person's ledger in the order in which its events were recorded",
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
		found := ledger{subject: request.GetSubjectId(), annulledBy: map[string]*consentv1.LedgerEntry{}}
		// All is read whatever the limit: what annuls an event comes later.
		for entry, err := range c.Events(ctx, request) {
			if err != nil {
				return err
			}
			found.add(entry, limit)
		}
		return a.printValue(found.json(), found.table)
	})
}

// ledger is what is shown of a subject's.
type ledger struct {
	// subject is the id that was asked for.
	subject string
	entries []*consentv1.LedgerEntry
	// annulledBy is the first annulment of an event, by the event's id.
	annulledBy map[string]*consentv1.LedgerEntry
}

// add takes the next entry; no more than limit are shown, unless that is 0.
func (l *ledger) add(entry *consentv1.LedgerEntry, limit int) {
	if limit == 0 || len(l.entries) < limit {
		l.entries = append(l.entries, entry)
	}
	if a := entry.GetEvent().GetAnnulment(); a != nil && l.annulledBy[a.GetEventId()] == nil {
		l.annulledBy[a.GetEventId()] = entry
	}
}

// entryJSON is an entry of the ledger, and the id of the event that annulled it.
type entryJSON struct {
	Event      messageJSON `json:"event"`
	RecordedAt messageJSON `json:"recorded_at"`
	Revision   uint64      `json:"revision"`
	SubjectID  string      `json:"subject_id,omitempty"`
	AnnulledBy string      `json:"annulled_by,omitempty"`
	// RecordedBy is nil where nobody is known.
	RecordedBy *messageJSON `json:"recorded_by,omitempty"`
}

// json is a page without a token: all pages are read.
func (l *ledger) json() any {
	out := make([]entryJSON, len(l.entries))
	for i, e := range l.entries {
		out[i] = entryJSON{
			messageJSON{e.GetEvent()}, messageJSON{e.GetRecordedAt()}, e.GetRevision(), e.GetSubjectId(),
			l.annulledBy[e.GetEvent().GetId()].GetEvent().GetId(), nil,
		}
		if by := e.GetRecordedBy(); by != nil {
			out[i].RecordedBy = &messageJSON{by}
		}
	}
	return struct {
		Entries []entryJSON `json:"entries"`
	}{out}
}

func (l *ledger) table(w io.Writer) {
	t := table{header: []string{"REVISION", "OCCURRED AT", "KIND", "DETAILS", "SOURCE", "EVENT ID"}}
	several := l.severalIDs()
	if several {
		t.header = append(t.header, "SAID UNDER")
	}
	recorded := l.recorded()
	if recorded {
		t.header = append(t.header, "RECORDED BY")
	}
	for _, e := range l.entries {
		kind, detail := kindText(e.GetEvent())
		cells := []string{
			strconv.FormatUint(e.GetRevision(), 10), timeText(e.GetEvent().GetOccurredAt()), kind, l.annulledText(e, detail),
			e.GetEvent().GetSource(), e.GetEvent().GetId(),
		}
		if several {
			cells = append(cells, e.GetSubjectId())
		}
		if recorded {
			cells = append(cells, callerText(e.GetRecordedBy()))
		}
		t.add(cells...)
	}
	t.write(w)
}

// severalIDs reports whether an entry was said under another id than the one that was asked for.
func (l *ledger) severalIDs() bool {
	return slices.ContainsFunc(l.entries, func(e *consentv1.LedgerEntry) bool {
		return e.GetSubjectId() != "" && e.GetSubjectId() != l.subject
	})
}

// recorded reports whether it is known of an entry who recorded it.
func (l *ledger) recorded() bool {
	return slices.ContainsFunc(l.entries, func(e *consentv1.LedgerEntry) bool { return e.GetRecordedBy() != nil })
}

// annulledText is an entry's detail, and by which event it was annulled and when.
func (l *ledger) annulledText(e *consentv1.LedgerEntry, detail string) string {
	by := l.annulledBy[e.GetEvent().GetId()]
	if by == nil {
		return detail
	}
	return fmt.Sprintf("%s, annulled by %s on %s", detail, by.GetEvent().GetId(), timeText(by.GetEvent().GetOccurredAt()))
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
