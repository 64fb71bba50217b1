package grpcapi

import (
	"cmp"
	"context"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

// answerBytes is about how long an encoded answer gets.
const answerBytes = 320

// maxBatch is how many requests a batch may have, by the proto file.
const maxBatch = 1000

// item is one request of a batch.
type item struct {
	asked
	// fault is why it is not decided.
	fault error
	// at is where it is among those that are.
	at int
}

// takeBatch takes a batch apart: its requests are decoded one by one, where nothing is remembered of them. What is not
// in the plain form is decoded and put into it. Permission is asked for each request by itself.
func (s *scratch) takeBatch(data []byte) any {
	s.in.fault, s.batch = nil, batch{data: data}
	if !s.takeItems(data) {
		s.decodeBatch(data)
	}
	return nil
}

// takeItems is takeBatch of the plain form: requests, and at most one consistency that what is remembered can meet. It
// is false for all else, and where there are too many requests, or none.
func (s *scratch) takeItems(data []byte) bool {
	s.items = s.items[:0]
	demands := false
	plain := eachField(data, func(f frameField) (ok bool) {
		switch {
		case f.kind != protowire.BytesType:
		case f.number == wire.BatchCheckRequestRequests && len(s.items) < maxBatch:
			s.addItem(f.bytes)
			return true
		case f.number == wire.BatchCheckRequestConsistency && !demands:
			demands = true
			s.batch.consistency, ok = parseConsistency(f.bytes)
		}
		return ok
	})
	return plain && len(s.items) > 0
}

// addItem adds a request. The memory of an earlier batch's is used again.
func (s *scratch) addItem(data []byte) {
	if len(s.items) < cap(s.items) {
		s.items = s.items[:len(s.items)+1]
	} else {
		s.items = append(s.items, item{})
	}
	i := &s.items[len(s.items)-1]
	*i = item{asked: asked{kind: checking, data: data, room: i.room}}
}

// decodeBatch decodes a batch as a whole. What is wrong with it is the batch's fault.
func (s *scratch) decodeBatch(data []byte) {
	var m consentv1.BatchCheckRequest
	in := incoming{message: &m}
	if in.decode(data); in.fault != nil {
		s.batch.fault = in.fault
		return
	}
	if s.batch.fault = s.service.validator.require(&m); s.batch.fault != nil {
		return
	}
	s.batch.consistency = consistencyOf(m.GetConsistency())
	s.items = s.items[:0]
	for _, r := range m.GetRequests() {
		encoded, err := proto.Marshal(r)
		if err != nil { // it was decoded
			s.batch.fault = fmt.Errorf("encoding a request of a batch: %w", err)
			return
		}
		s.addItem(encoded)
	}
}

// batch is what the items of a batch are decided by.
type batch struct {
	data        []byte
	fault       error
	consistency authz.Consistency
	// requests are those that are decided, kept what is remembered of each, nil for nothing.
	requests []consent.Request
	kept     []*authz.Kept
}

// BatchCheck decides the batch that was taken in. Those requests that are malformed, or not permitted to the caller,
// get their own errors, the others go on together.
func (s *scratch) BatchCheck(ctx context.Context) (*frame, error) {
	b := &s.batch
	defer s.dropItems()
	if b.fault != nil {
		return nil, b.fault
	}
	if err := s.service.limits.Spend(ctx, len(s.items)-1); err != nil {
		return nil, err
	}
	footing := s.service.footing()
	b.requests, b.kept = make([]consent.Request, 0, len(s.items)), make([]*authz.Kept, 0, len(s.items))
	asking := s.service.asking(ctx, caller.Check)
	for i := range s.items {
		item := &s.items[i]
		if item.fault = s.prepare(asking, item); item.fault == nil {
			item.at = len(b.requests) - 1
		}
		if s.in.fault != nil { // as part of the batch it has another path
			s.decodeBatch(b.data)
			return nil, cmp.Or(b.fault, item.fault)
		}
	}
	results, err := s.service.authorizer.BatchCheck(ctx, b.requests, b.kept, b.consistency)
	if err != nil {
		return nil, err
	}
	answer := frame(s.batchAnswer(ctx, footing, results))
	return &answer, nil
}

// dropItems lets go of what a batch's items hold, but for memory.
func (s *scratch) dropItems() {
	for i := range s.items {
		s.items[i] = item{asked: asked{room: s.items[i].room}}
	}
	s.batch = batch{}
}

// prepare adds an item to those that are decided, with its request: what is remembered may count no more when all are
// there.
func (s *scratch) prepare(asking asking, i *item) error {
	s.service.answers.look(&i.asked)
	if i.found != nil && i.consistency == (authz.Consistency{}) && len(i.key) == len(i.data) {
		if err := askedCheck(asking, i.found); err != nil {
			return err
		}
		s.batch.requests, s.batch.kept = append(s.batch.requests, i.found.kept.Request), append(s.batch.kept, &i.found.kept)
		return nil
	}
	i.found = nil
	if s.in.decode(i.data); s.in.fault != nil {
		return s.in.fault
	}
	if err := check(asking, &s.check); err != nil {
		return err
	}
	request, err := s.service.convertItem(&s.check)
	if err != nil {
		return err
	}
	s.batch.requests, s.batch.kept = append(s.batch.requests, request), append(s.batch.kept, nil)
	return nil
}

// convertItem is convert for an item of a batch, whose freshness is the batch's.
func (s *decisionService) convertItem(r *consentv1.CheckRequest) (consent.Request, error) {
	if r.GetConsistency() != nil {
		return consent.Request{}, invalid([]consent.Violation{{
			Field: "consistency", Description: "must be absent in a batch, which has one consistency for all its requests",
		}})
	}
	return s.convert(r)
}

// batchAnswer encodes the answer to a batch.
func (s *scratch) batchAnswer(ctx context.Context, footing authz.Footing, results []authz.Result) []byte {
	data := make([]byte, 0, len(s.items)*answerBytes)
	for i := range s.items {
		item := &s.items[i]
		fault := item.fault
		if fault == nil {
			fault = s.result(ctx, footing, item, &results[item.at])
		}
		if fault == nil {
			data = appendBatched(data, wire.BatchCheckResultResponse, s.response)
		} else {
			refused := s.service.errors.refuse(ctx, consentv1.DecisionService_BatchCheck_FullMethodName, fault)
			data = appendBatched(data, wire.BatchCheckResultError, encodedError(refused))
		}
	}
	return data
}

// result encodes the decision of an item into s.response, or returns why there is none.
func (s *scratch) result(ctx context.Context, footing authz.Footing, i *item, r *authz.Result) error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Again:
		i.found.Use()
		s.service.answers.counted(i.hash).hits.Add(1)
		s.decision = r.Decision
		s.response = s.give(ctx, s.response[:0], i.found, &i.found.kept.Parts[0], &i.found.given[0])
		return nil
	}
	s.service.answers.missed(&i.asked)
	request := &s.batch.requests[i.at]
	if s.service.answers.takes(&i.asked) {
		s.remember(footing, &i.asked, request, []authz.PurposeDecision{{Purpose: request.Purpose, Decision: r.Decision}})
	}
	s.service.tell(ctx, request, &r.Decision)
	return s.respond(&r.Decision)
}

// checkError converts the status that Check would have returned.
func checkError(s *status.Status) *consentv1.CheckError {
	e := &consentv1.CheckError{Code: int32(s.Code()), Message: s.Message()}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.BadRequest:
			for _, v := range detail.GetFieldViolations() {
				e.FieldViolations = append(e.FieldViolations,
					&consentv1.FieldViolation{Field: v.GetField(), Description: v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.RetryDelay = detail.GetRetryDelay()
		}
	}
	return e
}
