package wire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// TestFieldsAreThoseOfTheProtoFiles reads the constants from their source, so that none is left out.
func TestFieldsAreThoseOfTheProtoFiles(t *testing.T) {
	messages := []proto.Message{
		&consentv1.CheckRequest{}, &consentv1.BatchCheckRequest{}, &consentv1.ListPurposesRequest{}, &consentv1.Consistency{},
		&consentv1.CheckStreamRequest{}, &consentv1.StreamedCheck{}, &consentv1.CheckStreamResponse{}, &consentv1.StreamedResult{},
		&consentv1.BatchCheckResponse{}, &consentv1.BatchCheckResult{}, &consentv1.ListPurposesResponse{},
		&consentv1.PurposeDecision{}, &consentv1.CheckResponse{}, &consentv1.Reason{}, &consentv1.Obligation{},
		&timestamppb.Timestamp{}, &durationpb.Duration{},
	}
	want := map[string]protowire.Number{}
	for _, m := range messages {
		descriptor := m.ProtoReflect().Descriptor()
		for i := range descriptor.Fields().Len() {
			field := descriptor.Fields().Get(i)
			want[strings.ToLower(string(descriptor.Name())+strings.ReplaceAll(string(field.Name()), "_", ""))] = field.Number()
		}
	}
	constants := constantsOf(t, "fields.go")
	if len(constants) < 30 {
		t.Errorf("only %d constants found", len(constants))
	}
	for name, value := range constants {
		if got := want[strings.ToLower(name)]; value != strconv.Itoa(int(got)) {
			t.Errorf("%s is %s, in the proto files %d (0: there is no such field)", name, value, got)
		}
	}
}

// constantsOf returns the constants of a file and the text of their values.
func constantsOf(t *testing.T, name string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			found[spec.Names[0].Name] = spec.Values[0].(*ast.BasicLit).Value
		}
		return true
	})
	return found
}
