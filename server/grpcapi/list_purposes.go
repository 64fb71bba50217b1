package grpcapi

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
)

// takeList is takeCheck for a ListPurposes. Permission is asked for each purpose by itself.
func (s *scratch) takeList(data []byte) any {
	s.asked.kind, s.asked.data, s.in.fault, s.list = listing, data, nil, nil
	if s.service.answers.look(&s.asked); s.asked.found != nil {
		return nil
	}
	if s.decodeList(); s.in.fault != nil {
		return nil
	}
	return s.list
}

func (s *scratch) decodeList() {
	s.list = &consentv1.ListPurposesRequest{}
	in := incoming{message: s.list}
	in.decode(s.asked.data)
	s.in.fault = in.fault
}

// ListPurposes decides all purposes that the controller declares or prohibits, but for those that the caller may not
// check.
func (s *scratch) ListPurposes(ctx context.Context) (*frame, error) {
	data, err := s.listed(ctx)
	return (*frame)(&data), err
}

func (s *scratch) listed(ctx context.Context) ([]byte, error) {
	if s.asked.found != nil {
		again, ok, err := s.listAgain(ctx)
		if ok || err != nil {
			return again, err
		}
		s.decodeList()
	}
	if s.in.fault != nil {
		return nil, s.in.fault
	}
	return s.listPurposes(ctx, s.list)
}

// listAgain is again for a list. Where the caller may not check all purposes, what he may is decided.
func (s *scratch) listAgain(ctx context.Context) (_ []byte, ok bool, err error) {
	e := s.asked.found
	may, err := s.service.checkable(ctx, e.kept.Request.Subject.Controller)
	if err != nil || !may.all {
		return nil, false, err
	}
	if s.repetition, ok, err = s.service.memory.Repeat(ctx, &e.kept, s.asked.consistency); !ok || err != nil {
		return nil, false, err
	}
	e.Use()
	s.service.answers.counted(s.asked.hash).hits.Add(1)
	data := make([]byte, 0, len(e.kept.Parts)*answerBytes)
	for i := range e.kept.Parts {
		part := &e.kept.Parts[i]
		if !may.includes(part.Purpose) {
			continue
		}
		if s.decision, err = s.service.memory.Given(ctx, &s.repetition, part); err != nil {
			return nil, false, err
		}
		s.response = s.give(ctx, s.response[:0], e, part, &e.given[i])
		data = appendPurpose(data, part.Purpose, s.response)
	}
	return data, true, nil
}

func (s *scratch) listPurposes(ctx context.Context, r *consentv1.ListPurposesRequest) ([]byte, error) {
	s.service.answers.missed(&s.asked)
	footing := s.service.footing()
	may, err := s.service.checkable(ctx, r.GetController())
	if err != nil {
		return nil, err
	}
	faults, err := s.service.validator.faults(r)
	if err != nil {
		return nil, err
	}
	facts, more := contextOf(r.GetContext())
	faults = append(faults, more...)
	past, more := pastOf(r, s.service.now())
	faults = append(faults, more...)
	consistency := consistencyOf(r.GetConsistency())
	if past != nil && consistency != (authz.Consistency{}) {
		faults = append(faults, staleConsistency("consistency"))
	}
	if err := invalid(faults); err != nil {
		return nil, err
	}
	request := consent.Request{
		Subject: consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()}, Context: facts,
	}
	if past != nil {
		q := explain.PurposesQuestion{Request: &request, Past: *past, Current: currentPolicies(r.GetPolicies())}
		return s.purposesAsOf(ctx, q, may)
	}
	decisions, err := s.decisionsOn(ctx, &request, consistency, may)
	if err != nil {
		return nil, err
	}
	if may.all && s.service.answers.takes(&s.asked) {
		s.remember(footing, &s.asked, &request, decisions)
	}
	return s.purposes(ctx, &request, decisions)
}

// checkable are the purposes that a caller may check.
type checkable struct {
	asked      asking
	controller string
	// some are those of the active policies, where it is not all of them.
	some []string
	all  bool
}

// checkable returns which purposes of a controller the caller may check. Of a controller that is not declared, or has
// no purpose that he may check, none in particular must be permitted: who may not ask does not hear what there is.
func (s *decisionService) checkable(ctx context.Context, controller string) (checkable, error) {
	c := checkable{asked: s.asking(ctx, caller.Check), controller: controller, all: true}
	active := s.policy()
	if i, declared := findController(&active, controller); declared {
		for _, p := range active.Controllers[i].Purposes {
			if c.includes(p.Name) {
				c.some = append(c.some, p.Name)
			} else {
				c.all = false
			}
		}
	}
	if len(c.some) > 0 {
		return c, nil
	}
	return c, c.asked.on(controller)
}

// includes reports whether the caller may check a purpose.
func (c *checkable) includes(purpose string) bool {
	return c.asked.to(c.controller, purpose, consent.Recipient{}) == nil
}

// decisionsOn decides the purposes that the caller may check, and no others: what is not given out is told to nobody.
func (s *scratch) decisionsOn(
	ctx context.Context, request *consent.Request, consistency authz.Consistency, may checkable,
) ([]authz.PurposeDecision, error) {
	if may.all {
		decisions, err := s.service.authorizer.ListPurposes(ctx, request, consistency)
		// Other policies may have come in force since.
		return slices.DeleteFunc(decisions, func(d authz.PurposeDecision) bool { return !may.includes(d.Purpose) }), err
	}
	requests := make([]consent.Request, len(may.some))
	for i, purpose := range may.some {
		requests[i] = *request
		requests[i].Purpose = purpose
	}
	results, err := s.service.authorizer.BatchCheck(ctx, requests, nil, consistency)
	if err != nil {
		return nil, err
	}
	decisions := make([]authz.PurposeDecision, len(results))
	for i, r := range results {
		if r.Err != nil {
			return nil, r.Err
		}
		decisions[i] = authz.PurposeDecision{Purpose: may.some[i], Decision: r.Decision}
	}
	return decisions, nil
}

// purposes encodes decisions as those of a ListPurposesResponse, and tells of them. The request's purpose is each of
// them in turn.
func (s *scratch) purposes(ctx context.Context, request *consent.Request, decisions []authz.PurposeDecision) ([]byte, error) {
	data := make([]byte, 0, len(decisions)*answerBytes)
	for i := range decisions {
		request.Purpose = decisions[i].Purpose
		s.service.tell(ctx, request, &decisions[i].Decision)
		if err := s.respond(&decisions[i].Decision); err != nil {
			return nil, err
		}
		data = appendPurpose(data, decisions[i].Purpose, s.response)
	}
	return data, nil
}

// purposesAsOf decides all purposes as of the past. Nobody acts upon it, so that it is not counted.
// The policies of then may have purposes that those of now have not.
func (s *scratch) purposesAsOf(ctx context.Context, q explain.PurposesQuestion, may checkable) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, explainTimeout)
	defer cancel()
	past, err := s.service.explainer.PurposesAsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	answer := &consentv1.ListPurposesResponse{AsOf: stateAsOf(&past.AsOf), Policies: decidingPolicies(&past.Policies)}
	for _, p := range past.Decisions {
		if !may.includes(p.Purpose) {
			continue
		}
		response, err := checkResponse(&p.Decision, s.service.authorizer.AppendToken(nil, p.Decision.StateRevision))
		if err != nil {
			return nil, err
		}
		answer.Purposes = append(answer.Purposes, &consentv1.PurposeDecision{Purpose: p.Purpose, Response: response})
	}
	return proto.Marshal(answer)
}
