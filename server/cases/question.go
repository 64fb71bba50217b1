package cases

import (
	"time"

	"github.com/consentd/consentd/server/consent"
)

// Question is what a case asks, for those who decide it without a server: its events folded, and its request.
type Question struct {
	Request consent.Request
	State   *consent.State
	Now     consent.Instant
}

// Question returns what the case asks at an instant. The error names the part of the case at fault.
func (c *Case) Question(now time.Time) (q Question, err error) {
	entries, err := domainEntries(c.Events, "e", now)
	if err != nil {
		return q, err
	}
	q.Request, err = c.Request(consent.Subject{Controller: c.Controller, ID: "subject"})
	q.State, q.Now = consent.FoldEntries(entries), consent.InstantOf(now)
	return q, err
}

// AnswerOf is a decision in bare names.
func AnswerOf(d consent.Decision) Answer {
	a := Answer{Decision: d.Effect.String(), PermittedDataCategories: d.PermittedDataCategories}
	if d.Basis != 0 {
		a.LegalBasis = d.Basis.String()
	}
	for _, r := range d.Reasons {
		a.Reasons = append(a.Reasons, r.Code.String())
	}
	for _, o := range d.Obligations {
		a.Obligations = append(a.Obligations, o.Code.String())
	}
	return a
}
