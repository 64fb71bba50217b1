package conformance_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// checkStream is one CheckStream at the front: each of its checks is an attempt, which gets what the script
// says as a call by itself does.
type checkStream struct {
	front     *front
	stream    grpc.ServerStream
	userAgent string
	metadata  metadata.MD
	under     sync.WaitGroup // the checks under way

	mu sync.Mutex // guards what follows, and sending
	// cancels end the checks under way, by id.
	cancels map[uint64]context.CancelFunc
}

func (f *front) checkStream(stream grpc.ServerStream) error {
	s := &checkStream{front: f, stream: stream, cancels: map[uint64]context.CancelFunc{}}
	if md, ok := metadata.FromIncomingContext(stream.Context()); ok {
		s.userAgent, s.metadata = strings.Join(md.Get("user-agent"), " "), md
	}
	f.mu.Lock()
	f.streams[s] = true
	f.mu.Unlock()
	err := s.receive()
	s.under.Wait()
	f.mu.Lock()
	delete(f.streams, s)
	f.mu.Unlock()
	return err
}

// receive begins the checks that arrive, until the client has sent its last.
func (s *checkStream) receive() error {
	for {
		var message frame
		if err := s.stream.RecvMsg(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		request := &consentv1.CheckStreamRequest{}
		if err := proto.Unmarshal(message, request); err != nil {
			return status.Error(codes.InvalidArgument, err.Error())
		}
		for _, id := range request.GetCancel() {
			s.cancel(id)
		}
		for _, check := range request.GetChecks() {
			s.begin(check)
		}
	}
}

func (s *checkStream) begin(check *consentv1.StreamedCheck) {
	ctx, cancel := context.WithCancel(s.stream.Context())
	if check.GetTimeout() != nil {
		ctx, cancel = context.WithTimeout(s.stream.Context(), check.GetTimeout().AsDuration())
	}
	s.mu.Lock()
	s.cancels[check.GetId()] = cancel
	s.mu.Unlock()
	s.under.Go(func() {
		defer s.cancel(check.GetId())
		if result := s.answer(ctx, check); result != nil {
			s.send(result)
		}
	})
}

func (s *checkStream) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.cancels[id]; cancel != nil {
		cancel()
		delete(s.cancels, id)
	}
}

// send sends a message; that the client is gone shows when nothing more is received.
func (s *checkStream) send(message frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.stream.SendMsg(&message)
}

// drain tells the client to go elsewhere.
func (s *checkStream) drain() {
	message, err := proto.Marshal(&consentv1.CheckStreamResponse{Draining: true})
	if err == nil {
		s.send(message)
	}
}

// answer is the message that answers a check; nil: the connection was cut instead.
func (s *checkStream) answer(ctx context.Context, check *consentv1.StreamedCheck) frame {
	request, err := proto.Marshal(check.GetCheck())
	if err != nil {
		return streamed(check.GetId(), nil, err)
	}
	a, operation := s.front.next(attempt{
		request: request, timeout: check.GetTimeout().AsDuration(), userAgent: s.userAgent, metadata: s.metadata,
	})
	if !wait(ctx, a.Delay) {
		return streamed(check.GetId(), nil, status.FromContextError(ctx.Err()).Err())
	}
	response, err := s.front.response(ctx, call{method: checkMethod, operation: operation, request: request}, a)
	if a.Cut {
		s.front.cut()
		return nil
	}
	if err == nil {
		err = a.Error.status()
	}
	return streamed(check.GetId(), response, err)
}

const checkMethod = "/consent.v1.DecisionService/Check"

// streamed is the message with one result. It is put together by hand, so that a response may be anything.
func streamed(id uint64, response frame, err error) frame {
	one := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), id)
	if response != nil {
		one = protowire.AppendBytes(protowire.AppendTag(one, 2, protowire.BytesType), response)
	}
	if err != nil {
		text, marshalErr := proto.Marshal(checkError(err))
		if marshalErr != nil {
			return nil
		}
		one = protowire.AppendBytes(protowire.AppendTag(one, 3, protowire.BytesType), text)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), one)
}

// checkError is a call's error as a stream tells it.
func checkError(err error) *consentv1.CheckError {
	s := status.Convert(err)
	out := &consentv1.CheckError{Code: int32(s.Code()), Message: s.Message()}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				out.FieldViolations = append(
					out.FieldViolations, &consentv1.FieldViolation{Field: v.GetField(), Description: v.GetDescription()},
				)
			}
		case *errdetails.RetryInfo:
			out.RetryDelay = d.GetRetryDelay()
		}
	}
	return out
}
