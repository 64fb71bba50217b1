package consent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

var (
	errShort     = errors.New("it ends too early")
	errLeftOver  = errors.New("bytes are left over")
	errMalformed = errors.New("it is malformed")
)

// UnmarshalBinary sets e to the event of which b is the binary form; b may be reused afterwards. It refuses whatever
// AppendBinary does not write, and allocates no more than a small multiple of b's length.
func (e *Event) UnmarshalBinary(b []byte) error {
	r := newReader(b, eventVersion)
	v := Event{ID: r.text(), OccurredAt: r.instant(), Source: r.text(), Evidence: r.text()}
	v.Fact = r.fact()
	if err := r.close(); err != nil {
		return fmt.Errorf("decoding an event: %w", err)
	}
	*e = v
	return nil
}

// UnmarshalBinary sets s to the state of which b is the binary form; b may be reused afterwards. It refuses whatever
// AppendBinary does not write, and allocates no more than a small multiple of b's length.
func (s *State) UnmarshalBinary(b []byte) error {
	r := newReader(b, stateVersion)
	v := State{Recorded: r.bool(), Newest: Order{At: r.instant(), Rank: r.byte(), ID: r.text()}}
	r.facts(&v)
	v.Consents = list(r, minPurposeBytes, (*reader).purpose)
	v.Objections = list(r, minMarkBytes, (*reader).objection)
	v.Restrictions = list(r, minMarkBytes, (*reader).restriction)
	if err := r.close(); err != nil {
		return fmt.Errorf("decoding a state: %w", err)
	}
	*s = v
	return nil
}

// The fewest bytes that an element of a list takes. A count that would need more bytes than there are is refused before
// anything is allocated for it.
const (
	minTextBytes      = 1
	minMarkBytes      = 3
	minRecordBytes    = 12
	minRecipientBytes = minTextBytes + minRecordBytes
	minPurposeBytes   = minTextBytes + minRecordBytes + 1
)

// reader takes the fields of one value off its binary form. After the first fault everything reads as zero and close
// reports the fault.
type reader struct {
	fields  []byte
	strings string
	err     error
}

func newReader(b []byte, version byte) *reader {
	r := &reader{fields: b}
	switch v := r.byte(); {
	case r.err != nil:
	case v != version:
		r.fail(fmt.Errorf("unknown version %d, this program knows version %d", v, version))
	}
	n := r.uint()
	if n > uint64(len(r.fields)) {
		r.fail(errShort)
		return r
	}
	split := len(r.fields) - int(n)
	r.fields, r.strings = r.fields[:split], string(r.fields[split:])
	return r
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.fields, r.strings = nil, ""
}

func (r *reader) close() error {
	if r.err == nil && (len(r.fields) > 0 || r.strings != "") {
		return errLeftOver
	}
	return r.err
}

func (r *reader) byte() byte {
	if len(r.fields) == 0 {
		r.fail(errShort)
		return 0
	}
	v := r.fields[0]
	r.fields = r.fields[1:]
	return v
}

func (r *reader) bool() bool {
	v := r.byte()
	if v > 1 {
		r.fail(errMalformed)
	}
	return v == 1
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.fields)
	switch {
	case n == 0:
		r.fail(errShort)
		return 0
	case n < 0 || n > 1 && r.fields[n-1] == 0:
		r.fail(errMalformed)
		return 0
	}
	r.fields = r.fields[n:]
	return v
}

func (r *reader) int() int64 {
	u := r.uint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) instant() Instant { return Instant(r.int()) }

// uint32 and int16 refuse what does not fit.
func (r *reader) uint32() uint32 {
	v := r.uint()
	if v > math.MaxUint32 {
		r.fail(errMalformed)
	}
	return uint32(v)
}

func (r *reader) int16() int16 {
	v := r.int()
	if v < math.MinInt16 || v > math.MaxInt16 {
		r.fail(errMalformed)
	}
	return int16(v)
}

func (r *reader) text() string {
	n := r.uint()
	if n > uint64(len(r.strings)) {
		r.fail(errShort)
		return ""
	}
	s := r.strings[:n]
	r.strings = r.strings[n:]
	return s
}

func (r *reader) texts() []string { return list(r, minTextBytes, (*reader).text) }

// list reads a count and that many elements, each at least size bytes long; nil where there are none.
func list[T any](r *reader, size int, element func(*reader) T) []T {
	n := r.uint()
	if n > uint64(len(r.fields)/size) {
		r.fail(errShort)
	}
	if n == 0 || r.err != nil {
		return nil
	}
	elements := make([]T, n)
	for i := range elements {
		elements[i] = element(r)
	}
	return elements
}

func (r *reader) fact() Fact {
	switch kind := r.byte(); kind {
	case kindConsent:
		return Consent{
			Purpose: r.text(), Status: Status(r.byte()), NoticeVersion: r.uint32(), Explicit: r.bool(), GivenBy: Actor(r.byte()),
			Recipients: r.texts(), Countries: r.texts(), ExpiresAt: r.instant(),
		}
	case kindObjection:
		return Objection{Purposes: r.texts(), Lifted: r.bool()}
	case kindRestriction:
		return Restriction{Ground: Ground(r.byte()), Purposes: r.texts(), Lifted: r.bool()}
	case kindOptOut:
		return OptOut{Kind: OptOutKind(r.byte()), Lifted: r.bool()}
	case kindSignals:
		return Signals{GPC: r.signal(), DNT: r.signal()}
	case kindErasure:
		return Erasure{Stage: Stage(r.byte())}
	case kindProfile:
		return r.profile()
	case kindAnnulment:
		return Annulment{EventID: r.text()}
	case kindLink:
		return Link{With: r.text(), Linked: r.bool()}
	case kindUnlink:
		return Unlink{With: r.text()}
	case kindSharing:
		return Sharing{Shared: r.bool()}
	default:
		r.fail(fmt.Errorf("unknown kind %d", kind))
		return nil
	}
}

func (r *reader) signal() *bool {
	switch r.byte() {
	case 0:
		return nil
	case 1:
		return new(bool)
	case 2:
		v := true
		return &v
	}
	r.fail(errMalformed)
	return nil
}

func (r *reader) profile() (p Profile) {
	has := r.byte()
	if has > hasJurisdiction|hasAge|hasRelationship {
		r.fail(errMalformed)
	}
	if has&hasJurisdiction != 0 {
		v := r.text()
		p.Jurisdiction = &v
	}
	if has&hasAge != 0 {
		v := r.age()
		p.Age = &v
	}
	p.AccountStatus = AccountStatus(r.byte())
	p.LastActivityAt, p.RetentionUntil = r.instant(), r.instant()
	if has&hasRelationship != 0 {
		v := r.relationship()
		p.Relationship = &v
	}
	return p
}

func (r *reader) age() Age { return Age{Min: r.int16(), Max: r.int16()} }

func (r *reader) relationship() Relationship {
	return Relationship{LastSaleAt: r.instant(), SellingEntity: r.text(), OptOutOffered: r.bool()}
}

// facts reads all of a state that is not a list.
func (r *reader) facts(s *State) {
	s.Jurisdiction = Dated[string]{r.text(), r.instant()}
	s.Age = Dated[Age]{r.age(), r.instant()}
	s.AccountStatus = Dated[AccountStatus]{AccountStatus(r.byte()), r.instant()}
	s.LastActivityAt = Dated[Instant]{r.instant(), r.instant()}
	s.RetentionUntil = Dated[Instant]{r.instant(), r.instant()}
	s.Relationship = Dated[Relationship]{r.relationship(), r.instant()}
	s.Erasure = Dated[Stage]{Stage(r.byte()), r.instant()}
	s.Completed = Completion{At: r.instant(), Open: r.bool()}
	for _, g := range []*Signal{&s.GPC, &s.DNT} {
		*g = Signal{Value: r.bool(), Since: r.instant(), Broken: r.bool(), At: r.instant()}
	}
	for i := range s.OptOuts {
		s.OptOuts[i] = r.mark()
	}
}

func (r *reader) mark() Mark { return Mark{Raised: r.bool(), At: r.instant()} }

func (r *reader) objection() PurposeMark { return PurposeMark{Purpose: r.text(), Mark: r.mark()} }

func (r *reader) restriction() GroundMark {
	return GroundMark{Ground: Ground(r.byte()), Purpose: r.text(), Mark: r.mark()}
}

func (r *reader) purpose() PurposeConsents {
	return PurposeConsents{
		Purpose: r.text(), Own: r.record(), Recipients: list(r, minRecipientBytes, (*reader).recipient),
	}
}

func (r *reader) recipient() RecipientRecord {
	return RecipientRecord{Recipient: r.text(), Record: r.record()}
}

func (r *reader) record() Record {
	return Record{
		Status: Status(r.byte()), GivenBy: Actor(r.byte()), Explicit: r.bool(), Evidence: r.bool(), NoticeVersion: r.uint32(),
		ExpiresAt: r.instant(), Countries: r.texts(), GivenAt: r.instant(), DeniedAt: r.instant(), Denied: Status(r.byte()),
		RequestedAt: r.instant(), RequestedBeforeGivenAt: r.instant(),
	}
}
