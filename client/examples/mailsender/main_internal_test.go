package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

func TestOnlyThoseWhoAgreedGetMail(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	c, err := client.Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for user, status := range map[string]consentv1.ConsentStatus{
		"ann": consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, "bob": consentv1.ConsentStatus_CONSENT_STATUS_REFUSED,
		"eve": consentv1.ConsentStatus_CONSENT_STATUS_GIVEN,
	} {
		event := client.NewEvent("privacy_settings")
		event.Kind = &consentv1.Event_Consent{
			Consent: &consentv1.ConsentEvent{Purpose: "marketing_email", Status: status, NoticeVersion: 3},
		}
		request := &consentv1.RecordEventsRequest{Controller: "example", SubjectId: user, Events: []*consentv1.Event{event}}
		if _, err := c.RecordEvents(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	recipients := "ann, ann@example.com\nbob, bob@example.com\ndan, dan@example.com\neve, eve@example.com\n"
	var out, skipped bytes.Buffer
	m := mailer{c, "example", &out, &skipped}
	if err := m.send(t.Context(), strings.NewReader(recipients)); err != nil {
		t.Fatal(err)
	}
	var to []string
	for line := range strings.Lines(out.String()) {
		if address, ok := strings.CutPrefix(line, "To: "); ok {
			to = append(to, strings.TrimSpace(address))
		}
	}
	if got := strings.Join(to, " "); got != "ann@example.com eve@example.com" {
		t.Errorf("mails to %q:\n%s", got, out.String())
	}
	for _, want := range []string{"bob: DENY: CONSENT_REFUSED", "dan: DENY: SUBJECT_UNKNOWN"} {
		if !strings.Contains(skipped.String(), want) {
			t.Errorf("%q is not said:\n%s", want, skipped.String())
		}
	}
	t.Log(out.String(), skipped.String())

	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := m.send(t.Context(), strings.NewReader(recipients)); err == nil || out.Len() > 0 {
		t.Errorf("without a server: %v, sent %q", err, out.String())
	}
	if err := m.send(t.Context(), strings.NewReader("ann\n")); err == nil {
		t.Error("a line without an address was taken")
	}
}
