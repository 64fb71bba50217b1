package wire_test

import (
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// TestMaxBatchIsThatOfTheProtoFile: the server refuses by the annotation, the clients tell people of the constant.
func TestMaxBatchIsThatOfTheProtoFile(t *testing.T) {
	requests := (&consentv1.BatchCheckRequest{}).ProtoReflect().Descriptor().Fields().ByName("requests")
	rules, ok := proto.GetExtension(requests.Options(), validate.E_Field).(*validate.FieldRules)
	if got := rules.GetRepeated().GetMaxItems(); !ok || got != wire.MaxBatch {
		t.Errorf("BatchCheckRequest.requests takes at most %d in the proto file, MaxBatch is %d", got, wire.MaxBatch)
	}
}
