package fake

import (
	"reflect"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// rule is an answer and the calls that it is for. It is immutable but for a count.
type rule struct {
	written

	place string
	line  int
	// decision is the answer, without what every decision has of its own; err is one instead. Where both are nil the rule
	// only delays.
	decision *consent.Decision
	err      error
	context  map[string]any
	delay    time.Duration
	lasts    time.Duration

	// answered counts the calls that it answered.
	answered atomic.Int64
}

// written is a rule as it is written.
type written struct {
	Call       string `yaml:"call"`
	Controller string `yaml:"controller"`
	Subject    string `yaml:"subject"`
	Purpose    string `yaml:"purpose"`
	Recipient  string `yaml:"recipient"`
	Kind       string `yaml:"recipient_kind"`

	Decision                string       `yaml:"decision"`
	Error                   string       `yaml:"error"`
	Reasons                 []reason     `yaml:"reasons"`
	LegalBasis              string       `yaml:"legal_basis"`
	Obligations             []obligation `yaml:"obligations"`
	PermittedDataCategories []string     `yaml:"permitted_data_categories"`
	ValidUntil              string       `yaml:"valid_until"`
	Degraded                string       `yaml:"degraded"`
	StateAge                string       `yaml:"state_age"`

	Context  map[string]any `yaml:"context"`
	ValidFor string         `yaml:"valid_for"`
	Delay    string         `yaml:"delay"`
	Times    int64          `yaml:"times"`
}

// The fields of a rule, of a reason and of an obligation.
var (
	ruleFields = []string{
		"call", "controller", "subject", "purpose", "recipient", "recipient_kind", "context", "decision", "error", "reasons",
		"legal_basis", "obligations", "permitted_data_categories", "valid_until", "valid_for", "degraded", "state_age", "delay", "times",
	}
	reasonFields     = []string{"code", "clause"}
	obligationFields = []string{"code", "parameters"}
)

// reason is a code, or a mapping with it.
type reason struct {
	Code   string `yaml:"code"`
	Clause string `yaml:"clause"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *reason) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		o.Code = node.Value
		return nil
	}
	type plain reason
	return node.Decode((*plain)(o))
}

// obligation is a code, or a mapping with it.
type obligation struct {
	Code       string         `yaml:"code"`
	Parameters map[string]any `yaml:"parameters"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *obligation) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		o.Code = node.Value
		return nil
	}
	type plain obligation
	return node.Decode((*plain)(o))
}

// question is what a rule is compared with.
type question struct {
	call    string
	request *consent.Request
}

// The calls that a rule may be for.
const (
	callCheck  = "check"
	callRecord = "record"
)

// matches reports whether the rule is for the question; an empty field is for any value.
func (r *rule) matches(q question) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return r.Call == q.call && is(r.Controller, q.request.Subject.Controller) && is(r.Subject, q.request.Subject.ID) &&
		is(r.Purpose, q.request.Purpose) && is(r.Recipient, q.request.Recipient.ID) &&
		(r.Kind == "" || r.Kind == q.request.Recipient.Kind.String()) && r.within(q.request.Context)
}

// within reports whether a context has all facts that the rule names.
func (r *rule) within(context map[string]any) bool {
	for key, want := range r.context {
		if got, has := context[key]; !has || !reflect.DeepEqual(got, want) {
			return false
		}
	}
	return true
}

// take reports whether the rule has an answer left, and uses it up unless it is only looked at.
func (r *rule) take(look bool) bool {
	switch {
	case r.Times == 0:
		return true
	case look:
		return r.answered.Load() < r.Times
	}
	return r.answered.Add(1) <= r.Times
}

// answer is the rule's decision on a request of somebody with a state, at an instant.
func (r *rule) answer(request *consent.Request, state *consent.State, now consent.Instant) consent.Decision {
	d := *r.decision
	if r.Decision == recordedWord {
		why, until := withheld(state, request.Purpose, now)
		if why != 0 {
			return r.deny(d, why)
		}
		d.ValidUntil = until
	}
	if r.lasts > 0 {
		d.ValidUntil = consent.InstantOf(now.Time().Add(r.lasts))
	}
	asked := request.DataCategories
	switch limited := len(r.PermittedDataCategories) > 0; {
	case d.Effect == consent.Allow && !limited:
		d.PermittedDataCategories = asked
	case d.Effect == consent.Allow && len(asked) == 0:
		return r.deny(d, consent.DataCategoryUnspecified)
	case limited:
		d.PermittedDataCategories = permitted(asked, r.PermittedDataCategories)
	}
	if d.Effect == consent.Allow && len(d.PermittedDataCategories) < len(asked) {
		return r.deny(d, consent.DataCategoryNotPermitted)
	}
	return d
}

// deny is d as a denial.
func (r *rule) deny(d consent.Decision, why consent.ReasonCode) consent.Decision {
	d.Effect, d.Reasons = consent.Deny, []consent.Reason{{Code: why, Clause: r.place}}
	return d
}

// permitted are those of asked that are among limits, or under one of them.
func permitted(asked, limits []string) (found []string) {
	for _, category := range asked {
		for _, limit := range limits {
			if category == limit || len(category) > len(limit) && category[:len(limit)+1] == limit+"." {
				found = append(found, category)
				break
			}
		}
	}
	return found
}

// wellFormed says what no server would answer of the rule's decision; nil: nothing.
func (r *rule) wellFormed() error {
	request := &consent.Request{DataCategories: r.PermittedDataCategories}
	d := r.answer(request, &consent.State{}, 1)
	return authz.Malformed(&d, request)
}
