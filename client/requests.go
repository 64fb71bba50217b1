package client

import (
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// NewCheck asks whether the subject's data may be used for the purpose by the controller itself. Set further fields on
// the result: data categories, recipient, context, consistency.
func NewCheck(controller, subjectID, purpose string) *consentv1.CheckRequest {
	return &consentv1.CheckRequest{Controller: controller, SubjectId: subjectID, Purpose: purpose}
}

// NewEvent returns an event of now with a fresh UUIDv7 as its id, without a kind: set Kind before recording it. Make an
// event once and repeat it with the same id; a new id would record it twice. An annulment and the restart of an erasure
// need Evidence too.
func NewEvent(source string) *consentv1.Event {
	return &consentv1.Event{Id: uuid.Must(uuid.NewV7()).String(), OccurredAt: timestamppb.New(time.Now()), Source: source}
}

// AtLeastAsFresh forbids a state older than the one that a consistency token stands for.
func AtLeastAsFresh(token string) *consentv1.Consistency {
	return &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token}}
}

// FullyConsistent has the server read its store, past its cache.
func FullyConsistent() *consentv1.Consistency {
	return &consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}}
}
