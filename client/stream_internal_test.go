package client

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

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
			{Id: 1 << 40, Check: &consentv1.CheckRequest{Context: facts, Consistency: FullyConsistent()}, Timeout: durationpb.New(-time.Second)},
			{Id: 2, Check: &consentv1.CheckRequest{}, Timeout: &durationpb.Duration{}},
		},
	}
	var data []byte
	for _, id := range want.GetCancel() {
		data = appendCancel(data, id)
	}
	for _, c := range want.GetChecks() {
		encoded, err := encodeCheck(c.GetCheck(), c.GetTimeout().AsDuration())
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

// FuzzEachResult holds that a message is taken apart as protobuf reads it, and that what protobuf refuses allows nothing.
func FuzzEachResult(f *testing.F) {
	whole, err := proto.Marshal(&consentv1.CheckStreamResponse{Draining: true, Results: []*consentv1.StreamedResult{
		{Id: 1, Outcome: &consentv1.StreamedResult_Response{Response: &consentv1.CheckResponse{Decision: consentv1.Decision_DECISION_ALLOW}}},
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
			response, err := decodeResult(result)
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
