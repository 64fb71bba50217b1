package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// recorded is what came of an event, and what is decided now for the purposes that it names.
type recorded struct {
	event     *consentv1.Event
	response  *consentv1.RecordEventsResponse
	decisions []purposeResult
}

// purposeResult is what came of the check of a purpose.
type purposeResult struct {
	purpose string
	client.Result
}

// decideNow checks each purpose that the one event of a request names, as of the state after it. The event is recorded
// whatever comes of that. A consent that names recipients says nothing without one, and their kinds are not known here:
// it is not checked.
func decideNow(ctx context.Context, c *client.Client, recorded *consentv1.RecordEventsRequest, token string) []purposeResult {
	event := recorded.GetEvents()[0]
	purposes := purposesOf(event)
	if len(purposes) == 0 || len(event.GetConsent().GetRecipients()) > 0 {
		return nil
	}
	batch := &consentv1.BatchCheckRequest{Consistency: client.AtLeastAsFresh(token)}
	for _, purpose := range purposes {
		batch.Requests = append(batch.Requests, client.NewCheck(recorded.GetController(), recorded.GetSubjectId(), purpose))
	}
	results, err := c.BatchCheck(ctx, batch)
	decisions := make([]purposeResult, len(purposes))
	for i, purpose := range purposes {
		decisions[i] = purposeResult{purpose: purpose, Result: client.Result{Err: err}}
		if err == nil {
			decisions[i].Result = results[i]
		}
	}
	return decisions
}

// outcome is what became of the event; nil where a server of an earlier version does not say.
func (r recorded) outcome() *consentv1.EventOutcome {
	if all := r.response.GetOutcomes(); len(all) == 1 {
		return all[0]
	}
	return nil
}

// recordedJSON is what came of an event, for JSON.
type recordedJSON struct {
	EventID          string         `json:"event_id"`
	Applied          uint32         `json:"applied"`
	Duplicates       uint32         `json:"duplicates"`
	Revision         uint64         `json:"revision"`
	ConsistencyToken string         `json:"consistency_token"`
	Outcome          messageJSON    `json:"outcome,omitzero"`
	Decisions        []decisionJSON `json:"decisions"`
}

// decisionJSON is what is decided now for a purpose that the event names.
type decisionJSON struct {
	Purpose string `json:"purpose"`
	batchResult
}

func (r recorded) json() recordedJSON {
	out := recordedJSON{
		EventID: r.event.GetId(), Applied: r.response.GetApplied(), Duplicates: r.response.GetDuplicates(),
		Revision: r.response.GetRevision(), ConsistencyToken: r.response.GetConsistencyToken(),
		Decisions: make([]decisionJSON, len(r.decisions)),
	}
	if outcome := r.outcome(); outcome != nil {
		out.Outcome = messageJSON{outcome}
	}
	for i, d := range r.decisions {
		out.Decisions[i] = decisionJSON{d.purpose, batchResultOf(d.Result)}
	}
	return out
}

func (r recorded) table(w io.Writer) {
	rows := [][2]string{{"Event id", r.event.GetId()}, {"Outcome", r.outcomeText()}}
	for _, warning := range r.outcome().GetWarnings() {
		rows = append(rows, [2]string{"Warning", warning.GetMessage()})
	}
	fields(w, append(rows, [][2]string{
		{"Applied", strconv.FormatUint(uint64(r.response.GetApplied()), 10)},
		{"Duplicates", strconv.FormatUint(uint64(r.response.GetDuplicates()), 10)},
		{"Consistency token", r.response.GetConsistencyToken()},
	}...))
}

// outcomeText is a sentence such as "recorded, and superseded by the consent of 2026-03-01T12:00:00Z (e7): still ALLOW
// for marketing_email".
func (r recorded) outcomeText() string {
	effect, since := effectText(r.outcome())
	if effect == "" || len(r.decisions) == 0 {
		return effect
	}
	decided := make([]string, len(r.decisions))
	for i, d := range r.decisions {
		decided[i] = d.text()
	}
	return effect + ": " + since + " " + strings.Join(decided, ", ")
}

// effectText tells what became of an event; since is "still" where it cannot have changed a decision.
func effectText(o *consentv1.EventOutcome) (effect, since string) {
	switch o.GetEffect() {
	case consentv1.EventEffect_EVENT_EFFECT_UNSPECIFIED:
		return "", ""
	case consentv1.EventEffect_EVENT_EFFECT_COUNTED:
		return "recorded", "now"
	case consentv1.EventEffect_EVENT_EFFECT_SUPERSEDED:
		return fmt.Sprintf("recorded, and superseded by the %s of %s (%s)",
			o.GetSupersededByKind(), timeText(o.GetSupersededByOccurredAt()), o.GetSupersededBy()), "still"
	case consentv1.EventEffect_EVENT_EFFECT_UNPROVEN:
		return "recorded, and does not count for lack of evidence, or because the id is shared", "now"
	case consentv1.EventEffect_EVENT_EFFECT_DUPLICATE:
		return "had been recorded before, and changed nothing now", "still"
	default: // of a later version of the server
		return "recorded, and is " + enumText(o.GetEffect()), "now"
	}
}

// text is a decision such as "DENY (CONSENT_WITHDRAWN) for marketing_email".
func (d purposeResult) text() string {
	switch {
	case d.Err != nil:
		return fmt.Sprintf("not known for %s: %s", d.purpose, errorCell(d.Err))
	case d.Decision.Allowed:
		return "ALLOW for " + d.purpose
	default:
		return fmt.Sprintf("DENY (%s) for %s", reasonCodes(d.Decision), d.purpose)
	}
}
