package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// explainFlags are those of explain besides a check's.
type explainFlags struct {
	past   pastFlags
	logged loggedFlags
	trace  bool
	all    bool
}

func (a *app) explainCommand() *cobra.Command {
	var check requestFlags
	var flags explainFlags
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Tell why one purpose is decided as it is for one subject",
		Long: `Make a decision again and tell its story: what is on record and which events are behind it, the rules that decided and
those that nearly did, what would change the answer, and until when it holds.

` + pastHelp + ` The policies that were in
force at --at decide, unless --policies now asks those of now; where they are not kept any more that is an error.`,
		Example: `  consentctl explain example user-42 marketing_email
  consentctl explain example user-42 marketing_email --at 2026-01-31
  consentctl explain example user-42 marketing_email --at 2026-01-31 --known-at 2026-01-31 --policies now
  consentctl explain --id 0123456789abcdef0123456789abcdef --log decisions.jsonl
  consentctl explain jasminai user-42 affiliate_sharing --recipient affiliate --category user.location.country --trace`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.logged.id != "" {
				return a.explainLogged(cmd, flags)
			}
			request := &consentv1.ExplainRequest{Trace: flags.trace}
			var err error
			if request.Check, err = check.request(cmd, args); err != nil {
				return err
			}
			request.At, request.KnownAt = flags.past.at.timestamp(), flags.past.knownAt.timestamp()
			request.Policies = flags.past.choice()
			return a.explain(cmd, request, flags.all)
		},
	}
	check.add(cmd)
	flags.past.add(a, cmd)
	flags.past.addPolicies(cmd)
	flags.logged.add(cmd)
	cmd.Flags().BoolVar(&flags.trace, "trace", false, "add OPA's own trace")
	cmd.Flags().BoolVar(&flags.all, "all", false, "show also what had no effect, and rules that only helped to decide")
	return flags.logged.replaces(a.takes(cmd, controllerArgument, subjectArgument, purposeArgument))
}

// explainLogged explains a decision that is in a log, as of then.
func (a *app) explainLogged(cmd *cobra.Command, flags explainFlags) error {
	request, item, err := flags.logged.question()
	if err != nil {
		return err
	}
	request.Trace = flags.trace
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		response, err := c.Explain(ctx, request)
		if err != nil {
			return err
		}
		return a.print(response, func(w io.Writer) {
			story{w, request.GetCheck(), response, flags.all}.write()
			flags.logged.compared(w, item, response.GetDecision())
		})
	})
}

func (a *app) explain(cmd *cobra.Command, request *consentv1.ExplainRequest, all bool) error {
	return a.with(cmd, func(ctx context.Context, c *client.Client) error {
		response, err := c.Explain(ctx, request)
		if err != nil {
			return err
		}
		return a.print(response, func(w io.Writer) { story{w, request.GetCheck(), response, all}.write() })
	})
}

// story writes an explanation for people.
type story struct {
	w        io.Writer
	check    *consentv1.CheckRequest
	response *consentv1.ExplainResponse
	all      bool
}

func (s story) write() {
	s.headline()
	s.reasons()
	s.facts()
	s.annulled()
	s.rules()
	s.near()
	s.changes()
	s.obligations()
	s.validity()
	s.footer()
}

func (s story) line(format string, args ...any) { fmt.Fprintf(s.w, format+"\n", args...) }

// section begins a part of the story.
func (s story) section(title string) { s.line("\n%s", title) }

// item writes a paragraph that hangs under a dash, folded.
func (s story) item(text string) { s.paragraph("  - ", "    ", text) }

func (s story) note(text string) { s.paragraph("      ", "      ", text) }

const lineWidth = 110

func (s story) paragraph(first, indent, text string) { paragraph(s.w, first, indent, text) }

// paragraph folds text at words; the first line begins otherwise than the others.
func paragraph(w io.Writer, first, indent, text string) {
	line := first
	empty := true
	for word := range strings.FieldsSeq(clean(text)) {
		if !empty && len(line)+1+len(word) > lineWidth {
			fmt.Fprintln(w, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	fmt.Fprintln(w, line)
}

func (s story) headline() {
	d := s.response.GetDecision()
	verdict := "may NOT"
	if d.GetDecision() == consentv1.Decision_DECISION_ALLOW {
		verdict = "may"
	}
	who := ""
	if r := s.check.GetRecipient(); r != nil {
		who = " and give them to " + recipientText(r)
	}
	data := "the data"
	if len(s.check.GetDataCategories()) > 0 {
		data = strings.Join(s.check.GetDataCategories(), ", ")
	}
	text := fmt.Sprintf("%s: %s %s use %s of %s for %s%s.", client.EnumName(d.GetDecision()), s.check.GetController(), verdict, data,
		s.check.GetSubjectId(), s.check.GetPurpose(), who)
	if basis := enumText(d.GetLegalBasis()); basis != "" && d.GetDecision() == consentv1.Decision_DECISION_ALLOW {
		text += " The legal basis is " + basis + "."
	} else if basis != "" {
		text += " It would have to rest on " + basis + "."
	}
	s.paragraph("", "", text)
	writeAsOf(s.w, s.response.GetStateAsOf(), s.response.GetPolicies())
}

func recipientText(r *consentv1.Recipient) string {
	kind := strings.ToLower(strings.ReplaceAll(client.EnumName(r.GetKind()), "_", " "))
	text := article(kind) + " " + kind
	if r.GetId() != "" {
		text = "the " + kind + " " + r.GetId()
	}
	if r.GetCountry() != "" {
		text += " in " + r.GetCountry()
	}
	return text
}

func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an"
	}
	return "a"
}

// dateText is a time as people write it.
func dateText(t *timestamppb.Timestamp) string { return t.AsTime().Format("2 January 2006, 15:04 MST") }

func (s story) reasons() {
	s.section("Why")
	for _, r := range s.response.GetDecision().GetReasons() {
		clause := ""
		if r.GetClause() != "" {
			clause = ", " + r.GetClause()
		}
		message := r.GetMessage()
		if later := laterText(s.response.GetStateAsOf()); later != "" && r.GetCode() == consentv1.ReasonCode_REASON_CODE_SUBJECT_UNKNOWN {
			message = later // nothing was recorded is not the whole truth
		}
		s.item(fmt.Sprintf("%s (%s%s)", message, client.EnumName(r.GetCode()), clause))
	}
	if failure := s.response.GetPolicyFailure(); failure != "" {
		s.note(failure)
	}
}

func (s story) facts() {
	s.section("What is on record and counted")
	shown, hidden := 0, 0
	for _, f := range s.response.GetFacts() {
		// A consent to this very purpose that does not count is what people ask about.
		own := f.GetKey() == "consents."+s.check.GetPurpose()
		if f.GetRole() == consentv1.FactRole_FACT_ROLE_NO_EFFECT && !s.all && !own {
			hidden++
			continue
		}
		shown++
		s.fact(f)
	}
	if shown+hidden == 0 {
		s.item("Nothing is on record.")
	} else if shown == 0 {
		s.item("Nothing that is on record made a difference.")
	}
	if hidden > 0 {
		s.note(fmt.Sprintf("%s on record made no difference.", count(hidden, "other fact", "other facts")))
	}
}

func (s story) fact(f *consentv1.ExplainedFact) {
	s.item(f.GetText())
	for _, e := range f.GetEvents() {
		kind, _ := kindText(e.GetEvent())
		s.note(fmt.Sprintf("event %s (%s, from %s), %s", e.GetEvent().GetId(), kind, e.GetEvent().GetSource(), times(e)))
	}
	switch f.GetRole() {
	case consentv1.FactRole_FACT_ROLE_DECISIVE:
		if outcome := s.otherwise(f.GetWithout(), f.GetReasonsWithout()); outcome != "" {
			s.note("Without it: " + outcome + ".")
		}
	case consentv1.FactRole_FACT_ROLE_SHARED:
		s.note("Another fact has the same effect.")
	case consentv1.FactRole_FACT_ROLE_NO_EFFECT:
		s.note("No effect.")
	}
}

// annulled tells which events count no more.
func (s story) annulled() {
	if len(s.response.GetAnnulled()) == 0 {
		return
	}
	s.section("What was recorded by mistake, and does not count")
	for _, a := range s.response.GetAnnulled() {
		e, by := a.GetEntry(), a.GetBy()
		kind, details := kindText(e.GetEvent())
		s.item(strings.TrimSuffix(fmt.Sprintf("event %s (%s, from %s), %s: %s", e.GetEvent().GetId(), kind, e.GetEvent().GetSource(),
			times(e), details), ": "))
		s.note(
			fmt.Sprintf(
				"annulled by %s on %s, evidence %s", by.GetEvent().GetId(), dateText(by.GetRecordedAt()), by.GetEvent().GetEvidence(),
			),
		)
	}
	if more := int(s.response.GetAnnulledCount()) - len(s.response.GetAnnulled()); more > 0 {
		s.note(fmt.Sprintf("%d more were annulled.", more))
	}
}

// times says when an event occurred, when it was recorded if that was not at once, and by whom if that is known.
func times(e *consentv1.LedgerEntry) string {
	occurred, recorded := e.GetEvent().GetOccurredAt(), e.GetRecordedAt()
	text := "occurred " + dateText(occurred)
	later, by := recorded.AsTime().Sub(occurred.AsTime()).Abs() > time.Minute, callerText(e.GetRecordedBy())
	if later || by != "" {
		text += ", recorded"
	}
	if later {
		text += " " + dateText(recorded)
	}
	if by != "" {
		text += " by " + by
	}
	return text
}

// otherwise is another decision in words. One for the same reasons differs in its basis, obligations or data.
func (s story) otherwise(d consentv1.Decision, reasons []consentv1.ReasonCode) string {
	now := s.response.GetDecision()
	var codes []consentv1.ReasonCode
	for _, r := range now.GetReasons() {
		codes = append(codes, r.GetCode())
	}
	if d == now.GetDecision() && slices.Equal(slices.Compact(codes), reasons) {
		return "still " + client.EnumName(d) + ", but on another basis, by other rules or with other obligations"
	}
	return outcome(d, reasons)
}

func outcome(d consentv1.Decision, reasons []consentv1.ReasonCode) string {
	if d == consentv1.Decision_DECISION_ALLOW {
		return "ALLOW"
	}
	names := make([]string, len(reasons))
	for i, r := range reasons {
		names[i] = client.EnumName(r)
	}
	return "DENY for " + strings.Join(names, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (s story) rules() {
	s.section("The rules that decided")
	shown := 0
	var helped []string
	for _, r := range s.response.GetRules() {
		if len(r.GetReasons()) == 0 && len(r.GetObligations()) == 0 && !s.all {
			helped = append(helped, r.GetTitle())
			continue
		}
		shown++
		s.item(ruleText(r))
		s.note(fmt.Sprintf("%s:%d%s", r.GetFile(), r.GetLine(), gave(r)))
	}
	if shown == 0 && s.response.GetDecision().GetDecision() == consentv1.Decision_DECISION_ALLOW {
		s.item("No rule stands against it, and the legal basis holds.")
	} else if shown == 0 {
		s.item("The controller's table of purposes decides.")
	}
	slices.Sort(helped)
	if helped = slices.Compact(helped); len(helped) > 0 {
		s.note("Held as well, and stood against nothing: " + strings.Join(helped, "; ") + ".")
	}
}

func ruleText(r *consentv1.ExplainedRule) string {
	text := r.GetTitle()
	if r.GetArticle() != "" {
		text += " (" + r.GetArticle() + ")"
	}
	return text + ": " + r.GetDescription()
}

// gave is what a rule gave to the answer.
func gave(r *consentv1.ExplainedRule) string {
	var parts []string
	for _, code := range r.GetReasons() {
		parts = append(parts, client.EnumName(code))
	}
	for _, code := range r.GetObligations() {
		parts = append(parts, client.EnumName(code))
	}
	if len(parts) == 0 {
		return ""
	}
	return " gives " + strings.Join(parts, ", ")
}

func (s story) near() {
	if len(s.response.GetNearRules()) == 0 {
		return
	}
	s.section("The rules that nearly applied")
	for _, n := range s.response.GetNearRules() {
		s.item(ruleText(n.GetRule()))
		missing := n.GetMissing()
		if n.GetDescription() != "" {
			missing = n.GetDescription() + " (" + missing + ")"
		}
		if n.GetException() {
			s.note("It does not apply, because of an exception: " + missing)
		} else {
			s.note("It does not apply, because this does not hold: " + missing)
		}
		if with := n.GetBroughtBy(); len(with) > 0 {
			s.note("It would apply with " + strings.Join(with[:min(len(with), 3)], ", or "))
		}
	}
}

func (s story) changes() {
	if len(s.response.GetDecision().GetReasons()) == 0 || s.response.GetPolicyFailure() != "" {
		return
	}
	if s.response.GetDecision().GetDecision() == consentv1.Decision_DECISION_ALLOW {
		s.section("What would end it")
	} else {
		s.section("What would allow it")
	}
	for _, c := range s.response.GetChanges() {
		text := strings.Join(c.GetAllOf(), ", together with ")
		if c.GetDecision() != consentv1.Decision_DECISION_ALLOW {
			text += ": " + outcome(c.GetDecision(), c.GetReasons())
		}
		s.item(text)
	}
	if len(s.response.GetChanges()) == 0 {
		s.item("No event and no other way of asking was found that would.")
	}
}

func (s story) obligations() {
	if len(s.response.GetObligations()) == 0 {
		return
	}
	s.section("What the caller must also do")
	for _, text := range s.response.GetObligations() {
		s.item(text)
	}
}

func (s story) validity() {
	s.section("Until when")
	v := s.response.GetValidity()
	if v == nil {
		s.item("Time alone does not change this answer.")
		return
	}
	s.item(fmt.Sprintf("It holds until %s at least. %s", dateText(v.GetValidUntil()), v.GetWhy()))
	switch {
	case v.GetChangesAt() == nil:
		s.item("Nothing was found that time alone would change in it.")
	default:
		s.item(
			fmt.Sprintf(
				"If nothing happens, it becomes %s on %s.", s.otherwise(v.GetDecision(), v.GetReasons()), dateText(v.GetChangesAt()),
			),
		)
	}
}

func (s story) footer() {
	d := s.response.GetDecision()
	s.line("")
	s.line("Decided for %s by the policies %s.", dateText(s.response.GetDecidedFor()), clean(d.GetPolicyRevision()))
	if s.response.GetTrace() != "" {
		s.section("OPA's trace")
		for line := range strings.Lines(s.response.GetTrace()) {
			fmt.Fprintln(s.w, clean(strings.TrimRight(line, "\n")))
		}
	}
}
