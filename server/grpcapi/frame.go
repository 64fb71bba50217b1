package grpcapi

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The messages of a CheckStream are taken apart and put together here, by their wire format, and not decoded whole: the
// checks in one message are then decoded by those who decide them, in parallel, and one that cannot be decoded is one
// failed check as it would be one failed Check. A fuzz target holds that a message is taken apart as protobuf reads it.

// frame is an encoded message of a CheckStream; the codec passes it through.
type frame struct{ data []byte }

// The field numbers of the messages.
const (
	requestChecks protowire.Number = 1
	requestCancel protowire.Number = 2

	checkID      protowire.Number = 1
	checkCheck   protowire.Number = 2
	checkTimeout protowire.Number = 3

	responseResults protowire.Number = 1

	resultID       protowire.Number = 1
	resultResponse protowire.Number = 2
	resultError    protowire.Number = 3
)

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

// parseRequest takes a CheckStreamRequest apart. The checks share data's memory. ok is false if it is malformed. It stops
// at one check too many: a message of 4 MiB has room for two million that say nothing.
func parseRequest(data []byte) (checks []*streamedCheck, cancel []uint64, ok bool) {
	ok = eachField(data, func(f frameField) bool {
		switch {
		case f.number == requestChecks && f.kind == protowire.BytesType:
			c := &streamedCheck{}
			checks = append(checks, c)
			return len(checks) <= maxStreamedChecks && c.parse(f.bytes)
		case f.number == requestCancel && f.kind == protowire.VarintType:
			cancel = append(cancel, f.varint)
		case f.number == requestCancel && f.kind == protowire.BytesType:
			var packed bool
			cancel, packed = appendPacked(cancel, f.bytes)
			return packed
		}
		return true
	})
	return checks, cancel, ok || len(checks) > maxStreamedChecks
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
		case f.number == checkID && f.kind == protowire.VarintType:
			c.id = f.varint
		case f.number == checkCheck && f.kind == protowire.BytesType:
			c.request = strung(c.request, f.bytes)
		case f.number == checkTimeout && f.kind == protowire.BytesType:
			timeout = strung(timeout, f.bytes)
		}
		return true
	})
	if !ok || timeout == nil {
		return ok
	}
	var d durationpb.Duration
	if err := proto.Unmarshal(timeout, &d); err != nil {
		return false
	}
	c.timeout, c.hasTimeout = d.AsDuration(), true
	return true
}

// strung returns a and b in a row; the memory is theirs where it can be.
func strung(a, b []byte) []byte {
	if a == nil {
		return b[:len(b):len(b)]
	}
	return append(a[:len(a):len(a)], b...)
}

// appendResult appends a result, as one more of the results of a CheckStreamResponse. outcome is the field that m is the
// value of.
func appendResult(data []byte, id uint64, outcome protowire.Number, m proto.Message) ([]byte, error) {
	size := proto.Size(m)
	whole := protowire.SizeTag(resultID) + protowire.SizeVarint(id) + protowire.SizeTag(outcome) + protowire.SizeBytes(size)
	data = slices.Grow(data, whole+16)
	data = protowire.AppendTag(data, responseResults, protowire.BytesType)
	data = protowire.AppendVarint(data, uint64(whole))
	data = protowire.AppendTag(data, resultID, protowire.VarintType)
	data = protowire.AppendVarint(data, id)
	data = protowire.AppendTag(data, outcome, protowire.BytesType)
	data = protowire.AppendVarint(data, uint64(size))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(data, m)
}
