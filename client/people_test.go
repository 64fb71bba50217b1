package client_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

const (
	trainingGiven     = consentv1.ConsentStatus_CONSENT_STATUS_GIVEN
	trainingWithdrawn = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN
)

func TestLinkAndUnlink(t *testing.T) {
	c, _ := dial(t, servertest.Options{})
	recordTraining(t, c, "account:1", trainingGiven)
	recordTraining(t, c, "cookie:1", trainingWithdrawn)
	session := c.Session()
	expect := func(id string, allowed bool) {
		t.Helper()
		if d, err := session.Check(t.Context(), client.NewCheck("example", id, "ai_training")); err != nil || d.Allowed != allowed {
			t.Errorf("%s: %v, %v, want allowed %v", id, d, err, allowed)
		}
	}
	expect("account:1", true)
	request := client.NewLink("example", "account:1", "cookie:1", "login")
	for range 2 { // the second is a repetition
		linked, err := session.LinkSubjects(t.Context(), request)
		if err != nil || !slices.Equal(linked.GetPerson().GetSubjectIds(), []string{"account:1", "cookie:1"}) {
			t.Fatalf("LinkSubjects = %v, %v", linked, err)
		}
	}
	if session.ConsistencyToken() == "" {
		t.Error("the session does not know of the link")
	}
	expect("account:1", false)
	parted, err := session.UnlinkSubjects(t.Context(), client.NewUnlink("example", "account:1", "cookie:1", "support", "urn:case:1"))
	if err != nil || !slices.Equal(parted.GetPerson().GetSubjectIds(), []string{"account:1"}) {
		t.Fatalf("UnlinkSubjects = %v, %v", parted, err)
	}
	expect("account:1", true)
	expect("cookie:1", false)
	_, err = session.UnlinkSubjects(t.Context(), client.NewUnlink("example", "account:1", "cookie:1", "support", "urn:case:1"))
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("parted twice: %v", err)
	}
}

// A fenced link is final in caches that knew one of the ids before, of whichever id they are asked.
func TestNearCacheSeesAFencedLink(t *testing.T) {
	c, s := dial(t, servertest.Options{})
	near, err := client.Dial(s.Addr, client.WithNearCache(client.NearCacheConfig{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	recordTraining(t, c, "account:1", trainingGiven)
	recordTraining(t, c, "cookie:1", trainingWithdrawn)
	ask := client.NewCheck("example", "account:1", "ai_training")
	for near.NearCacheStats().Hits == 0 {
		if d, err := near.Check(t.Context(), ask); err != nil || !d.Allowed {
			t.Fatal(d, err)
		}
	}
	expect := func(what string, allowed bool) {
		t.Helper()
		for range 2 {
			if d, err := near.Check(t.Context(), ask); err != nil || d.Allowed != allowed {
				t.Errorf("%s: %v, %v", what, d, err)
			}
		}
	}
	link := client.NewLink("example", "account:1", "cookie:1", "login")
	link.Fence = true
	if _, err := c.LinkSubjects(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	expect("linked", false)
	given := training("cookie:1", trainingGiven)
	given.Fence = true
	if _, err := c.RecordEvents(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	expect("given under the other id", true)
	unlink := client.NewUnlink("example", "account:1", "cookie:1", "support", "urn:case:1")
	unlink.Fence = true
	if _, err := c.UnlinkSubjects(t.Context(), unlink); err != nil {
		t.Fatal(err)
	}
	expect("parted", true)
	withdrawn := training("cookie:1", trainingWithdrawn)
	withdrawn.Fence = true
	if _, err := c.RecordEvents(t.Context(), withdrawn); err != nil {
		t.Fatal(err)
	}
	expect("withdrawn by somebody else", true)
}

func TestRetryRepeatsTheSameLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []*consentv1.LinkSubjectsRequest
		c := client.New(answer(func(_ context.Context, request proto.Message) (proto.Message, error) {
			sent = append(sent, proto.CloneOf(request.(*consentv1.LinkSubjectsRequest)))
			if len(sent) == 1 {
				return nil, status.Error(codes.Unavailable, "the answer was lost")
			}
			return &consentv1.LinkSubjectsResponse{Revision: 7}, nil
		}), 0)
		got, err := c.LinkSubjects(t.Context(), client.NewLink("example", "a", "b", "login"))
		if err != nil || got.GetRevision() != 7 || len(sent) != 2 || !proto.Equal(sent[0], sent[1]) {
			t.Errorf("LinkSubjects = %v, %v after %v", got, err, sent)
		}
		if sent[0].GetEventId() == "" || sent[0].GetOccurredAt() == nil {
			t.Errorf("the link has no id or date of its own: %v", sent[0])
		}
	})
}
