package enforce

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/consentd/consentd/client"
)

// Stream enforces the purposes that methods declare, on streams.
//
// Their handler begins after an ALLOW. Where the method names a field for the subject, the first message is read before
// that, and handed to the handler when it asks for it; a stream that ends without one is refused with INVALID_ARGUMENT.
// So a handler that speaks first waits for its client to speak: if the protocol wants it so, name no field, and let
// Config.GRPCSubject tell the subject.
//
// Then it is decided again for each message, before the handler gets it or it is sent; at the decision's valid_until;
// and when Config.StreamRecheck has passed without. As soon as the answer is a denial the stream ends with
// PERMISSION_DENIED, and with UNAVAILABLE where there is no answer: nothing is received or sent any more, the handler's
// context ends, and whatever the handler returns, the caller gets that status, as soon as the handler has returned. All
// messages of a stream are about one subject; one that names another ends it with INVALID_ARGUMENT.
//
// What was decided and handed to gRPC before still goes: a handler that waits in SendMsg for a caller who does not read
// ends when that reads or goes.
//
// A client with a near cache decides in about a hundred nanoseconds, and hears of withdrawals while no message passes.
func (e *Enforcer) Stream() grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		r, err := e.rule(info.FullMethod)
		if err != nil {
			return err
		}
		if r.purpose == "" {
			return next(srv, stream)
		}
		s := &enforcedStream{ServerStream: stream, enforcer: e, rule: r}
		defer s.close()
		if err := s.begin(); err != nil {
			return err
		}
		err = next(srv, s)
		if refused := s.refused(); refused != nil {
			return refused
		}
		return err
	}
}

// enforcedStream asks before it hands a message on, in either direction.
type enforcedStream struct {
	grpc.ServerStream
	enforcer *Enforcer
	rule     *rule
	// ctx is the handler's. It ends with the stream, or with an ending as its cause. use, too, is set by begin.
	ctx    context.Context
	cancel context.CancelCauseFunc
	use    use
	tasks  sync.WaitGroup

	mu sync.Mutex
	// first is the message that begin has read, until the handler has it. Guarded by mu, as all below.
	first proto.Message
	// newest is the decision that holds, decided when it was made.
	newest  client.Decision
	decided time.Time
}

// ending is why a stream was ended.
type ending struct{ error }

// begin decides before the handler runs.
func (s *enforcedStream) begin() error {
	ctx, cancel := context.WithCancelCause(s.ServerStream.Context())
	s.ctx, s.cancel = withDecision(ctx, s.decision), cancel
	if s.rule.field != nil {
		s.first = s.rule.newRequest()
		if err := s.ServerStream.RecvMsg(s.first); errors.Is(err, io.EOF) {
			s.enforcer.count(s.rule.use(""), Failed)
			return status.Error(codes.InvalidArgument, s.rule.path+": no message names the subject")
		} else if err != nil {
			return err
		}
	}
	subject, err := s.enforcer.subject(ctx, s.rule, s.first)
	if err != nil {
		return err
	}
	s.use = s.rule.use(subject)
	if err := s.decide(); err != nil {
		return err
	}
	s.enforcer.count(s.use, Allowed)
	s.tasks.Go(s.watch)
	return nil
}

// close waits for what the stream has begun, but for a RecvMsg that gRPC ends with the stream.
func (s *enforcedStream) close() {
	if s.cancel != nil {
		s.cancel(nil)
	}
	s.tasks.Wait()
}

// Context is the stream's, with the decision that lets it run.
func (s *enforcedStream) Context() context.Context { return s.ctx }

func (s *enforcedStream) decision() client.Decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// decide makes the decision anew; the error is that of the stream.
func (s *enforcedStream) decide() error {
	began := time.Now()
	d, err := s.enforcer.decide(s.ctx, s.use)
	if err != nil {
		return refusal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest, s.decided = d, began
	return nil
}

// again is decide while the handler runs: the stream ends where it may not go on.
func (s *enforcedStream) again() error {
	if err := s.refused(); err != nil {
		return err
	}
	if err := s.decide(); err != nil {
		return s.end(err)
	}
	return s.refused() // by another goroutine meanwhile
}

// end has nothing pass any more. It returns why the stream ended, which may be what ended it before.
func (s *enforcedStream) end(err error) error {
	if s.ServerStream.Context().Err() != nil {
		return err // the caller is gone, and the decision may have failed for that
	}
	s.cancel(ending{err})
	if before := s.refused(); before != nil {
		return before
	}
	return err
}

// refused is why the stream was ended; nil: it was not.
func (s *enforcedStream) refused() error {
	if e, ok := errors.AsType[ending](context.Cause(s.ctx)); ok {
		return e.error
	}
	return nil
}

// watch decides anew where no message has it done. A panic of the Checker or of Observe ends the stream, and not the
// process.
func (s *enforcedStream) watch() {
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("consentd enforce: a panic while a stream was decided anew", "panic", cause, "stack", string(debug.Stack()))
			_ = s.end(refusal(errors.New("panic")))
		}
	}()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(s.due()):
		}
		if s.due() <= 0 && s.again() != nil {
			return
		}
	}
}

// due is when the next decision is due: after StreamRecheck, or at valid_until, if that is still to come by this
// machine's clock.
func (s *enforcedStream) due() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.decided.Add(s.enforcer.config.StreamRecheck)
	if until := s.newest.ValidUntil; until.After(s.decided) && until.Before(due) {
		due = until
	}
	return time.Until(due)
}

// SendMsg sends a message only where the subject allows the purpose at this moment.
func (s *enforcedStream) SendMsg(m any) error {
	if err := s.again(); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}

// RecvMsg reads a message and hands it out only where its subject allows the purpose at this moment.
func (s *enforcedStream) RecvMsg(into any) error {
	if err := s.refused(); err != nil {
		return err
	}
	message, ok := into.(proto.Message)
	if !ok {
		return s.end(status.Error(codes.Internal, "the request is no protobuf message"))
	}
	if first := s.takeFirst(); first != nil {
		if err := s.again(); err != nil { // the handler may ask for it long after begin decided
			return err
		}
		return copyMessage(message, first)
	}
	received, err := s.receive()
	if err != nil {
		return err
	}
	if s.rule.field != nil {
		subject, err := s.enforcer.subject(s.ctx, s.rule, received)
		if err != nil {
			return s.end(err)
		}
		if subject != s.use.subject {
			s.enforcer.count(s.use, Failed)
			return s.end(status.Error(codes.InvalidArgument, s.rule.path+": names another subject than the messages before"))
		}
	}
	if err := s.again(); err != nil {
		return err
	}
	return copyMessage(message, received)
}

func (s *enforcedStream) takeFirst() proto.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.first
	s.first = nil
	return first
}

// receive reads the next message, for as long as the stream may go on: the handler may wait here when a withdrawal ends
// it. What is read then goes nowhere.
func (s *enforcedStream) receive() (proto.Message, error) {
	m, read, fault := s.rule.newRequest(), make(chan error, 1), make(chan any, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				fault <- p
			}
		}()
		read <- s.ServerStream.RecvMsg(m)
	}()
	select {
	case err := <-read:
		return m, err
	case p := <-fault:
		panic(p) // on the handler's goroutine, where the server may recover
	case <-s.ctx.Done():
	}
	if err := s.refused(); err != nil {
		return nil, err
	}
	select {
	case err := <-read: // the stream itself has ended, and says how
		return nil, err
	case p := <-fault:
		panic(p)
	}
}

// newRequest makes an empty request of the method, of the generated type where it is linked in.
func (r *rule) newRequest() proto.Message {
	if known, err := protoregistry.GlobalTypes.FindMessageByName(r.input.FullName()); err == nil {
		return known.New().Interface()
	}
	return dynamicpb.NewMessage(r.input)
}

// copyMessage makes into what from is; the two may be of different Go types.
func copyMessage(into, from proto.Message) error {
	proto.Reset(into)
	if sameType(into.ProtoReflect(), from.ProtoReflect()) {
		proto.Merge(into, from)
		return nil
	}
	data, err := proto.Marshal(from)
	if err == nil {
		err = proto.Unmarshal(data, into)
	}
	if err != nil {
		return status.Error(codes.Internal, "the request is not of the type that the proto file declares")
	}
	return nil
}

func sameType(a, b protoreflect.Message) bool { return a.Descriptor() == b.Descriptor() }
