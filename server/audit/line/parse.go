package line

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// written is a line as JSON has it.
type written struct {
	Time          time.Time     `json:"time"`
	Caller        string        `json:"caller"`
	Request       *request      `json:"request"`
	SubjectKey    string        `json:"subject_key"`
	Response      *response     `json:"response"`
	StateRevision *uint64       `json:"state_revision"`
	Latency       time.Duration `json:"latency_ns"`
	Answers       uint64        `json:"answers"`
	Masked        []string      `json:"masked"`
	Dropped       uint64        `json:"dropped"`
}

type request struct {
	Controller     string   `json:"controller"`
	SubjectID      string   `json:"subject_id"`
	Purpose        string   `json:"purpose"`
	DataCategories []string `json:"data_categories"`
	Recipient      struct {
		Kind    string `json:"kind"`
		ID      string `json:"id"`
		Country string `json:"country"`
	} `json:"recipient"`
	Context json.RawMessage `json:"context"`
}

type response struct {
	Decision string `json:"decision"`
	Reasons  []struct {
		Code   string `json:"code"`
		Clause string `json:"clause"`
	} `json:"reasons"`
	LegalBasis  string `json:"legal_basis"`
	Obligations []struct {
		Code       string `json:"code"`
		Parameters struct {
			Country    string    `json:"country"`
			Categories []string  `json:"categories"`
			Signal     string    `json:"signal"`
			Time       time.Time `json:"time"`
		} `json:"parameters"`
	} `json:"obligations"`
	PermittedDataCategories []string  `json:"permitted_data_categories"`
	ValidUntil              time.Time `json:"valid_until"`
	PolicyRevision          string    `json:"policy_revision"`
	DecisionID              string    `json:"decision_id"`
	Degraded                string    `json:"degraded"`
	StateAge                string    `json:"state_age"`
	// ConsistencyToken has the state's revision where a command wrote the line.
	ConsistencyToken string `json:"consistency_token"`
}

// Parse reads one line. The error begins with the field at fault. Nothing of the result refers to text.
func Parse(text []byte) (Line, error) {
	var w written
	if err := json.Unmarshal(text, &w); err != nil {
		return Line{}, fmt.Errorf("want a JSON object {time, request, response}: %w", err)
	}
	at, err := instantOf("time", w.Time)
	switch {
	case err != nil:
		return Line{}, err
	case at == 0:
		return Line{}, errors.New("time: is required: when it was decided, RFC 3339")
	case w.Dropped > 0:
		return Line{Time: at, Dropped: w.Dropped}, nil
	case w.Request == nil || w.Request.Controller == "" || w.Request.Purpose == "":
		return Line{}, errors.New("request: is required, with controller and purpose")
	case w.Response == nil:
		return Line{}, errors.New("response: is required")
	}
	l := Line{
		Time: at, Caller: w.Caller, SubjectKey: w.SubjectKey, Latency: w.Latency, Answers: w.Answers, Masked: w.Masked,
	}
	if l.Request, l.Context, err = w.Request.parse(); err != nil {
		return Line{}, fmt.Errorf("request.%w", err)
	}
	if l.Decision, err = w.Response.parse(); err != nil {
		return Line{}, fmt.Errorf("response.%w", err)
	}
	if token, err := wire.ParseToken(w.Response.ConsistencyToken); err == nil {
		l.Decision.StateRevision, l.HasState = consent.Revision(token.Revision), true
	}
	if w.StateRevision != nil {
		l.Decision.StateRevision, l.HasState = consent.Revision(*w.StateRevision), true
	}
	return l, nil
}

// instantOf converts a time; the zero time is absent.
func instantOf(field string, t time.Time) (consent.Instant, error) {
	if t.IsZero() {
		return 0, nil
	}
	if t.Unix() <= 0 || t.Unix() >= math.MaxInt64/int64(time.Second) {
		return 0, fmt.Errorf("%s: %v is out of bounds: want a time from 1970 to 2262", field, t)
	}
	return consent.InstantOf(t), nil
}

func (r *request) parse() (consent.Request, json.RawMessage, error) {
	q := consent.Request{
		Subject: consent.Subject{Controller: r.Controller, ID: r.SubjectID}, Purpose: r.Purpose, DataCategories: r.DataCategories,
		Recipient: consent.Recipient{ID: r.Recipient.ID, Country: r.Recipient.Country},
	}
	if kind := r.Recipient.Kind; kind != "" {
		var ok bool
		if q.Recipient.Kind, ok = consent.ParseRecipientKind(kind); !ok {
			return q, nil, fmt.Errorf("recipient.kind: %q is no kind of recipient", kind)
		}
	}
	if len(r.Context) == 0 || string(r.Context) == "null" || string(r.Context) == "{}" {
		return q, nil, nil
	}
	if r.Context[0] != '{' {
		return q, nil, errors.New("context: want a JSON object")
	}
	return q, r.Context, nil
}

func (r *response) parse() (d consent.Decision, err error) {
	var ok bool
	if d.Effect, ok = consent.ParseEffect(r.Decision); !ok {
		return d, fmt.Errorf("decision: %q is no decision: want ALLOW or DENY", r.Decision)
	}
	for _, reason := range r.Reasons {
		code, ok := consent.ParseReasonCode(reason.Code)
		if !ok {
			return d, fmt.Errorf("reasons: %q is no reason code", reason.Code)
		}
		d.Reasons = append(d.Reasons, consent.Reason{Code: code, Clause: reason.Clause})
	}
	if d.Basis, ok = consent.ParseBasis(r.LegalBasis); !ok && r.LegalBasis != "" {
		return d, fmt.Errorf("legal_basis: %q is no legal basis", r.LegalBasis)
	}
	if d.Obligations, err = r.obligations(); err != nil {
		return d, err
	}
	d.PermittedDataCategories, d.PolicyRevision, d.ID = r.PermittedDataCategories, r.PolicyRevision, r.DecisionID
	if d.ValidUntil, err = instantOf("valid_until", r.ValidUntil); err != nil {
		return d, err
	}
	return d, r.degradation(&d)
}

func (r *response) degradation(d *consent.Decision) (err error) {
	var ok bool
	if d.Degraded, ok = consent.ParseDegradation(r.Degraded); !ok && r.Degraded != "" {
		return fmt.Errorf("degraded: %q is no degradation: want DENIED or STALE", r.Degraded)
	}
	if r.StateAge == "" {
		return nil
	}
	if d.StateAge, err = time.ParseDuration(r.StateAge); err != nil {
		return fmt.Errorf("state_age: %w: want seconds, such as 1.5s", err)
	}
	return nil
}

func (r *response) obligations() (all []consent.Obligation, err error) {
	for _, o := range r.Obligations {
		code, ok := consent.ParseObligationCode(o.Code)
		if !ok {
			return nil, fmt.Errorf("obligations: %q is no obligation", o.Code)
		}
		p := consent.Parameters{Country: o.Parameters.Country, Categories: o.Parameters.Categories, Signal: o.Parameters.Signal}
		if p.Time, err = instantOf("obligations.parameters.time", o.Parameters.Time); err != nil {
			return nil, err
		}
		all = append(all, consent.Obligation{Code: code, Parameters: p})
	}
	return all, nil
}

// Facts are the context as a request has it; nil: there is none.
func (l *Line) Facts() (map[string]any, error) {
	if len(l.Context) == 0 {
		return nil, nil
	}
	var facts map[string]any
	if err := json.Unmarshal(l.Context, &facts); err != nil {
		return nil, fmt.Errorf("request.context: %w", err)
	}
	return facts, nil
}
