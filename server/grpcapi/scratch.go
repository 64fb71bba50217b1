package grpcapi

import (
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
)

// scratch is the memory in which a call, or a worker of a stream, decides checks and encodes the answers. It is used
// for one check after the other; what is behind the edge keeps nothing of a request.
type scratch struct {
	service *decisionService
	// check is the request to be decided, in is its decoding, request what it comes to.
	check   consentv1.CheckRequest
	in      incoming
	request consent.Request
	// response is an encoded CheckResponse, token the token in it.
	response, token []byte
	// streamed is checkStreamed, bound once.
	streamed grpc.UnaryHandler
}

func (s *decisionService) newScratch() *scratch {
	own := &scratch{service: s}
	own.in.message, own.streamed = &own.check, own.checkStreamed
	return own
}

// free gives a scratch back, without what its last request holds.
func (s *scratch) free() {
	proto.Reset(&s.check)
	s.request, s.in.fault = consent.Request{}, nil
	s.service.scratches.Put(s)
}
