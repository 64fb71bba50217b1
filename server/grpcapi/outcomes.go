package grpcapi

import (
	"fmt"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/nearest"
)

// eventOutcomes says of each event of a batch what became of it, and what is odd about it under a controller's
// policies.
func eventOutcomes(c *consent.Controller, events []consent.Event, outcomes []consent.Outcome) []*consentv1.EventOutcome {
	out := make([]*consentv1.EventOutcome, len(outcomes))
	for i, o := range outcomes {
		out[i] = &consentv1.EventOutcome{
			Effect: consentv1.EventEffect(o.Effect), SupersededBy: o.By.ID, SupersededByOccurredAt: timestamp(o.By.OccurredAt),
			SupersededByKind: o.By.Kind, Warnings: eventWarnings(c, &events[i]),
		}
	}
	return out
}

// eventWarnings: a misspelt purpose must not swallow an unsubscribe, and nobody can have been shown a notice that is
// newer than any declared.
func eventWarnings(c *consent.Controller, e *consent.Event) (warnings []*consentv1.EventWarning) {
	for _, name := range purposesOf(e.Fact) {
		switch declared := findPurpose(c, name); {
		case declared == nil:
			warnings = append(warnings, undeclared(c, name))
		case notice(e.Fact) > declared.NoticeVersion && !declared.Prohibited:
			warnings = append(warnings, &consentv1.EventWarning{
				Code: consentv1.EventWarningCode_EVENT_WARNING_CODE_NOTICE_UNKNOWN, Purpose: name,
				Message: fmt.Sprintf("notice version %d of %s is newer than the declared one, %d: the consent does not count",
					notice(e.Fact), name, declared.NoticeVersion),
			})
		}
	}
	return warnings
}

func undeclared(c *consent.Controller, name string) *consentv1.EventWarning {
	w := &consentv1.EventWarning{
		Code: consentv1.EventWarningCode_EVENT_WARNING_CODE_PURPOSE_NOT_DECLARED, Purpose: name, Nearest: nearestPurpose(c, name),
		Message: fmt.Sprintf("%s declares no purpose %s", c.ID, name),
	}
	if w.Nearest != "" {
		w.Message += ": did you mean " + w.Nearest + "?"
	}
	return w
}

// purposesOf are the purposes that a fact names.
func purposesOf(f consent.Fact) []string {
	switch f := f.(type) {
	case consent.Consent:
		return []string{f.Purpose}
	case consent.Objection:
		return f.Purposes
	case consent.Restriction:
		return f.Purposes
	}
	return nil
}

// notice is the version of the notice that a grant names; 0: the fact is none.
func notice(f consent.Fact) uint32 {
	if c, ok := f.(consent.Consent); ok && c.Status == consent.Given {
		return c.NoticeVersion
	}
	return 0
}

func findPurpose(c *consent.Controller, name string) *consent.Purpose {
	for i := range c.Purposes {
		if c.Purposes[i].Name == name {
			return &c.Purposes[i]
		}
	}
	return nil
}

// nearestPurpose is the declared purpose whose name is nearest to name; empty where none is near.
func nearestPurpose(c *consent.Controller, name string) string {
	return nearest.Name(name, func(yield func(string) bool) {
		for i := range c.Purposes {
			if !yield(c.Purposes[i].Name) {
				return
			}
		}
	})
}
