package client

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // the codec that frames is
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// The messages of a CheckStream are put together and taken apart here, by their wire format: each caller encodes its
// own check and decodes its own outcome, so the one goroutine that sends and the one that receives do neither, and a
// request that cannot be encoded is its caller's error alone.

// frame is an encoded message of a CheckStream. Its memory is gRPC's: one that is sent is taken from there by newFrame
// and given back by gRPC, one that was received must be freed.
type frame struct {
	memory *[]byte    // of one to be sent; data is its content
	buffer mem.Buffer // of one received
	data   []byte
}

// newFrame returns an empty frame with room for size bytes.
func newFrame(size int) *frame {
	memory := mem.DefaultBufferPool().Get(size)
	return &frame{memory: memory, data: (*memory)[:0]}
}

// free lets go of a received frame's data.
func (f *frame) free() {
	if f.buffer != nil {
		f.buffer.Free()
	}
	f.buffer, f.data = nil, nil
}

// frames is the standard codec, but for frames.
type frames struct{ encoding.CodecV2 }

func newFrames() frames { return frames{encoding.GetCodecV2("proto")} }

// Marshal hands a frame's data on.
func (c frames) Marshal(v any) (mem.BufferSlice, error) {
	if f, ok := v.(*frame); ok {
		*f.memory = f.data // which may have grown
		return mem.BufferSlice{mem.NewBuffer(f.memory, mem.DefaultBufferPool())}, nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal has a frame share the data.
func (c frames) Unmarshal(data mem.BufferSlice, v any) error {
	if f, ok := v.(*frame); ok {
		f.buffer = data.MaterializeToBuffer(mem.DefaultBufferPool())
		f.data = f.buffer.ReadOnlyData()
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}

// appendRequest appends an encoded StreamedCheck without its id.
func appendRequest(data []byte, request *consentv1.CheckRequest, timeout time.Duration) ([]byte, error) {
	options := proto.MarshalOptions{UseCachedSize: true}
	size := proto.Size(request)
	data = slices.Grow(data, size+maxOverhead)
	data = protowire.AppendTag(data, wire.StreamedCheckCheck, protowire.BytesType)
	data = protowire.AppendVarint(data, uint64(size))
	data, err := options.MarshalAppend(data, request)
	if err != nil {
		return data, err
	}
	seconds, nanos := uint64(timeout/time.Second), uint64(timeout%time.Second)
	data = protowire.AppendTag(data, wire.StreamedCheckTimeout, protowire.BytesType)
	data = append(data, byte(2+protowire.SizeVarint(seconds)+protowire.SizeVarint(nanos))) // at most 22
	data = protowire.AppendVarint(protowire.AppendTag(data, wire.DurationSeconds, protowire.VarintType), seconds)
	return protowire.AppendVarint(protowire.AppendTag(data, wire.DurationNanos, protowire.VarintType), nanos), nil
}

// maxOverhead is the most that appendRequest and appendCheck add to a request.
const maxOverhead = 56

// appendCheck appends an encoded check, with its id, to a CheckStreamRequest.
func appendCheck(data []byte, id uint64, check []byte) []byte {
	size := protowire.SizeTag(wire.StreamedCheckID) + protowire.SizeVarint(id) + len(check)
	data = protowire.AppendTag(data, wire.CheckStreamRequestChecks, protowire.BytesType)
	data = protowire.AppendVarint(data, uint64(size))
	data = protowire.AppendTag(data, wire.StreamedCheckID, protowire.VarintType)
	data = protowire.AppendVarint(data, id)
	return append(data, check...)
}

// appendCancel appends the id of a check that is no longer wanted to a CheckStreamRequest.
func appendCancel(data []byte, id uint64) []byte {
	data = protowire.AppendTag(data, wire.CheckStreamRequestCancel, protowire.VarintType)
	return protowire.AppendVarint(data, id)
}

var errGarbage = errors.New("the server sent a malformed message")

// eachResult calls f with the id and the encoded StreamedResult of each result in a CheckStreamResponse. What f is
// given shares data's memory. Nothing of a malformed message but what came before the fault is handed on.
func eachResult(data []byte, f func(id uint64, result []byte)) (draining bool, err error) {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return draining, errGarbage
		}
		data = data[n:]
		if n = protowire.ConsumeFieldValue(number, kind, data); n < 0 {
			return draining, errGarbage
		}
		switch {
		case number == wire.CheckStreamResponseResults && kind == protowire.BytesType:
			result, _ := protowire.ConsumeBytes(data)
			id, err := idOf(result)
			if err != nil {
				return draining, err
			}
			f(id, result)
		case number == wire.CheckStreamResponseDraining && kind == protowire.VarintType:
			value, _ := protowire.ConsumeVarint(data)
			draining = value != 0
		}
		data = data[n:]
	}
	return draining, nil
}

// idOf reads the id of an encoded StreamedResult.
func idOf(result []byte) (id uint64, err error) {
	for len(result) > 0 {
		number, kind, n := protowire.ConsumeTag(result)
		if n < 0 {
			return 0, errGarbage
		}
		result = result[n:]
		if number == wire.StreamedResultID && kind == protowire.VarintType {
			id, n = protowire.ConsumeVarint(result)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, result)
		}
		if n < 0 {
			return 0, errGarbage
		}
		result = result[n:]
	}
	return id, nil
}

// decodeResult decodes one result: a response or an error, never both.
func decodeResult(data []byte, t *texts) (*consentv1.CheckResponse, error) {
	if response, ok := plainResult(data, t); ok {
		return response, nil
	}
	var result consentv1.StreamedResult
	if err := proto.Unmarshal(data, &result); err != nil {
		return nil, internalError("the server sent a result that cannot be decoded")
	}
	switch outcome := result.GetOutcome().(type) {
	case *consentv1.StreamedResult_Response:
		return outcome.Response, nil
	case *consentv1.StreamedResult_Error:
		return nil, checkError(outcome.Error)
	default:
		return nil, internalError(fmt.Sprintf("the server sent an outcome of unknown kind %T", outcome))
	}
}
