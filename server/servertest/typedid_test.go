package servertest_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// byID is every call that takes the id of a subject. Those that answer many checks at once return the error of the one.
var byID = map[string]func(context.Context, *servertest.Server, string) error{
	"Check": func(ctx context.Context, s *servertest.Server, id string) error {
		_, err := s.Decisions.Check(ctx, checkOf(id))
		return err
	},
	"BatchCheck": func(ctx context.Context, s *servertest.Server, id string) error {
		got, err := s.Decisions.BatchCheck(ctx, &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{checkOf(id)}})
		if err != nil {
			return err
		}
		return itemError(got.GetResults()[0].GetError())
	},
	"CheckStream": func(ctx context.Context, s *servertest.Server, id string) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := s.Decisions.CheckStream(ctx)
		if err != nil {
			return err
		}
		err = stream.Send(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{{Id: 1, Check: checkOf(id)}}})
		if err != nil {
			return err
		}
		for {
			got, err := stream.Recv()
			if err != nil {
				return err
			}
			for _, r := range got.GetResults() {
				return itemError(r.GetError())
			}
		}
	},
	"ListPurposes": func(ctx context.Context, s *servertest.Server, id string) error {
		_, err := s.Decisions.ListPurposes(ctx, &consentv1.ListPurposesRequest{Controller: "example", SubjectId: id})
		return err
	},
	"Explain": func(ctx context.Context, s *servertest.Server, id string) error {
		_, err := s.Decisions.Explain(ctx, &consentv1.ExplainRequest{Check: checkOf(id)})
		return err
	},
	"GetSubject": func(ctx context.Context, s *servertest.Server, id string) error {
		_, err := s.Consents.GetSubject(ctx, &consentv1.GetSubjectRequest{Controller: "example", SubjectId: id})
		return err
	},
	"ListEvents": func(ctx context.Context, s *servertest.Server, id string) error {
		_, err := s.Consents.ListEvents(ctx, &consentv1.ListEventsRequest{Controller: "example", SubjectId: id})
		return err
	},
	"RecordEvents": func(ctx context.Context, s *servertest.Server, id string) error {
		r := batch(given("of " + id))
		r.SubjectId = id
		_, err := s.Consents.RecordEvents(ctx, r)
		return err
	},
}

func checkOf(id string) *consentv1.CheckRequest {
	return &consentv1.CheckRequest{Controller: "example", SubjectId: id, Purpose: "ai_training"}
}

// itemError is the error of a check among others, with its violations in the message's place.
func itemError(e *consentv1.CheckError) error {
	if e == nil {
		return nil
	}
	var parts []string
	for _, v := range e.GetFieldViolations() {
		parts = append(parts, v.GetField()+": "+v.GetDescription())
	}
	return status.Error(codes.Code(e.GetCode()), strings.Join(parts, "; "))
}

// TestTypedIDs: an id that says what it is has its form, wherever it is named; an id that says nothing is free.
func TestTypedIDs(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	hash := strings.Repeat("0123456789abcdef", 4)
	for _, row := range []struct{ id, fault string }{
		{"email_sha256:" + hash, ""},
		{"email_hmac:37082cf9." + hash, ""},
		{"phone_e164_hmac:37082cf9." + hash, ""},
		{"cookie:GA1.2.3", ""},
		{"account:17", ""},
		{"device:AEBE52E7", ""},
		{"ada:lovelace", ""},
		{"email_sha256:" + strings.ToUpper(hash), "in lower case"},
		{"email_sha256:ada@example.com", "helpers make one of an address"},
		{"email_hmac:" + hash, "the key's id"},
		{"phone_e164_hmac:+4930123456", "the key's id"},
		{"Email_hmac:37082cf9." + hash, "email_hmac in lower case"},
		{"cookie:", "nothing comes after the colon"},
		{"account:ada lovelace", "a name without spaces"},
	} {
		for name, send := range byID {
			t.Run(name+" "+row.id, func(t *testing.T) {
				err := send(t.Context(), s, row.id)
				if row.fault == "" {
					if err != nil {
						t.Errorf("refused: %v", err)
					}
					return
				}
				said := status.Convert(err).Message()
				for _, v := range client.Violations(err) {
					said += "; " + v.GetField() + ": " + v.GetDescription()
				}
				if status.Code(err) != codes.InvalidArgument || !strings.Contains(said, "subject_id") || !strings.Contains(said, row.fault) {
					t.Errorf("err = %v (%s), want INVALID_ARGUMENT for subject_id, %q", err, said, row.fault)
				}
			})
		}
	}
}
