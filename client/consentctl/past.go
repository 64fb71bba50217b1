package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// pastFlags say as of when to answer.
type pastFlags struct {
	at, knownAt timeFlag
	policies    choiceFlag
}

// add registers the two instants.
func (f *pastFlags) add(a *app, cmd *cobra.Command) {
	f.at, f.knownAt = timeFlag{now: a.now}, timeFlag{now: a.now}
	cmd.Flags().Var(&f.at, "at", "count what had occurred by then: "+timeForms)
	cmd.Flags().Var(&f.knownAt, "known-at", "count what was recorded by then; default now")
}

// addPolicies registers which policies decide.
func (f *pastFlags) addPolicies(cmd *cobra.Command) {
	f.policies = choiceFlag{value: "then", choices: []string{"then", "now"}}
	cmd.Flags().Var(
		&f.policies, "policies", "decide as of the past by the policies that were in force then, or by those of now: then or now",
	)
	completeFlag(cmd, "policies", f.policies.choices)
}

func (f *pastFlags) given() bool { return f.at.timestamp() != nil || f.knownAt.timestamp() != nil }

func (f *pastFlags) choice() consentv1.PolicyChoice {
	switch {
	case !f.given():
		return consentv1.PolicyChoice_POLICY_CHOICE_UNSPECIFIED
	case f.policies.value == "now":
		return consentv1.PolicyChoice_POLICY_CHOICE_NOW
	}
	return consentv1.PolicyChoice_POLICY_CHOICE_THEN
}

// pastHelp is what the help of each command says of its flags.
const pastHelp = `With --at it answers as of then: what had occurred by then counts, so far as it is on record now or, with
--known-at, was recorded by then. An event that was annulled since counts where --known-at is before the annulment.`

// writeAsOf says as of when an answer is, by which policies, and which events were recorded later. Nothing is
// written of an answer as of now.
func writeAsOf(w io.Writer, as *consentv1.StateAsOf, policies *consentv1.DecidingPolicies) {
	if as == nil {
		return
	}
	at, known := dateText(as.GetAt()), dateText(as.GetKnownAt())
	line := func(format string, args ...any) { paragraph(w, "", "", fmt.Sprintf(format, args...)) }
	line("As of %s: what had occurred by then, of what was recorded by %s.", at, known)
	if policies != nil {
		line("%s", policiesText(policies))
	}
	if n := int(as.GetRecordedLaterCount()); n > 0 {
		line(
			"%s recorded only after %s, and counted: %s.", count(n, "event was", "events were"), at,
			entriesText(as.GetRecordedLater(), n),
		)
	}
	if n := int(as.GetNotKnownCount()); n > 0 {
		line("%s by then, but recorded only after %s, and not counted: %s.",
			count(n, "event had occurred", "events had occurred"), known, entriesText(as.GetNotKnown(), n))
	}
}

func policiesText(p *consentv1.DecidingPolicies) string {
	switch {
	case !p.GetInForceThen():
		return "By the policies that are in force now, not by those of then."
	case p.GetInForceNow():
		return fmt.Sprintf("By the policies that were in force then, since %s, and are so now.", dateText(p.GetInForceFrom()))
	}
	return fmt.Sprintf("By the policies that were in force then, from %s to %s (--policies now: by those of now).",
		dateText(p.GetInForceFrom()), dateText(p.GetInForceUntil()))
}

// entriesText names the first entries of n.
func entriesText(entries []*consentv1.LedgerEntry, n int) string {
	const most = 5
	var parts []string
	for _, e := range entries[:min(len(entries), most)] {
		kind, _ := kindText(e.GetEvent())
		parts = append(parts, fmt.Sprintf("%s (%s, recorded %s)", e.GetEvent().GetId(), kind, dateText(e.GetRecordedAt())))
	}
	text := strings.Join(parts, ", ")
	if more := n - len(parts); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// laterText says when events were recorded that are not known: on a day, or from one to another.
func laterText(as *consentv1.StateAsOf) string {
	day := func(t *timestamppb.Timestamp) string { return t.AsTime().Format("2 January 2006") }
	n := int(as.GetNotKnownCount())
	entries := as.GetNotKnown()
	if n == 0 || len(entries) == 0 {
		return ""
	}
	text := count(n, "event that had occurred by then was", "events that had occurred by then were")
	first, last := day(entries[0].GetRecordedAt()), day(entries[len(entries)-1].GetRecordedAt())
	switch {
	case n > len(entries):
		return text + " recorded only from " + first + " on."
	case first != last:
		return text + " recorded only from " + first + " to " + last + "."
	}
	return text + " recorded only on " + first + "."
}
