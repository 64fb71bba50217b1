package client

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func TestMessagesAreWhatProtobufReads(t *testing.T) {
	facts, err := structpb.NewStruct(map[string]any{"anonymized": true})
	if err != nil {
		t.Fatal(err)
	}
	want := &consentv1.CheckStreamRequest{
		Cancel: []uint64{3, 1 << 40},
		Checks: []*consentv1.StreamedCheck{
			{Id: 1, Check: NewCheck("example", "u", "p"), Timeout: durationpb.New(1500 * time.Millisecond)},
			{Id: 1 << 40, Check: &consentv1.CheckRequest{Context: facts, Consistency: FullyConsistent()},
				Timeout: durationpb.New(-time.Second)},
			{Id: 2, Check: &consentv1.CheckRequest{}, Timeout: &durationpb.Duration{}},
		},
	}
	var data []byte
	for _, id := range want.GetCancel() {
		data = appendCancel(data, id)
	}
	for _, c := range want.GetChecks() {
		encoded, err := appendRequest(nil, c.GetCheck(), c.GetTimeout().AsDuration())
		if err != nil {
			t.Fatal(err)
		}
		data = appendCheck(data, c.GetId(), encoded)
	}
	var got consentv1.CheckStreamRequest
	if err := proto.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, &got, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// FuzzEachResult holds that a message is taken apart as protobuf reads it, and that what protobuf refuses allows
// nothing.
func FuzzEachResult(f *testing.F) {
	whole, err := proto.Marshal(&consentv1.CheckStreamResponse{Draining: true, Results: []*consentv1.StreamedResult{
		{Id: 1, Outcome: &consentv1.StreamedResult_Response{
			Response: &consentv1.CheckResponse{Decision: consentv1.Decision_DECISION_ALLOW},
		}},
		{Id: 300, Outcome: &consentv1.StreamedResult_Error{Error: &consentv1.CheckError{Code: 5}}},
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add([]byte{0x0a, 0x06, 0x08, 0x01, 0x12, 0x02, 0x08, 0x01, 0x10, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		var want consentv1.CheckStreamResponse
		wantErr := proto.Unmarshal(data, &want)
		var ids []uint64
		failed, allowed := false, 0
		draining, err := eachResult(data, func(id uint64, result []byte) {
			ids = append(ids, id)
			response, err := decodeResult(result, &texts{})
			failed = failed || err != nil
			if err == nil && decisionOf(response).Allowed {
				allowed++
			}
		})
		if wantErr != nil {
			return // each result that could be read by itself stands for itself
		}
		if err != nil || draining != want.GetDraining() || len(ids) != len(want.GetResults()) {
			t.Fatalf("%d results, draining %v, %v; protobuf reads %v", len(ids), draining, err, &want)
		}
		wantAllowed := 0
		for i, r := range want.GetResults() {
			if ids[i] != r.GetId() {
				t.Errorf("result %d has the id %d, want %d", i, ids[i], r.GetId())
			}
			if decisionOf(r.GetResponse()).Allowed {
				wantAllowed++
			}
		}
		if allowed != wantAllowed {
			t.Errorf("%d allowed, protobuf reads %d", allowed, wantAllowed)
		}
	})
}

// FuzzPlainResult holds that what is decoded here is what protobuf reads, and that what protobuf refuses is not.
func FuzzPlainResult(f *testing.F) {
	facts, err := structpb.NewStruct(map[string]any{"country": "US"})
	if err != nil {
		f.Fatal(err)
	}
	full := &consentv1.CheckResponse{
		Decision:                consentv1.Decision_DECISION_ALLOW,
		Reasons:                 []*consentv1.Reason{{Code: 1, Clause: "§1", Message: "m"}, {Code: 2}, {}},
		LegalBasis:              consentv1.LegalBasis_LEGAL_BASIS_CONSENT,
		Obligations:             []*consentv1.Obligation{{Code: 5, Parameters: facts}, {Code: 6}, {}},
		PermittedDataCategories: []string{"user.contact", ""}, ValidUntil: &timestamppb.Timestamp{Seconds: -1, Nanos: 5},
		ConsistencyToken: "t", PolicyRevision: "p", DecisionId: "d",
	}
	for _, r := range []*consentv1.StreamedResult{
		{Id: 1, Outcome: &consentv1.StreamedResult_Response{Response: full}},
		{Id: 1 << 60, Outcome: &consentv1.StreamedResult_Response{Response: &consentv1.CheckResponse{}}},
		{Id: 2, Outcome: &consentv1.StreamedResult_Error{Error: &consentv1.CheckError{Code: 5}}},
		{Id: 3, Outcome: &consentv1.StreamedResult_Response{Response: &consentv1.CheckResponse{
			Reasons: []*consentv1.Reason{{Code: 32}}, Degraded: consentv1.Degradation_DEGRADATION_DENIED, DecisionId: "d",
		}}},
		{Id: 4, Outcome: &consentv1.StreamedResult_Response{Response: &consentv1.CheckResponse{
			Degraded: consentv1.Degradation_DEGRADATION_STALE, StateAge: &durationpb.Duration{Seconds: 3, Nanos: 1},
		}}},
	} {
		data, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(append(data, data...))
		f.Add(bytes.ReplaceAll(data, []byte("m"), []byte{0xff}))
	}
	var kept texts
	f.Fuzz(func(t *testing.T, data []byte) {
		got, plain := plainResult(data, &kept)
		if !plain {
			return
		}
		var want consentv1.StreamedResult
		if err := proto.Unmarshal(data, &want); err != nil {
			t.Fatalf("took what protobuf refuses: %v", err)
		}
		if diff := cmp.Diff(want.GetResponse(), got, protocmp.Transform()); diff != "" {
			t.Errorf("-protobuf +here:\n%s", diff)
		}
	})
}

func TestUsualResultsArePlain(t *testing.T) {
	response := &consentv1.CheckResponse{
		Decision: consentv1.Decision_DECISION_ALLOW, Reasons: []*consentv1.Reason{{Code: 1, Clause: "§1", Message: "m"}},
		LegalBasis: 1, Obligations: []*consentv1.Obligation{{Code: 6}}, ValidUntil: &timestamppb.Timestamp{Seconds: 9},
		ConsistencyToken: "t", PolicyRevision: "p", DecisionId: "d",
	}
	data, err := proto.Marshal(&consentv1.StreamedResult{
		Id: 7, Outcome: &consentv1.StreamedResult_Response{Response: response},
	})
	if err != nil {
		t.Fatal(err)
	}
	var kept texts
	if _, plain := plainResult(data, &kept); !plain {
		t.Error("left to protobuf")
	}
	n := testing.AllocsPerRun(100, func() {
		if r, plain := plainResult(data, &kept); plain {
			recycle(r)
		}
	})
	if n > 3 {
		t.Errorf("%v allocations, want 3", n)
	}
}

func BenchmarkDecodeResult(b *testing.B) {
	response := &consentv1.CheckResponse{
		Decision:   consentv1.Decision_DECISION_ALLOW,
		Reasons:    []*consentv1.Reason{{Code: 1, Clause: "§1", Message: "The legal basis holds and nothing stands against it."}},
		LegalBasis: 1, Obligations: []*consentv1.Obligation{{Code: 6}}, ValidUntil: &timestamppb.Timestamp{Seconds: 1_800_000_000},
		ConsistencyToken: strings.Repeat("t", 39), PolicyRevision: strings.Repeat("p", 32), DecisionId: strings.Repeat("d", 32),
	}
	data, err := proto.Marshal(&consentv1.StreamedResult{Id: 7, Outcome: &consentv1.StreamedResult_Response{Response: response}})
	if err != nil {
		b.Fatal(err)
	}
	inner, err := proto.Marshal(response)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		var kept texts
		for b.Loop() {
			r, plain := plainResult(data, &kept)
			if !plain {
				b.Fatal("left to protobuf")
			}
			recycle(r)
		}
	})
	b.Run("protobuf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := proto.Unmarshal(inner, &consentv1.CheckResponse{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
