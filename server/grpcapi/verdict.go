package grpcapi

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// verdict is what decisions about many subjects have in common: all but ValidUntil, StateRevision and ID. Immutable.
type verdict struct {
	decision consent.Decision
	// head and tail are the fields of an encoded CheckResponse before and after those of one subject.
	head, tail []byte
}

// verdicts has one of each verdict, where it can: what one policy says of 100,000 subjects is a few dozen verdicts. One
// that was pushed out lives as long as an answer has it. The zero value is ready for use.
type verdicts struct {
	slots [1024]atomic.Pointer[verdict]
}

// verdictSeed is that of the hash of verdicts.
var verdictSeed = maphash.MakeSeed()

// of returns the verdict of a decision, and how many bytes it takes that no other answer pays for; nil for one that
// cannot be encoded.
func (v *verdicts) of(d *consent.Decision) (_ *verdict, own int) {
	var w encoder
	w.verdict(d)
	end := len(w.data)
	w.text(wire.CheckResponsePolicyRevision, d.PolicyRevision)
	if w.fault != nil {
		return nil, 0
	}
	head, tail := w.data[:end], w.data[end:]
	slot := &v.slots[maphash.Bytes(verdictSeed, w.data)%uint64(len(v.slots))]
	if old := slot.Load(); old != nil && bytes.Equal(old.head, head) && bytes.Equal(old.tail, tail) {
		return old, 0
	}
	fresh := &verdict{decision: sharedDecision(d), head: bytes.Clone(head), tail: bytes.Clone(tail)}
	slot.Store(fresh)
	return fresh, verdictFactor*len(w.data) + int(unsafe.Sizeof(verdict{}))
}

// verdictFactor is how much more than encoded a verdict takes: once encoded, and once with its strings and slices.
const verdictFactor = 3

// sharedDecision is what a verdict has of a decision, in memory of its own.
func sharedDecision(d *consent.Decision) consent.Decision {
	own := *d
	own.ValidUntil, own.StateRevision, own.ID = 0, 0, ""
	own.PolicyRevision = strings.Clone(d.PolicyRevision)
	own.Reasons, own.Obligations = slices.Clone(d.Reasons), slices.Clone(d.Obligations)
	for i := range own.Reasons {
		own.Reasons[i].Clause = strings.Clone(own.Reasons[i].Clause)
	}
	for i := range own.Obligations {
		p := &own.Obligations[i].Parameters
		p.Country, p.Categories, p.Signal = strings.Clone(p.Country), cloneAll(p.Categories), strings.Clone(p.Signal)
	}
	own.PermittedDataCategories = cloneAll(d.PermittedDataCategories)
	return own
}

func cloneAll(texts []string) []string {
	own := slices.Clone(texts)
	for i := range own {
		own[i] = strings.Clone(own[i])
	}
	return own
}

// again appends a decision that shares this verdict, as appendDecision does.
func (v *verdict) again(data []byte, d *consent.Decision, token []byte) []byte {
	w := encoder{data: append(data, v.head...)}
	w.instant(wire.CheckResponseValidUntil, d.ValidUntil)
	w.data = append(appendMessage(w.data, wire.CheckResponseConsistencyToken, token), v.tail...)
	return protowire.AppendString(protowire.AppendTag(w.data, wire.CheckResponseDecisionID, protowire.BytesType), d.ID)
}
