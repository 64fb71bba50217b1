package grpcapi

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// scratch is the memory in which a call, or a worker of a stream, decides checks and encodes the answers. It is used
// for one check after the other; what is behind the edge keeps nothing of a request.
type scratch struct {
	service *decisionService
	// raw is the memory of a unary call's request, asked what it is.
	raw   encoded
	asked asked
	// check is the request to be decided, in is its decoding, request what it comes to.
	check   consentv1.CheckRequest
	in      incoming
	request consent.Request
	// batch and items are what a BatchCheck asks for.
	batch batch
	items []item
	// list is what a ListPurposes asks for.
	list *consentv1.ListPurposesRequest
	// repetition and decision are of an answer that was remembered.
	repetition authz.Repetition
	decision   consent.Decision
	// response is an encoded CheckResponse, token the token in it.
	response, token []byte
	// method answers a unary call, unary is answerUnary, streamed is checkStreamed, each bound once.
	method          func(*scratch, context.Context) (*frame, error)
	unary, streamed grpc.UnaryHandler
}

func (s *decisionService) newScratch() *scratch {
	own := &scratch{service: s}
	own.in.message, own.streamed, own.unary = &own.check, own.checkStreamed, own.answerUnary
	return own
}

// maxScratchBytes is how large a request may be whose memory is kept for the next.
const maxScratchBytes = 64 << 10

// free gives a scratch back, without what its last request holds.
func (s *scratch) free() {
	proto.Reset(&s.check)
	s.request, s.in.fault = consent.Request{}, nil
	s.asked.data, s.asked.key, s.asked.found, s.list = nil, nil, nil, nil
	s.repetition, s.decision = authz.Repetition{}, consent.Decision{}
	if cap(s.raw.data) > maxScratchBytes {
		s.raw.data = nil
	}
	s.service.scratches.Put(s)
}
