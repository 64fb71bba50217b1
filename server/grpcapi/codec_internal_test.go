package grpcapi

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// Whatever cannot be decoded gets a field and a reason, and an invalid string is found where there is one.
func FuzzLocate(f *testing.F) {
	for _, m := range []proto.Message{fullCheck(), &consentv1.RecordEventsRequest{Controller: "acme", Events: kinds()}} {
		data, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-1])
		f.Add([]byte(strings.ReplaceAll(string(data), "a", "\xff")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, m := range []proto.Message{&consentv1.CheckRequest{}, &consentv1.RecordEventsRequest{}, &consentv1.BatchCheckRequest{}} {
			err := proto.Unmarshal(data, m)
			if err == nil {
				continue
			}
			got := locate(data, m.ProtoReflect().Descriptor())
			if got.Field == "" || got.Description == "" {
				t.Errorf("%v: %+v", err, got)
			}
			if strings.Contains(err.Error(), "UTF-8") && got.Description != notUTF8 && got.Description != tooDeep {
				t.Errorf("%v, but located %+v", err, got)
			}
		}
	})
}
