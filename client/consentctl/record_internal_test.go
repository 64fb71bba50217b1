package main

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func TestRecordSaysWhatBecameOfTheEvent(t *testing.T) {
	address := (&fake{}).serve(t)
	for id, want := range map[string]string{
		"fresh-id": "recorded: now DENY (OBJECTED, CONSENT_MISSING) for marketing_email",
		"late":     "recorded, and superseded by the consent of 2026-03-01T12:00:00Z (e1): still DENY (OBJECTED, CONSENT_MISSING) for marketing_email",
		"import": "recorded, and does not count for lack of evidence, or because the id is shared: now DENY (OBJECTED, CONSENT_MISSING) for " +
			"marketing_email",
		"duplicate": "had been recorded before, and changed nothing now: still DENY (OBJECTED, CONSENT_MISSING) for marketing_email",
		"later":     "recorded, and is 77: now DENY (OBJECTED, CONSENT_MISSING) for marketing_email",
	} {
		got := execute(address, "", "record", "consent", "example", "u", "marketing_email", "given", "--id", id)
		if got.code != exitOK || !strings.Contains(got.stdout, want+"\n") {
			t.Errorf("%s: got %+v, want %q", id, got, want)
		}
	}
	got := execute(address, "", "record", "consent", "example", "u", "marketing_email", "given", "--id", "of-an-old-server")
	if got.code != exitOK || strings.Contains(got.stdout, "Outcome") {
		t.Errorf("without an outcome: %+v", got)
	}
}

// A consent for one recipient is not decided without one: a check of the purpose alone reads another record.
func TestRecordOfARecipientsConsentDecidesNothing(t *testing.T) {
	f := &fake{}
	got := execute(f.serve(t), "", "record", "consent", "example", "u", "marketing_email", "given", "--recipient", "shop")
	if got.code != exitOK || !strings.Contains(got.stdout, "recorded\n") || f.request(&consentv1.BatchCheckRequest{}) != nil {
		t.Errorf("got %+v", got)
	}
}

// A check that fails afterwards does not make the recording fail.
func TestRecordWithoutADecision(t *testing.T) {
	address := (&fake{checkErr: status.Error(codes.Unavailable, "down")}).serve(t)
	got := execute(address, "", "record", "consent", "example", "u", "marketing_email", "given")
	if want := "recorded: now not known for marketing_email: UNAVAILABLE: down\n"; got.code != exitOK || !strings.Contains(got.stdout, want) {
		t.Errorf("got %+v, want %q", got, want)
	}
	got = execute(address, "", "record", "consent", "example", "u", "marketing_email", "given", "-o", "json")
	if got.code != exitOK || !strings.Contains(got.stdout, `"code": "UNAVAILABLE"`) {
		t.Errorf("got %+v", got)
	}
}

func TestUndeclaredPurposesAreRefusedBeforehand(t *testing.T) {
	f := &fake{}
	address := f.serve(t)
	for line, want := range map[string]string{
		"consent example u marketing_emial withdrawn":                  `no purpose "marketing_emial"; did you mean marketing_email? (--undeclared records it all the same)`,
		"objection example u marketing_email xyz":                      `no purpose "xyz" (consentctl controllers example lists them; --undeclared records it all the same)`,
		"restriction example u accuracy_contested sale_of_date ma_rke": `no purpose "sale_of_date"; did you mean sale_of_data?`,
		"consent none u marketing_email withdrawn":                     "NOT_FOUND",
	} {
		got := execute(address, "", append([]string{"record"}, strings.Split(line, " ")...)...)
		if got.code != exitError || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: got %+v, want %q", line, got, want)
		}
	}
	if r := f.request(&consentv1.RecordEventsRequest{}); r != nil {
		t.Errorf("recorded %v", r)
	}
	got := execute(address, "", "record", "consent", "example", "u", "marketing_emial", "withdrawn", "--undeclared")
	if got.code != exitOK || f.request(&consentv1.RecordEventsRequest{}) == nil {
		t.Errorf("with --undeclared: %+v", got)
	}
}
