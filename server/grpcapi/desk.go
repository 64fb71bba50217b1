package grpcapi

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// desk is where one call, or one worker of a stream, decides checks and encodes the answers. Its memory is used for one
// check after the other; what is behind the edge keeps nothing of a request.
type desk struct {
	service *decisionService
	// check is the request to be decided, in is its decoding, request what it comes to.
	check   consentv1.CheckRequest
	in      incoming
	request consent.Request
	// response is an encoded CheckResponse, token the token in it.
	response, token []byte
	// answer is streamed, bound once.
	answer grpc.UnaryHandler
}

func (s *decisionService) newDesk() *desk {
	d := &desk{service: s}
	d.in.message, d.answer = &d.check, d.streamed
	return d
}

// free gives a desk back, without what its last request holds.
func (d *desk) free() {
	proto.Reset(&d.check)
	d.request, d.in.fault = consent.Request{}, nil
	d.service.desks.Put(d)
}

// decide decides d.check and appends the encoded CheckResponse to data.
func (d *desk) decide(ctx context.Context, data []byte) ([]byte, error) {
	var err error
	if d.request, err = d.service.admit(&d.check); err != nil {
		return data, err
	}
	decision, err := d.service.authorizer.Check(ctx, &d.request, consistencyOf(d.check.GetConsistency()))
	if err != nil {
		return data, err
	}
	return d.write(data, d.request.Subject.Controller, &decision)
}

// write counts a decision and appends it to data as an encoded CheckResponse.
func (d *desk) write(data []byte, controller string, decision *consent.Decision) ([]byte, error) {
	d.service.metrics.decided(controller, decision)
	d.token = d.service.authorizer.AppendToken(d.token[:0], decision.StateRevision)
	return appendDecision(data, decision, d.token)
}

// respond is write into d.response.
func (d *desk) respond(controller string, decision *consent.Decision) (err error) {
	d.response, err = d.write(d.response[:0], controller, decision)
	return err
}

// streamedOutcome does with a check of a stream what a call of Check goes through, from the codec to the interceptor. The
// message is that of the outcome, and valid until the next.
func (d *desk) streamedOutcome(check *streamedCheck) (outcome protowire.Number, message []byte) {
	defer check.ctx.end()
	d.in.fault = nil
	d.response = d.response[:0] // whatever happens, the last check's is not this one's
	err := d.service.guard(&check.ctx, streamInfo.FullMethod, func() error {
		d.in.decode(check.request)
		_, err := d.service.intercept(&check.ctx, &d.check, streamInfo, d.answer)
		return err
	})
	if err != nil {
		return wire.StreamedResultError, encodedError(status.Convert(err))
	}
	return wire.StreamedResultResponse, d.response
}

// streamed is the handler of a check of a stream.
func (d *desk) streamed(ctx context.Context, _ any) (_ any, err error) {
	if d.in.fault != nil {
		return nil, d.in.fault
	}
	d.response, err = d.decide(ctx, d.response[:0])
	return nil, err
}

// streamInfo is what the interceptor is told of each check of a stream.
var streamInfo = &grpc.UnaryServerInfo{FullMethod: consentv1.DecisionService_CheckStream_FullMethodName}

// encodes are the methods whose answers are encoded by a desk, and not by gRPC.
var encodes = map[string]struct {
	// request is the message to decode into.
	request func(*desk) proto.Message
	// answer returns the encoded response.
	answer func(*desk, context.Context, any) ([]byte, error)
}{
	"Check": {
		func(d *desk) proto.Message { return &d.check },
		func(d *desk, ctx context.Context, _ any) ([]byte, error) {
			return d.decide(ctx, d.service.frames.new())
		},
	},
	"BatchCheck": {
		func(*desk) proto.Message { return &consentv1.BatchCheckRequest{} },
		func(d *desk, ctx context.Context, r any) ([]byte, error) {
			return d.batchCheck(ctx, r.(*consentv1.BatchCheckRequest))
		},
	},
	"ListPurposes": {
		func(*desk) proto.Message { return &consentv1.ListPurposesRequest{} },
		func(d *desk, ctx context.Context, r any) ([]byte, error) {
			return d.listPurposes(ctx, r.(*consentv1.ListPurposesRequest))
		},
	},
}

// describe is the description of the service in which a desk stands for the generated handlers of these methods.
func (s *decisionService) describe() *grpc.ServiceDesc {
	desc := consentv1.DecisionService_ServiceDesc
	desc.Methods = slices.Clone(desc.Methods)
	for i := range desc.Methods {
		if _, ok := encodes[desc.Methods[i].MethodName]; ok {
			desc.Methods[i].Handler = s.encoding(desc.Methods[i].MethodName)
		}
	}
	return &desc
}

// encoding is the handler of a method, made as the generated ones are, but that its answer is a frame.
func (s *decisionService) encoding(method string) grpc.MethodHandler {
	how := encodes[method]
	info := &grpc.UnaryServerInfo{Server: s, FullMethod: "/" + consentv1.DecisionService_ServiceDesc.ServiceName + "/" + method}
	return func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		d := s.desks.Get().(*desk)
		defer d.free()
		request := how.request(d)
		if err := decode(request); err != nil {
			return nil, err
		}
		return interceptor(ctx, request, info, func(ctx context.Context, request any) (any, error) {
			data, err := how.answer(d, ctx, request)
			if err != nil {
				return nil, err
			}
			return &frame{data}, nil
		})
	}
}
