package grpcapi

import (
	"context"
	"time"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
)

// Explainer tells the story of a decision, and answers as of the past. Its errors are those of an Authorizer, and
// *consent.PolicyNotKeptError.
type Explainer interface {
	Explain(context.Context, explain.Question) (explain.Story, error)
	SubjectAsOf(context.Context, consent.Subject, explain.Past) (consent.Snapshot, explain.AsOf, error)
	PurposesAsOf(context.Context, explain.PurposesQuestion) (explain.Purposes, error)
}

// explainTimeout bounds an explanation, whatever deadline its caller has: it takes some milliseconds, and some seconds
// for a ledger of a hundred thousand events.
const explainTimeout = 10 * time.Second

// Explain decides a check again and tells why.
func (s *decisionService) Explain(ctx context.Context, r *consentv1.ExplainRequest) (*consentv1.ExplainResponse, error) {
	question, err := s.explainQuestion(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	story, err := s.explainer.Explain(ctx, question)
	if err != nil {
		return nil, err
	}
	decision, err := checkResponse(&story.Decision, s.authorizer.AppendToken(nil, story.Decision.StateRevision))
	if err != nil {
		return nil, err
	}
	answer := explainResponse(&story, decision)
	answer.Person = wirePerson(r.GetCheck().GetSubjectId(), &story.Person)
	return answer, nil
}

// explainQuestion validates and converts a request for an explanation.
func (s *decisionService) explainQuestion(r *consentv1.ExplainRequest) (explain.Question, error) {
	faults, err := s.validator.faults(r)
	if err != nil {
		return explain.Question{}, err
	}
	request, more := requestOf(r.GetCheck())
	faults = append(faults, under("check", more)...)
	if r.GetAt() == nil { // what was asked before places were checked can still be explained
		faults = merge(under("check", countryFaults(r.GetCheck())), faults)
	}
	question := explain.Question{
		Request: &request, Consistency: consistencyOf(r.GetCheck().GetConsistency()), Trace: r.GetTrace(),
		Current: currentPolicies(r.GetPolicies()),
	}
	question.Past, more = pastOf(r, s.now())
	faults = append(faults, more...)
	if question.Past != nil && question.Consistency != (authz.Consistency{}) {
		faults = append(faults, staleConsistency("check.consistency"))
	}
	return question, invalid(faults)
}

func explainResponse(s *explain.Story, decision *consentv1.CheckResponse) *consentv1.ExplainResponse {
	return &consentv1.ExplainResponse{
		Decision: decision, DecidedFor: timestamp(s.Now),
		AsOf: s.AsOf != nil, StateAsOf: stateAsOf(s.AsOf), Policies: decidingPolicies(s.Policies),
		Annulled: convertAll(first(s.Annulled), annulledEvent), AnnulledCount: uint32(len(s.Annulled)),
		Facts:       convertAll(s.Facts, explainedFact),
		Rules:       convertAll(s.Rules, explainedRule),
		NearRules:   convertAll(s.Near, nearRule),
		Changes:     convertAll(s.Changes, explainedChange),
		Obligations: s.Obligations, Validity: explainedValidity(s.Until), PolicyFailure: s.Failure, Trace: s.Trace,
	}
}

func convertAll[A, B any](list []A, convert func(*A) *B) []*B {
	out := make([]*B, len(list))
	for i := range list {
		out[i] = convert(&list[i])
	}
	return out
}

var factRoles = map[explain.Role]consentv1.FactRole{
	explain.NoEffect: consentv1.FactRole_FACT_ROLE_NO_EFFECT,
	explain.Shared:   consentv1.FactRole_FACT_ROLE_SHARED,
	explain.Decisive: consentv1.FactRole_FACT_ROLE_DECISIVE,
}

func explainedFact(f *explain.Fact) *consentv1.ExplainedFact {
	out := &consentv1.ExplainedFact{
		Key: f.Key, Text: f.Text, Role: factRoles[f.Role], Events: convertAll(f.Events, ledgerEntry),
	}
	if f.Role == explain.Decisive {
		out.Without, out.ReasonsWithout = decisionOf(f.Without.Effect), reasonCodes(f.Without.Reasons)
	}
	return out
}

// reasonCodes are the codes of reasons, each once.
func reasonCodes(list []consent.Reason) (codes []consentv1.ReasonCode) {
	seen := map[consent.ReasonCode]bool{}
	for _, r := range list {
		if !seen[r.Code] {
			codes, seen[r.Code] = append(codes, consentv1.ReasonCode(r.Code)), true
		}
	}
	return codes
}

func explainedRule(f *explain.Fired) *consentv1.ExplainedRule {
	out := &consentv1.ExplainedRule{
		Title: f.Title, Description: f.Description, Article: f.Article, File: f.File, Line: uint32(f.Line),
		Reasons: reasonCodes(f.Reasons),
	}
	for _, r := range f.Reasons {
		out.Clauses = append(out.Clauses, r.Clause)
	}
	for _, o := range f.Obligations {
		out.Obligations = append(out.Obligations, consentv1.ObligationCode(o))
	}
	return out
}

func nearRule(n *explain.Near) *consentv1.NearRule {
	return &consentv1.NearRule{
		Rule: explainedRule(&explain.Fired{Rule: n.Rule}), Missing: n.Missing.Source, Description: n.Missing.Description,
		Exception: n.Missing.Negated, BroughtBy: n.With,
	}
}

func explainedChange(c *explain.Change) *consentv1.ExplainedChange {
	return &consentv1.ExplainedChange{AllOf: c.Texts, Decision: decisionOf(c.Then.Effect), Reasons: reasonCodes(c.Then.Reasons)}
}

// explainedValidity is nil where time alone cannot change the decision.
func explainedValidity(u *explain.Until) *consentv1.ExplainedValidity {
	if u == nil {
		return nil
	}
	out := &consentv1.ExplainedValidity{ValidUntil: timestamp(u.At), Why: u.Why}
	if u.ChangesAt != 0 {
		out.ChangesAt, out.Decision, out.Reasons = timestamp(u.ChangesAt), decisionOf(u.Then.Effect), reasonCodes(u.Then.Reasons)
	}
	return out
}
