package explain

import (
	"fmt"
	"strings"
	"time"

	"github.com/consentd/consentd/server/consent"
)

// The sentences are for people who know privacy law and not this program; nothing may parse them.

// Date is how instants are written.
func Date(i consent.Instant) string { return i.Time().Format("2 January 2006, 15:04 MST") }

func placeText(d consent.Dated[string]) string {
	if d.Value == "" {
		return "The place where the subject lives is recorded as unknown."
	}
	return "The subject lives in " + d.Value + "."
}

func ageText(d consent.Dated[consent.Age]) string {
	low, high := d.Value.Min, d.Value.Max
	on := " on " + d.At.Time().Format("2 January 2006") + "."
	switch {
	case low == consent.Unbounded:
		return fmt.Sprintf("The subject was at most %d years old%s", high, on)
	case high == consent.Unbounded:
		return fmt.Sprintf("The subject was at least %d years old%s", low, on)
	case low == high:
		return fmt.Sprintf("The subject was %d years old%s", low, on)
	}
	return fmt.Sprintf("The subject was between %d and %d years old%s", low, high, on)
}

func accountText(d consent.Dated[consent.AccountStatus]) string {
	if d.Value == consent.AccountClosed {
		return "The account was closed on " + Date(d.At) + "."
	}
	return "The account is active."
}

func activityText(d consent.Dated[consent.Instant]) string {
	return "The account was last used on " + Date(d.Value) + "."
}

func retentionText(d consent.Dated[consent.Instant]) string {
	return "The data are to be kept until " + Date(d.Value) + "."
}

func relationshipText(d consent.Dated[consent.Relationship]) string {
	r := d.Value
	var parts []string
	if r.LastSaleAt != 0 {
		parts = append(parts, "the last sale was on "+Date(r.LastSaleAt))
	}
	if r.SellingEntity != "" {
		parts = append(parts, "the seller was "+r.SellingEntity)
	}
	if r.OptOutOffered {
		parts = append(parts, "a way to opt out was offered")
	} else {
		parts = append(parts, "no way to opt out was offered")
	}
	return "The subject is a customer: " + strings.Join(parts, ", ") + "."
}

func erasureText(e erasure) string {
	at, completed := Date(e.Stage.At), Date(e.Completed.At)
	var text string
	switch e.Stage.Value {
	case consent.ErasureRequested:
		text = "The subject asked for erasure on " + at + "."
	case consent.ErasureInProgress:
		text = "An erasure has been in progress since " + at + "."
	case consent.ErasureCompleted:
		return "The erasure was completed on " + at + ": what was given before has ended for good."
	case consent.ErasureCancelled:
		text = "An erasure was cancelled on " + at + "."
	case consent.ErasureRestarted:
		return fmt.Sprintf("After the erasure that was completed on %s the person came back on %s; "+
			"what was given before the completion has ended for good.", completed, at)
	}
	if e.Completed.At != 0 {
		text += " What was given before the completion of one on " + completed + " has ended for good."
	}
	return text
}

var signalNames = [...]string{"Global Privacy Control", "Do Not Track"}

func signalText(i int, g consent.Signal) string {
	switch {
	case !g.Value:
		return fmt.Sprintf("The browser sent no %s when it was last seen, on %s; that is no choice.", signalNames[i], Date(g.At))
	case g.Broken:
		return fmt.Sprintf("The subject has been opted out by %s since %s; a browser without it, last seen on %s, undoes nothing.",
			signalNames[i], Date(g.Since), Date(g.At))
	}
	return fmt.Sprintf("The subject has been opted out by %s since %s.", signalNames[i], Date(g.Since))
}

var optOutNames = map[consent.OptOutKind]string{
	consent.SaleOrSharing: "the sale or sharing of the data", consent.SensitiveDataUse: "the use of sensitive data",
}

func optOutText(kind consent.OptOutKind, m consent.Mark) string {
	if m.Raised {
		return fmt.Sprintf("The subject opted out of %s on %s.", optOutNames[kind], Date(m.At))
	}
	return fmt.Sprintf("The opt-out of %s was lifted on %s.", optOutNames[kind], Date(m.At))
}

func covered(purpose string) string {
	if purpose == "" {
		return "all purposes"
	}
	return purpose
}

func objectionText(m consent.PurposeMark, c consent.Coverage) string {
	var text string
	switch {
	case m.At == 0:
		text = fmt.Sprintf("An objection to %s is on record that does not count.", covered(m.Purpose))
	case m.Raised:
		text = fmt.Sprintf("The subject objected to %s on %s.", covered(m.Purpose), Date(m.At))
	default:
		text = fmt.Sprintf("The objection to %s was lifted on %s.", covered(m.Purpose), Date(m.At))
	}
	return text + coverageText(m, c)
}

// coverageText says where the marks for all purposes and for single ones meet.
func coverageText(m consent.PurposeMark, c consent.Coverage) string {
	switch {
	case len(c.Exempt) > 0:
		return fmt.Sprintf(" It was lifted later for %s.", few(c.Exempt))
	case c.Covered && !m.Raised:
		return " The one for all purposes covers it."
	}
	return ""
}

// few lists names, of many the first.
func few(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

var grounds = map[consent.Ground]string{
	consent.AccuracyContested:   "the subject contests that the data are right",
	consent.UnlawfulProcessing:  "the processing was unlawful and the subject wants no erasure",
	consent.DataNeededForClaims: "the subject needs the data for legal claims",
	consent.ObjectionPending:    "an objection is being looked at",
}

func restrictionText(m consent.GroundMark, c consent.Coverage) string {
	text := fmt.Sprintf("A restriction for %s (%s) was lifted on %s.", covered(m.Purpose), m.Ground, Date(m.At))
	if m.Raised {
		text = fmt.Sprintf("Processing is restricted for %s since %s, because %s.", covered(m.Purpose), Date(m.At), grounds[m.Ground])
	}
	return text + coverageText(consent.PurposeMark{Purpose: m.Purpose, Mark: m.Mark}, c)
}

// phrase is a bare name in words: IN_PROGRESS is "in progress".
func phrase(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", " ")) }

func toRecipient(id string) string {
	if id == "" {
		return ""
	}
	return " for the recipient " + id
}

func recordText(purpose, recipient string, r *consent.Record) string {
	what := fmt.Sprintf("onsent to %s%s", purpose, toRecipient(recipient))
	switch r.Status {
	case consent.Requested:
		return fmt.Sprintf("C%s was asked for on %s and has not been given.", what, Date(r.RequestedAt))
	case consent.Given:
		return fmt.Sprintf("C%s was given on %s%s.", what, Date(r.GivenAt), grantDetails(r))
	}
	by := ""
	if r.GivenBy == consent.ByController {
		by = " by the controller"
	}
	text := fmt.Sprintf("C%s was %s%s on %s.", what, phrase(r.Status.String()), by, Date(r.DeniedAt))
	if r.GivenAt != 0 {
		text += fmt.Sprintf(" It had been given on %s.", Date(r.GivenAt))
	}
	return text
}

func grantDetails(r *consent.Record) string {
	parts := []string{fmt.Sprintf("to version %d of the notice", r.NoticeVersion)}
	if r.Explicit {
		parts = append(parts, "explicitly")
	}
	switch r.GivenBy {
	case consent.ByParent:
		parts = append(parts, "by a parent")
	case consent.ByAgent:
		parts = append(parts, "by an agent")
	}
	if len(r.Countries) > 0 {
		parts = append(parts, "for transfers to "+strings.Join(r.Countries, ", "))
	}
	if r.ExpiresAt != 0 {
		parts = append(parts, "until "+Date(r.ExpiresAt))
	}
	return ", " + strings.Join(parts, ", ")
}

func requestText(key string, r *consent.Record) string {
	purpose, recipient, _ := strings.Cut(strings.TrimPrefix(key, "consents."), ".recipients.")
	text := fmt.Sprintf("Consent to %s%s was last asked for on %s", purpose, toRecipient(recipient), Date(r.RequestedAt))
	if before := r.RequestedBeforeGivenAt; before != 0 && before != r.RequestedAt {
		text += fmt.Sprintf(", and before it was given on %s", Date(before))
	}
	return text + "."
}

// uncountedText is of a purpose for which something was recorded, and nothing counts.
func uncountedText(purpose string, completed consent.Completion) string {
	if completed.At == 0 {
		return fmt.Sprintf("Something was imported about consent to %s without evidence; it does not count.", purpose)
	}
	return fmt.Sprintf("What is on record about consent to %s does not count: it came before the erasure that was completed on %s, "+
		"or was imported without evidence.", purpose, Date(completed.At))
}

// obligationText is an obligation in words.
func obligationText(o consent.Obligation) string {
	p := o.Parameters
	switch o.Code {
	case consent.DeactivateAccount:
		return "Deactivate the subject's account."
	case consent.AccountMayBeLimited:
		return "The use of the account may have to be limited; tell the subject."
	case consent.AggregateOnly:
		return "Use the data in aggregate only."
	case consent.BinaryResultOnly:
		return "Keep nothing but a yes or no."
	case consent.TransferSafeguards:
		return fmt.Sprintf("Have safeguards in place for the transfer to %s, such as standard contractual clauses.", p.Country)
	case consent.IncludeUnsubscribe:
		return "Put a way to unsubscribe into the message."
	case consent.ExcludeDataCategories:
		return "Leave out these data: " + strings.Join(p.Categories, ", ") + "."
	case consent.RecordSignal:
		return fmt.Sprintf("Record the signal %s that came with the request; a check writes nothing.", p.Signal)
	case consent.ReaskNotBefore:
		return "Do not ask the subject to opt in again before " + Date(p.Time) + "."
	case consent.ConfirmRecipientConsent:
		return "Have the recipient confirm that the subject consented."
	}
	return o.Code.String()
}

// durationText is a duration in days, or in its own form where it is none.
func durationText(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 0 {
		return fmt.Sprintf("%d days", days)
	}
	return d.String()
}
