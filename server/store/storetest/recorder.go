package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/server/consent"
)

// Callers who record.
var (
	mailer = consent.Identity{Kind: "key", ID: "mailer"}
	portal = consent.Identity{Kind: "token", ID: "portal", Issuer: "https://id.example"}
)

// recordBy records events of a subject as a caller does.
func (s *suite) recordBy(by consent.Identity, subject consent.Subject, events ...consent.Event) consent.Recorded {
	s.Helper()
	r, err := s.Record(s.ctx, consent.Batch{Subject: subject, Events: events, RecordedAt: recordedAt, By: by})
	if err != nil {
		s.Fatalf("recording %v by %v: %v", events, by, err)
	}
	return r
}

// wantBy fails unless the events of a subject, in its person's ledger and by itself, were recorded by these.
func (s *suite) wantBy(subject consent.Subject, want map[string]consent.Identity) {
	s.Helper()
	for _, alone := range []bool{false, true} {
		got := map[string]consent.Identity{}
		entries, err := s.Events(s.ctx, subject, consent.Page{Limit: 100, Alone: alone})
		for _, e := range entries.Entries {
			got[e.Event.ID] = e.By
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			s.Errorf("%s, alone %v: recorded by, error %v (-want +got):\n%s", subject.ID, alone, err, diff)
		}
	}
}

// whoRecordedIsKept: in every ledger where the event stands, whoever repeats it, and over a reopening.
func whoRecordedIsKept(s *suite) {
	given, mistake, nobodys := s.event(grant()), s.event(withdrawal()), s.event(consent.Objection{})
	s.recordBy(mailer, account, given)
	s.recordBy(portal, account, mistake)
	s.recordBy(consent.Identity{}, account, nobodys)
	if again := s.recordBy(portal, account, given); again.Applied != 0 || again.Duplicates != 1 {
		s.Errorf("the same event by another caller: %+v, want a duplicate", again)
	}
	link := s.proven(consent.LinkOf(account.ID, mail.ID))
	s.recordBy(portal, account, link)
	annulment := s.annul(mistake)
	s.recordBy(mailer, mail, annulment)
	part := s.proven(consent.Unlink{With: mail.ID})
	s.recordBy(mailer, account, part)

	own := map[string]consent.Identity{
		given.ID: mailer, mistake.ID: portal, nobodys.ID: {}, link.ID: portal, annulment.ID: mailer, part.ID: mailer,
	}
	others := map[string]consent.Identity{link.ID: portal, annulment.ID: mailer, part.ID: mailer}
	for _, when := range []string{"at once", "after reopening"} {
		s.Run(when, func(t *testing.T) {
			outer := s.T
			defer func() { s.T = outer }()
			s.T = t
			s.wantBy(account, own)
			s.wantBy(mail, others)
		})
		s.reopen()
	}
	s.checkState(account)
}
