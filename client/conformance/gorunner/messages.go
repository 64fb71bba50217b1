package main

import (
	"encoding/json"
	"errors"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// operation is a line of the harness.
type operation struct {
	ID         json.Number     `json:"id"`
	Op         string          `json:"op"`
	Client     string          `json:"client"`
	Session    string          `json:"session"`
	DeadlineMS *int64          `json:"deadline_ms"`
	Request    json.RawMessage `json:"request"`
	Source     string          `json:"source"`

	Target    string `json:"target"`
	TimeoutMS int64  `json:"timeout_ms"`
	Insecure  bool   `json:"insecure"`
	TLS       bool   `json:"tls"`
	CAFile    string `json:"ca_file"`

	NearCache bool              `json:"near_cache"`
	Coalesce  *bool             `json:"coalesce"`
	Metadata  map[string]string `json:"metadata"`
	Endless   bool              `json:"endless"`

	Subjects int    `json:"subjects"`
	Prefix   string `json:"prefix"`
	AtOnce   int    `json:"at_once"`
	How      string `json:"how"`
}

// result is what came of an operation.
type result struct {
	ID       json.Number       `json:"id"`
	Decision *decision         `json:"decision,omitempty"`
	Allowed  *bool             `json:"allowed,omitempty"`
	Results  []result          `json:"results,omitempty"`
	Purposes []purpose         `json:"purposes,omitempty"`
	Response json.RawMessage   `json:"response,omitempty"`
	Outcomes []string          `json:"outcomes,omitempty"`
	Entries  []json.RawMessage `json:"entries,omitempty"`
	Error    *failure          `json:"error,omitempty"`

	Ran         *bool      `json:"ran,omitempty"`
	Obligations []string   `json:"obligations,omitempty"`
	Near        *nearStats `json:"near,omitempty"`
	Burst       *tally     `json:"burst,omitempty"`
}

type nearStats struct {
	Hits   uint64 `json:"hits"`
	Misses uint64 `json:"misses"`
}

type purpose struct {
	Purpose  string    `json:"purpose"`
	Decision *decision `json:"decision"`
}

type decision struct {
	Allowed                 bool     `json:"allowed"`
	Reasons                 []string `json:"reasons"`
	LegalBasis              string   `json:"legal_basis"`
	Obligations             []string `json:"obligations"`
	PermittedDataCategories []string `json:"permitted_data_categories"`
	ValidUntil              string   `json:"valid_until,omitempty"`
	ConsistencyToken        string   `json:"consistency_token"`
	PolicyRevision          string   `json:"policy_revision"`
	ID                      string   `json:"id"`
	Text                    string   `json:"text"`
	Degraded                string   `json:"degraded,omitempty"`
	StateAgeMS              float64  `json:"state_age_ms,omitempty"`
}

type failure struct {
	Code       string      `json:"code"`
	Message    string      `json:"message"`
	Violations []violation `json:"violations,omitempty"`

	StoreMismatch bool `json:"store_mismatch,omitempty"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

func decisionOf(d client.Decision) *decision {
	out := &decision{
		Allowed: d.Allowed, Reasons: []string{}, LegalBasis: client.EnumName(d.LegalBasis), Obligations: []string{},
		PermittedDataCategories: append([]string{}, d.PermittedDataCategories...),
		ConsistencyToken:        d.ConsistencyToken, PolicyRevision: d.PolicyRevision, ID: d.ID, Text: d.String(),
	}
	for _, r := range d.Reasons {
		out.Reasons = append(out.Reasons, client.EnumName(r.GetCode()))
	}
	out.Obligations = append(out.Obligations, obligationNames(d.Obligations)...)
	if !d.ValidUntil.IsZero() {
		out.ValidUntil = d.ValidUntil.UTC().Format(time.RFC3339Nano)
	}
	if d.Degraded != 0 {
		out.Degraded = client.EnumName(d.Degraded)
	}
	out.StateAgeMS = d.StateAge.Seconds() * 1000
	return out
}

func obligationNames(obligations []*consentv1.Obligation) []string {
	var names []string
	for _, o := range obligations {
		names = append(names, client.EnumName(o.GetCode()))
	}
	return names
}

// undocumented is the code of an error that is no gRPC status.
const undocumented = "UNDOCUMENTED"

func failureOf(err error) *failure {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return &failure{Code: undocumented, Message: err.Error()}
	}
	f := &failure{
		Code: codeNames[s.Code()], Message: s.Message(), StoreMismatch: errors.Is(err, client.ErrStoreMismatch),
	}
	for _, v := range client.Violations(err) {
		f.Violations = append(f.Violations, violation{v.GetField(), v.GetDescription()})
	}
	return f
}

// codeNames are the names of gRPC's codes as its specification writes them.
var codeNames = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
	"UNAUTHENTICATED",
}

// message is the result of a call that answers with a message of the API.
func message(m proto.Message, err error) result {
	if err != nil {
		return result{Error: failureOf(err)}
	}
	data, err := protojson.Marshal(m)
	return result{Response: data, Error: failureOf(err)}
}

// written is the result of a write, with what became of its events.
func written(response proto.Message, err error, outcomes ...*consentv1.EventOutcome) result {
	if err != nil {
		return result{Error: failureOf(err)}
	}
	out := message(response, nil)
	for _, o := range outcomes {
		out.Outcomes = append(out.Outcomes, client.OutcomeText(o))
	}
	return out
}

// decided is the result of a check. Both are told, though only one should be there.
func decided(d client.Decision, err error) result {
	return result{Decision: decisionOf(d), Error: failureOf(err)}
}

func batch(results []client.Result, err error) result {
	out := result{Error: failureOf(err)}
	for _, r := range results {
		out.Results = append(out.Results, decided(r.Decision, r.Err))
	}
	return out
}

func purposes(list []client.PurposeDecision, err error) result {
	out := result{Error: failureOf(err)}
	for _, p := range list {
		out.Purposes = append(out.Purposes, purpose{p.Purpose, decisionOf(p.Decision)})
	}
	return out
}

// requestOf reads an operation's request.
func requestOf[M proto.Message](o operation, m M) M {
	if len(o.Request) > 0 {
		if err := protojson.Unmarshal(o.Request, m); err != nil {
			panic("a request of the harness: " + err.Error())
		}
	}
	return m
}

func events(entries func(func(*consentv1.LedgerEntry, error) bool)) result {
	out := result{}
	for entry, err := range entries {
		if err != nil {
			out.Error = failureOf(err)
			break
		}
		data, err := protojson.Marshal(entry)
		if err != nil {
			return result{Error: failureOf(err)}
		}
		out.Entries = append(out.Entries, data)
	}
	return out
}
