package servertest_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// TestDiffCountsPeople: a comparison of policies decides for each person once, and replays decisions on those as linked then.
func TestDiffCountsPeople(t *testing.T) {
	s := newStage(t)
	const name = "two people of three ids"
	on := &scene{stage: s, subject: name}
	var decisions []*consentv1.RecordedDecision
	decided := func(want string) step {
		return func(t *testing.T, on *scene) {
			request := client.NewCheck("example", on.id("account:1"), mail)
			got, err := s.Decisions.Check(t.Context(), request)
			if err != nil || answer(got).Decision != want {
				t.Fatal(got, err)
			}
			d := &consentv1.RecordedDecision{
				Check: request, DecidedAt: timestamppb.New(time.Unix(0, s.clock.Load())), Decision: got.GetDecision(),
			}
			for _, r := range got.GetReasons() {
				d.Reasons = append(d.Reasons, r.GetCode())
			}
			decisions = append(decisions, d)
		}
	}
	s.play(t, []story{{name, []step{
		says("account:1", "yes", -2*time.Hour, give(mail), "COUNTED"),
		says("cookie:1", "no", -time.Hour, withdraw(mail), "COUNTED"),
		says("account:2", "yes too", -time.Hour, give(mail), "COUNTED"),
		later(time.Hour), decided("ALLOW"), later(time.Hour),
		link("1", "account:1", "cookie:1", 0, "COUNTED"),
		later(time.Hour), decided("DENY"), later(time.Hour),
		part("2", "account:1", "cookie:1", 0, "COUNTED"),
		later(time.Hour), decided("ALLOW"), later(time.Hour),
		link("3", "account:1", "cookie:1", 0, "COUNTED"),
	}}})
	totals := on.diff(t, &consentv1.DiffPolicyRequest{AllSubjects: true, Decisions: decisions})
	if n := totals[consentv1.DiffOver_DIFF_OVER_SUBJECTS].GetSubjects(); n != 2 {
		t.Errorf("%d subjects were compared, want the two people", n)
	}
	replayed := totals[consentv1.DiffOver_DIFF_OVER_DECISIONS]
	if replayed.GetCompared() != 3 || replayed.GetNotReproduced() != 0 {
		t.Errorf("decisions: %v, want three that come out the same", replayed)
	}
	decisions[1].Decision, decisions[1].Reasons = decisions[0].GetDecision(), decisions[0].GetReasons()
	totals = on.diff(t, &consentv1.DiffPolicyRequest{Decisions: decisions})
	if n := totals[consentv1.DiffOver_DIFF_OVER_DECISIONS].GetNotReproduced(); n != 1 {
		t.Errorf("%d decisions are not reproduced, want the one that is made up", n)
	}
}

func (s *scene) diff(t *testing.T, r *consentv1.DiffPolicyRequest) map[consentv1.DiffOver]*consentv1.DiffTotal {
	t.Helper()
	active, err := s.Policies.GetPolicy(t.Context(), &consentv1.GetPolicyRequest{IncludeContents: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Files = active.GetFiles()
	stream, err := s.Policies.DiffPolicy(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if result := message.GetResult(); result != nil {
			totals := map[consentv1.DiffOver]*consentv1.DiffTotal{}
			for _, total := range result.GetTotals() {
				totals[total.GetOver()] = total
			}
			return totals
		}
	}
}

// TestLinksAreRepeatedWithoutADate: a link that the server dated is the same when it is repeated later, and says so.
func TestLinksAreRepeatedWithoutADate(t *testing.T) {
	s := newStage(t)
	request := &consentv1.LinkSubjectsRequest{
		Controller: "example", SubjectId: "account:1", LinkedId: "cookie:1", EventId: "login", Source: "login", Fence: true,
	}
	many := &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "account:1"}
	for i := range 150 { // the link lies beyond a page
		e := &consentv1.Event{Id: fmt.Sprint("e", i), OccurredAt: timestamppb.New(time.Unix(0, s.clock.Load())), Source: "support"}
		object(mail)(e)
		many.Events = append(many.Events, e)
	}
	if _, err := s.Consents.RecordEvents(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	var first *consentv1.LinkSubjectsResponse
	for _, want := range []string{"EVENT_EFFECT_COUNTED", "EVENT_EFFECT_DUPLICATE", "EVENT_EFFECT_DUPLICATE"} {
		got, err := s.Consents.LinkSubjects(t.Context(), request)
		if err != nil || got.GetOutcome().GetEffect().String() != want || len(got.GetPerson().GetSubjectIds()) != 2 {
			t.Fatalf("%v, %v, want %s", got, err, want)
		}
		if first == nil {
			first = got
		}
		if got.GetRevision() != first.GetRevision() {
			t.Errorf("revision %d, and then %d", first.GetRevision(), got.GetRevision())
		}
		s.clock.Add(int64(time.Minute))
		request.SubjectId, request.LinkedId = request.LinkedId, request.SubjectId // whichever is named first
	}
	request.LinkedId = "cookie:2"
	request.SubjectId = "account:1"
	if _, err := s.Consents.LinkSubjects(t.Context(), request); status.Code(err) != codes.AlreadyExists {
		t.Errorf("another link of the same id: %v", err)
	}
}

// TestPeopleAreOfOneController: the same ids under another controller are other people.
func TestPeopleAreOfOneController(t *testing.T) {
	s := newStage(t)
	on := &scene{stage: s, subject: "one controller"}
	for _, step := range []step{
		says("cookie:1", "no", -time.Hour, object(), "COUNTED"),
		link("1", "account:1", "cookie:1", -time.Minute, "COUNTED"),
	} {
		step(t, on)
	}
	got, err := s.Consents.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "jasminai", SubjectId: on.id("account:1")})
	if err != nil || got.GetState().GetKnown() || len(got.GetPerson().GetSubjectIds()) != 1 {
		t.Errorf("under another controller: %v, %v", got, err)
	}
}
