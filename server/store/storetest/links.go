package storetest

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store"
)

// account, cookie, mail and till are ids of one controller; till is for sharing.
var (
	account = consent.Subject{Controller: "example", ID: "account:1"}
	cookie  = consent.Subject{Controller: "example", ID: "cookie:a"}
	mail    = consent.Subject{Controller: "example", ID: "email_hmac:c"}
	till    = consent.Subject{Controller: "example", ID: "till"}
)

// proven is an event with evidence.
func (s *suite) proven(fact consent.Fact) consent.Event {
	e := s.event(fact)
	e.Evidence = "urn:ticket:7"
	return e
}

// link links an id to a subject.
func (s *suite) link(subject, linked consent.Subject) consent.Recorded {
	s.Helper()
	return s.record(subject, s.proven(consent.LinkOf(subject.ID, linked.ID)))
}

func (s *suite) unlink(a, b consent.Subject) consent.Recorded {
	s.Helper()
	return s.record(a, s.proven(consent.Unlink{With: b.ID}))
}

// share declares an id shared.
func (s *suite) share(subject consent.Subject) {
	s.Helper()
	s.record(subject, s.event(consent.Sharing{Shared: true}))
}

// status is that of a subject's own consent to analytics; zero: there is none.
func (s *suite) status(subject consent.Subject) consent.Status {
	s.Helper()
	for _, c := range s.read(subject).State.Consents {
		if c.Purpose == "analytics" {
			return c.Own.Status
		}
	}
	return 0
}

// wantStatus compares the consents to analytics.
func (s *suite) wantStatus(want consent.Status, subjects ...consent.Subject) {
	s.Helper()
	for _, subject := range subjects {
		if got := s.status(subject); got != want {
			s.Errorf("%s reads %v, want %v", subject.ID, got, want)
		}
	}
}

func linkMakesOnePerson(s *suite) {
	s.record(account, s.event(grant()))
	s.record(mail, s.event(withdrawal()))
	s.link(account, mail)
	s.wantStatus(consent.Withdrawn, account, mail)
	s.record(mail, s.event(grant()))
	s.wantStatus(consent.Given, account, mail)
	s.link(account, cookie)
	s.wantStatus(consent.Given, account, mail, cookie)
	first := s.read(account)
	for _, id := range []consent.Subject{mail, cookie} {
		if diff := cmp.Diff(first, s.read(id), cmpopts.IgnoreFields(consent.Snapshot{}, "AsOf")); diff != "" {
			s.Errorf("%s reads another state (-account +it):\n%s", id.ID, diff)
		}
	}
	if first.Person == (consent.PersonKey{}) || s.read(till).Person != (consent.PersonKey{}) {
		s.Error("a person has no key, or who stands alone has one")
	}
	want := consent.Person{IDs: []string{account.ID, cookie.ID, mail.ID}}
	if person, err := s.Person(s.ctx, cookie); err != nil || !cmp.Equal(person, want, cmpopts.EquateEmpty()) {
		s.Errorf("person %v, error %v", person, err)
	}
}

// linkAloneMakesNobodyKnown: links say nothing of consent.
func linkAloneMakesNobodyKnown(s *suite) {
	s.link(account, mail)
	s.share(till)
	s.link(account, till)
	s.record(till, s.event(withdrawal()))
	for _, id := range []consent.Subject{account, mail} {
		if got := s.read(id).State; got.Known() || got.Empty() {
			s.Errorf("%s is known: %v; what restricts counts: %v", id.ID, got.Known(), !got.Empty())
		}
	}
	if !s.read(till).State.Known() {
		s.Error("the shared id is not known")
	}
}

func unlinkGivesEachItsOwnBack(s *suite) {
	s.record(account, s.event(grant()))
	before := s.read(account).State
	s.record(mail, s.event(withdrawal()))
	other := s.read(mail).State
	s.refusedOf(account, consent.ErrNotLinked, 0, s.proven(consent.Unlink{With: mail.ID}))
	s.link(account, mail)
	s.unlink(mail, account)
	for subject, want := range map[consent.Subject]*consent.State{account: before, mail: other} {
		if diff := cmp.Diff(want, s.read(subject).State, cmpopts.EquateEmpty()); diff != "" {
			s.Errorf("%s (-before +after):\n%s", subject.ID, diff)
		}
		if person, err := s.Person(s.ctx, subject); err != nil || !slices.Equal(person.IDs, []string{subject.ID}) {
			s.Errorf("person of %s: %v, error %v", subject.ID, person, err)
		}
	}
	s.refusedOf(account, consent.ErrNotLinked, 0, s.proven(consent.Unlink{With: mail.ID}))
}

// linksStandInBothLedgers: each side names the other, and the person has the event once.
func linksStandInBothLedgers(s *suite) {
	e := s.proven(consent.Link{With: mail.ID})
	s.record(account, e)
	for subject, fact := range map[consent.Subject]consent.Link{account: {With: mail.ID}, mail: {With: account.ID, Linked: true}} {
		want := e
		want.Fact = fact
		got, err := s.Events(s.ctx, subject, consent.Page{Limit: 9, Alone: true})
		if diff := cmp.Diff(under(subject, entriesOf(1, want)), got.Entries); diff != "" || err != nil {
			s.Errorf("ledger of %s alone: error %v (-want +got):\n%s", subject.ID, err, diff)
		}
	}
	for _, subject := range []consent.Subject{account, mail} {
		if diff := cmp.Diff(under(account, entriesOf(1, e)), s.entries(subject, 1)); diff != "" {
			s.Errorf("events of %s (-want +got):\n%s", subject.ID, diff)
		}
	}
}

func linksAreIdempotent(s *suite) {
	e := s.proven(consent.LinkOf(account.ID, mail.ID))
	s.record(account, e)
	before := s.read(account)
	if r := s.record(account, e); r.Duplicates != 1 || r.Also != nil || s.Applied() != 1 {
		s.Errorf("again: %+v, applied %d", r, s.Applied())
	}
	if after := s.read(account); after.Person != before.Person {
		s.Error("a duplicate made another person")
	}
	s.refusedOf(mail, consent.ErrEventConflict, 0, e)
	other := e
	other.Fact = consent.LinkOf(account.ID, cookie.ID)
	s.refusedOf(account, consent.ErrEventConflict, 0, other)
}

// newestLinkCounts: whatever arrives first.
func newestLinkCounts(s *suite) {
	link, part := s.proven(consent.LinkOf(account.ID, mail.ID)), s.proven(consent.Unlink{With: mail.ID})
	again := s.proven(consent.LinkOf(account.ID, mail.ID))
	s.record(account, again)
	got := s.record(mail, consent.Event{
		ID: part.ID, OccurredAt: part.OccurredAt, Source: part.Source, Evidence: part.Evidence, Fact: consent.Unlink{With: account.ID},
	})
	if o := got.Outcomes[0]; o.Effect != consent.Superseded || o.By.ID != again.ID {
		s.Errorf("a late parting: %+v", o)
	}
	if o := s.record(account, link).Outcomes[0]; o.Effect != consent.Superseded {
		s.Errorf("a late link: %+v", o)
	}
	s.record(account, s.event(grant()))
	s.wantStatus(consent.Given, account, mail)
}

func annulledLinksCountNoMore(s *suite) {
	s.record(account, s.event(grant()))
	s.record(mail, s.event(withdrawal()))
	mistake := s.proven(consent.LinkOf(account.ID, mail.ID))
	s.record(account, mistake)
	s.wantStatus(consent.Withdrawn, account)
	annulment := s.annul(mistake)
	s.record(mail, annulment)
	s.wantStatus(consent.Given, account)
	s.wantStatus(consent.Withdrawn, mail)
	for _, subject := range []consent.Subject{account, mail} {
		if got := s.entries(subject, 9); got[len(got)-1].Event.ID != annulment.ID || got[len(got)-1].SubjectID != mail.ID {
			s.Errorf("the annulment does not stand in the ledger of %s: %v", subject.ID, got)
		}
	}
	s.share(till)
	s.link(account, till)
	s.record(till, s.event(withdrawal()))
	sharing := s.entries(till, 1)[0].Event
	s.record(till, s.annul(sharing))
	if s.read(till).Person != s.read(account).Person {
		s.Error("an id whose sharing is annulled is not of the person it is linked to")
	}
}

// strangersLinkIsNotAnnulled, and nothing is told of the strangers.
func strangersLinkIsNotAnnulled(s *suite) {
	link := s.proven(consent.LinkOf(account.ID, mail.ID))
	s.record(account, link)
	s.record(someone, s.event(grant()))
	s.refusedOf(someone, consent.ErrAnnulment, 0, s.annul(link))
	s.record(account, s.event(erasure(consent.ErasureRequested)))
	s.refusedOf(someone, consent.ErrAnnulment, 0, s.annul(link))
	s.refusedOf(mail, consent.ErrErasureStands, 0, s.annul(link))
}

// annulmentStaysAfterParting: it was said under one id, and names an event of another.
func annulmentStaysAfterParting(s *suite) {
	mistake := s.event(withdrawal())
	s.record(mail, s.event(grant()))
	s.record(mail, mistake)
	s.link(account, mail)
	s.record(account, s.annul(mistake))
	s.wantStatus(consent.Given, mail, account)
	s.unlink(account, mail)
	s.wantStatus(consent.Given, mail)
	s.wantStatus(0, account)
	// Whose consents a completion ends must be known before it.
	s.refusedOf(till, consent.ErrCompletionApart, 1,
		s.event(consent.Sharing{Shared: true}), s.event(erasure(consent.ErasureCompleted)))
}

func sharedRestrictsForAllAndGrantsForNone(s *suite) {
	other := consent.Subject{Controller: "example", ID: "account:2"}
	s.record(till, s.event(grant()))
	s.share(till)
	for _, subject := range []consent.Subject{account, other} {
		s.record(subject, s.event(consent.Profile{Jurisdiction: new("DE")}))
		s.link(subject, till)
	}
	s.wantStatus(0, account, other, till)
	s.record(account, s.event(grant()))
	s.wantStatus(consent.Given, account)
	s.wantStatus(0, other, till)
	s.record(till, s.event(withdrawal()))
	s.wantStatus(consent.Withdrawn, account, other, till)
	s.record(other, s.event(grant()))
	s.wantStatus(consent.Given, other)
	s.wantStatus(consent.Withdrawn, account, till)
	s.record(other, s.event(consent.Objection{}))
	if len(s.read(till).State.Objections) != 1 || len(s.read(account).State.Objections) != 0 {
		s.Error("what one person says must count for the shared id, and for nobody else beside it")
	}
	s.unlink(till, account)
	s.wantStatus(consent.Given, account)
}

func secondLinkIsRefused(s *suite) {
	other := consent.Subject{Controller: "example", ID: "account:2"}
	s.link(account, mail)
	second := s.proven(consent.LinkOf(other.ID, mail.ID))
	s.refusedOf(other, consent.ErrLinkedAlready, 0, second)
	s.share(mail)
	s.record(other, second)
	s.refusedOf(mail, consent.ErrLinkedAlready, 0, s.event(consent.Sharing{}))
	s.share(till)
	s.refusedOf(till, consent.ErrBothShared, 0, s.proven(consent.Link{With: mail.ID}))
	s.unlink(mail, other)
	s.record(mail, s.event(consent.Sharing{}))
	if s.read(mail).Person != s.read(account).Person || s.read(mail).Person == (consent.PersonKey{}) {
		s.Error("an id that is shared no longer is not of the person it is linked to")
	}
}

func peopleHaveAtMost64IDs(s *suite) {
	id := func(i int) consent.Subject {
		return consent.Subject{Controller: "example", ID: fmt.Sprintf("cookie:%d", i)}
	}
	for i := range consent.MaxPersonIDs - 1 {
		s.link(account, id(i))
	}
	s.refusedOf(account, consent.ErrPersonTooLarge, 0, s.proven(consent.LinkOf(account.ID, mail.ID)))
	s.unlink(account, id(0))
	s.link(account, mail)
	if p, err := s.Person(s.ctx, id(1)); err != nil || len(p.IDs) != consent.MaxPersonIDs {
		s.Errorf("%d ids, error %v", len(p.IDs), err)
	}
	s.record(account, s.event(grant()))
	s.wantStatus(consent.Given, id(1), id(consent.MaxPersonIDs-2), mail)
	s.share(till)
	for i := range consent.MaxPersonIDs {
		s.link(consent.Subject{Controller: "example", ID: fmt.Sprintf("account:%d", 100+i)}, till)
	}
	s.refusedOf(cookie, consent.ErrSharedTooWidely, 0, s.proven(consent.LinkOf(cookie.ID, till.ID)))
}

func erasureIsThePersons(s *suite) {
	s.record(account, s.event(grant()))
	s.link(account, mail)
	s.record(mail, s.event(erasure(consent.ErasureRequested)))
	s.refusedOf(account, consent.ErrErasureStands, 0, s.event(grant()))
	s.refusedOf(account, consent.ErrErasureStands, 0, s.proven(consent.LinkOf(account.ID, cookie.ID)))
	s.refusedOf(cookie, consent.ErrErasureStands, 0, s.proven(consent.LinkOf(cookie.ID, account.ID)))
	s.refusedOf(mail, consent.ErrErasureStands, 0, s.proven(consent.Unlink{With: account.ID}))
	s.refusedOf(account, consent.ErrErasureStands, 0, s.event(consent.Sharing{Shared: true}))
	s.record(account, s.event(erasure(consent.ErasureCompleted)))
	s.wantStatus(0, account, mail)
	s.record(mail, s.proven(erasure(consent.ErasureRestarted)))
	s.record(account, s.event(grant()))
	s.wantStatus(consent.Given, account, mail)
	s.link(account, cookie)
}

// erasureStaysAfterParting: it was completed under one id, and ended what was given under the other.
func erasureStaysAfterParting(s *suite) {
	given := s.event(grant())
	s.record(mail, given)
	s.link(account, mail)
	s.record(account, s.event(erasure(consent.ErasureCompleted)))
	s.refusedOf(mail, consent.ErrErasureStands, 0, s.proven(consent.Unlink{With: account.ID}))
	s.record(account, s.proven(erasure(consent.ErasureRestarted)))
	s.unlink(account, mail)
	s.wantStatus(0, account, mail)
	s.refusedOf(mail, consent.ErrErasureStands, 0, s.event(grant()))
	s.record(mail, s.proven(erasure(consent.ErasureRestarted)))
	s.record(mail, s.event(grant()))
	s.wantStatus(consent.Given, mail)
	s.wantStatus(0, account)
}

func eventsOfAPersonComeTogether(s *suite) {
	var want []consent.Entry
	say := func(subject consent.Subject, events ...consent.Event) {
		s.record(subject, events...)
		want = append(want, under(subject, entriesOf(s.Applied(), events...))...)
	}
	say(mail, s.event(withdrawal()), s.event(grant()))
	say(account, s.event(grant()))
	say(account, s.proven(consent.LinkOf(account.ID, mail.ID)))
	say(mail, s.event(grant()), s.event(withdrawal()), s.event(grant()))
	say(account, s.annul(want[0].Event))
	say(account, s.event(grant()))
	for _, subject := range []consent.Subject{account, mail} {
		for _, limit := range []int{1, 2, 5, 100} {
			if diff := cmp.Diff(want, s.entries(subject, limit)); diff != "" {
				s.Fatalf("%s, pages of %d (-want +got):\n%s", subject.ID, limit, diff)
			}
		}
	}
}

// changesNameAllThatChanged: a change of a person names all its ids and the shared ones beside it, in what is
// acknowledged, ahead and after.
func changesNameAllThatChanged(s *suite) {
	other := consent.Subject{Controller: "example", ID: "account:2"}
	s.share(till)
	steps := []struct {
		subject consent.Subject
		event   consent.Event
		also    []string
	}{
		{account, s.proven(consent.LinkOf(account.ID, mail.ID)), []string{mail.ID}},
		{account, s.proven(consent.LinkOf(account.ID, till.ID)), []string{mail.ID, till.ID}},
		{mail, s.event(grant()), []string{account.ID, till.ID}},
		{other, s.proven(consent.LinkOf(other.ID, till.ID)), []string{till.ID}},
		{till, s.event(withdrawal()), []string{account.ID, other.ID, mail.ID}},
		{other, s.event(grant()), []string{till.ID}},
		{mail, s.proven(consent.LinkOf(mail.ID, cookie.ID)), []string{account.ID, cookie.ID, till.ID}},
		{mail, s.proven(consent.Unlink{With: account.ID}), []string{account.ID, cookie.ID, till.ID}},
		{cookie, s.event(withdrawal()), []string{mail.ID}},
		{other, s.proven(consent.Unlink{With: till.ID}), []string{till.ID}},
		{till, s.event(consent.Sharing{}), []string{account.ID}},
	}
	for i, step := range steps {
		got := s.record(step.subject, step.event)
		if !slices.Equal(got.Also, step.also) {
			s.Errorf("step %d: %v are named, want %v", i, got.Also, step.also)
		}
		want := store.Change{Subject: step.subject, Also: step.also, Revision: got.Revision}
		if seen := s.seen(); !reflect.DeepEqual(seen[len(seen)-1], want) {
			s.Errorf("step %d: told %v, want %v", i, seen[len(seen)-1], want)
		}
	}
	if ahead := s.ahead.seen(); ahead != nil { // a store may tell nobody ahead: see store.Observers
		if diff := cmp.Diff(s.seen(), ahead); diff != "" {
			s.Errorf("told ahead and told after are not the same (-after +ahead):\n%s", diff)
		}
	}
}

// linkIsOneChange looks at both ids each time the store tells of a change: neither is ever seen without the other.
func linkIsOneChange(s *suite) {
	s.record(account, s.event(grant()))
	looks := 0
	look := func(store.Change) {
		a, b := s.read(account), s.read(mail)
		if a.Person != b.Person || a.Person != (consent.PersonKey{}) && !cmp.Equal(a.State, b.State, cmpopts.EquateEmpty()) {
			s.Errorf("read apart: %v and %v", a, b)
		}
		looks++
	}
	s.setHook(look)
	s.ahead.setHook(look)
	for range 3 {
		if r := s.link(account, mail); r.Revision != s.Applied() {
			s.Errorf("revision %d, applied %d", r.Revision, s.Applied())
		}
		s.unlink(mail, account)
	}
	want := 6
	if s.ahead.seen() != nil {
		want = 12
	}
	if s.Applied() != 7 || looks != want {
		s.Errorf("applied %d after 7 changes, %d looks", s.Applied(), looks)
	}
}

func peopleSurviveReopening(s *suite) {
	s.record(account, s.event(grant()))
	s.share(till)
	s.link(account, mail)
	s.link(account, till)
	s.record(till, s.event(withdrawal()))
	subjects := []consent.Subject{account, mail, till, cookie}
	var before []consent.Snapshot
	for _, subject := range subjects {
		before = append(before, s.read(subject))
	}
	s.reopen()
	for i, subject := range subjects {
		if diff := cmp.Diff(before[i], s.read(subject)); diff != "" {
			s.Errorf("%s (-before +after):\n%s", subject.ID, diff)
		}
	}
	s.link(account, cookie)
	s.record(cookie, s.event(grant()))
	s.wantStatus(consent.Given, account, mail, cookie)
}

func scanShowsEachPersonOnce(s *suite) {
	s.share(till)
	s.link(account, mail)
	s.link(account, cookie)
	s.link(account, till)
	s.record(someone, s.event(grant()))
	unlinked := consent.Subject{Controller: "example", ID: "a till that nobody is linked to"}
	s.share(unlinked)
	found := s.scanned("example")
	for _, subject := range []consent.Subject{account, till, someone, unlinked} {
		if diff := cmp.Diff(s.read(subject), found[subject], cmpopts.IgnoreFields(consent.Snapshot{}, "AsOf", "Prepared")); diff != "" {
			s.Errorf("%s (-read +scanned):\n%s", subject.ID, diff)
		}
	}
	if len(found) != 4 {
		s.Errorf("%d are shown: %v", len(found), found)
	}
}
