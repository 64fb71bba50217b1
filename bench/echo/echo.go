// Package echo is a gRPC service that does nothing but carry bytes: a call of it costs what gRPC charges for a request
// and an answer of these sizes, the floor below which no call of the same sizes on the same server can come.
//
// The handler takes no interceptor, so that it passes none of the server's edge; and it has no means of its own, such
// as memory that is used again, that a null RPC would not have.
package echo

import (
	"context"
	"encoding/binary"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// FullMethod is the service's only method.
const FullMethod = "/" + service + "/Echo"

const service = "consentd.bench.Echo"

// header is how many bytes of a request's value say how many the answer's has, big endian.
const header = 4

// maxAnswer bounds the answer's value in bytes, below what gRPC's clients take by default.
const maxAnswer = 1 << 20

// Register adds the service to a server.
func Register(s grpc.ServiceRegistrar) {
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: service, HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Echo", Handler: handle}},
	}, nil)
}

func handle(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := new(wrapperspb.BytesValue)
	if err := decode(request); err != nil {
		return nil, err
	}
	if len(request.GetValue()) < header {
		return nil, fmt.Errorf("the value has %d bytes: give %d for the answer's size", len(request.GetValue()), header)
	}
	size := binary.BigEndian.Uint32(request.GetValue())
	if size > maxAnswer {
		return nil, fmt.Errorf("an answer of %d bytes: ask for %d at most", size, maxAnswer)
	}
	return &wrapperspb.BytesValue{Value: make([]byte, size)}, nil
}

// Sizes are those of encoded messages, in bytes.
type Sizes struct{ Request, Answer int }

// Call returns a call whose messages have these sizes when they are encoded, or one byte less where no message has just
// that many: its length is written in one byte up to 127, in two beyond.
func Call(sizes Sizes) func(context.Context, *grpc.ClientConn) error {
	answer := valueOf(sizes.Answer)
	request := &wrapperspb.BytesValue{Value: make([]byte, max(header, valueOf(sizes.Request)))}
	binary.BigEndian.PutUint32(request.GetValue(), uint32(answer))
	return func(ctx context.Context, conn *grpc.ClientConn) error {
		got := new(wrapperspb.BytesValue)
		if err := conn.Invoke(ctx, FullMethod, request, got); err != nil {
			return err
		}
		if len(got.GetValue()) != answer {
			return fmt.Errorf("echo: an answer of %d bytes, want %d", len(got.GetValue()), answer)
		}
		return nil
	}
}

// valueOf is how many bytes of a BytesValue's value there are in a message of size bytes.
func valueOf(size int) int {
	value := max(0, size-protowire.SizeTag(1)-1)
	for value > 0 && protowire.SizeTag(1)+protowire.SizeBytes(value) > size {
		value--
	}
	return value
}
