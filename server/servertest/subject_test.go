package servertest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// TestSubjectSaysWhatCheckSays: what GetSubject calls covered is what a check denies, for random objections and
// restrictions to a purpose and to all.
func TestSubjectSaysWhatCheckSays(t *testing.T) {
	s := servertest.Start(t, servertest.Options{Now: (&hours{}).now})
	const purpose = "product_analytics"
	denied := map[bool]int{}
	for seed := range 120 {
		draw := rand.New(rand.NewPCG(uint64(seed), 3))
		id := fmt.Sprintf("subject-%d", seed)
		jurisdiction := "DE"
		events := []*consentv1.Event{{Kind: &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: &jurisdiction}}}}
		for range 1 + draw.IntN(4) {
			events = append(events, randomMark(draw, purpose))
		}
		for i, e := range events {
			e.Id, e.Source, e.OccurredAt = fmt.Sprintf("%s-%d", id, i), "support", hour(i-20)
		}
		draw.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		_, err := s.Consents.RecordEvents(
			t.Context(), &consentv1.RecordEventsRequest{Controller: "example", SubjectId: id, Events: events},
		)
		if err != nil {
			t.Fatal(err)
		}
		subject, err := s.Consents.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: id})
		if err != nil {
			t.Fatal(err)
		}
		checked, err := s.Decisions.Check(t.Context(), &consentv1.CheckRequest{Controller: "example", SubjectId: id, Purpose: purpose})
		if err != nil {
			t.Fatal(err)
		}
		has := func(code consentv1.ReasonCode) bool {
			return slices.ContainsFunc(checked.GetReasons(), func(r *consentv1.Reason) bool { return r.GetCode() == code })
		}
		var objections, restrictions []scoped
		for _, o := range subject.GetState().GetObjections() {
			objections = append(objections, o)
		}
		for _, r := range subject.GetState().GetRestrictions() {
			restrictions = append(restrictions, r)
		}
		for what, pair := range map[string][2]bool{
			"objection":   {covers(objections, purpose), has(consentv1.ReasonCode_REASON_CODE_OBJECTED)},
			"restriction": {covers(restrictions, purpose), has(consentv1.ReasonCode_REASON_CODE_RESTRICTED)},
		} {
			denied[pair[1]]++
			if pair[0] != pair[1] {
				t.Errorf("seed %d: the %s covers: %v, and the check denies for it: %v\n%v", seed, what, pair[0], pair[1], subject.GetState())
			}
		}
	}
	if min(denied[true], denied[false]) < 20 {
		t.Errorf("denied %v: the test says little", denied)
	}
}

func randomMark(draw *rand.Rand, purpose string) *consentv1.Event {
	var purposes []string
	if draw.IntN(2) == 0 {
		purposes = []string{purpose}
	}
	lifted := draw.IntN(2) == 0
	if draw.IntN(2) == 0 {
		return &consentv1.Event{
			Kind: &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: purposes, Lifted: lifted}},
		}
	}
	return &consentv1.Event{Kind: &consentv1.Event_Restriction{Restriction: &consentv1.RestrictionEvent{
		Ground: consentv1.RestrictionGround_RESTRICTION_GROUND_ACCURACY_CONTESTED, Purposes: purposes, Lifted: lifted,
	}}}
}

// scoped is an objection or a restriction.
type scoped interface {
	GetPurpose() string
	GetCovered() bool
}

// covers reports whether one of the marks covers a purpose: that of the purpose says so or, where there is none, that
// for all.
func covers(marks []scoped, purpose string) bool {
	found := false
	for _, m := range marks {
		switch m.GetPurpose() {
		case purpose:
			return m.GetCovered()
		case "":
			found = m.GetCovered()
		}
	}
	return found
}
