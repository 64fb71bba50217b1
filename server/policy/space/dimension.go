package space

import (
	"fmt"
	"slices"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/law"
)

// dimension is something about a person or a request that the rules can tell apart, with the values that it can
// have. Value
// 0 is the plain one: nothing recorded, nothing said.
type dimension struct {
	name   string
	values []value
	// from are, for each value, the places of those that it names.
	from [][]uint8
	kind kind
	// opposes says that the restricting events of its values are the subject's word against a processing, which ends a
	// permission by itself and at once.
	opposes bool
}

// kind says what the values of a dimension are about.
type kind uint8

const (
	// ofRequest: they are of the request.
	ofRequest kind = iota
	// ofSubject: they are facts of the subject.
	ofSubject
	// ofConsent: they are consents of the subject, which are folded together.
	ofConsent
	// ofProfile: they are of the subject's profile, which an erasure that is completed ends.
	ofProfile
)

// value is one value of a dimension. All times are relative to now.
type value struct {
	// code names the value among those of its dimension, for what refers to it; empty: nothing does.
	code string
	// label describes it for people; empty: nothing to say.
	label string
	// events are what was recorded, given now; nil: nothing.
	events func(now consent.Instant) []consent.Event
	// request changes the request; nil: not at all.
	request func(*consent.Request)
	// from are the codes of the values from which one restricting event leads here that is newer than all that was
	// recorded of the same thing, and than all consents: a withdrawal, an objection, a restriction, an opt-out, a
	// signal, an erasure.
	from []string
	// unknown says that nothing was ever recorded, whatever the other dimensions say.
	unknown bool
	// completes says that the events complete an erasure, which ends what others say, the whole profile too.
	completes bool
	// now is the instant of the request; absent: that of the space.
	now consent.Instant
	// class is, of a recipient, what the law takes it for.
	class law.Class
	// rare marks a value that only the first place is asked: a form that no place gives another meaning.
	rare bool
	// probed marks one that only the places of different law are asked: it combines what others have one by one.
	probed bool
	// coarse marks the consents that meet every value of every other dimension; the others meet every place.
	coarse bool
}

// plain is the code of value 0 of a dimension whose other values refer to it.
const plain = "plain"

func plainValue() value { return value{code: plain} }

// newDimension looks up the values that others name. One that is named and is not there is a fault of this
// package, in whatever set of policies.
func newDimension(name string, k kind, values []value) dimension {
	d := dimension{name: name, kind: k, values: values, from: make([][]uint8, len(values))}
	for i := range values {
		for _, code := range values[i].from {
			d.from[i] = append(d.from[i], d.at(code))
		}
	}
	return d
}

// at is the place of the value of that code.
func (d *dimension) at(code string) uint8 {
	i := slices.IndexFunc(d.values, func(v value) bool { return v.code == code })
	if i < 0 || i >= maxValues {
		panic(fmt.Sprintf("space: the dimension %q has no value %q among its first %d", d.name, code, maxValues))
	}
	return uint8(i)
}

// places are those of the values of some codes that are there.
func (d *dimension) places(codes ...string) (out []uint8) {
	for i, v := range d.values {
		if slices.Contains(codes, v.code) {
			out = append(out, uint8(i))
		}
	}
	return out
}
