package grpcapi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// rawCodec sends bytes as they are.
type rawCodec struct{ encoding.CodecV2 }

func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	if raw, ok := v.([]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(raw)}, nil
	}
	return c.CodecV2.Marshal(v)
}

func raw(t *testing.T, s *served, method string, body []byte) error {
	t.Helper()
	return s.conn.Invoke(t.Context(), method, body, &consentv1.CheckResponse{},
		grpc.ForceCodecV2(rawCodec{encoding.GetCodecV2("proto")}))
}

// field appends a length-delimited field.
func field(number protowire.Number, value string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

func join(parts ...[]byte) string {
	var all strings.Builder
	for _, p := range parts {
		all.Write(p)
	}
	return all.String()
}

const (
	checkMethod  = consentv1.DecisionService_Check_FullMethodName
	batchMethod  = consentv1.DecisionService_BatchCheck_FullMethodName
	recordMethod = consentv1.ConsentService_RecordEvents_FullMethodName
)

func TestUndecodableIsTheCallersFault(t *testing.T) {
	event := join(field(1, "id"), field(4, "\xff"))
	deep := "\xff"
	for range 200 {
		deep = join(field(1, join(field(1, "k"), field(2, join(field(5, deep))))))
	}
	for _, row := range []struct {
		name, method, body, field string
	}{
		{"invalid UTF-8 in an id", checkMethod, join(field(1, "acme"), field(2, "a\xffb")), "subject_id"},
		{"in a list", checkMethod, join(field(4, "user"), field(4, "\xc3")), "data_categories[1]"},
		{"in a nested message", checkMethod, join(field(5, join(field(2, "\xff")))), "recipient.id"},
		{"in a list of messages", recordMethod, join(field(3, ""), field(3, event)), "events[1].evidence"},
		{"in an item of a batch", batchMethod, join(field(1, ""), field(1, join(field(3, "\xff")))), "requests[1].purpose"},
		{"in a context", checkMethod, join(field(6, join(field(1, join(field(1, "\xff")))))), "context"},
		{"deep in a context", checkMethod, join(field(6, deep)), "context"},
		{"a length beyond the end", checkMethod, join(field(1, "acme")) + "\x12\x7fabc", "subject_id"},
		{"no tag", checkMethod, "\xff", "request"},
		{"truncated nested message", checkMethod, join(field(5, "\x12\x05a")), "recipient.id"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := serve(t, &fake{})
			err := raw(t, s, row.method, []byte(row.body))
			if status.Code(err) != codes.InvalidArgument {
				t.Fatalf("err = %v, want InvalidArgument", err)
			}
			if diff := cmp.Diff([]string{row.field}, fields(err)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if got := counter(t, s, "grpc_server_handled_total", map[string]string{"grpc_code": "InvalidArgument"}); got != 1 {
				t.Errorf("counted %v calls, want 1", got)
			}
		})
	}
}

func TestUnknownFieldsAreTolerated(t *testing.T) {
	known, err := proto.Marshal(&consentv1.CheckRequest{Controller: "acme", SubjectId: "s", Purpose: "ads"})
	if err != nil {
		t.Fatal(err)
	}
	if err := raw(t, serve(t, &fake{}), checkMethod, append(known, field(999, "from the future")...)); err != nil {
		t.Error(err)
	}
}
