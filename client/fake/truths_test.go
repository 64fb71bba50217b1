package fake_test

import (
	"fmt"
	"strings"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	rpccode "google.golang.org/genproto/googleapis/rpc/code"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// truth is a call that both servers must answer alike.
type truth struct {
	name, method string
	request      proto.Message
	// raw is sent in place of the request; nil: the request is.
	raw []byte
	// want is the code that the server answers.
	want string
	// kept removes from an answer what is the policies' own; nil: nothing is.
	kept func(proto.Message)
}

func (truth) code(o outcome) string {
	if o.Status == nil {
		return "OK"
	}
	return rpccode.Code(o.Status.(*rpcstatus.Status).GetCode()).String()
}

func prototextOf(m proto.Message) string { return prototext.MarshalOptions{}.Format(m) }

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return proto.Unmarshal(data.Materialize(), v.(proto.Message))
}
func (rawCodec) Name() string { return "proto" }

const (
	checkMethod    = consentv1.DecisionService_Check_FullMethodName
	batchMethod    = consentv1.DecisionService_BatchCheck_FullMethodName
	streamMethod   = consentv1.DecisionService_CheckStream_FullMethodName
	purposesMethod = consentv1.DecisionService_ListPurposes_FullMethodName
	explainMethod  = consentv1.DecisionService_Explain_FullMethodName
	watchMethod    = consentv1.DecisionService_WatchInvalidations_FullMethodName
	reportMethod   = consentv1.DecisionService_ReportAnswers_FullMethodName
	recordMethod   = consentv1.ConsentService_RecordEvents_FullMethodName
	linkMethod     = consentv1.ConsentService_LinkSubjects_FullMethodName
	unlinkMethod   = consentv1.ConsentService_UnlinkSubjects_FullMethodName
	subjectMethod  = consentv1.ConsentService_GetSubject_FullMethodName
	eventsMethod   = consentv1.ConsentService_ListEvents_FullMethodName
	policyMethod   = consentv1.PolicyService_GetPolicy_FullMethodName
	healthMethod   = healthpb.Health_Check_FullMethodName
	listMethod     = consentv1.PolicyService_ListControllers_FullMethodName
)

// check is a check that is well formed, changed by f.
func check(f func(*consentv1.CheckRequest)) *consentv1.CheckRequest {
	r := &consentv1.CheckRequest{Controller: "example", SubjectId: "user-1", Purpose: "marketing_email"}
	if f != nil {
		f(r)
	}
	return r
}

// objection is an objection to marketing, as it is recorded, changed by f.
func objection(f func(*consentv1.Event)) *consentv1.RecordEventsRequest {
	e := &consentv1.Event{
		Id: "objection-1", OccurredAt: timestamppb.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), Source: "privacy_settings",
		Kind: &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: []string{"marketing_email"}}},
	}
	if f != nil {
		f(e)
	}
	return &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "user-2", Events: []*consentv1.Event{e}}
}

func link(f func(*consentv1.LinkSubjectsRequest)) *consentv1.LinkSubjectsRequest {
	r := &consentv1.LinkSubjectsRequest{
		Controller: "example", SubjectId: "account:7", LinkedId: "device:9", EventId: "link-1", Source: "login",
		OccurredAt: timestamppb.New(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)),
	}
	if f != nil {
		f(r)
	}
	return r
}

func unlink(id, linked, evidence string) *consentv1.UnlinkSubjectsRequest {
	return &consentv1.UnlinkSubjectsRequest{
		Controller: "example", SubjectId: id, LinkedId: linked, EventId: "unlink-" + linked, Source: "login", Evidence: evidence,
		OccurredAt: timestamppb.New(time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)),
	}
}

func fresh(token string) *consentv1.Consistency {
	return &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token}}
}

func nested(depth int) *structpb.Struct {
	s := &structpb.Struct{}
	for range depth {
		s = &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewStructValue(s)}}
	}
	return s
}

func batchOf(n int, f func(*consentv1.CheckRequest)) *consentv1.BatchCheckRequest {
	b := &consentv1.BatchCheckRequest{}
	for i := range n {
		r := check(f)
		r.SubjectId = fmt.Sprint("user-", i)
		b.Requests = append(b.Requests, r)
	}
	return b
}

// truths are the script: each case sees what those before have recorded.
func truths() (all []truth) {
	for _, part := range [][]truth{checkTruths(), streamTruths(), listTruths(), recordTruths(), personTruths(), ledgerTruths()} {
		all = append(all, part...)
	}
	return all
}

func checkTruths() []truth {
	one := func(name, want string, f func(*consentv1.CheckRequest)) truth {
		return truth{name: name, method: checkMethod, request: check(f), want: want}
	}
	const bad = "INVALID_ARGUMENT"
	type request = consentv1.CheckRequest
	profile := objection(func(e *consentv1.Event) {
		e.Id, e.Kind = "profile-1", &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: proto.String("US-TX")}}
	})
	profile.SubjectId = "known"
	return []truth{
		{name: "profile", method: recordMethod, request: profile, want: "OK"},
		one("denied", "OK", nil),
		one("denied, of somebody known", "OK", func(r *request) { r.SubjectId = "known" }),
		one("allowed", "OK", func(r *request) {
			r.SubjectId, r.Purpose = "known", "service_delivery"
			r.DataCategories = []string{"user.contact.email", "user.name"}
		}),
		one("undeclared purpose", "OK", func(r *request) { r.Purpose = "no_such_purpose" }),
		one("recipient", "OK", func(r *request) {
			r.SubjectId, r.Purpose = "known", "sale_of_data"
			r.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Id: "shop", Country: "FR"}
		}),
		one("unknown controller", "NOT_FOUND", func(r *request) { r.Controller = "nobody" }),
		one("no controller", bad, func(r *request) { r.Controller = "" }),
		one("controller too long", bad, func(r *request) { r.Controller = strings.Repeat("a", 257) }),
		one("no subject", bad, func(r *request) { r.SubjectId = "" }),
		one("subject too long", bad, func(r *request) { r.SubjectId = strings.Repeat("a", 257) }),
		one("subject of a bad form", bad, func(r *request) { r.SubjectId = "email_sha256:xyz" }),
		one("no purpose", bad, func(r *request) { r.Purpose = "" }),
		one("bad purpose", bad, func(r *request) { r.Purpose = "Marketing Email" }),
		one("bad category", bad, func(r *request) { r.DataCategories = []string{"user.name", "User..Name"} }),
		one("101 categories", bad, func(r *request) {
			for i := range 101 {
				r.DataCategories = append(r.DataCategories, fmt.Sprint("user.c", i))
			}
		}),
		one("recipient without a kind", bad, func(r *request) { r.Recipient = &consentv1.Recipient{Id: "shop"} }),
		one("recipient of an unknown kind", bad, func(r *request) { r.Recipient = &consentv1.Recipient{Kind: 99} }),
		one("recipient in no country", bad, func(r *request) {
			r.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR, Country: "XX"}
		}),
		one("garbage token", bad, func(r *request) { r.Consistency = fresh("garbage") }),
		one("empty token", bad, func(r *request) { r.Consistency = fresh("") }),
		one("token of another store", bad, func(r *request) {
			r.Consistency = fresh(string(wire.Token{StoreID: [16]byte{1}, Revision: 1}.Append(nil)))
		}),
		one("empty consistency", bad, func(r *request) { r.Consistency = &consentv1.Consistency{} }),
		one("fully consistent", "OK", func(r *request) {
			r.Consistency = &consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}}
		}),
		one("context too deep", bad, func(r *request) { r.Context = nested(40) }),
		one("context too large", bad, func(r *request) {
			r.Context = &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewStringValue(strings.Repeat("a", 17<<10))}}
		}),
		one("context without a value", bad, func(r *request) {
			r.Context = &structpb.Struct{Fields: map[string]*structpb.Value{"a": {}}}
		}),
		one("everything at once", bad, func(r *request) { *r = request{Recipient: &consentv1.Recipient{}} }), //nolint:govet // fresh
		{name: "not UTF-8", method: checkMethod, request: check(nil), raw: []byte("\x0a\x02\xff\xfe"), want: bad},
		{name: "no message", method: checkMethod, request: check(nil), raw: []byte("\x0a\x7f"), want: bad},
	}
}

func streamTruths() []truth {
	const bad = "INVALID_ARGUMENT"
	streamed := func(ids ...uint64) *consentv1.CheckStreamRequest {
		r := &consentv1.CheckStreamRequest{}
		for _, id := range ids {
			r.Checks = append(r.Checks, &consentv1.StreamedCheck{Id: id, Check: check(nil)})
		}
		return r
	}
	many := make([]uint64, 1001)
	for i := range many {
		many[i] = uint64(i + 1)
	}
	of := func(id uint64, f func(*consentv1.CheckRequest)) *consentv1.CheckStreamRequest {
		one := &consentv1.StreamedCheck{Id: id, Check: check(f), Timeout: durationpb.New(5 * time.Second)}
		return &consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{one}}
	}
	return []truth{
		{name: "batch", method: batchMethod, request: batchOf(3, nil), want: "OK"},
		{name: "batch of none", method: batchMethod, request: &consentv1.BatchCheckRequest{}, want: bad},
		{name: "batch of 1,000", method: batchMethod, request: batchOf(1000, nil), want: "OK"},
		{name: "batch of 1,001", method: batchMethod, request: batchOf(1001, nil), want: bad},
		{name: "batch with faults of its own", method: batchMethod, want: "OK",
			request: batchOf(2, func(r *consentv1.CheckRequest) { r.Purpose = "X" })},
		{name: "batch of an unknown controller", method: batchMethod,
			request: batchOf(2, func(r *consentv1.CheckRequest) { r.Controller = "nobody" }), want: "OK"},
		{name: "stream", method: streamMethod, request: streamed(7), want: "OK"},
		{name: "stream with a bad check", method: streamMethod, want: "OK",
			request: of(7, func(r *consentv1.CheckRequest) { r.DataCategories = []string{"A"} })},
		{name: "stream of an unknown controller", method: streamMethod, want: "OK",
			request: of(7, func(r *consentv1.CheckRequest) { r.Controller = "nobody" })},
		{name: "stream without an id", method: streamMethod, request: streamed(0), want: bad},
		{name: "stream with an id twice", method: streamMethod, request: streamed(1, 1), want: bad},
		{name: "stream of 1,001", method: streamMethod, request: streamed(many...), want: bad},
		{name: "watch without a name", method: watchMethod, request: &consentv1.WatchInvalidationsRequest{}, want: bad},
		{name: "watch", method: watchMethod, request: &consentv1.WatchInvalidationsRequest{CacheId: make([]byte, 16)}, want: "OK"},
		{name: "report", method: reportMethod, want: "OK", request: &consentv1.ReportAnswersRequest{
			Answers: []*consentv1.ReportedAnswers{{
				DecisionId: "d", Count: 1, Controller: "example", Purpose: "marketing_email", Decision: consentv1.Decision_DECISION_DENY,
			}},
		}},
		{name: "report without answers", method: reportMethod, request: &consentv1.ReportAnswersRequest{}, want: bad},
		{name: "report of nothing", method: reportMethod, want: bad,
			request: &consentv1.ReportAnswersRequest{Answers: []*consentv1.ReportedAnswers{{}}}},
	}
}

func listTruths() []truth {
	const bad = "INVALID_ARGUMENT"
	long := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	future := timestamppb.New(time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC))
	explain := func(f func(*consentv1.ExplainRequest)) *consentv1.ExplainRequest {
		r := &consentv1.ExplainRequest{Check: check(nil)}
		f(r)
		return r
	}
	return []truth{
		{name: "purposes of an unknown controller", method: purposesMethod, want: "NOT_FOUND",
			request: &consentv1.ListPurposesRequest{Controller: "nobody", SubjectId: "u"}},
		{name: "purposes of nobody", method: purposesMethod, request: &consentv1.ListPurposesRequest{Controller: "example"}, want: bad},
		{name: "purposes of the future", method: purposesMethod, want: bad,
			request: &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "u", At: future}},
		{name: "explain", method: explainMethod, request: explain(func(*consentv1.ExplainRequest) {}), want: "OK"},
		{name: "explain nothing", method: explainMethod, request: &consentv1.ExplainRequest{}, want: bad},
		{name: "explain an unknown controller", method: explainMethod, want: "NOT_FOUND",
			request: explain(func(r *consentv1.ExplainRequest) { r.Check.Controller = "nobody" })},
		{name: "explain a bad check", method: explainMethod, want: bad,
			request: explain(func(r *consentv1.ExplainRequest) { r.Check.DataCategories = []string{"A"} })},
		{name: "explain the future", method: explainMethod, want: bad,
			request: explain(func(r *consentv1.ExplainRequest) { r.At = future })},
		{name: "explain what is known in the future", method: explainMethod, want: bad,
			request: explain(func(r *consentv1.ExplainRequest) { r.KnownAt = future })},
		{name: "explain the past, and fresh", method: explainMethod, want: bad,
			request: explain(func(r *consentv1.ExplainRequest) { r.At, r.Check.Consistency = timestamppb.New(long), fresh("x") })},
		{name: "explain the past by the policies of now", method: explainMethod, want: "OK",
			request: explain(func(r *consentv1.ExplainRequest) {
				r.At, r.Policies = timestamppb.New(long), consentv1.PolicyChoice_POLICY_CHOICE_NOW
			}), kept: func(m proto.Message) { m.(*consentv1.ExplainResponse).GetDecision().ValidUntil = nil }},
		{name: "controllers of none", method: listMethod, request: &consentv1.ListControllersRequest{Controller: "nobody"},
			want: "NOT_FOUND"},
		{name: "controller too long", method: listMethod, want: bad,
			request: &consentv1.ListControllersRequest{Controller: strings.Repeat("a", 257)}},
		{name: "controller", method: listMethod, request: &consentv1.ListControllersRequest{Controller: "example"}, want: "OK",
			kept: func(m proto.Message) { // the purposes are the policies' own
				for _, c := range m.(*consentv1.ListControllersResponse).GetControllers() {
					c.Name, c.Purposes = "", nil
				}
			}},
		{name: "health", method: healthMethod, request: &healthpb.HealthCheckRequest{}, want: "OK"},
		{name: "health of a service", method: healthMethod, want: "OK",
			request: &healthpb.HealthCheckRequest{Service: consentv1.DecisionService_ServiceDesc.ServiceName}},
		{name: "health of no service", method: healthMethod, request: &healthpb.HealthCheckRequest{Service: "none"}, want: "NOT_FOUND"},
		{name: "policy", method: policyMethod, request: &consentv1.GetPolicyRequest{}, want: "OK", kept: func(m proto.Message) {
			m.(*consentv1.GetPolicyResponse).Files = nil
			m.(*consentv1.GetPolicyResponse).Status = nil
			m.(*consentv1.GetPolicyResponse).ActivatedAt = nil
		}},
	}
}

func recordTruths() []truth {
	const bad = "INVALID_ARGUMENT"
	one := func(name, want string, f func(*consentv1.Event)) truth {
		return truth{name: name, method: recordMethod, request: objection(f), want: want}
	}
	fenced, unknown := objection(func(e *consentv1.Event) { e.Id = "fenced" }), objection(nil)
	fenced.Fence = true
	unknown.Controller = "nobody"
	nobody := objection(nil)
	nobody.SubjectId = ""
	type event = consentv1.Event
	return []truth{
		one("record", "OK", nil),
		one("record again", "OK", nil),
		one("record with an id used before", "ALREADY_EXISTS", func(e *event) { e.GetObjection().Purposes = []string{"storage"} }),
		one("event without an id", bad, func(e *event) { e.Id = "" }),
		one("event without a time", bad, func(e *event) { e.OccurredAt = nil }),
		one("event without a source", bad, func(e *event) { e.Source = "" }),
		one("event of a bad source", bad, func(e *event) { e.Source = "Web Form" }),
		one("event without a kind", bad, func(e *event) { e.Kind = nil }),
		one("event of the future", bad, func(e *event) { e.OccurredAt = timestamppb.New(time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC)) }),
		one("event of a bad purpose", bad, func(e *event) { e.GetObjection().Purposes = []string{"X"} }),
		one("annulment without evidence", bad, func(e *event) {
			e.Id, e.Kind = "annul-1", &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: "none"}}
		}),
		one("annulment of nothing", "FAILED_PRECONDITION", func(e *event) {
			e.Evidence = "ticket:17"
			e.Id, e.Kind = "annul-1", &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: "none"}}
		}),
		one("consent without a status", bad, func(e *event) {
			e.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{Purpose: "marketing_email"}}
		}),
		{name: "record nothing", method: recordMethod, want: bad,
			request: &consentv1.RecordEventsRequest{Controller: "example", SubjectId: "user-2"}},
		{name: "record of nobody", method: recordMethod, request: nobody, want: bad},
		{name: "record for an unknown controller", method: recordMethod, request: unknown, want: "NOT_FOUND"},
		{name: "record with fence", method: recordMethod, request: fenced, want: "OK"},
		{name: "check as fresh as the write", method: checkMethod, want: "OK",
			request: check(func(r *consentv1.CheckRequest) { r.Consistency = fresh(lastToken) })},
		{name: "purposes as of the past by the policies of now, of an unknown controller", method: purposesMethod, want: "NOT_FOUND",
			request: &consentv1.ListPurposesRequest{Controller: "nobody", SubjectId: "u", Policies: consentv1.PolicyChoice_POLICY_CHOICE_NOW,
				At: timestamppb.New(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))}},
	}
}

func personTruths() []truth {
	const bad = "INVALID_ARGUMENT"
	return []truth{
		{name: "link", method: linkMethod, request: link(nil), want: "OK"},
		{name: "link again", method: linkMethod, request: link(nil), want: "OK"},
		{name: "link to itself", method: linkMethod, want: bad,
			request: link(func(r *consentv1.LinkSubjectsRequest) { r.LinkedId = r.SubjectId })},
		{name: "link to nobody", method: linkMethod, want: bad,
			request: link(func(r *consentv1.LinkSubjectsRequest) { r.LinkedId = "" })},
		{name: "link to a bad id", method: linkMethod, want: bad,
			request: link(func(r *consentv1.LinkSubjectsRequest) { r.LinkedId = "email_hmac:x" })},
		{name: "link of an unknown controller", method: linkMethod, want: "NOT_FOUND",
			request: link(func(r *consentv1.LinkSubjectsRequest) { r.Controller = "nobody" })},
		{name: "part what is not linked", method: unlinkMethod, want: "FAILED_PRECONDITION",
			request: unlink("account:7", "device:8", "ticket:18")},
		{name: "part without evidence", method: unlinkMethod, request: unlink("account:7", "device:9", ""), want: bad},
		{name: "part", method: unlinkMethod, request: unlink("account:7", "device:9", "ticket:18"), want: "OK"},
	}
}

func ledgerTruths() []truth {
	const bad = "INVALID_ARGUMENT"
	events := func(f func(*consentv1.ListEventsRequest)) *consentv1.ListEventsRequest {
		r := &consentv1.ListEventsRequest{Controller: "example", SubjectId: "user-2"}
		f(r)
		return r
	}
	subject := func(controller, id string, at *timestamppb.Timestamp) *consentv1.GetSubjectRequest {
		return &consentv1.GetSubjectRequest{Controller: controller, SubjectId: id, At: at}
	}
	return []truth{
		{name: "events", method: eventsMethod, request: events(func(*consentv1.ListEventsRequest) {}), want: "OK"},
		{name: "events of a bad page", method: eventsMethod, want: bad,
			request: events(func(r *consentv1.ListEventsRequest) { r.PageToken = "garbage" })},
		{name: "too many events", method: eventsMethod, want: bad,
			request: events(func(r *consentv1.ListEventsRequest) { r.PageSize = 1_000_000 })},
		{name: "events of an unknown controller", method: eventsMethod, want: "NOT_FOUND",
			request: events(func(r *consentv1.ListEventsRequest) { r.Controller = "nobody" })},
		{name: "subject", method: subjectMethod, request: subject("example", "user-2", nil), want: "OK"},
		{name: "subject of whom nothing is known", method: subjectMethod, request: subject("example", "user-3", nil), want: "OK"},
		{name: "subject of an unknown controller", method: subjectMethod, request: subject("nobody", "user-2", nil), want: "NOT_FOUND"},
		{name: "no subject to read", method: subjectMethod, request: subject("example", "", nil), want: bad},
		{name: "subject in 2150", method: subjectMethod, want: bad,
			request: subject("example", "user-2", timestamppb.New(time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC)))},
		{name: "subject in 2020", method: subjectMethod, want: "OK",
			request: subject("example", "user-2", timestamppb.New(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)))},
	}
}
