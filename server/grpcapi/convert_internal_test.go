package grpcapi

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

func at(seconds int64) *timestamppb.Timestamp {
	return &timestamppb.Timestamp{Seconds: seconds, Nanos: 7}
}

func event(kind func(*consentv1.Event)) *consentv1.Event {
	e := &consentv1.Event{Id: "e", OccurredAt: at(1_700_000_000), Source: "support", Evidence: "urn:proof:1"}
	kind(e)
	return e
}

// kinds has an event of every kind with every field set.
func kinds() []*consentv1.Event {
	return []*consentv1.Event{
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
				Purpose: "ads", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3, Explicit: true,
				GivenBy: consentv1.GivenBy_GIVEN_BY_PARENT, Recipients: []string{"r"}, Countries: []string{"DE"}, ExpiresAt: at(1_800_000_000),
			}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: []string{"ads"}, Lifted: true}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Restriction{Restriction: &consentv1.RestrictionEvent{
				Ground: consentv1.RestrictionGround_RESTRICTION_GROUND_OBJECTION_PENDING, Purposes: []string{"ads"}, Lifted: true,
			}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_OptOut{OptOut: &consentv1.OptOutEvent{
				Kind: consentv1.OptOutKind_OPT_OUT_KIND_SENSITIVE_DATA_USE, Lifted: true,
			}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Gpc: proto.Bool(true), Dnt: proto.Bool(false)}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Erasure{Erasure: &consentv1.ErasureEvent{Stage: consentv1.ErasureStage_ERASURE_STAGE_CANCELLED}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{
				Jurisdiction: proto.String("US-CA"), AgeMin: proto.Uint32(13), AgeMax: proto.Uint32(15),
				AccountStatus: consentv1.AccountStatus_ACCOUNT_STATUS_CLOSED, LastActivityAt: at(1), RetentionUntil: at(2),
				Relationship: &consentv1.Relationship{LastSaleAt: at(3), SellingEntity: "acme", OptOutOffered: true},
			}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Profile{Profile: &consentv1.ProfileEvent{Jurisdiction: proto.String(""), AgeMax: proto.Uint32(0)}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Signals{Signals: &consentv1.SignalsEvent{Dnt: proto.Bool(true)}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Annulment{Annulment: &consentv1.AnnulmentEvent{EventId: "another"}}
		}),
		event(func(e *consentv1.Event) {
			e.Kind = &consentv1.Event_Sharing{Sharing: &consentv1.SharingEvent{Shared: true}}
		}),
	}
}

// What is recorded comes back as it was written: nothing is lost on either way.
func TestEventsComeBackAsTheyWere(t *testing.T) {
	batch := kinds()
	events, faults := eventsOf(batch, consent.InstantOf(time.Unix(1_700_000_000, 0)))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for i := range events {
		if diff := cmp.Diff(batch[i], wireEvent(&events[i]), protocmp.Transform()); diff != "" {
			t.Errorf("event %d (-written +read):\n%s", i, diff)
		}
	}
}

// pairKinds are the events that are read back only.
func pairKinds() []*consentv1.Event {
	return []*consentv1.Event{
		event(func(e *consentv1.Event) { e.Kind = &consentv1.Event_Link{Link: &consentv1.LinkEvent{With: "b"}} }),
		event(func(e *consentv1.Event) { e.Kind = &consentv1.Event_Unlink{Unlink: &consentv1.UnlinkEvent{With: "b"}} }),
	}
}

// A link is of two ids, and so no event of a batch: it is refused with the name of the call that records it, and read back whole.
func TestLinksAreOnlyReadBack(t *testing.T) {
	batch := pairKinds()
	events, faults := eventsOf(batch, consent.InstantOf(time.Unix(1_700_000_000, 0)))
	want := []consent.Violation{
		{Field: "events[0].link", Description: "is recorded by LinkSubjects, for both ids at once"},
		{Field: "events[1].unlink", Description: "is recorded by UnlinkSubjects, for both ids at once"},
	}
	if diff := cmp.Diff(want, faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	for i := range events {
		if diff := cmp.Diff(batch[i], wireEvent(&events[i]), protocmp.Transform()); diff != "" {
			t.Errorf("event %d (-written +read):\n%s", i, diff)
		}
	}
	linked := wireEvent(&consent.Event{ID: "e", Source: "s", Fact: consent.Link{With: "b", Linked: true}})
	if !linked.GetLink().GetLinked() {
		t.Errorf("the side is lost: %v", linked)
	}
}

func TestEveryKindOfEventIsTested(t *testing.T) {
	want := (&consentv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("kind").Fields()
	seen := map[string]bool{}
	for _, e := range append(kinds(), pairKinds()...) {
		m := e.ProtoReflect()
		seen[string(m.WhichOneof(m.Descriptor().Oneofs().ByName("kind")).Name())] = true
	}
	for i := range want.Len() {
		if name := string(want.Get(i).Name()); !seen[name] {
			t.Errorf("%s is not", name)
		}
	}
}

func TestTimestampsOutOfRangeAreNamed(t *testing.T) {
	const now = consent.Instant(1_700_000_000_000_000_000)
	for name, row := range map[string]struct {
		at   *timestamppb.Timestamp
		want string
	}{
		"epoch":         {&timestamppb.Timestamp{}, "events[0].consent.expires_at"},
		"first instant": {&timestamppb.Timestamp{Nanos: 1}, "events[0].consent.expires_at"}, // not after occurred_at
		"before 1970":   {&timestamppb.Timestamp{Seconds: -1}, "events[0].consent.expires_at"},
		"before 2200":   {&timestamppb.Timestamp{Seconds: 7_258_118_399, Nanos: 999_999_999}, ""},
		"2200":          {&timestamppb.Timestamp{Seconds: 7_258_118_400}, "events[0].consent.expires_at"},
		"2262": {&timestamppb.Timestamp{Seconds: math.MaxInt64 / 1_000_000_000, Nanos: 854775807},
			"events[0].consent.expires_at"},
		"year 9999":      {&timestamppb.Timestamp{Seconds: 253402300799}, "events[0].consent.expires_at"},
		"beyond 9999":    {&timestamppb.Timestamp{Seconds: math.MaxInt64}, "events[0].consent.expires_at"},
		"negative nanos": {&timestamppb.Timestamp{Seconds: 1_800_000_000, Nanos: -1}, "events[0].consent.expires_at"},
		"many nanos":     {&timestamppb.Timestamp{Seconds: 1_800_000_000, Nanos: 1e9}, "events[0].consent.expires_at"},
	} {
		t.Run(name, func(t *testing.T) {
			e := kinds()[0]
			e.GetConsent().ExpiresAt = row.at
			_, faults := eventsOf([]*consentv1.Event{e}, now)
			var got string
			if len(faults) > 0 {
				got = faults[0].Field
			}
			if got != row.want {
				t.Errorf("field = %q, want %q (%v)", got, row.want, faults)
			}
		})
	}
}

func TestContexts(t *testing.T) {
	nested := func(depth int) *structpb.Struct {
		v := structpb.NewBoolValue(true)
		for range depth {
			v = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{v}})
		}
		return &structpb.Struct{Fields: map[string]*structpb.Value{"a": v}}
	}
	one := func(v *structpb.Value) *structpb.Struct {
		return &structpb.Struct{Fields: map[string]*structpb.Value{"a": v}}
	}
	for name, row := range map[string]struct {
		context *structpb.Struct
		want    map[string]any
		fault   string
	}{
		"none":      {nil, nil, ""},
		"empty":     {&structpb.Struct{}, nil, ""},
		"null":      {one(structpb.NewNullValue()), map[string]any{"a": nil}, ""},
		"a flag":    {one(structpb.NewBoolValue(true)), map[string]any{"a": true}, ""},
		"a number":  {one(structpb.NewNumberValue(1.5)), map[string]any{"a": 1.5}, ""},
		"a list":    {nested(1), map[string]any{"a": []any{true}}, ""},
		"an object": {one(structpb.NewStructValue(one(structpb.NewStringValue("x")))), map[string]any{"a": map[string]any{"a": "x"}}, ""},
		"NaN":       {one(structpb.NewNumberValue(math.NaN())), nil, "not finite"},
		"infinity":  {one(structpb.NewNumberValue(math.Inf(-1))), nil, "not finite"},
		"no kind":   {one(&structpb.Value{}), nil, "without a kind"},
		"too deep":  {nested(40), nil, "nested"},
		"too large": {one(structpb.NewStringValue(strings.Repeat("x", maxContextBytes))), nil, "encoded"},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults := contextOf(row.context)
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (row.fault == "") != (len(faults) == 0) {
				t.Fatalf("faults = %v, want %q", faults, row.fault)
			}
			if row.fault != "" && (faults[0].Field != "context" || !strings.Contains(faults[0].Description, row.fault)) {
				t.Errorf("fault = %v, want %q in context", faults[0], row.fault)
			}
		})
	}
}

func TestDecisionsAreConvertedWhole(t *testing.T) {
	d := consent.Decision{
		Effect: consent.Allow, Reasons: []consent.Reason{{Code: consent.BasisHolds, Clause: "§1"}}, Basis: consent.BasisConsent,
		Obligations: []consent.Obligation{
			{Code: consent.AggregateOnly},
			{Code: consent.TransferSafeguards, Parameters: consent.Parameters{Country: "US"}},
			{Code: consent.ExcludeDataCategories, Parameters: consent.Parameters{Categories: []string{"a", "b"}}},
			{Code: consent.RecordSignal, Parameters: consent.Parameters{Signal: "gpc"}},
			{Code: consent.ReaskNotBefore, Parameters: consent.Parameters{Time: 1_700_000_000_000_000_000}},
		},
		PermittedDataCategories: []string{"a"}, ValidUntil: 1_700_000_000_000_000_001, PolicyRevision: "p", ID: "id",
	}
	object := func(v map[string]any) *structpb.Struct {
		s, err := structpb.NewStruct(v)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := &consentv1.CheckResponse{
		Decision: consentv1.Decision_DECISION_ALLOW,
		Reasons: []*consentv1.Reason{{Code: consentv1.ReasonCode_REASON_CODE_BASIS_HOLDS, Clause: "§1",
			Message: messages[consent.BasisHolds]}},
		LegalBasis: consentv1.LegalBasis_LEGAL_BASIS_CONSENT,
		Obligations: []*consentv1.Obligation{
			{Code: consentv1.ObligationCode_OBLIGATION_CODE_AGGREGATE_ONLY},
			{Code: consentv1.ObligationCode_OBLIGATION_CODE_TRANSFER_SAFEGUARDS, Parameters: object(map[string]any{"country": "US"})},
			{Code: consentv1.ObligationCode_OBLIGATION_CODE_EXCLUDE_DATA_CATEGORIES,
				Parameters: object(map[string]any{"categories": []any{"a", "b"}})},
			{Code: consentv1.ObligationCode_OBLIGATION_CODE_RECORD_SIGNAL, Parameters: object(map[string]any{"signal": "gpc"})},
			{Code: consentv1.ObligationCode_OBLIGATION_CODE_REASK_NOT_BEFORE,
				Parameters: object(map[string]any{"time": "2023-11-14T22:13:20Z"})},
		},
		PermittedDataCategories: []string{"a"}, ValidUntil: &timestamppb.Timestamp{Seconds: 1_700_000_000, Nanos: 1},
		ConsistencyToken: "token", PolicyRevision: "p", DecisionId: "id",
	}
	got, err := checkResponse(&d, []byte("token"))
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// stateOf folds all kinds of events, and some more that leave odd records.
func stateOf(t *testing.T) *consent.State {
	t.Helper()
	batch := kinds()
	batch = append(batch, event(func(e *consentv1.Event) {
		e.Id, e.Source, e.Evidence = "unproven", "import", ""
		e.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
			Purpose: "zoo", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 1,
		}}
	}))
	events, faults := eventsOf(batch, consent.InstantOf(time.Unix(1_700_000_000, 0)))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for i := range events {
		events[i].ID += string(rune('a' + i))
	}
	return consent.Fold(events)
}

func TestStatesAreConvertedWhole(t *testing.T) {
	s := stateOf(t)
	got := subjectState(&consent.Snapshot{State: s, Changed: 9, AsOf: 11})
	then, end := at(1_700_000_000), &timestamppb.Timestamp{Seconds: 1_700_000_000, Nanos: 999_999_999}
	want := &consentv1.SubjectState{
		Known: true, Revision: 9, Jurisdiction: s.Jurisdiction.Value, AgeMin: got.AgeMin, AgeMax: got.AgeMax, AgeRecordedAt: then,
		AccountStatus: consentv1.AccountStatus_ACCOUNT_STATUS_CLOSED, LastActivityAt: at(1), RetentionUntil: at(2),
		Relationship: &consentv1.Relationship{LastSaleAt: at(3), SellingEntity: "acme", OptOutOffered: true},
		Erasure:      consentv1.ErasureStage_ERASURE_STAGE_CANCELLED, ErasureAt: then,
		Signals: []*consentv1.SignalState{{Signal: "dnt", Value: true, Since: end}, {Signal: "gpc", Value: true, Since: end}},
		OptOuts: []*consentv1.OptOutState{{Kind: consentv1.OptOutKind_OPT_OUT_KIND_SENSITIVE_DATA_USE, Lifted: true, At: then}},
		Consents: []*consentv1.ConsentState{
			{
				Purpose: "ads", Recipient: "r", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3, Explicit: true,
				GivenBy: consentv1.GivenBy_GIVEN_BY_PARENT, Evidence: true, Countries: []string{"DE"}, ExpiresAt: at(1_800_000_000),
				GivenAt: then,
			},
			{Purpose: "zoo"},
		},
		Objections: []*consentv1.ObjectionState{{Purpose: "ads", At: then}},
		Restrictions: []*consentv1.RestrictionState{{
			Ground: consentv1.RestrictionGround_RESTRICTION_GROUND_OBJECTION_PENDING, Purpose: "ads", At: then,
		}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.AgeMin == nil && got.AgeMax == nil {
		t.Error("no age came out")
	}
}

func TestAnUnknownSubjectIsEmpty(t *testing.T) {
	got := subjectState(&consent.Snapshot{State: &consent.State{}, AsOf: 5})
	if diff := cmp.Diff(&consentv1.SubjectState{}, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConsentsAreSorted(t *testing.T) {
	list := consentStates(stateOf(t).Consents)
	if !slices.IsSortedFunc(list, func(a, b *consentv1.ConsentState) int {
		return strings.Compare(a.GetPurpose()+"\x00"+a.GetRecipient(), b.GetPurpose()+"\x00"+b.GetRecipient())
	}) {
		t.Errorf("not sorted: %v", list)
	}
}
