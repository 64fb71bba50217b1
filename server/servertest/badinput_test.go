package servertest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// A call is one bad request, or more, of which the last counts.
type call func(ctx context.Context, s *servertest.Server) error

func checking(change func(*consentv1.CheckRequest)) call {
	return func(ctx context.Context, s *servertest.Server) error {
		r := &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "ai_training"}
		change(r)
		_, err := s.Decisions.Check(ctx, r)
		return err
	}
}

func recording(change func(*consentv1.Event)) call {
	return func(ctx context.Context, s *servertest.Server) error {
		good, bad := given("good"), given("bad")
		change(bad)
		_, err := s.Consents.RecordEvents(ctx, batch(good, bad))
		return err
	}
}

func given(id string) *consentv1.Event {
	event := &consentv1.Event{Id: id, OccurredAt: timestamppb.New(time.Now().Add(-time.Hour)), Source: "support"}
	event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
		Purpose: "ai_training", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3,
	}}
	return event
}

func batch(events ...*consentv1.Event) *consentv1.RecordEventsRequest {
	return &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "s", Events: events}
}

func kindless(e *consentv1.Event) { e.Kind = nil }

// after records first and then sends the batch.
func after(first, then *consentv1.RecordEventsRequest) call {
	return func(ctx context.Context, s *servertest.Server) error {
		if _, err := s.Consents.RecordEvents(ctx, first); err != nil {
			return status.Errorf(codes.Unknown, "preparing: %v", err)
		}
		_, err := s.Consents.RecordEvents(ctx, then)
		return err
	}
}

func listing(change func(*consentv1.ListEventsRequest)) call {
	return func(ctx context.Context, s *servertest.Server) error {
		r := &consentv1.ListEventsRequest{Controller: "example", SubjectId: "s"}
		change(r)
		_, err := s.Consents.ListEvents(ctx, r)
		return err
	}
}

// bytes sends what no client library would.
func bytes(method string, body ...[]byte) call {
	return func(ctx context.Context, s *servertest.Server) error {
		return s.Conn.Invoke(ctx, method, slices.Concat(body...), &consentv1.CheckResponse{},
			grpc.ForceCodecV2(rawCodec{encoding.GetCodecV2("proto")}))
	}
}

type rawCodec struct{ encoding.CodecV2 }

func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func field(number protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

func subject(controller string) call {
	return func(ctx context.Context, s *servertest.Server) error {
		_, err := s.Consents.GetSubject(ctx, &consentv1.GetSubjectRequest{Controller: controller, SubjectId: "s"})
		return err
	}
}

// foreignToken checks with a token of another store.
func foreignToken(t *testing.T) call {
	other := servertest.Start(t, servertest.Options{})
	token, err := other.Consents.RecordEvents(t.Context(), batch(given("e")))
	if err != nil {
		t.Fatal(err)
	}
	return checking(fresh(token.GetConsistencyToken()))
}

func fresh(token string) func(*consentv1.CheckRequest) {
	return func(r *consentv1.CheckRequest) {
		r.Consistency = &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token}}
	}
}

func large(n int) *structpb.Struct {
	return &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewStringValue(strings.Repeat("x", n))}}
}

// refusal is a row of TestBadInput: what is sent, the code with which it is refused, and
// the field named; none if empty.
type refusal struct {
	name  string
	send  call
	code  codes.Code
	field string
}

const (
	invalid = codes.InvalidArgument
	missing = codes.NotFound
)

var long = strings.Repeat("x", 257)

func badChecks(t *testing.T) []refusal {
	return []refusal{
		{"empty controller", checking(func(r *consentv1.CheckRequest) { r.Controller = "" }), invalid, "controller"},
		{"empty subject", checking(func(r *consentv1.CheckRequest) { r.SubjectId = "" }), invalid, "subject_id"},
		{"over-long controller", checking(func(r *consentv1.CheckRequest) { r.Controller = long }), invalid, "controller"},
		{"over-long subject", checking(func(r *consentv1.CheckRequest) { r.SubjectId = long }), invalid, "subject_id"},
		{"unknown controller", checking(func(r *consentv1.CheckRequest) { r.Controller = "nobody" }), missing, "controller"},
		{"no purpose", checking(func(r *consentv1.CheckRequest) { r.Purpose = "" }), invalid, "purpose"},
		{"purpose of wrong form", checking(func(r *consentv1.CheckRequest) { r.Purpose = "AI Training" }), invalid, "purpose"},
		{"purpose of 65 bytes", checking(func(r *consentv1.CheckRequest) { r.Purpose = strings.Repeat("a", 65) }), invalid, "purpose"},
		{"101 data categories", checking(func(r *consentv1.CheckRequest) {
			r.DataCategories = slices.Repeat([]string{"user"}, 101)
		}), invalid, "data_categories"},
		{"category of wrong form", checking(func(r *consentv1.CheckRequest) {
			r.DataCategories = []string{"user", "user..x"}
		}), invalid, "data_categories[1]"},
		{
			"recipient without kind", checking(func(r *consentv1.CheckRequest) { r.Recipient = &consentv1.Recipient{} }), invalid,
			"recipient.kind",
		},
		{"recipient of unknown kind", checking(func(r *consentv1.CheckRequest) {
			r.Recipient = &consentv1.Recipient{Kind: 99}
		}), invalid, "recipient.kind"},
		{"country of wrong form", checking(func(r *consentv1.CheckRequest) {
			r.Recipient = &consentv1.Recipient{Kind: 1, Country: "Germany"}
		}), invalid, "recipient.country"},
		{"context over 16 KiB", checking(func(r *consentv1.CheckRequest) { r.Context = large(16 << 10) }), invalid, "context"},
		{"context with a value without a kind", checking(func(r *consentv1.CheckRequest) {
			r.Context = &structpb.Struct{Fields: map[string]*structpb.Value{"a": {}}}
		}), invalid, "context"},
		{"message over 4 MiB", checking(func(r *consentv1.CheckRequest) { r.Context = large(4 << 20) }), codes.ResourceExhausted, ""},
		{
			"empty consistency", checking(func(r *consentv1.CheckRequest) { r.Consistency = &consentv1.Consistency{} }), invalid,
			"consistency.requirement",
		},
		{"empty token", checking(fresh("")), invalid, "consistency.at_least_as_fresh"},
		{"garbage token", checking(fresh("garbage")), invalid, "consistency.at_least_as_fresh"},
		{"over-long token", checking(fresh(long)), invalid, "consistency.at_least_as_fresh"},
		{"token of another store", foreignToken(t), invalid, "consistency.at_least_as_fresh"},
		{
			"invalid UTF-8", bytes(consentv1.DecisionService_Check_FullMethodName, field(1, "example"), field(2, "a\xffb")), invalid,
			"subject_id",
		},
		{"bytes that are no message", bytes(consentv1.DecisionService_Check_FullMethodName, []byte{0xff}), invalid, "request"},
		{"deadline passed", func(ctx context.Context, s *servertest.Server) error {
			ctx, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
			defer cancel()
			return checking(func(*consentv1.CheckRequest) {})(ctx, s)
		}, codes.DeadlineExceeded, ""},
		{"unknown method", func(ctx context.Context, s *servertest.Server) error {
			return s.Conn.Invoke(ctx, "/consent.v1.DecisionService/Nothing", &consentv1.CheckRequest{}, &consentv1.CheckResponse{})
		}, codes.Unimplemented, ""},
		{"purposes of an unknown controller", func(ctx context.Context, s *servertest.Server) error {
			_, err := s.Decisions.ListPurposes(ctx, &consentv1.ListPurposesRequest{Controller: "nobody", SubjectId: "s"})
			return err
		}, missing, "controller"},
		{"purposes, context over 16 KiB", func(ctx context.Context, s *servertest.Server) error {
			_, err := s.Decisions.ListPurposes(
				ctx, &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "s", Context: large(16 << 10)},
			)
			return err
		}, invalid, "context"},
		{"over 1,000 items", func(ctx context.Context, s *servertest.Server) error {
			_, err := s.Decisions.BatchCheck(ctx, &consentv1.BatchCheckRequest{Requests: make([]*consentv1.CheckRequest, 1001)})
			return err
		}, invalid, "requests"},
		{"no items", func(ctx context.Context, s *servertest.Server) error {
			_, err := s.Decisions.BatchCheck(ctx, &consentv1.BatchCheckRequest{})
			return err
		}, invalid, "requests"},
		{"garbage token of a batch", func(ctx context.Context, s *servertest.Server) error {
			r := &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "ai_training"}
			fresh("garbage")(r)
			all := &consentv1.BatchCheckRequest{Consistency: r.GetConsistency(), Requests: []*consentv1.CheckRequest{r}}
			all.Requests[0].Consistency = nil
			_, err := s.Decisions.BatchCheck(ctx, all)
			return err
		}, invalid, "consistency.at_least_as_fresh"},
	}
}

func badRecords() []refusal {
	return []refusal{
		{"no events", func(ctx context.Context, s *servertest.Server) error {
			_, err := s.Consents.RecordEvents(ctx, batch())
			return err
		}, invalid, "events"},
		{"unknown controller of a record", func(ctx context.Context, s *servertest.Server) error {
			r := batch(given("e"))
			r.Controller = "nobody"
			_, err := s.Consents.RecordEvents(ctx, r)
			return err
		}, missing, "controller"},
		{"empty event id", recording(func(e *consentv1.Event) { e.Id = "" }), invalid, "events[1].id"},
		{"over-long event id", recording(func(e *consentv1.Event) { e.Id = long }), invalid, "events[1].id"},
		{
			"invalid UTF-8 in an event",
			bytes(consentv1.ConsentService_RecordEvents_FullMethodName, field(3, ""), field(3, string(field(1, "\xff")))), invalid,
			"events[1].id",
		},
		{"event without a kind", recording(kindless), invalid, "events[1].kind"},
		{"no occurred_at", recording(func(e *consentv1.Event) { e.OccurredAt = nil }), invalid, "events[1].occurred_at"},
		{"occurred_at in the future", recording(func(e *consentv1.Event) {
			e.OccurredAt = timestamppb.New(time.Now().Add(2 * time.Minute))
		}), invalid, "events[1].occurred_at"},
		{"occurred_at before 1970", recording(func(e *consentv1.Event) { e.OccurredAt.Seconds = -1 }), invalid, "events[1].occurred_at"},
		{
			"occurred_at with bad nanos", recording(func(e *consentv1.Event) { e.OccurredAt.Nanos = 1e9 }), invalid,
			"events[1].occurred_at",
		},
		{"expiry before the event", recording(func(e *consentv1.Event) {
			e.GetConsent().ExpiresAt = timestamppb.New(e.GetOccurredAt().AsTime().Add(-time.Second))
		}), invalid, "events[1].consent.expires_at"},
		{"expiry beyond 2262", recording(func(e *consentv1.Event) {
			e.GetConsent().ExpiresAt = timestamppb.New(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC))
		}), invalid, "events[1].consent.expires_at"},
		{
			"grant without a notice", recording(func(e *consentv1.Event) { e.GetConsent().NoticeVersion = 0 }), invalid,
			"events[1].consent.notice_version",
		},
		{"grant by the controller", recording(func(e *consentv1.Event) {
			e.GetConsent().GivenBy = consentv1.GivenBy_GIVEN_BY_CONTROLLER
		}), invalid, "events[1].consent.given_by"},
		{
			"consent without a status", recording(func(e *consentv1.Event) { e.GetConsent().Status = 0 }), invalid,
			"events[1].consent.status",
		},
		{
			"consent of unknown status", recording(func(e *consentv1.Event) { e.GetConsent().Status = 77 }), invalid,
			"events[1].consent.status",
		},
		{
			"consent, purpose of wrong form", recording(func(e *consentv1.Event) { e.GetConsent().Purpose = "X" }), invalid,
			"events[1].consent.purpose",
		},
		{"expiry of a withdrawal", recording(func(e *consentv1.Event) {
			e.GetConsent().Status = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN
			e.GetConsent().ExpiresAt = timestamppb.New(time.Now().Add(time.Hour))
		}), invalid, "events[1].consent.expires_at"},
		{"no source", recording(func(e *consentv1.Event) { e.Source = "" }), invalid, "events[1].source"},
		{"source of wrong form", recording(func(e *consentv1.Event) { e.Source = "Cookie-Banner" }), invalid, "events[1].source"},
		{"over-long source", recording(func(e *consentv1.Event) { e.Source = strings.Repeat("s", 65) }), invalid, "events[1].source"},
		{"evidence that is no URI", recording(func(e *consentv1.Event) { e.Evidence = "on paper" }), invalid, "events[1].evidence"},
		{
			"evidence with white space", recording(func(e *consentv1.Event) { e.Evidence = "urn:paper:form 9" }), invalid,
			"events[1].evidence",
		},
		{"evidence that is blank", recording(func(e *consentv1.Event) { e.Evidence = " " }), invalid, "events[1].evidence"},
		{"annulment without evidence", recording(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: "good"}}
		}), invalid, "events[1].evidence"},
		{"annulment of nothing", recording(func(e *consentv1.Event) {
			e.Evidence, e.Kind = "urn:ticket:1", &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{}}
		}), invalid, "events[1].annulment.event_id"},
		{"restart without evidence", recording(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{Stage: consentv1.ErasureStage_ERASURE_STAGE_RESTARTED}}
		}), invalid, "events[1].evidence"},
		{"signals without a signal", recording(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{}}
		}), invalid, "events[1].signals"},
		{"profile without a field", recording(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{}}
		}), invalid, "events[1].profile"},
		{"ages the wrong way round", recording(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{AgeMin: proto.Uint32(30), AgeMax: proto.Uint32(20)}}
		}), invalid, "events[1].profile"},
		{"jurisdiction of wrong form", recording(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: proto.String("Germany")}}
		}), invalid, "events[1].profile.jurisdiction"},
		{"opt-out lifted without evidence", recording(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_OptOut{
				OptOut: &consentv1.OptOutEvent{Kind: consentv1.OptOutKind_OPT_OUT_KIND_SALE_OR_SHARING, Lifted: true},
			}
		}), invalid, "events[1].evidence"},
		{"same id, other content", after(batch(given("twice")), batch(given("fresh"), func() *consentv1.Event {
			e := given("twice")
			e.Evidence = "urn:other"
			return e
		}())), codes.AlreadyExists, "events[1].id"},
		{"same id twice in one call", func(ctx context.Context, s *servertest.Server) error {
			other := given("pair")
			other.GetConsent().NoticeVersion = 4
			_, err := s.Consents.RecordEvents(ctx, batch(given("pair"), other))
			return err
		}, codes.AlreadyExists, "events[1].id"},
		{"grant while an erasure stands", after(batch(&consentv1.Event{
			Id: "erase", OccurredAt: timestamppb.New(time.Now().Add(-2 * time.Hour)), Source: "support",
			Kind: &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{Stage: consentv1.ErasureStage_ERASURE_STAGE_REQUESTED}},
		}), batch(given("too late"))), codes.FailedPrecondition, "events[0]"},
	}
}

func badReads() []refusal {
	return []refusal{
		{"subject of an unknown controller", subject("nobody"), missing, "controller"},
		{"subject without a controller", subject(""), invalid, "controller"},
		{
			"events of an unknown controller", listing(func(r *consentv1.ListEventsRequest) { r.Controller = "nobody" }), missing,
			"controller",
		},
		{"page of 1,001", listing(func(r *consentv1.ListEventsRequest) { r.PageSize = 1001 }), invalid, "page_size"},
		{"negative page", listing(func(r *consentv1.ListEventsRequest) { r.PageSize = -1 }), invalid, "page_size"},
		{"garbage page token", listing(func(r *consentv1.ListEventsRequest) { r.PageToken = "garbage" }), invalid, "page_token"},
		{"unknown controller listed", func(ctx context.Context, s *servertest.Server) error {
			_, err := s.Policies.ListControllers(ctx, &consentv1.ListControllersRequest{Controller: "nobody"})
			return err
		}, missing, "controller"},
	}
}

// TestBadInput holds that everything malformed is refused with its documented code and the path of the field at fault,
// and that nothing of it is recorded.
func TestBadInput(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	for _, row := range slices.Concat(badChecks(t), badRecords(), badReads()) {
		t.Run(row.name, func(t *testing.T) {
			err := row.send(t.Context(), s)
			if status.Code(err) != row.code {
				t.Fatalf("err = %v, want %v", err, row.code)
			}
			got := violations(err)
			switch {
			case row.field == "" && len(got) > 0:
				t.Errorf("fields = %v, want none", got)
			case row.field != "" && !slices.Contains(got, row.field):
				t.Errorf("fields = %v, want %q (%v)", got, row.field, err)
			case len(got) > 1 && !strings.Contains(row.name, "UTF-8"):
				t.Errorf("fields = %v, want only %q", got, row.field)
			}
		})
	}
	state, err := s.Consents.GetSubject(t.Context(), &consentv1.GetSubjectRequest{Controller: "example", SubjectId: "s"})
	if err != nil {
		t.Fatal(err)
	}
	if got := state.GetState().GetRevision(); got != 2 {
		t.Errorf("the subject's revision is %d: only the two valid batches may be recorded", got)
	}
}

func violations(err error) (paths []string) {
	for _, d := range status.Convert(err).Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				paths = append(paths, v.GetField())
			}
		}
	}
	return paths
}

func TestAllFaultsAreNamedAtOnce(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	bad := given("bad")
	bad.Id, bad.OccurredAt.Nanos, bad.GetConsent().NoticeVersion = "", -1, 0
	r := batch(given("good"), bad)
	r.SubjectId = ""
	_, err := s.Consents.RecordEvents(t.Context(), r)
	got := violations(err)
	slices.Sort(got)
	want := []string{"events[1].consent.notice_version", "events[1].id", "events[1].occurred_at", "subject_id"}
	if !slices.Equal(got, want) {
		t.Errorf("fields = %v, want %v", got, want)
	}
}

func TestBatchItemsFailAlone(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	item := func(change func(*consentv1.CheckRequest)) *consentv1.CheckRequest {
		r := &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "service_delivery"}
		change(r)
		return r
	}
	got, err := s.Decisions.BatchCheck(t.Context(), &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{
		item(func(*consentv1.CheckRequest) {}),
		item(func(r *consentv1.CheckRequest) { r.Purpose = "Bad" }),
		item(func(r *consentv1.CheckRequest) { r.Controller = "nobody" }),
		item(func(r *consentv1.CheckRequest) { fresh("x")(r) }),
		item(func(r *consentv1.CheckRequest) { r.Context = large(16 << 10) }),
		item(func(r *consentv1.CheckRequest) { r.SubjectId = "t" }),
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		code  codes.Code
		field string
	}{
		{codes.OK, ""}, {invalid, "purpose"}, {missing, "controller"}, {invalid, "consistency"}, {invalid, "context"}, {codes.OK, ""},
	} {
		result := got.GetResults()[i]
		if want.code == codes.OK {
			if result.GetResponse().GetDecision() != consentv1.Decision_DECISION_DENY {
				t.Errorf("item %d: %v, want a denial of an unknown subject", i, result)
			}
			continue
		}
		e := result.GetError()
		if codes.Code(e.GetCode()) != want.code || len(e.GetFieldViolations()) != 1 ||
			e.GetFieldViolations()[0].GetField() != want.field {
			t.Errorf("item %d: %v, want %v on %s", i, result, want.code, want.field)
		}
	}
}
