package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

var linkedArgument = argument{name: "LINKED"}

func (a *app) linkCommand() *cobra.Command {
	r := &recorder{app: a, at: timeFlag{now: a.now}}
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Make two ids one person",
		Long: "Make two ids one person: SUBJECT is an id of the person, LINKED the one that was found to be theirs. Every id is " +
			"answered alike from then on, by what was said under all of them. The link is an event of both; an annulment undoes it.",
		Example: `  consentctl link example account:7 cookie:3f9a --source login`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.pair(cmd, args, func(ctx context.Context, c *client.Client, e *consentv1.Event) (pairResponse, error) {
				return c.LinkSubjects(ctx, &consentv1.LinkSubjectsRequest{
					Controller: args[0], SubjectId: args[1], LinkedId: args[2], EventId: e.GetId(), OccurredAt: e.GetOccurredAt(),
					Source: e.GetSource(), Evidence: e.GetEvidence(), Fence: r.fence,
				})
			})
		},
	}
	r.addFlags(cmd, cmd.Flags())
	return a.takes(cmd, controllerArgument, subjectArgument, linkedArgument)
}

func (a *app) unlinkCommand() *cobra.Command {
	r := &recorder{app: a, at: timeFlag{now: a.now}}
	cmd := &cobra.Command{
		Use:     "unlink",
		Short:   "Part two ids that were linked: each has what was said under it again",
		Long:    "Part two ids that were linked, in either order. Each has what was said under it again. Needs --evidence.",
		Example: `  consentctl unlink example account:7 cookie:3f9a --source support --evidence https://tickets.example/17`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.pair(cmd, args, func(ctx context.Context, c *client.Client, e *consentv1.Event) (pairResponse, error) {
				return c.UnlinkSubjects(ctx, &consentv1.UnlinkSubjectsRequest{
					Controller: args[0], SubjectId: args[1], LinkedId: args[2], EventId: e.GetId(), OccurredAt: e.GetOccurredAt(),
					Source: e.GetSource(), Evidence: e.GetEvidence(), Fence: r.fence,
				})
			})
		},
	}
	r.addFlags(cmd, cmd.Flags())
	return a.takes(cmd, controllerArgument, subjectArgument, linkedArgument)
}

// pairResponse is the answer to a link or a parting.
type pairResponse interface {
	GetConsistencyToken() string
	GetRevision() uint64
	GetOutcome() *consentv1.EventOutcome
	GetPerson() *consentv1.Person
}

// pair records what is said of two ids; send makes the call.
func (r *recorder) pair(
	cmd *cobra.Command, args []string, send func(context.Context, *client.Client, *consentv1.Event) (pairResponse, error),
) error {
	event, err := r.event(cmd)
	if err != nil {
		return err
	}
	return r.app.with(cmd, func(ctx context.Context, c *client.Client) error {
		response, err := send(ctx, c, event)
		if err != nil {
			r.adviseRepeating(event, err)
			return byFlags(cmd, err)
		}
		return r.app.printValue(pairJSON{
			event.GetId(), response.GetRevision(), response.GetConsistencyToken(), messageJSON{response.GetOutcome()},
			messageJSON{response.GetPerson()},
		}, func(w io.Writer) { pairTable(w, args[1], event, response) })
	})
}

// pairJSON is what came of a link or a parting, for JSON.
type pairJSON struct {
	EventID          string      `json:"event_id"`
	Revision         uint64      `json:"revision"`
	ConsistencyToken string      `json:"consistency_token"`
	Outcome          messageJSON `json:"outcome"`
	Person           messageJSON `json:"person"`
}

func pairTable(w io.Writer, subject string, event *consentv1.Event, response pairResponse) {
	effect, _ := effectText(response.GetOutcome())
	fields(w, [][2]string{
		{"Event id", event.GetId()}, {"Outcome", effect},
		{"Ids of " + subject, strings.Join(response.GetPerson().GetSubjectIds(), ", ")},
		{"Shared ids", strings.Join(response.GetPerson().GetSharedIds(), ", ")},
		{"Consistency token", response.GetConsistencyToken()},
	})
}

func (a *app) resolveCommand() *cobra.Command {
	var past pastFlags
	cmd := &cobra.Command{
		Use:   "resolve",
		Short: "Show all ids of the person whom an id names",
		Long:  "Show all ids of the person whom an id names, now or as linked at a time in the past.\n\n" + pastHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &consentv1.GetSubjectRequest{
				Controller: args[0], SubjectId: args[1], At: past.at.timestamp(), KnownAt: past.knownAt.timestamp(),
			}
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				response, err := c.GetSubject(ctx, request)
				if err != nil {
					return err
				}
				return a.print(response.GetPerson(), func(w io.Writer) { personTable(w, args[1], response.GetPerson()) })
			})
		},
	}
	past.add(a, cmd)
	return a.takes(cmd, controllerArgument, subjectArgument)
}

// personTable lists ids below each other, each with what it is to the one that was asked for.
func personTable(w io.Writer, subject string, p *consentv1.Person) {
	t := table{header: []string{"ID", "IS"}}
	is := "the person"
	if p.GetShared() {
		is = "linked to it"
		t.add(subject, "shared by several people")
	}
	for _, id := range p.GetSubjectIds() {
		t.add(id, is)
	}
	for _, id := range p.GetSharedIds() {
		t.add(id, "shared with others")
	}
	t.write(w)
}

// linkedText is whom an id names where it is more than that id.
func linkedText(p *consentv1.Person) string {
	ids := strings.Join(p.GetSubjectIds(), ", ")
	switch {
	case p.GetShared():
		return "shared by several people; linked to " + ids
	case len(p.GetSubjectIds()) > 1:
		return ids
	}
	return ""
}
