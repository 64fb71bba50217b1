package grpcapi

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that codec wraps
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/consentd/consentd/server/consent"
)

// gRPC answers INTERNAL for a message that it cannot decode, without calling an interceptor and without saying where.
// But an undecodable message is the caller's fault. So the services' handlers decode into an incoming, which keeps the
// fault as a value; then the call goes on through the interceptor, which refuses it as it refuses any other bad
// request.

// incoming is a request on its way in, and what is wrong with its encoding.
type incoming struct {
	message proto.Message
	fault   *consent.InvalidError
}

// encoded is a request as it came, in memory of its own: that of a call ends with its handler.
type encoded struct{ data []byte }

// codec is the standard codec, but for requests that want to know why they cannot be decoded, for those that are wanted
// as they are, and for frames.
type codec struct {
	encoding.CodecV2
	frames *framePool
	edge   *edge
}

func newCodec(frames *framePool, e *edge) codec {
	return codec{encoding.GetCodecV2("proto"), frames, e}
}

// Marshal encodes v. A frame is encoded already; its memory goes back to the pool when it has been sent.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		return mem.BufferSlice{mem.NewBuffer((*[]byte)(f), c.frames)}, nil
	}
	return c.encode(v)
}

// encode is guarded: gRPC encodes an answer after the call has left every guard.
func (c codec) encode(v any) (data mem.BufferSlice, err error) {
	err = c.edge.guard(context.Background(), "encoding", func() error {
		data, err = c.CodecV2.Marshal(v)
		return err
	})
	return data, err
}

// Unmarshal decodes data into v. It never fails for an incoming, where the fault is kept, nor for a frame.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	switch v := v.(type) {
	case *incoming:
		if err := c.CodecV2.Unmarshal(data, v.message); err != nil {
			v.refuse(data.Materialize())
		}
		return nil
	case *encoded:
		v.data = v.data[:0]
		for _, part := range data {
			v.data = append(v.data, part.ReadOnlyData()...)
		}
		return nil
	case *frame:
		*v = data.Materialize()
		return nil
	}
	// A stream may receive on a goroutine that has no guard.
	return c.edge.guard(context.Background(), "decoding", func() error { return c.CodecV2.Unmarshal(data, v) })
}

// decode decodes data or keeps its fault.
func (in *incoming) decode(data []byte) {
	if err := proto.Unmarshal(data, in.message); err != nil {
		in.refuse(data)
	}
}

func (in *incoming) refuse(data []byte) {
	where := locate(data, in.message.ProtoReflect().Descriptor())
	in.fault = &consent.InvalidError{Violations: []consent.Violation{where}}
}

// decodable returns a copy of desc whose methods find out who calls before they decode the request, and pass
// undecodable ones to the interceptor as faults. A panic in either, which is before the interceptor's turn, is
// INTERNAL.
func (e *edge) decodable(desc *grpc.ServiceDesc) *grpc.ServiceDesc {
	wrapped := *desc
	wrapped.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, m := range desc.Methods {
		wrapped.Methods[i] = grpc.MethodDesc{MethodName: m.MethodName, Handler: e.guarded(desc.ServiceName, m)}
	}
	return &wrapped
}

func (e *edge) guarded(service string, m grpc.MethodDesc) grpc.MethodHandler {
	method := "/" + service + "/" + m.MethodName
	handle := grpc.MethodHandler(m.Handler)
	if !slices.ContainsFunc(handlers, func(h handler) bool { return h.method == method }) {
		handle = e.decodableHandler(method, m)
	}
	return func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (answer any, err error) {
		err = e.guard(ctx, method, func() error {
			ctx, err := e.authenticated(ctx, method)
			if err != nil {
				e.limits.Unknown(ctx)
				return err
			}
			answer, err = e.limited(ctx, method, func() (any, error) {
				return handle(srv, ctx, dec, interceptor)
			})
			return err
		})
		return answer, err
	}
}

// undelivered counts a call whose request gRPC refuses by itself; nil: it does not.
func (e *edge) undelivered(method string, err error) error {
	if err != nil {
		e.metrics.refusedEarly(method, err)
	}
	return err
}

func (e *edge) decodableHandler(method string, m grpc.MethodDesc) grpc.MethodHandler {
	return func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		var fault error
		answer, err := m.Handler(srv, ctx, func(v any) error {
			in := incoming{message: v.(proto.Message)}
			if err := dec(&in); err != nil || in.fault == nil {
				return e.undelivered(method, err)
			}
			fault = in.fault
			return fault
		}, interceptor)
		if fault == nil || interceptor == nil {
			return answer, err
		}
		refuse := func(context.Context, any) (any, error) { return nil, fault }
		return interceptor(ctx, nil, &grpc.UnaryServerInfo{Server: srv, FullMethod: method}, refuse)
	}
}

// The faults of an encoding.
const (
	malformed = "is not a well-formed protobuf message"
	notUTF8   = "is not valid UTF-8"
	tooDeep   = "is nested too deeply"
)

// maxDepth is how deep locate looks; no message of the API comes near it, but for a context, which may not.
const maxDepth = 64

// locate finds the first field of an undecodable message that is at fault.
func locate(data []byte, message protoreflect.MessageDescriptor) consent.Violation {
	v, bad := walk(data, message, fieldPath{})
	if !bad || v.Field == "" {
		return consent.Violation{Field: "request", Description: malformed}
	}
	return v
}

// fieldPath is where walk is.
type fieldPath struct {
	path  string
	depth int
}

// field returns the path of the i-th value of a field. What lies inside a well-known type, such as a context's values,
// is not told apart.
func (p fieldPath) field(f protoreflect.FieldDescriptor, i int) fieldPath {
	next := fieldPath{path: p.path, depth: p.depth + 1}
	if f == nil || f.ParentFile().Package() == "google.protobuf" {
		return next
	}
	if next.path != "" {
		next.path += "."
	}
	next.path += string(f.Name())
	if f.IsList() {
		next.path += fmt.Sprintf("[%d]", i)
	}
	return next
}

func (p fieldPath) fault(description string) (consent.Violation, bool) {
	return consent.Violation{Field: p.path, Description: description}, true
}

// walk reads an encoded message once, in the order of its bytes, and stops at the first fault.
func walk(data []byte, message protoreflect.MessageDescriptor, at fieldPath) (consent.Violation, bool) {
	if at.depth > maxDepth {
		return at.fault(tooDeep)
	}
	seen := map[protowire.Number]int{}
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return at.fault(malformed)
		}
		field := message.Fields().ByNumber(number)
		here := at.field(field, seen[number])
		seen[number]++
		data = data[n:]
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return here.fault(malformed)
		}
		if field != nil && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data)
			if v, bad := inspect(value, field, here); bad {
				return v, true
			}
		}
		data = data[n:]
	}
	return consent.Violation{}, false
}

// inspect looks for a fault inside the value of a length-delimited field.
func inspect(value []byte, field protoreflect.FieldDescriptor, at fieldPath) (consent.Violation, bool) {
	switch field.Kind() {
	case protoreflect.StringKind:
		if !utf8.Valid(value) {
			return at.fault(notUTF8)
		}
	case protoreflect.MessageKind:
		return walk(value, field.Message(), at)
	}
	return consent.Violation{}, false
}
