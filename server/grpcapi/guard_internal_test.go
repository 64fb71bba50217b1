package grpcapi

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/watch"
)

// brokenStream panics where it is asked for what its fields say.
type brokenStream struct {
	grpc.ServerStream
	ctx            context.Context
	receive        []byte // what it receives first; nil: it panics
	sends          bool
	received, sent int
}

func (s *brokenStream) Context() context.Context { return s.ctx }

func (s *brokenStream) RecvMsg(m any) error {
	if s.received++; s.receive == nil {
		panic("receiving")
	}
	if s.received > 1 {
		return io.EOF
	}
	if f, ok := m.(*frame); ok {
		*f = s.receive
		return nil
	}
	return proto.Unmarshal(s.receive, m.(proto.Message))
}

func (s *brokenStream) SendMsg(any) error {
	if s.sent++; !s.sends {
		panic("sending")
	}
	return nil
}

type brokenCodec struct{ encoding.CodecV2 }

func (brokenCodec) Unmarshal(mem.BufferSlice, any) error { panic("decoding") }

func (brokenCodec) Marshal(any) (mem.BufferSlice, error) { panic("encoding") }

// brokenWatchers panics where a stream of invalidations begins.
type brokenWatchers struct{ Watchers }

func (brokenWatchers) Join([16]byte) (*watch.Watcher, error) { panic("joining") }

// A panic where no interceptor sees it ends its call with INTERNAL, is counted and is logged with its stack.
func TestPanicsBesideTheInterceptor(t *testing.T) {
	one, err := proto.Marshal(&consentv1.CheckStreamRequest{Checks: []*consentv1.StreamedCheck{
		{Id: 1, Check: &consentv1.CheckRequest{Controller: "acme", SubjectId: "s", Purpose: "ads"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	checks := func(s *decisionService, stream *brokenStream) error {
		return s.CheckStream(&grpc.GenericServerStream[consentv1.CheckStreamRequest, consentv1.CheckStreamResponse]{ServerStream: stream})
	}
	for name, run := range map[string]func(s *decisionService) error{
		"the reader of a stream": func(s *decisionService) error {
			return checks(s, &brokenStream{ctx: t.Context(), sends: true})
		},
		"the sender of a stream": func(s *decisionService) error {
			return checks(s, &brokenStream{ctx: t.Context(), receive: one})
		},
		"the beginning of a watch": func(s *decisionService) error {
			hello, _ := proto.Marshal(&consentv1.WatchInvalidationsRequest{CacheId: make([]byte, 16)})
			return s.WatchInvalidations(&grpc.GenericServerStream[consentv1.WatchInvalidationsRequest, consentv1.WatchInvalidationsResponse]{
				ServerStream: &brokenStream{ctx: t.Context(), receive: hello},
			})
		},
		"the decoding of a call": func(s *decisionService) error {
			handle := s.guarded("consent.v1.X", grpc.MethodDesc{
				MethodName: "Y", Handler: func(_ any, _ context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
					return nil, dec(&consentv1.CheckRequest{})
				},
			})
			_, err := handle(nil, t.Context(), func(any) error { panic("decoding") }, nil)
			return err
		},
		"the decoding of a streamed check": func(s *decisionService) error {
			own := s.newScratch()
			own.in.message = nil
			outcome, message := own.streamedOutcome(&streamedCheck{request: one, ctx: checkContext{stream: t.Context()}})
			var e consentv1.CheckError
			if err := proto.Unmarshal(message, &e); err != nil || outcome != wire.StreamedResultError {
				t.Fatalf("outcome %d, %v", outcome, err)
			}
			return status.Error(codes.Code(e.GetCode()), e.GetMessage())
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			s := newTestScratch(t).service
			s.errors, s.watchers = newErrorLog(slog.New(slog.NewTextHandler(&log, nil))), brokenWatchers{}
			s.scratches.New = func() any { return s.newScratch() }
			if err := run(s); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "panic") {
				t.Errorf("error is %v, want INTERNAL that says no more", err)
			}
			if n := testutil.ToFloat64(s.metrics.panics); n != 1 {
				t.Errorf("%v panics counted", n)
			}
			if !strings.Contains(log.String(), "panic") || !strings.Contains(log.String(), "goroutine") {
				t.Errorf("the log has no stack: %q", log.String())
			}
		})
	}
	c := codec{CodecV2: brokenCodec{}, edge: &newTestScratch(t).service.edge}
	if data, err := c.Marshal(&consentv1.CheckResponse{}); status.Code(err) != codes.Internal {
		t.Errorf("a panic in encoding gives %v, %v", data, err)
	}
	if err := c.Unmarshal(nil, &consentv1.CheckResponse{}); status.Code(err) != codes.Internal {
		t.Errorf("a panic in decoding gives %v", err)
	}
	if n := testutil.ToFloat64(c.edge.metrics.panics); n != 2 {
		t.Errorf("%v panics of the codec counted", n)
	}
}
