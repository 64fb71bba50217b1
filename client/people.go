package client

import (
	"context"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// NewLink returns a request that makes two ids one person, of now and with a fresh UUIDv7 as its event's id: subjectID
// is an id of the person, linkedID the one that was found to be theirs. Make it once and repeat it as it is; a new id
// would record it twice.
func NewLink(controller, subjectID, linkedID, source string) *consentv1.LinkSubjectsRequest {
	e := NewEvent(source)
	return &consentv1.LinkSubjectsRequest{
		Controller: controller, SubjectId: subjectID, LinkedId: linkedID, EventId: e.Id, OccurredAt: e.OccurredAt, Source: source,
	}
}

// NewUnlink returns a request that parts two ids, as NewLink makes one. evidence is a URI of what shows that they are
// two people.
func NewUnlink(controller, subjectID, linkedID, source, evidence string) *consentv1.UnlinkSubjectsRequest {
	e := NewEvent(source)
	return &consentv1.UnlinkSubjectsRequest{
		Controller: controller, SubjectId: subjectID, LinkedId: linkedID, EventId: e.Id, OccurredAt: e.OccurredAt, Source: source,
		Evidence: evidence,
	}
}

// LinkSubjects makes two ids of a controller one person; NewLink makes the request. Every id of a person is answered
// alike, by what was said under all of them. It is durable, may be repeated, and is fenced as RecordEvents is; the
// answer names all ids of the person. FAILED_PRECONDITION says why the two cannot be one person, and what to do about
// it.
func (c *Client) LinkSubjects(ctx context.Context, request *consentv1.LinkSubjectsRequest) (*consentv1.LinkSubjectsResponse, error) {
	return writing(ctx, c, request, c.consents.LinkSubjects)
}

// UnlinkSubjects parts two ids that were linked; NewUnlink makes the request. Each has what was said under it again.
// For the rest it is as LinkSubjects.
func (c *Client) UnlinkSubjects(
	ctx context.Context, request *consentv1.UnlinkSubjectsRequest,
) (*consentv1.UnlinkSubjectsResponse, error) {
	return writing(ctx, c, request, c.consents.UnlinkSubjects)
}

// LinkSubjects is Client.LinkSubjects; what follows in the session reflects it.
func (s *Session) LinkSubjects(
	ctx context.Context, request *consentv1.LinkSubjectsRequest,
) (*consentv1.LinkSubjectsResponse, error) {
	return inSession(ctx, s, request, s.client.LinkSubjects)
}

// UnlinkSubjects is Client.UnlinkSubjects; what follows in the session reflects it.
func (s *Session) UnlinkSubjects(
	ctx context.Context, request *consentv1.UnlinkSubjectsRequest,
) (*consentv1.UnlinkSubjectsResponse, error) {
	return inSession(ctx, s, request, s.client.UnlinkSubjects)
}
