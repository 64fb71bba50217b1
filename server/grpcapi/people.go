package grpcapi

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// pairRequest is a request that links two ids, or parts them.
type pairRequest interface {
	proto.Message
	GetController() string
	GetSubjectId() string
	GetLinkedId() string
	GetEventId() string
	GetOccurredAt() *timestamppb.Timestamp
	GetSource() string
	GetEvidence() string
	GetFence() bool
}

// paired is what became of a pairRequest.
type paired struct {
	token    string
	revision consent.Revision
	outcome  *consentv1.EventOutcome
	person   *consentv1.Person
}

// LinkSubjects makes two ids one person.
func (s *consentService) LinkSubjects(
	ctx context.Context, r *consentv1.LinkSubjectsRequest,
) (*consentv1.LinkSubjectsResponse, error) {
	of, linked := r.GetSubjectId(), r.GetLinkedId()
	if consent.LinkOf(of, linked).Linked {
		of, linked = linked, of
	}
	done, err := s.pair(ctx, r, said{under: of, fact: consent.LinkOf(of, linked)})
	if err != nil {
		return nil, err
	}
	return &consentv1.LinkSubjectsResponse{
		ConsistencyToken: done.token, Revision: uint64(done.revision), Outcome: done.outcome, Person: done.person,
	}, nil
}

// UnlinkSubjects parts two ids that were linked.
func (s *consentService) UnlinkSubjects(
	ctx context.Context, r *consentv1.UnlinkSubjectsRequest,
) (*consentv1.UnlinkSubjectsResponse, error) {
	// Either order is the same event.
	of, with := min(r.GetSubjectId(), r.GetLinkedId()), max(r.GetSubjectId(), r.GetLinkedId())
	done, err := s.pair(ctx, r, said{under: of, fact: consent.Unlink{With: with}})
	if err != nil {
		return nil, err
	}
	return &consentv1.UnlinkSubjectsResponse{
		ConsistencyToken: done.token, Revision: uint64(done.revision), Outcome: done.outcome, Person: done.person,
	}, nil
}

// said is what a request says, and under which of its ids: whichever way round the request names them, it is the same
// event.
type said struct {
	under string
	fact  consent.Fact
}

// pair records what a request says of two ids.
func (s *consentService) pair(ctx context.Context, r pairRequest, what said) (paired, error) {
	batch, err := s.pairBatch(r, what)
	if err != nil {
		return paired{}, err
	}
	batch.By = caller.From(ctx).Identity()
	controller, err := s.controller(r.GetController())
	if err != nil {
		return paired{}, err
	}
	done, err := s.config.Ledger.Record(ctx, batch)
	if errors.Is(err, consent.ErrEventConflict) && r.GetOccurredAt() == nil {
		done, err = s.pairAgain(ctx, batch)
	}
	if err != nil {
		return paired{}, alone(err)
	}
	if r.GetFence() {
		if err := fence(ctx, s.config.Watchers, done.Revision); err != nil {
			return paired{}, err
		}
	}
	person, err := s.person(ctx, consent.Subject{Controller: r.GetController(), ID: r.GetSubjectId()})
	return paired{
		token: s.token(done.Revision), revision: done.Revision, person: person,
		outcome: eventOutcomes(controller, batch.Events, done.Outcomes)[0],
	}, err
}

// pairBatch validates and converts a request of two ids.
func (s *consentService) pairBatch(r pairRequest, what said) (consent.Batch, error) {
	faults, err := s.validator.faults(r)
	if err != nil {
		return consent.Batch{}, err
	}
	read, now := eventReader{}, s.config.Now()
	event := consent.Event{ID: r.GetEventId(), OccurredAt: now, Source: r.GetSource(), Evidence: r.GetEvidence(), Fact: what.fact}
	if r.GetOccurredAt() != nil {
		event.OccurredAt = read.instant("occurred_at", r.GetOccurredAt())
	}
	if r.GetSubjectId() == r.GetLinkedId() {
		read.fault("linked_id", "is the same as subject_id: name another id of the person")
	}
	faults = merge(faults, merge(read.faults, event.Validate(now)))
	return consent.Batch{
		Subject: consent.Subject{Controller: r.GetController(), ID: what.under}, Events: []consent.Event{event}, RecordedAt: now,
	}, invalid(faults)
}

// pairAgain repeats a batch whose event was dated by the server: with the date that it got when it was recorded first.
func (s *consentService) pairAgain(ctx context.Context, batch consent.Batch) (consent.Recorded, error) {
	event := &batch.Events[0]
	page := consent.Page{Limit: defaultPageSize, Alone: true}
	for {
		found, err := s.config.Ledger.Events(ctx, batch.Subject, page)
		if err != nil {
			return consent.Recorded{}, err
		}
		for i := range found.Entries {
			if e := &found.Entries[i].Event; e.ID == event.ID {
				event.OccurredAt = e.OccurredAt
				return s.config.Ledger.Record(ctx, batch)
			}
		}
		if page.After = found.Next; page.After == "" {
			return consent.Recorded{}, consent.ErrEventConflict
		}
	}
}

// alone is the error of a batch that has one event: it names no position.
func alone(err error) error {
	if e, ok := errors.AsType[*consent.EventError](err); ok {
		return e.Err
	}
	return err
}

// person says who an id names.
func (s *consentService) person(ctx context.Context, subject consent.Subject) (*consentv1.Person, error) {
	p, err := s.config.Ledger.Person(ctx, subject)
	if err != nil {
		return nil, err
	}
	return wirePerson(subject.ID, &p), nil
}

// wirePerson converts who an id names. Of a shared id that is shared alone, the shared ids are that id.
func wirePerson(id string, p *consent.Person) *consentv1.Person {
	if len(p.Shared) == 1 && p.Shared[0] == id {
		return &consentv1.Person{SubjectIds: p.IDs, Shared: true}
	}
	return &consentv1.Person{SubjectIds: p.IDs, SharedIds: p.Shared}
}
