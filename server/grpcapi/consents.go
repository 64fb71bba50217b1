package grpcapi

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/explain"
)

// consentService answers ConsentService.
type consentService struct {
	consentv1.UnimplementedConsentServiceServer
	config    Config
	validator *validator
}

// defaultPageSize is what a page_size of 0 means.
const defaultPageSize = 100

// RecordEvents records one subject's batch.
func (s *consentService) RecordEvents(
	ctx context.Context, r *consentv1.RecordEventsRequest,
) (*consentv1.RecordEventsResponse, error) {
	faults, err := s.validator.faults(r)
	if err != nil {
		return nil, err
	}
	now := s.config.Now()
	events, more := eventsOf(r.GetEvents(), now)
	if err := invalid(merge(placeFaults(r.GetEvents()), merge(faults, more))); err != nil {
		return nil, err
	}
	subject := consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()}
	controller, err := s.controller(subject.Controller)
	if err != nil {
		return nil, err
	}
	done, err := s.config.Ledger.Record(ctx, consent.Batch{
		Subject: subject, Events: events, RecordedAt: now, By: caller.From(ctx).Identity(),
	})
	if err != nil {
		return nil, err
	}
	if r.GetFence() {
		if err := fence(ctx, s.config.Watchers, done.Revision); err != nil {
			return nil, err
		}
	}
	return &consentv1.RecordEventsResponse{
		ConsistencyToken: s.token(done.Revision),
		Applied:          uint32(done.Applied),
		Duplicates:       uint32(done.Duplicates),
		Revision:         uint64(done.Revision),
		Outcomes:         eventOutcomes(controller, events, done.Outcomes),
	}, nil
}

func (s *consentService) token(r consent.Revision) string {
	return string(s.config.Authorizer.AppendToken(nil, r))
}

// known returns ErrUnknownController for a controller that no active policy declares.
func (s *consentService) known(id string) error {
	_, err := s.controller(id)
	return err
}

// controller returns a controller as the active policies declare it, or ErrUnknownController.
func (s *consentService) controller(id string) (*consent.Controller, error) {
	active := s.config.Policy()
	i, declared := findController(&active, id)
	if !declared {
		return nil, consent.ErrUnknownController
	}
	return &active.Controllers[i], nil
}

// merge returns the faults with those of more whose fields have none yet: the rules of the proto files and the meaning
// of an event may find fault with the same field.
func merge(faults, more []consent.Violation) []consent.Violation {
	seen := make(map[string]bool, len(faults))
	for _, f := range faults {
		seen[f.Field] = true
	}
	for _, f := range more {
		if !seen[f.Field] {
			faults, seen[f.Field] = append(faults, f), true
		}
	}
	return faults
}

// GetSubject returns a subject's state.
func (s *consentService) GetSubject(
	ctx context.Context, r *consentv1.GetSubjectRequest,
) (*consentv1.GetSubjectResponse, error) {
	faults, err := s.validator.faults(r)
	if err != nil {
		return nil, err
	}
	past, more := pastOf(r, s.config.Now())
	if err := invalid(append(faults, more...)); err != nil {
		return nil, err
	}
	if err := s.known(r.GetController()); err != nil {
		return nil, err
	}
	subject := consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()}
	if past != nil {
		return s.subjectAsOf(ctx, subject, *past)
	}
	snapshot, err := s.config.Ledger.Read(ctx, subject)
	if err != nil {
		return nil, err
	}
	person, err := s.person(ctx, subject)
	return &consentv1.GetSubjectResponse{
		State: subjectState(&snapshot), ConsistencyToken: s.token(snapshot.AsOf), Person: person,
	}, err
}

func (s *consentService) subjectAsOf(
	ctx context.Context, subject consent.Subject, past explain.Past,
) (*consentv1.GetSubjectResponse, error) {
	snapshot, as, err := s.config.Explainer.SubjectAsOf(ctx, subject, past)
	if err != nil {
		return nil, err
	}
	return &consentv1.GetSubjectResponse{
		State: subjectState(&snapshot), ConsistencyToken: s.token(snapshot.AsOf), AsOf: stateAsOf(&as),
		Person: wirePerson(subject.ID, &as.Person),
	}, nil
}

// ListEvents returns a page of a subject's ledger.
func (s *consentService) ListEvents(
	ctx context.Context, r *consentv1.ListEventsRequest,
) (*consentv1.ListEventsResponse, error) {
	if err := s.validator.require(r); err != nil {
		return nil, err
	}
	if err := s.known(r.GetController()); err != nil {
		return nil, err
	}
	page := consent.Page{After: r.GetPageToken(), Limit: int(r.GetPageSize())}
	if page.Limit == 0 {
		page.Limit = defaultPageSize
	}
	entries, err := s.config.Ledger.Events(ctx, consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()}, page)
	if err != nil {
		return nil, err
	}
	answer := &consentv1.ListEventsResponse{NextPageToken: entries.Next}
	for i := range entries.Entries {
		answer.Entries = append(answer.Entries, ledgerEntry(&entries.Entries[i]))
	}
	return answer, nil
}
