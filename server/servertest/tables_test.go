package servertest_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// sharingRow begins the row of a purpose that rests on consent, and may go to affiliates.
const sharingRow = "  affiliate_sharing:\n"

// A limit that is written in another type than its rule compares with would never apply: the consent that the table
// asks for would not be needed. Such a table is refused at its line, whatever the other readers of YAML take the word
// for.
func TestALimitOfAnotherTypeIsRefused(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	table := read(t, policyFolder(t), exampleTable)
	line := strings.Count(table[:strings.Index(table, sharingRow)], "\n") + 2
	want := fmt.Sprintf("%s:%d", exampleTable, line)
	for _, written := range []string{"yes", "on", "y", `"yes"`, `"true"`, "1", "!!bool yes", "null", "", "[true]"} {
		t.Run(written, func(t *testing.T) {
			request := activation(t, policyFolder(t))
			file := request.Files[fileAt(request, exampleTable)]
			file.Content = []byte(strings.Replace(table, sharingRow, sharingRow+"    consent_names_recipient: "+written+"\n", 1))
			_, err := s.Policies.ActivatePolicy(t.Context(), request)
			if status.Code(err) != codes.InvalidArgument || firstField(err) != want {
				t.Errorf("ActivatePolicy: %v, field %q; want it refused at %s", err, firstField(err), want)
			}
			if err == nil {
				t.Errorf("and data go to a recipient that no consent names: %v", disclosed(t, s))
			}
		})
	}
}

// disclosed asks whether data may go to a recipient, where the subject's consent names none.
func disclosed(t *testing.T, s *servertest.Server) *consentv1.CheckResponse {
	t.Helper()
	given := &consentv1.ConsentEvent{
		Purpose: "affiliate_sharing", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3,
	}
	if _, err := s.Consents.RecordEvents(t.Context(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: t.Name(), Events: []*consentv1.Event{{
			Id: t.Name(), OccurredAt: timestamppb.Now(), Evidence: "form 1", Kind: &consentv1.Event_Consent{Consent: given},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	d, err := s.Decisions.Check(t.Context(), &consentv1.CheckRequest{
		Controller: "example", SubjectId: t.Name(), Purpose: "affiliate_sharing",
		Recipient: &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Id: "unknown"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
