package client

import (
	"hash/maphash"
	"math"
	"math/bits"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// The key of a decision is its request, all of it but consistency, which lookup judges by itself. It is never encoded:
// hash reads the request in place, and sameRequest compares field by field. A test goes through the fields of the
// message, so that a new one cannot be forgotten.

// keyNames is what every request has. The runtime hashes a struct of strings in half the time that it takes for each by
// itself.
type keyNames struct{ controller, subject, purpose string }

// hash returns the same for requests that sameRequest calls the same.
func (n *nearCache) hash(r *consentv1.CheckRequest) uint64 {
	h := keyHash{seed: n.seed, sum: maphash.Comparable(n.seed, keyNames{r.GetController(), r.GetSubjectId(), r.GetPurpose()})}
	for _, category := range r.GetDataCategories() {
		h.string(category)
	}
	if to := r.GetRecipient(); to != nil {
		h.number(uint64(to.GetKind()))
		h.string(to.GetId())
		h.string(to.GetCountry())
	}
	if len(r.GetContext().GetFields()) > 0 {
		h.object(r.GetContext())
	}
	return h.sum
}

// keyHash mixes hashes of parts, each with the place that it comes at.
type keyHash struct {
	seed maphash.Seed
	sum  uint64
}

func (h *keyHash) number(v uint64) {
	high, low := bits.Mul64(h.sum^0x9e3779b97f4a7c15, v^0xd6e8feb86659fd93)
	h.sum = bits.RotateLeft64(h.sum, 29) ^ high ^ low
}

func (h *keyHash) string(s string) { h.number(maphash.String(h.seed, s)) }

// object adds the fields up, because a map has no order.
func (h *keyHash) object(s *structpb.Struct) {
	var sum uint64
	for key, value := range s.GetFields() {
		field := keyHash{seed: h.seed}
		field.string(key)
		field.value(value)
		sum += field.sum
	}
	h.number(sum)
}

func (h *keyHash) value(v *structpb.Value) {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_BoolValue:
		h.string("bool")
		if kind.BoolValue {
			h.number(1)
		}
	case *structpb.Value_NumberValue:
		h.number(math.Float64bits(kind.NumberValue))
	case *structpb.Value_StringValue:
		h.string(kind.StringValue)
	case *structpb.Value_StructValue:
		h.object(kind.StructValue)
	case *structpb.Value_ListValue:
		for _, item := range kind.ListValue.GetValues() {
			h.value(item)
		}
	}
}

// sameRequest reports whether two requests are the same but for their consistency. It may say false where they mean the
// same, never true where they do not.
func sameRequest(a, b *consentv1.CheckRequest) bool {
	return a.GetSubjectId() == b.GetSubjectId() && a.GetPurpose() == b.GetPurpose() && a.GetController() == b.GetController() &&
		slices.Equal(a.GetDataCategories(), b.GetDataCategories()) && sameRecipient(a.GetRecipient(), b.GetRecipient()) &&
		sameObject(a.GetContext(), b.GetContext()) && !b.HasUnknown()
}

func sameRecipient(a, b *consentv1.Recipient) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.GetKind() == b.GetKind() && a.GetId() == b.GetId() && a.GetCountry() == b.GetCountry()
}

func sameObject(a, b *structpb.Struct) bool {
	if a == nil || b == nil {
		return a == b
	}
	if len(a.GetFields()) != len(b.GetFields()) {
		return false
	}
	for key, value := range a.GetFields() {
		other, has := b.GetFields()[key]
		if !has || !sameValue(value, other) {
			return false
		}
	}
	return true
}

func sameValue(a, b *structpb.Value) bool {
	switch kind := a.GetKind().(type) {
	case *structpb.Value_NullValue:
		_, same := b.GetKind().(*structpb.Value_NullValue)
		return same
	case *structpb.Value_BoolValue:
		other, same := b.GetKind().(*structpb.Value_BoolValue)
		return same && other.BoolValue == kind.BoolValue
	case *structpb.Value_NumberValue:
		other, same := b.GetKind().(*structpb.Value_NumberValue)
		return same && math.Float64bits(other.NumberValue) == math.Float64bits(kind.NumberValue)
	case *structpb.Value_StringValue:
		other, same := b.GetKind().(*structpb.Value_StringValue)
		return same && other.StringValue == kind.StringValue
	case *structpb.Value_StructValue:
		other, same := b.GetKind().(*structpb.Value_StructValue)
		return same && sameObject(kind.StructValue, other.StructValue)
	case *structpb.Value_ListValue:
		other, same := b.GetKind().(*structpb.Value_ListValue)
		return same && slices.EqualFunc(kind.ListValue.GetValues(), other.ListValue.GetValues(), sameValue)
	}
	return false
}
