package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func TestPeopleRequests(t *testing.T) {
	for line, want := range map[string]proto.Message{
		"link example account:7 cookie:3f --source login --at -1d --evidence urn:l:1 --fence": &consentv1.LinkSubjectsRequest{
			Controller: "example", SubjectId: "account:7", LinkedId: "cookie:3f", EventId: "fresh-id", OccurredAt: at(-1),
			Source: "login", Evidence: "urn:l:1", Fence: true,
		},
		"link example a b --id l1": &consentv1.LinkSubjectsRequest{
			Controller: "example", SubjectId: "a", LinkedId: "b", EventId: "l1", OccurredAt: at(0), Source: "consentctl",
		},
		"unlink example a b --evidence urn:t:1": &consentv1.UnlinkSubjectsRequest{
			Controller: "example", SubjectId: "a", LinkedId: "b", EventId: "fresh-id", OccurredAt: at(0), Source: "consentctl",
			Evidence: "urn:t:1",
		},
		"resolve example a --at -1d": &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "a", At: at(-1)},
		"record sharing example till-4": &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: "till-4", Events: []*consentv1.Event{{
				Id: "fresh-id", OccurredAt: at(0), Source: "consentctl",
				Kind: &consentv1.Event_Sharing{Sharing: &consentv1.SharingEvent{Shared: true}},
			}},
		},
		"record sharing example till-4 --lifted": &consentv1.RecordEventsRequest{
			Controller: "example", SubjectId: "till-4", Events: []*consentv1.Event{{
				Id: "fresh-id", OccurredAt: at(0), Source: "consentctl",
				Kind: &consentv1.Event_Sharing{Sharing: &consentv1.SharingEvent{}},
			}},
		},
	} {
		t.Run(line, func(t *testing.T) {
			f := &fake{}
			got := execute(f.serve(t), "", strings.Split(line, " ")...)
			if diff := cmp.Diff(want, f.request(want), protocmp.Transform()); got.code != exitOK || diff != "" {
				t.Errorf("%+v (-want +got):\n%s", got, diff)
			}
		})
	}
}

func TestPeopleFaultsOfTheCommandLine(t *testing.T) {
	const address = "127.0.0.1:1" // nothing is sent
	for line, want := range map[string]string{
		"link example a":                    "missing argument LINKED",
		"unlink example a b c":              "too many arguments: c",
		"link example a b --source import":  "--source import needs --at",
		"link example a b --undeclared":     "unknown flag",
		"link example a b --id= --at -1h":   "--id is empty",
		"resolve example":                   "missing argument SUBJECT",
		"record sharing example till-4 yes": "too many arguments: yes",
	} {
		got := execute(address, "", strings.Split(line, " ")...)
		if got.code != exitError || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: got %+v, want %q", line, got, want)
		}
	}
}

// Where a link may have been recorded, the user learns how to repeat it without recording it twice.
func TestALinkIsRepeatedByItsID(t *testing.T) {
	address := (&fake{err: status.Error(codes.DeadlineExceeded, "late")}).serve(t)
	got := execute(address, "", "link", "example", "a", "b")
	const want = "repeat with --id \"fresh-id\" --at 2026-03-01T12:00:00Z"
	if got.code != exitError || !strings.Contains(got.stderr, want) {
		t.Errorf("got %+v, want %q", got, want)
	}
}
