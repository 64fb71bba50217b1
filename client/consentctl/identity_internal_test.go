package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// What the vectors of all clients have for "ada@example.com" and "+4930123456" under the key "a".
const (
	adaByKey   = "email_hmac:37082cf9.5c820b4a5aac8f31eb6741825bfecb8e97f00488d5edaed1ae2908c29d0b7e38"
	adaByHash  = "email_sha256:b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"
	adaByPhone = "phone_e164_hmac:37082cf9.a8e7e7332706acefdd8dc40317e591cf5ef57aa435ce9aed398eb5b1ab970d19"
)

// vectorKey is the key "a".
func vectorKey(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../conformance/testdata/ids.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Keys map[string]struct{ Secret string }
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all.Keys["a"].Secret
}

// TestSubjectsByAddress: an address takes the place of SUBJECT, in whichever spelling, and the id is sent.
func TestSubjectsByAddress(t *testing.T) {
	f := &fake{}
	address, key := f.serve(t), vectorKey(t)
	type named interface {
		proto.Message
		GetSubjectId() string
	}
	for _, row := range []struct {
		line []string
		into named
		id   string
	}{
		{[]string{"check", "example", "p", "--email", " Ada@EXAMPLE.com"}, &consentv1.CheckRequest{}, adaByKey},
		{[]string{"check", "--email-sha256=Ada@example.com", "example", "p"}, &consentv1.CheckRequest{}, adaByHash},
		{[]string{"purposes", "example", "--phone", "+49 (30) 123-456"}, &consentv1.ListPurposesRequest{}, adaByPhone},
		{[]string{"subject", "example", "--email", "ada@example.com"}, &consentv1.GetSubjectRequest{}, adaByKey},
		{[]string{"events", "example", "--email", "ada@example.com"}, &consentv1.ListEventsRequest{}, adaByKey},
		{[]string{"record", "objection", "example", "--email", "ada@example.com"}, &consentv1.RecordEventsRequest{}, adaByKey},
		{
			[]string{"record", "objection", "example", "marketing_email", "--email", "ADA@example.com"},
			&consentv1.RecordEventsRequest{}, adaByKey,
		},
		{
			[]string{"record", "consent", "example", "marketing_email", "withdrawn", "--phone", "+4930123456"},
			&consentv1.RecordEventsRequest{}, adaByPhone,
		},
		{[]string{"record", "erasure", "example", "requested", "--email", "ada@example.com"}, &consentv1.RecordEventsRequest{}, adaByKey},
		{[]string{"record", "signals", "example", "--gpc", "--email", "ada@example.com"}, &consentv1.RecordEventsRequest{}, adaByKey},
	} {
		t.Run(strings.Join(row.line, " "), func(t *testing.T) {
			if got := executeWithKey(key, address, "", row.line...); got.code != exitOK {
				t.Fatalf("%+v", got)
			}
			if got := f.request(row.into).(named).GetSubjectId(); got != row.id {
				t.Errorf("asked about %s, want %s", got, row.id)
			}
		})
	}
}

func TestIDIsPrinted(t *testing.T) {
	key := vectorKey(t)
	file := filepath.Join(t.TempDir(), "subject.key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		args []string
		want string
	}{
		"by the key of a file": {[]string{"id", "--email", "Ada@example.com", "--subject-key", file}, adaByKey + "\n"},
		"the file comes first": {[]string{"id", "--phone", "+49 30 123456", "--subject-key", file}, adaByPhone + "\n"},
		"without a key":        {[]string{"id", "--email-sha256", "Ada@example.com"}, adaByHash + "\n"},
		"as JSON": {
			[]string{"id", "--email-sha256", "Ada@example.com", "-o", "json"}, "{\n  \"subject_id\": \"" + adaByHash + "\"\n}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := executeWithKey(strings.Repeat("0b", 32), "127.0.0.1:1", "", row.args...) // no server is there
			if got.code != exitOK || got.stdout != row.want {
				t.Errorf("got %+v, want %q", got, row.want)
			}
		})
	}
}

func TestAddressesThatNameNobody(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short.key")
	if err := os.WriteFile(short, []byte("00ff"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := vectorKey(t)
	for name, row := range map[string]struct {
		key  string
		args []string
		want string
	}{
		"no key":         {"", []string{"id", "--email", "ada@example.com"}, "--email: needs a key: name its file with --subject-key"},
		"short key":      {"00ff", []string{"id", "--email", "ada@example.com"}, "--email: CONSENTD_SUBJECT_KEY: the key has 2 bytes"},
		"short in file":  {good, []string{"id", "--email", "ada@example.com", "--subject-key", short}, "short.key: the key has 2 bytes"},
		"no file":        {good, []string{"id", "--email", "ada@example.com", "--subject-key", short + "x"}, "no such file"},
		"no address":     {good, []string{"id", "--email", "ada"}, "--email: the e-mail address must have one @"},
		"empty address":  {good, []string{"check", "example", "p", "--email", ""}, "--email: the e-mail address is empty"},
		"no number":      {good, []string{"events", "example", "--phone", "030 123"}, "--phone: the phone number must begin with +"},
		"two of them":    {good, []string{"check", "example", "p", "--email", "a@example.com", "--phone", "+4930123456"}, "[email phone]"},
		"and SUBJECT":    {good, []string{"check", "example", "u", "p", "--email", "a@example.com"}, "SUBJECT is left out where a flag names the subject"},
		"nobody to name": {good, []string{"id"}, "email"},
	} {
		t.Run(name, func(t *testing.T) {
			got := executeWithKey(row.key, "127.0.0.1:1", "", row.args...)
			if got.code != exitError || !strings.Contains(got.stderr, row.want) {
				t.Errorf("got %+v, want %q", got, row.want)
			}
			if strings.Contains(got.stdout+got.stderr, good) {
				t.Error("the key is printed")
			}
		})
	}
}
