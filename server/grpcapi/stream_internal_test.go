package grpcapi

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// FuzzParseRequest holds that a message is taken apart as protobuf reads it.
func FuzzParseRequest(f *testing.F) {
	whole, err := proto.Marshal(&consentv1.CheckStreamRequest{
		Checks: []*consentv1.StreamedCheck{
			{Id: 1, Check: &consentv1.CheckRequest{Controller: "acme", SubjectId: "u"}, Timeout: durationpb.New(time.Second)},
			{Id: 300, Timeout: durationpb.New(-1)},
		},
		Cancel: []uint64{1, 1 << 60},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte{0x0a, 0x0c, 0x12, 0x03, 0x0a, 0x01, 'a', 0x12, 0x03, 0x12, 0x01, 'b', 0x10, 0x05}) // a check in two pieces
	f.Add([]byte("\xc5\xc5\xc5\xc500000"))                                                          // a field's number out of range
	f.Add([]byte{0x10, 0x05, 0x12, 0x01, 0x07, 0x0a, 0x00, 0x1a, 0x02, 0x1a, 0x00})                 // cancel one by one, and packed
	f.Fuzz(func(t *testing.T, data []byte) {
		var want consentv1.CheckStreamRequest
		wantErr := proto.Unmarshal(data, &want)
		checks, cancel, ok := parseRequest(data)
		if len(checks) > wire.MaxStreamedChecks {
			return
		}
		if wantErr == nil && !ok {
			t.Fatal("refused what protobuf reads")
		}
		decoded := make([]proto.Message, len(checks))
		for i := range checks {
			c := &checks[i]
			in := incoming{message: &consentv1.CheckRequest{}}
			if in.decode(c.request); in.fault != nil {
				ok = false
			}
			decoded[i] = in.message
		}
		if wantErr != nil {
			if ok {
				t.Fatalf("took what protobuf refuses: %v", wantErr)
			}
			return
		}
		if len(checks) != len(want.GetChecks()) || !slices.Equal(cancel, want.GetCancel()) {
			t.Fatalf("%d checks, cancel %v; protobuf reads %v", len(checks), cancel, &want)
		}
		for i := range checks {
			c := &checks[i]
			w := want.GetChecks()[i]
			if c.id != w.GetId() || c.hasTimeout != (w.GetTimeout() != nil) || c.timeout != w.GetTimeout().AsDuration() {
				t.Errorf("check %d: id %d, timeout %v (%v); protobuf reads %v", i, c.id, c.timeout, c.hasTimeout, w)
			}
			mine, err1 := proto.MarshalOptions{Deterministic: true}.Marshal(decoded[i])
			theirs, err2 := proto.MarshalOptions{Deterministic: true}.Marshal(orEmpty(w.GetCheck()))
			if err := errors.Join(err1, err2); err != nil || !bytes.Equal(mine, theirs) {
				t.Errorf("check %d = %v, protobuf reads %v (%v)", i, decoded[i], w.GetCheck(), err)
			}
		}
	})
}

func orEmpty(r *consentv1.CheckRequest) *consentv1.CheckRequest {
	if r == nil {
		return &consentv1.CheckRequest{}
	}
	return r
}
