package servertest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	ids "github.com/consentd/consentd/client/subject"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// id is the id of a role in the story: of an address that under the story's key, else the role with something of the
// story.
func (s *scene) id(role string) string {
	if strings.Contains(role, "@") {
		secret := sha256.Sum256([]byte(s.subject))
		key, err := ids.NewKey(secret[:])
		if err != nil {
			panic(err)
		}
		id, err := key.Email(role)
		if err != nil {
			panic(err)
		}
		return id
	}
	h := fnv.New32()
	_, _ = h.Write([]byte(s.subject))
	return fmt.Sprintf("%s-%x", role, h.Sum32())
}

func (s *scene) ids(roles []string) (ids []string) {
	for _, r := range roles {
		ids = append(ids, s.id(r))
	}
	slices.Sort(ids)
	return ids
}

// says records an event under a role's id.
func says(role, id string, at time.Duration, what kind, want string, details ...detail) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		s.sendUnder(t, s.id(role), []string{want}, s.eventAt(id, at, what, details))
	}
}

func declared(shared bool) kind {
	return func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Sharing{Sharing: &consentv1.SharingEvent{Shared: shared}}
	}
}

// link links two roles; at is the distance from now.
func link(id, role, with string, at time.Duration, want string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		r, err := s.Consents.LinkSubjects(context.Background(), &consentv1.LinkSubjectsRequest{
			Controller: "example", SubjectId: s.id(role), LinkedId: s.id(with), EventId: s.subject + "/" + id, Source: "login",
			OccurredAt: timestamppb.New(time.Unix(0, s.clock.Load()).Add(at)),
		})
		s.pairOutcome(t, id, r.GetOutcome(), err, want)
		if err == nil && !slices.Contains(r.GetPerson().GetSubjectIds(), s.id(role)) {
			t.Errorf("%s: the answer names %v", id, r.GetPerson())
		}
	}
}

// part parts two roles.
func part(id, role, with string, at time.Duration, want string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		r, err := s.Consents.UnlinkSubjects(context.Background(), &consentv1.UnlinkSubjectsRequest{
			Controller: "example", SubjectId: s.id(role), LinkedId: s.id(with), EventId: s.subject + "/" + id, Source: "support",
			Evidence: "urn:case:1", OccurredAt: timestamppb.New(time.Unix(0, s.clock.Load()).Add(at)),
		})
		s.pairOutcome(t, id, r.GetOutcome(), err, want)
	}
}

func (s *scene) pairOutcome(t *testing.T, id string, o *consentv1.EventOutcome, err error, want string) {
	t.Helper()
	got := refusalText(err)
	if err == nil {
		got = s.outcomeText(o)
	}
	if got != want {
		t.Errorf("%s: %q (%v), want %q", id, got, err, want)
	}
}

// checks expects a decision under each role.
func checks(purpose, want string, roles ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		for _, role := range roles {
			check(purpose, want)(t, &scene{stage: s.stage, subject: s.id(role)})
		}
	}
}

// isPerson expects that each of the roles names the person of all of them, that whatever is asked of one id is
// answered alike for the others, and by every way to ask.
func isPerson(roles ...string) step { return isPersonBeside(nil, roles...) }

// isPersonBeside is isPerson for a person that is linked to shared ids.
func isPersonBeside(shared []string, roles ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		want := &consentv1.Person{SubjectIds: s.ids(roles), SharedIds: s.ids(shared)}
		first, ledger := s.get(t, roles[0]), s.ledger(t, roles[0])
		for _, role := range roles {
			got := s.get(t, role)
			if diff := cmp.Diff(want, got.GetPerson(), protocmp.Transform()); diff != "" {
				t.Errorf("%s names (-want +got):\n%s", role, diff)
			}
			if diff := cmp.Diff(first.GetState(), got.GetState(), protocmp.Transform()); diff != "" {
				t.Errorf("the states of %s and %s differ:\n%s", roles[0], role, diff)
			}
			if diff := cmp.Diff(ledger, s.ledger(t, role)); diff != "" {
				t.Errorf("the ledgers of %s and %s differ:\n%s", roles[0], role, diff)
			}
			s.doors.t = t
			s.doors.person("example", s.id(role))
		}
	}
}

// isShared expects that a role is shared, and linked to others.
func isShared(role string, with ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		want := &consentv1.Person{SubjectIds: s.ids(with), Shared: true}
		if diff := cmp.Diff(want, s.get(t, role).GetPerson(), protocmp.Transform()); diff != "" {
			t.Errorf("%s names (-want +got):\n%s", role, diff)
		}
		s.doors.t = t
		s.doors.person("example", s.id(role))
	}
}

func (s *scene) get(t *testing.T, role string) *consentv1.GetSubjectResponse {
	t.Helper()
	got, err := s.Consents.GetSubject(context.Background(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: s.id(role)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ledger is what was said under whichever id, page by page: event and id.
func (s *scene) ledger(t *testing.T, role string) (all []string) {
	t.Helper()
	r := &consentv1.ListEventsRequest{Controller: "example", SubjectId: s.id(role), PageSize: 2}
	for {
		page, err := s.Consents.ListEvents(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetEntries() {
			all = append(all, strings.TrimPrefix(e.GetEvent().GetId(), s.subject+"/")+" under "+e.GetSubjectId())
		}
		if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
			return all
		}
	}
}

// lists expects the events of the person's ledger, each as "event under role".
func lists(role string, want ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		for i, w := range want {
			event, under, _ := strings.Cut(w, " under ")
			want[i] = event + " under " + s.id(under)
		}
		if diff := cmp.Diff(want, s.ledger(t, role)); diff != "" {
			t.Errorf("the ledger of %s (-want +got):\n%s", role, diff)
		}
	}
}

// explains expects that the explanation of a check under a role says what was said under another.
func explains(role, purpose, under string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		got, err := s.Decisions.Explain(context.Background(), &consentv1.ExplainRequest{
			Check: client.NewCheck("example", s.id(role), purpose),
		})
		if err != nil {
			t.Fatal(err)
		}
		says := func(f *consentv1.ExplainedFact) bool {
			return strings.Contains(f.GetText(), "It was said under "+s.id(under))
		}
		if !slices.ContainsFunc(got.GetFacts(), says) {
			t.Errorf("nothing is said under %s: %v", s.id(under), got.GetFacts())
		}
	}
}

// ago is an instant so long before now; zero: it is not asked.
func (s *scene) ago(d time.Duration) *timestamppb.Timestamp {
	if d == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, s.clock.Load()).Add(-d))
}

// asOf expects a decision by the policies of now on the state as of then: what had occurred so long ago, and was
// recorded so long ago; 0: now.
func asOf(at, knownAt time.Duration, purpose, want string, roles ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		for _, role := range roles {
			got, err := s.Decisions.Explain(context.Background(), &consentv1.ExplainRequest{
				Check: client.NewCheck("example", s.id(role), purpose), At: s.ago(at), KnownAt: s.ago(knownAt),
				Policies: consentv1.PolicyChoice_POLICY_CHOICE_NOW,
			})
			if err != nil {
				t.Fatal(err)
			}
			a := answer(got.GetDecision())
			if text := strings.Join(append([]string{a.Decision}, a.Reasons...), " "); !strings.HasPrefix(text, want) {
				t.Errorf("%s as of %v, known %v: %s, want %s", role, at, knownAt, text, want)
			}
			listed, err := s.Decisions.ListPurposes(context.Background(), &consentv1.ListPurposesRequest{
				Controller: "example", SubjectId: s.id(role), At: s.ago(at), KnownAt: s.ago(knownAt),
				Policies: consentv1.PolicyChoice_POLICY_CHOICE_NOW,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range listed.GetPurposes() {
				if p.GetPurpose() == purpose && answer(p.GetResponse()).Decision != a.Decision {
					t.Errorf("%s as of %v: ListPurposes has %v, Explain %v", role, at, p.GetResponse(), got.GetDecision())
				}
			}
		}
	}
}

// named expects whom a role named so long ago.
func named(role string, at, knownAt time.Duration, roles ...string) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		got, err := s.Consents.GetSubject(context.Background(), &consentv1.GetSubjectRequest{
			Controller: "example", SubjectId: s.id(role), At: s.ago(at), KnownAt: s.ago(knownAt),
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s.ids(roles), got.GetPerson().GetSubjectIds()); diff != "" {
			t.Errorf("%s named as of %v, known %v (-want +got):\n%s", role, at, knownAt, diff)
		}
	}
}
