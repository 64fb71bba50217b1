package client

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// A plain result, which nearly every one is, is decoded here: an id and a response, each field at most once where it is
// single, none that this client does not know. Strings that come again and again are kept, the message is used again,
// and the first reason and obligation share memory: 3 allocations of 256 bytes, where protobuf makes 11 of 595.
// Whatever is not plain, or not well-formed, is left to protobuf. A fuzz target holds that both read the same.

// cursor reads an encoded message, field by field.
type cursor struct {
	rest []byte
	// number and kind are those of the field read last; a varint has a number, what has a length a content.
	number  protowire.Number
	kind    protowire.Type
	varint  uint64
	content []byte
}

// next reads a field. It is false for one that is neither varint nor length-delimited, whose number is above 15, which
// no field of these messages has, or that is malformed.
func (c *cursor) next() bool {
	tag := c.rest[0]
	c.number, c.kind = protowire.Number(tag>>3), protowire.Type(tag&7)
	v, n := varint(c.rest[1:])
	if tag >= 0x80 || n == 0 {
		return false
	}
	rest := c.rest[1+n:]
	switch c.kind {
	case protowire.VarintType:
		c.varint = v
	case protowire.BytesType:
		if v > uint64(len(rest)) {
			return false
		}
		c.content, rest = rest[:v], rest[v:]
	default:
		return false
	}
	c.rest = rest
	return c.number > 0
}

// varint reads a varint; n is its length, 0 if it is malformed.
func varint(data []byte) (v uint64, n int) {
	for n < len(data) && n < 10 {
		b := data[n]
		v |= uint64(b&0x7f) << (7 * n)
		if n++; b < 0x80 {
			if n == 10 && b > 1 {
				return 0, 0
			}
			return v, n
		}
	}
	return 0, 0
}

// is reports whether the field is this one.
func (c *cursor) is(number protowire.Number, kind protowire.Type) bool {
	return c.number == number && c.kind == kind
}

// responses are empty.
var responses = sync.Pool{New: func() any { return &consentv1.CheckResponse{} }}

// recycle takes back a response that nobody uses any more; what it held may be in use.
func recycle(r *consentv1.CheckResponse) {
	*r = consentv1.CheckResponse{}
	responses.Put(r)
}

// parts are what most responses hold.
type parts struct {
	reason      consentv1.Reason
	reasons     [1]*consentv1.Reason
	obligation  consentv1.Obligation
	obligations [1]*consentv1.Obligation
}

// decoder decodes one response.
type decoder struct {
	response *consentv1.CheckResponse
	parts    *parts
	texts    *texts
}

// plainResult decodes a result that is an id and a response, in this order.
func plainResult(data []byte, t *texts) (*consentv1.CheckResponse, bool) {
	c := cursor{rest: data}
	if len(c.rest) == 0 || !c.next() || !c.is(wire.StreamedResultID, protowire.VarintType) {
		return nil, false
	}
	if len(c.rest) == 0 || !c.next() || !c.is(wire.StreamedResultResponse, protowire.BytesType) || len(c.rest) > 0 {
		return nil, false
	}
	d := decoder{responses.Get().(*consentv1.CheckResponse), &parts{}, t}
	for c = (cursor{rest: c.content}); len(c.rest) > 0; {
		if !c.next() || !d.field(&c) {
			recycle(d.response)
			return nil, false
		}
	}
	return d.response, true
}

// field takes the field that c has read.
func (d *decoder) field(c *cursor) bool {
	r := d.response
	switch c.number {
	case wire.CheckResponseDecision:
		r.Decision = consentv1.Decision(c.varint)
		return c.kind == protowire.VarintType
	case wire.CheckResponseLegalBasis:
		r.LegalBasis = consentv1.LegalBasis(c.varint)
		return c.kind == protowire.VarintType
	case wire.CheckResponseConsistencyToken:
		return d.text(c, &r.ConsistencyToken)
	case wire.CheckResponsePolicyRevision:
		return d.text(c, &r.PolicyRevision)
	case wire.CheckResponseDecisionID:
		r.DecisionId = string(c.content)
		return c.kind == protowire.BytesType && utf8.ValidString(r.DecisionId)
	case wire.CheckResponsePermittedDataCategories:
		var category string
		ok := d.text(c, &category)
		r.PermittedDataCategories = append(r.PermittedDataCategories, category)
		return ok
	case wire.CheckResponseDegraded:
		r.Degraded = consentv1.Degradation(c.varint)
		return c.kind == protowire.VarintType
	}
	return c.kind == protowire.BytesType && d.message(c)
}

// text sets *s to the field's value; false if it is no string or not UTF-8.
func (d *decoder) text(c *cursor, s *string) (ok bool) {
	if c.kind != protowire.BytesType {
		return false
	}
	*s, ok = d.texts.string(c.content)
	return ok
}

// message takes the message that c has read.
func (d *decoder) message(c *cursor) bool {
	r := d.response
	switch c.number {
	case wire.CheckResponseReasons:
		reason := &d.parts.reason
		if r.Reasons == nil {
			r.Reasons = d.parts.reasons[:0]
		} else {
			reason = &consentv1.Reason{}
		}
		r.Reasons = append(r.Reasons, reason)
		return d.reason(reason, c.content)
	case wire.CheckResponseObligations:
		obligation := &d.parts.obligation
		if r.Obligations == nil {
			r.Obligations = d.parts.obligations[:0]
		} else {
			obligation = &consentv1.Obligation{}
		}
		r.Obligations = append(r.Obligations, obligation)
		return plainObligation(obligation, c.content)
	case wire.CheckResponseValidUntil:
		if r.ValidUntil != nil {
			return false // protobuf merges them
		}
		r.ValidUntil = &timestamppb.Timestamp{}
		return plainTimestamp(r.ValidUntil, c.content)
	}
	return false
}

func (d *decoder) reason(r *consentv1.Reason, data []byte) bool {
	for c := (cursor{rest: data}); len(c.rest) > 0; {
		ok := c.next()
		switch {
		case ok && c.is(wire.ReasonCode, protowire.VarintType):
			r.Code = consentv1.ReasonCode(c.varint)
		case ok && c.number == wire.ReasonClause && d.text(&c, &r.Clause):
		case ok && c.number == wire.ReasonMessage && d.text(&c, &r.Message):
		default:
			return false
		}
	}
	return true
}

func plainObligation(o *consentv1.Obligation, data []byte) bool {
	for c := (cursor{rest: data}); len(c.rest) > 0; {
		ok := c.next()
		switch {
		case ok && c.is(wire.ObligationCode, protowire.VarintType):
			o.Code = consentv1.ObligationCode(c.varint)
		case ok && c.is(wire.ObligationParameters, protowire.BytesType) && o.Parameters == nil:
			o.Parameters = &structpb.Struct{}
			if proto.Unmarshal(c.content, o.Parameters) != nil {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func plainTimestamp(t *timestamppb.Timestamp, data []byte) bool {
	for c := (cursor{rest: data}); len(c.rest) > 0; {
		ok := c.next()
		switch {
		case ok && c.is(wire.TimestampSeconds, protowire.VarintType):
			t.Seconds = int64(c.varint)
		case ok && c.is(wire.TimestampNanos, protowire.VarintType):
			t.Nanos = int32(c.varint)
		default:
			return false
		}
	}
	return true
}

// texts keeps strings that answers have in common, such as messages, clauses, tokens and the policies' revision: one
// for each of its places, the last. It is safe for concurrent use, and its zero value is ready.
type texts struct {
	places [64]atomic.Pointer[string]
}

// longestText is the length in bytes up to which a string is kept.
const longestText = 128

// string returns data as a string; false if it is not UTF-8.
func (t *texts) string(data []byte) (string, bool) {
	n := len(data)
	if n == 0 || n > longestText {
		return string(data), utf8.Valid(data)
	}
	place := &t.places[textPlace(data)]
	if kept := place.Load(); kept != nil && *kept == string(data) {
		return *kept, true
	}
	s := string(data)
	if !utf8.ValidString(s) {
		return "", false
	}
	place.Store(&s)
	return s, true
}

// textPlace hashes what is in the middle of a string: beginnings and ends are much alike.
func textPlace(data []byte) int {
	var middle [8]byte
	copy(middle[:], data[len(data)/2:])
	return int((binary.LittleEndian.Uint64(middle[:]) ^ uint64(len(data))) * 0x9e3779b97f4a7c15 >> 58)
}
