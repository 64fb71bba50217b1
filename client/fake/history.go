package fake

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/diff"
	"github.com/consentd/consentd/server/explain"
)

// current are the rules in force.
func (s *Server) current() *ruleset {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.history[len(s.history)-1]
}

// enforce puts rules in force.
func (s *Server) enforce(rules *ruleset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules.since = consent.InstantOf(time.Now())
	s.history = append(s.history, rules)
	s.status = consent.PolicyStatus{Source: rules.name, AttemptedAt: rules.since, SucceededAt: rules.since}
}

// refused notes that rules cannot be used.
func (s *Server) refused(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.AttemptedAt = consent.InstantOf(time.Now())
	s.status.Failures++
	s.status.Faults = []consent.PolicyFault{{Message: err.Error()}}
}

// spans are when which rules were in force, the newest first.
func (s *Server) spans(context.Context) ([]consent.PolicySpan, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	spans := make([]consent.PolicySpan, len(s.history))
	for i, rules := range s.history {
		spans[i] = s.span(i)
		spans[i].Source, spans[i].Controllers, spans[i].Kept = rules.name, rules.controllers(), true
	}
	slices.Reverse(spans)
	return spans, nil
}

// span is that of the i-th rules; s.mu is held.
func (s *Server) span(i int) consent.PolicySpan {
	span := consent.PolicySpan{Revision: s.history[i].revision, From: s.history[i].since}
	if i+1 < len(s.history) {
		span.Until = s.history[i+1].since
	}
	return span
}

// deciding are the rules that decide as of an instant: those of then, or those of now where they are asked for.
func (s *Server) deciding(at consent.Instant, now bool) (*ruleset, explain.Deciding, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	last := len(s.history) - 1
	active := s.history[last]
	i, _ := slices.BinarySearchFunc(s.history, at, func(r *ruleset, at consent.Instant) int { return cmp.Compare(r.since, at+1) })
	switch i--; {
	case now && (i < 0 || s.history[i].revision != active.revision):
		return active, explain.Deciding{Revision: active.revision, Now: true}, nil
	case i < 0:
		return nil, explain.Deciding{}, &consent.PolicyNotKeptError{At: at, Why: "the fake was not there yet"}
	}
	span := s.span(i)
	return s.history[i], explain.Deciding{
		Revision: span.Revision, Then: true, From: span.From, Until: span.Until, Now: span.Revision == active.revision,
	}, nil
}

// errNoPolicies is of what a fake has not; callers get the registrar's answer instead.
var errNoPolicies = errors.New("a fake has no policies")

// absent stands for what a fake has not.
type absent struct{ server *Server }

// Status implements grpcapi.Activator.
func (a absent) Status() consent.PolicyStatus {
	a.server.mu.RLock()
	defer a.server.mu.RUnlock()
	return a.server.status
}

// Activate implements grpcapi.Activator.
func (absent) Activate(context.Context, consent.Candidate) (consent.Activated, error) {
	return consent.Activated{}, errNoPolicies
}

// CheckPolicy implements grpcapi.Prover.
func (absent) CheckPolicy(context.Context, []consent.PolicyFile) (consent.PolicyReport, error) {
	return consent.PolicyReport{}, errNoPolicies
}

// Compare implements grpcapi.Differ.
func (absent) Compare(context.Context, diff.Request) (diff.Result, error) {
	return diff.Result{}, errNoPolicies
}
