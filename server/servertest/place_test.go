package servertest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/store/pebble"
)

func checkTo(country string) *consentv1.CheckRequest {
	return &consentv1.CheckRequest{
		Controller: "example", SubjectId: "s", Purpose: "service_delivery",
		Recipient: &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR, Id: "helpdesk", Country: country},
	}
}

func sentTo(country string) call {
	return func(ctx context.Context, s *servertest.Server) error {
		_, err := s.Decisions.Check(ctx, checkTo(country))
		return err
	}
}

func streamedTo(country string) call {
	return func(ctx context.Context, s *servertest.Server) error {
		stream, err := s.Decisions.CheckStream(ctx)
		if err != nil {
			return err
		}
		if err := stream.Send(
			&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{{Id: 1, Check: checkTo(country)}}},
		); err != nil {
			return err
		}
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		return refusalOf(answer.GetResults()[0].GetError())
	}
}

func batchedTo(country string) call {
	return func(ctx context.Context, s *servertest.Server) error {
		answer, err := s.Decisions.BatchCheck(ctx, &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{checkTo(country)}})
		if err != nil {
			return err
		}
		return refusalOf(answer.GetResults()[0].GetError())
	}
}

// refusalOf is the error of an item as that of a call.
func refusalOf(e *consentv1.CheckError) error {
	if e == nil {
		return nil
	}
	bad := &errdetails.BadRequest{}
	for _, v := range e.GetFieldViolations() {
		bad.FieldViolations = append(bad.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: v.GetField(), Description: v.GetDescription()})
	}
	s, err := status.New(codes.Code(e.GetCode()), e.GetMessage()).WithDetails(bad)
	if err != nil {
		return err
	}
	return s.Err()
}

func explainedTo(country string) call {
	return func(ctx context.Context, s *servertest.Server) error {
		_, err := s.Decisions.Explain(ctx, &consentv1.ExplainRequest{Check: checkTo(country)})
		return err
	}
}

func livingIn(jurisdiction string) call {
	return recording(func(e *consentv1.Event) {
		e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: proto.String(jurisdiction)}}
	})
}

func naming(countries ...string) call {
	return recording(func(e *consentv1.Event) { e.GetConsent().Countries = countries })
}

// A place that ISO 3166 does not have is refused wherever one is named, by its field, with the code to write.
func TestPlacesThatAreNone(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	for name, row := range map[string]struct {
		send        call
		field, says string
	}{
		"check":                   {sentTo("UK"), "recipient.country", "write GB"},
		"check, by name":          {sentTo("Germany"), "recipient.country", "write DE"},
		"check, in small letters": {sentTo("de"), "recipient.country", "write DE"},
		"check, a subdivision":    {sentTo("US-CA"), "recipient.country", "write US"},
		"check, user-assigned":    {sentTo("XK"), "recipient.country", "no assigned code"},
		"streamed check":          {streamedTo("EL"), "recipient.country", "write GR"},
		"check of a batch":        {batchedTo("IC"), "recipient.country", "write ES"},
		"explanation":             {explainedTo("EU"), "check.recipient.country", "member state"},
		"profile":                 {livingIn("UK"), "events[1].profile.jurisdiction", "write GB"},
		"profile, by name":        {livingIn("Germany"), "events[1].profile.jurisdiction", "write DE"},
		"profile, in Ireland":     {livingIn("XI"), "events[1].profile.jurisdiction", "GB-NIR"},
		"profile, in no state":    {livingIn("US-ZZ"), "events[1].profile.jurisdiction", "US-CA"},
		"consent":                 {naming("DE", "YU"), "events[1].consent.countries[1]", "Yugoslavia"},
		"consent, in small":       {naming("jp"), "events[1].consent.countries[0]", "write JP"},
		"consent, a subdivision":  {naming("DE-BY"), "events[1].consent.countries[0]", "no assigned country of ISO 3166-1: write DE"},
	} {
		t.Run(name, func(t *testing.T) {
			err := row.send(t.Context(), s)
			if status.Code(err) != codes.InvalidArgument {
				t.Fatalf("err = %v, want InvalidArgument", err)
			}
			if got := violations(err); len(got) != 1 || got[0] != row.field {
				t.Errorf("fields = %v, want %q alone", got, row.field)
			}
			if !strings.Contains(err.Error(), row.says) {
				t.Errorf("%q is not said: %v", row.says, err)
			}
		})
	}
	for name, send := range map[string]call{
		"a country": sentTo("GB"), "no country": sentTo(""), "streamed": streamedTo("JP"), "batched": batchedTo("CH"),
		"explained": explainedTo("FR"),
	} {
		if err := send(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, jurisdiction := range []string{"DE", "DE-BY", "GB-NIR", "US-DC", "US-PR", "MQ", ""} {
		e := given("place " + jurisdiction)
		e.OccurredAt.Seconds += int64(i)
		e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: &jurisdiction}}
		if _, err := s.Consents.RecordEvents(t.Context(), batch(e)); err != nil {
			t.Errorf("%q: %v", jurisdiction, err)
		}
	}
}

// What was recorded before places were checked is read as it is, and is a place without a law of its own.
func TestARecordedPlaceThatIsNoneStaysReadable(t *testing.T) {
	dir := t.TempDir()
	store, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	uk, now := "UK", consent.InstantOf(time.Now())
	if _, err := store.Record(t.Context(), consent.Batch{
		Subject: consent.Subject{Controller: "example", ID: "s"}, RecordedAt: now,
		Events: []consent.Event{{ID: "e", OccurredAt: now - 1e9, Source: "support", Fact: consent.Profile{Jurisdiction: &uk}}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s := servertest.Start(t, servertest.Options{DataDir: dir})
	got, err := s.Consents.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "s"})
	if err != nil || got.GetState().GetJurisdiction() != uk {
		t.Errorf("jurisdiction = %q, %v", got.GetState().GetJurisdiction(), err)
	}
	if err := sentTo("GB")(t.Context(), s); err != nil {
		t.Errorf("a check: %v", err)
	}
	_, err = s.Decisions.Explain(t.Context(), &consentv1.ExplainRequest{Check: checkTo("UK"), At: timestamppb.Now()})
	if err != nil {
		t.Errorf("explaining what was asked before: %v", err)
	}
}
