package peers

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// message is a protobuf message that is being encoded.
type message []byte

func (m message) str(field protowire.Number, s string) message {
	return protowire.AppendString(protowire.AppendTag(m, field, protowire.BytesType), s)
}

func (m message) sub(field protowire.Number, sub message) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), sub)
}

// The fields of google.protobuf.Value that are used.
const (
	valueString protowire.Number = 3
	valueBool   protowire.Number = 4
)

func stringValue(s string) message { return message(nil).str(valueString, s) }

func boolValue(b bool) message {
	return protowire.AppendVarint(protowire.AppendTag(nil, valueBool, protowire.VarintType), protowire.EncodeBool(b))
}

// entry adds an entry of a map from strings to messages.
func (m message) entry(field protowire.Number, key string, value message) message {
	return m.sub(field, message(nil).str(1, key).sub(2, value))
}

// errTruncated is returned for an answer that is no message.
var errTruncated = errors.New("the answer is no protobuf message")

// fields calls visit with each field of a message; value is the content of one of bytes, number that of a varint.
func fields(m []byte, visit func(field protowire.Number, value []byte, number uint64)) error {
	for len(m) > 0 {
		field, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			return errTruncated
		}
		m = m[n:]
		var value []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(m)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(m)
		default:
			n = protowire.ConsumeFieldValue(field, kind, m)
		}
		if n < 0 {
			return errTruncated
		}
		visit(field, value, number)
		m = m[n:]
	}
	return nil
}
