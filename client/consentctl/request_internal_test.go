package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// TestRequests shows what each command line sends.
func TestRequests(t *testing.T) {
	f := &fake{}
	address := f.serve(t)
	for _, test := range []struct {
		line string // split at spaces
		into proto.Message
		want string
	}{
		{"check example u p", &consentv1.CheckRequest{}, `controller:"example" subject_id:"u" purpose:"p"`},
		{
			"check example u p --category a.b,c --category d --recipient Third-Party --recipient-id shop --recipient-country us --token t",
			&consentv1.CheckRequest{},
			`controller:"example" subject_id:"u" purpose:"p" data_categories:"a.b" data_categories:"c" data_categories:"d"
			 recipient:{kind:RECIPIENT_KIND_THIRD_PARTY id:"shop" country:"US"} consistency:{at_least_as_fresh:"t"}`,
		},
		{
			`check example u p --recipient RECIPIENT_KIND_AUTHORITY --fully-consistent --context gpc=true --context n=1.5 --context s=text` +
				` --context e= --context l=["x"] --context {"o":{"k":null}}`,
			&consentv1.CheckRequest{},
			`controller:"example" subject_id:"u" purpose:"p" recipient:{kind:RECIPIENT_KIND_AUTHORITY} consistency:{fully_consistent:true}
			 context:{fields:{key:"gpc" value:{bool_value:true}} fields:{key:"n" value:{number_value:1.5}}
			  fields:{key:"s" value:{string_value:"text"}}
			  fields:{key:"e" value:{string_value:""}} fields:{key:"l" value:{list_value:{values:{string_value:"x"}}}}
			  fields:{key:"o" value:{struct_value:{fields:{key:"k" value:{null_value:NULL_VALUE}}}}}}`,
		},
		{
			"purposes example u --context gpc=true --token t", &consentv1.ListPurposesRequest{},
			`controller:"example" subject_id:"u" context:{fields:{key:"gpc" value:{bool_value:true}}} consistency:{at_least_as_fresh:"t"}`,
		},
		{"controllers example", &consentv1.ListControllersRequest{}, `controller:"example"`},
		{
			"record consent example u marketing_email given --notice-version 3 --explicit --given-by parent" +
				" --recipient a,b --country jp --expires-at +1d --id e --at -1h --source import --evidence urn:x --fence",
			&consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u" fence:true events:{id:"e" occurred_at:{seconds:1772362800} source:"import" evidence:"urn:x"
			 consent:{purpose:"marketing_email" status:CONSENT_STATUS_GIVEN notice_version:3 explicit:true given_by:GIVEN_BY_PARENT
			  recipients:"a" recipients:"b"
			  countries:"JP" expires_at:{seconds:1772452800}}}`,
		},
		{
			"record objection example u", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u" events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" objection:{}}`,
		},
		{
			"record objection example u marketing_email sale_of_data --lifted --at 2026-02-28", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772236800} source:"consentctl"
			 objection:{purposes:"marketing_email" purposes:"sale_of_data" lifted:true}}`,
		},
		{
			"record restriction example u accuracy-contested p --undeclared --at 2026-03-01T10:00:00+01:00",
			&consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u" events:{id:"fresh-id" occurred_at:{seconds:1772355600} source:"consentctl"
			 restriction:{ground:RESTRICTION_GROUND_ACCURACY_CONTESTED purposes:"p"}}`,
		},
		{
			"record opt-out example u sale_or_sharing --lifted --evidence sha256:1f", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" evidence:"sha256:1f"
			 opt_out:{kind:OPT_OUT_KIND_SALE_OR_SHARING lifted:true}}`,
		},
		{
			"record signals example u --gpc=false", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" signals:{gpc:false}}`,
		},
		{
			"record signals example u --gpc --dnt", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" signals:{gpc:true dnt:true}}`,
		},
		{
			"record erasure example u COMPLETED", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" erasure:{stage:ERASURE_STAGE_COMPLETED}}`,
		},
		{
			"record erasure example u restarted --evidence urn:ticket:1", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" evidence:"urn:ticket:1"
			 erasure:{stage:ERASURE_STAGE_RESTARTED}}`,
		},
		{
			"record annulment example u e7 --evidence urn:ticket:1 --source support", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"support" evidence:"urn:ticket:1"
			 annulment:{event_id:"e7"}}`,
		},
		{
			"record consent example u marketing_email withdrawn", &consentv1.BatchCheckRequest{},
			`consistency:{at_least_as_fresh:"token-8"} requests:{controller:"example" subject_id:"u" purpose:"marketing_email"}`,
		},
		{
			"record profile example u --jurisdiction= --age-min 0", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" profile:{jurisdiction:"" age_min:0}}`,
		},
		{
			"record profile example u --jurisdiction us-ca --age-max 17 --account-status closed --last-activity-at -1d" +
				" --retention-until +1d --last-sale-at -2d --selling-entity shop",
			&consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u" events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl"
			 profile:{jurisdiction:"US-CA" age_max:17 account_status:ACCOUNT_STATUS_CLOSED last_activity_at:{seconds:1772280000}
			  retention_until:{seconds:1772452800}
			  relationship:{last_sale_at:{seconds:1772193600} selling_entity:"shop"}}}`,
		},
		{
			"record profile example u --opt-out-offered=false", &consentv1.RecordEventsRequest{},
			`controller:"example" subject_id:"u"
			 events:{id:"fresh-id" occurred_at:{seconds:1772366400} source:"consentctl" profile:{relationship:{}}}`,
		},
	} {
		t.Run(test.line, func(t *testing.T) {
			if got := execute(address, "", strings.Split(test.line, " ")...); got.code != exitOK {
				t.Fatalf("got %+v", got)
			}
			if err := prototext.Unmarshal([]byte(test.want), test.into); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.into, f.request(test.into), protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBatchInput(t *testing.T) {
	f := &fake{}
	address := f.serve(t)
	const one = `{"controller":"example","subject_id":"u","purpose":"p"}`
	const full = `{"controller":"example","subjectId":"u","purpose":"p","recipient":{"kind":"affiliate","id":"x"},` +
		`"context":{"recipient":{"kind":"free"},"n":1}}`
	wantOne := `requests:{controller:"example" subject_id:"u" purpose:"p"}`
	wantFull := `requests:{controller:"example" subject_id:"u" purpose:"p" recipient:{kind:RECIPIENT_KIND_AFFILIATE id:"x"}
		context:{fields:{key:"recipient" value:{struct_value:{fields:{key:"kind" value:{string_value:"free"}}}}}
		 fields:{key:"n" value:{number_value:1}}}}`
	for name, test := range map[string]struct{ stdin, want string }{
		"one line":      {one, wantOne},
		"lines":         {one + "\n\n" + full + "\n", wantOne + wantFull},
		"array":         {" [" + one + ",\n" + full + "] \n", wantOne + wantFull},
		"pretty":        {strings.ReplaceAll(one, ",", ",\n") + full, wantOne + wantFull},
		"full names":    {strings.Replace(full, "affiliate", "RECIPIENT_KIND_AFFILIATE", 1), wantFull},
		"an empty one":  {"{}", "requests:{}"},
		"1000 of these": {strings.Repeat("{}\n", 1000), strings.Repeat("requests:{} ", 1000)}, // more go in parts
	} {
		t.Run(name, func(t *testing.T) {
			if got := execute(address, test.stdin, "batch", "-"); got.code != exitOK {
				t.Fatalf("exit code %d: %s", got.code, got.stderr)
			}
			want := &consentv1.BatchCheckRequest{}
			if err := prototext.Unmarshal([]byte(test.want), want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, f.request(want), protocmp.Transform()); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
	file := filepath.Join(t.TempDir(), "checks.jsonl")
	if err := os.WriteFile(file, []byte(one), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := execute(address, "", "batch", file, "--fully-consistent"); got.code != exitOK {
		t.Errorf("from a file: %+v", got)
	}
	sent := f.request(&consentv1.BatchCheckRequest{}).(*consentv1.BatchCheckRequest)
	if !sent.GetConsistency().GetFullyConsistent() {
		t.Errorf("consistency was not sent: %v", sent)
	}
}

func TestBatchInputErrors(t *testing.T) {
	for stdin, names := range map[string]string{
		"":                                "no checks",
		"[]":                              "no checks",
		"null":                            "check 1: want a JSON object",
		"{} 1":                            "check 2: want a JSON object",
		"{}\n{":                           "after 1 checks",
		"[{}] {}":                         "more follows",
		"[{},":                            "unexpected EOF",
		`{"purpos":"p"}`:                  `check 1: unknown field "purpos"`,
		`{"purpose":1}`:                   "check 1: invalid value for string field purpose: 1",
		`{"recipient":{"kind":"friend"}}`: `check 1: recipient.kind: "friend": want PROCESSOR`,
		`{"recipient":{"kind":1}}`:        "recipient.kind: want a name",
		`{"recipient":[]}`:                "check 1:",
	} {
		t.Run(stdin, func(t *testing.T) {
			got := execute("127.0.0.1:1", stdin, "batch")
			if got.code != exitError || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, names) {
				t.Errorf("got %+v, want one line with %q", got, names)
			}
		})
	}
}
