package grpcapi

import (
	"sync"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// The messages of a CheckStream are taken apart and put together here, by their wire format, and not decoded whole: the
// checks in one message are then decoded by those who decide them, in parallel, and one that cannot be decoded is one
// failed check as it would be one failed Check. A fuzz target holds that a message is taken apart as protobuf reads it.

// frame is an encoded message; the codec passes it through. One of a pool goes back there, itself, when it was sent.
type frame []byte

// frameBytes is the size of a new frame: with gRPC's five bytes before it, one frame of HTTP/2.
const frameBytes = 16<<10 - 5

// singleBytes is the size of a frame for one answer: a client that reads nothing holds one for each of its calls. It is
// above that from which on gRPC gives memory back; at that, each call made 1 KiB of garbage.
const singleBytes = 1<<10 + 128

// framePool keeps the memory of frames that were sent. It is safe for concurrent use; its zero value is ready.
type framePool struct{ free, singles sync.Pool }

// new returns an empty frame for many answers.
func (p *framePool) new() *frame { return empty(&p.free, frameBytes) }

// single returns an empty frame for one.
func (p *framePool) single() *frame { return empty(&p.singles, singleBytes) }

func empty(pool *sync.Pool, size int) *frame {
	if f, ok := pool.Get().(*frame); ok {
		*f = (*f)[:0]
		return f
	}
	f := make(frame, 0, size)
	return &f
}

// Get implements mem.BufferPool; gRPC does not call it.
func (p *framePool) Get(length int) *[]byte {
	data := make([]byte, length)
	return &data
}

// Put implements mem.BufferPool. What grew is left to the garbage collector.
func (p *framePool) Put(data *[]byte) {
	switch c := cap(*data); {
	case c >= frameBytes && c <= 2*frameBytes:
		p.free.Put((*frame)(data))
	case c >= singleBytes && c <= 2*singleBytes:
		p.singles.Put((*frame)(data))
	}
}

// frameField is one field of a message as it lies on the wire.
type frameField struct {
	number protowire.Number
	kind   protowire.Type
	// varint is the value of a varint, bytes that of a length-delimited field.
	varint uint64
	bytes  []byte
}

// eachField calls f for every field in data. It reports whether data is well-formed and f always returned true.
func eachField(data []byte, f func(frameField) bool) bool {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 || number > protowire.MaxValidNumber {
			return false
		}
		data = data[n:]
		field := frameField{number: number, kind: kind}
		switch kind {
		case protowire.VarintType:
			field.varint, n = protowire.ConsumeVarint(data)
		case protowire.BytesType:
			field.bytes, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 || !f(field) {
			return false
		}
		data = data[n:]
	}
	return true
}

// parseRequest takes a CheckStreamRequest apart. The checks share data's memory. ok is false if it is malformed. It
// stops at one check too many: a message of 4 MiB has room for two million that say nothing.
func parseRequest(data []byte) (checks []streamedCheck, cancel []uint64, ok bool) {
	checks = make([]streamedCheck, 0, countChecks(data))
	ok = eachField(data, func(f frameField) bool {
		switch {
		case f.number == wire.CheckStreamRequestChecks && f.kind == protowire.BytesType:
			if len(checks) == cap(checks) {
				return false // one too many
			}
			checks = checks[:len(checks)+1]
			return len(checks) <= wire.MaxStreamedChecks && checks[len(checks)-1].parse(f.bytes)
		case f.number == wire.CheckStreamRequestCancel && f.kind == protowire.VarintType:
			cancel = append(cancel, f.varint)
		case f.number == wire.CheckStreamRequestCancel && f.kind == protowire.BytesType:
			var packed bool
			cancel, packed = appendPacked(cancel, f.bytes)
			return packed
		}
		return true
	})
	return checks, cancel, ok || len(checks) > wire.MaxStreamedChecks
}

// countChecks is how many checks a message has, up to one too many.
func countChecks(data []byte) (n int) {
	eachField(data, func(f frameField) bool {
		if f.number == wire.CheckStreamRequestChecks && f.kind == protowire.BytesType {
			n++
		}
		return n <= wire.MaxStreamedChecks
	})
	return n
}

func appendPacked(ids []uint64, data []byte) ([]uint64, bool) {
	for len(data) > 0 {
		id, n := protowire.ConsumeVarint(data)
		if n < 0 {
			return ids, false
		}
		ids, data = append(ids, id), data[n:]
	}
	return ids, true
}

// parse takes a StreamedCheck apart. What protobuf merges, because it comes twice, is merged by stringing it together.
func (c *streamedCheck) parse(data []byte) bool {
	var timeout []byte
	ok := eachField(data, func(f frameField) bool {
		switch {
		case f.number == wire.StreamedCheckID && f.kind == protowire.VarintType:
			c.id = f.varint
		case f.number == wire.StreamedCheckCheck && f.kind == protowire.BytesType:
			c.request = strung(c.request, f.bytes)
		case f.number == wire.StreamedCheckTimeout && f.kind == protowire.BytesType:
			timeout = strung(timeout, f.bytes)
		}
		return true
	})
	if !ok || timeout == nil {
		return ok
	}
	var d durationpb.Duration
	ok = eachField(timeout, func(f frameField) bool {
		switch {
		case f.number == wire.DurationSeconds && f.kind == protowire.VarintType:
			d.Seconds = int64(f.varint)
		case f.number == wire.DurationNanos && f.kind == protowire.VarintType:
			d.Nanos = int32(f.varint)
		}
		return true
	})
	c.timeout, c.hasTimeout = d.AsDuration(), true
	return ok
}

// strung returns a and b in a row; the memory is theirs where it can be.
func strung(a, b []byte) []byte {
	if a == nil {
		return b[:len(b):len(b)]
	}
	return append(a[:len(a):len(a)], b...)
}

// resultOverhead is the most that appendResult adds to a message.
const resultOverhead = 32

// appendResult appends a result, as one more of the results of a CheckStreamResponse. outcome is the field that message
// is the value of.
func appendResult(data []byte, id uint64, outcome protowire.Number, message []byte) []byte {
	head := protowire.SizeTag(wire.StreamedResultID) + protowire.SizeVarint(id)
	data = appendHead(data, wire.CheckStreamResponseResults, head+protowire.SizeTag(outcome)+protowire.SizeBytes(len(message)))
	data = protowire.AppendVarint(protowire.AppendTag(data, wire.StreamedResultID, protowire.VarintType), id)
	return appendMessage(data, outcome, message)
}

// appendBatched appends a result, as one more of the results of a BatchCheckResponse.
func appendBatched(data []byte, outcome protowire.Number, message []byte) []byte {
	data = appendHead(data, wire.BatchCheckResponseResults, protowire.SizeTag(outcome)+protowire.SizeBytes(len(message)))
	return appendMessage(data, outcome, message)
}

// appendPurpose appends a decision, as one more of those of a ListPurposesResponse.
func appendPurpose(data []byte, purpose string, response []byte) []byte {
	name := textSize(wire.PurposeDecisionPurpose, purpose)
	size := name + protowire.SizeTag(wire.PurposeDecisionResponse) + protowire.SizeBytes(len(response))
	data = appendHead(data, wire.ListPurposesResponsePurposes, size)
	w := encoder{data: data}
	w.text(wire.PurposeDecisionPurpose, purpose)
	return appendMessage(w.data, wire.PurposeDecisionResponse, response)
}

// appendHead begins a message of this size within the message.
func appendHead(data []byte, number protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(data, number, protowire.BytesType), uint64(size))
}

func appendMessage(data []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(data, number, protowire.BytesType), message)
}

// encodedError is the CheckError of a status.
func encodedError(s *status.Status) []byte {
	data, _ := proto.Marshal(checkError(s)) // its strings are ours
	return data
}
