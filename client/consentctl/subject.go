package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func (a *app) subjectCommand() *cobra.Command {
	var past pastFlags
	cmd := &cobra.Command{
		Use:   "subject",
		Short: "Show a subject's state as policies read it",
		Long:  "Show a subject's state as policies read it, now or as of the past.\n\n" + pastHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			request := &consentv1.GetSubjectRequest{
				Controller: args[0], SubjectId: args[1], At: past.at.timestamp(), KnownAt: past.knownAt.timestamp(),
			}
			return a.with(cmd, func(ctx context.Context, c *client.Client) error {
				response, err := c.GetSubject(ctx, request)
				if err != nil {
					return err
				}
				return a.print(response, func(w io.Writer) { subjectTables(w, response) })
			})
		},
	}
	past.add(a, cmd)
	return a.takes(cmd, controllerArgument, subjectArgument)
}

func subjectTables(w io.Writer, response *consentv1.GetSubjectResponse) {
	s := response.GetState()
	if as := response.GetAsOf(); as != nil {
		writeAsOf(w, as, nil)
		fmt.Fprintln(w)
	}
	fields(w, [][2]string{
		{"Known", strconv.FormatBool(s.GetKnown())},
		{"Ids", linkedText(response.GetPerson())},
		{"Shared ids", strings.Join(response.GetPerson().GetSharedIds(), ", ")},
		{"Revision", strconv.FormatUint(s.GetRevision(), 10)},
		{"Jurisdiction", s.GetJurisdiction()},
		{"Age", ageText(s)},
		{"Account", enumText(s.GetAccountStatus())},
		{"Last activity", timeText(s.GetLastActivityAt())},
		{"Retention until", timeText(s.GetRetentionUntil())},
		{"Relationship", detailText(s.GetRelationship().ProtoReflect())},
		{"Erasure", strings.TrimSpace(enumText(s.GetErasure()) + " " + timeText(s.GetErasureAt()))},
		{"Erasure completed", timeText(s.GetErasureCompletedAt())},
		{"Consistency token", response.GetConsistencyToken()},
	})
	consentTable(s).section(w)
	objectionTable(s).section(w)
	restrictionTable(s).section(w)
	optOutTable(s).section(w)
	signalTable(s).section(w)
}

// ageText is the age as it was recorded: "at least 18 at 2026-01-01T00:00:00Z".
func ageText(s *consentv1.SubjectState) string {
	at := " at " + timeText(s.GetAgeRecordedAt())
	switch {
	case s.AgeMin != nil && s.AgeMax != nil:
		return fmt.Sprintf("%d to %d", s.GetAgeMin(), s.GetAgeMax()) + at
	case s.AgeMin != nil:
		return fmt.Sprintf("at least %d", s.GetAgeMin()) + at
	case s.AgeMax != nil:
		return fmt.Sprintf("at most %d", s.GetAgeMax()) + at
	default:
		return ""
	}
}

func consentTable(s *consentv1.SubjectState) *table {
	t := &table{header: []string{"CONSENT", "RECIPIENT", "STATUS", "NOTICE", "EXPLICIT", "GIVEN BY", "GIVEN AT", "DENIED AT", "EXPIRES AT"}}
	for _, c := range s.GetConsents() {
		t.add(c.GetPurpose(), c.GetRecipient(), enumText(c.GetStatus()), strconv.FormatUint(uint64(c.GetNoticeVersion()), 10),
			strconv.FormatBool(c.GetExplicit()), enumText(c.GetGivenBy()), timeText(c.GetGivenAt()),
			timeText(c.GetDeniedAt()), timeText(c.GetExpiresAt()))
	}
	return t
}

func objectionTable(s *consentv1.SubjectState) *table {
	t := &table{header: []string{"OBJECTION", "STATE", "AT"}}
	for _, o := range s.GetObjections() {
		t.add(purposeText(o.GetPurpose()), coverageText(o), timeText(o.GetAt()))
	}
	return t
}

func restrictionTable(s *consentv1.SubjectState) *table {
	t := &table{header: []string{"RESTRICTION", "PURPOSE", "STATE", "AT"}}
	for _, r := range s.GetRestrictions() {
		t.add(client.EnumName(r.GetGround()), purposeText(r.GetPurpose()), coverageText(r), timeText(r.GetAt()))
	}
	return t
}

func optOutTable(s *consentv1.SubjectState) *table {
	t := &table{header: []string{"OPT-OUT", "STATE", "AT"}}
	for _, o := range s.GetOptOuts() {
		t.add(client.EnumName(o.GetKind()), raisedText(!o.GetLifted()), timeText(o.GetAt()))
	}
	return t
}

func signalTable(s *consentv1.SubjectState) *table {
	t := &table{header: []string{"SIGNAL", "STATE", "SINCE"}}
	for _, g := range s.GetSignals() {
		state := "no choice"
		if g.GetValue() {
			state = "opted out"
		}
		t.add(g.GetSignal(), state, timeText(g.GetSince()))
	}
	return t
}

// purposeText is a purpose of an objection or a restriction, which may be for all.
func purposeText(purpose string) string {
	if purpose == "" {
		return "all purposes"
	}
	return purpose
}

// mark is the state of an objection or a restriction.
type mark interface {
	GetRaised() bool
	GetCovered() bool
	GetExempt() []string
	GetAt() *timestamppb.Timestamp
}

// coverageText is a mark as checks read it: what is lifted for one purpose is no more covered by an older one for all, and is
// by a newer one.
func coverageText(m mark) string {
	switch {
	case m.GetRaised() && len(m.GetExempt()) > 0:
		return "stands, but not for " + strings.Join(m.GetExempt(), ", ")
	case !m.GetRaised() && m.GetCovered():
		return "covered by all purposes"
	case m.GetAt() == nil:
		return "does not count"
	}
	return raisedText(m.GetRaised())
}

func raisedText(raised bool) string {
	if raised {
		return "stands"
	}
	return "lifted"
}
