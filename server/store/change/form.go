package change

import (
	"cmp"
	"encoding/binary"
	"errors"

	"github.com/consentd/consentd/server/consent"
)

// AppendText writes a text with its length before it, so that what follows cannot be taken for a part of it.
func AppendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// CutText reads what AppendText wrote, and returns what follows; false: there is no text.
func CutText(b []byte) (text string, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return "", nil, false
	}
	end := n + int(size)
	return string(b[n:end]), b[end:], true
}

// Position is where an event stands in its subject's ledger.
type Position struct {
	Revision consent.Revision
	// Index counts the events of one change, from 0.
	Index uint32
}

// PositionBytes is how long the binary form of a position is.
const PositionBytes = 12

// Append writes the binary form, big-endian: it sorts as positions do.
func (p Position) Append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, uint64(p.Revision)), p.Index)
}

// ParsePosition reads the binary form of a position, which must be all of b.
func ParsePosition(b []byte) (Position, bool) {
	if len(b) != PositionBytes {
		return Position{}, false
	}
	return Position{consent.Revision(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}, true
}

// Compare orders positions as the events were recorded.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Revision, q.Revision), cmp.Compare(p.Index, q.Index))
}

// AppendPlace writes where an event is: its position, then the id under which it was said.
func AppendPlace(b []byte, p Position, said string) []byte { return append(p.Append(b), said...) }

// ParsePlace reads what AppendPlace wrote.
func ParsePlace(b []byte) (p Position, said string, err error) {
	if len(b) < PositionBytes {
		return p, "", errors.New("malformed place of an event")
	}
	p, _ = ParsePosition(b[:PositionBytes])
	return p, string(b[PositionBytes:]), nil
}

// recordedBy stands where the version of an event's binary form would, which is never zero: who recorded the event
// comes first. Where nobody is known there is neither, as in all entries up to pebble's format 3.
const recordedBy = 0

// Append writes the binary form of an entry: when it was recorded, by whom, and the event. Where it stands is not in
// it.
func (e *Entry) Append(b []byte) []byte { return appendEntry(b, e.RecordedAt, e.By, e.form) }

// appendEntry writes an entry whose event's binary form is given.
func appendEntry(b []byte, at consent.Instant, by consent.Identity, form []byte) []byte {
	b = binary.AppendVarint(b, int64(at))
	if !by.IsZero() {
		b = append(b, recordedBy)
		for _, part := range []string{by.Kind, by.ID, by.Issuer} {
			b = AppendText(b, part)
		}
	}
	return append(b, form...)
}

// ParseEntry reads the binary form of an entry that stands at a revision. Its SubjectID is empty: see Stood.
func ParseEntry(b []byte, revision consent.Revision) (consent.Entry, error) {
	e, form, err := cutEntry(b)
	if err != nil {
		return e, err
	}
	e.Revision = revision
	return e, e.Event.UnmarshalBinary(form)
}

// cutEntry reads all of an entry but its event, whose binary form follows.
func cutEntry(b []byte) (e consent.Entry, form []byte, err error) {
	recordedAt, n := binary.Varint(b)
	if n <= 0 {
		return e, nil, errors.New("malformed time of an entry")
	}
	e.RecordedAt = consent.Instant(recordedAt)
	if b = b[n:]; len(b) > 0 && b[0] == recordedBy {
		e.By, b, err = identityOf(b[1:])
	}
	return e, b, err
}

// identityOf reads who recorded an entry, and returns what follows.
func identityOf(b []byte) (by consent.Identity, rest []byte, err error) {
	for _, part := range []*string{&by.Kind, &by.ID, &by.Issuer} {
		var ok bool
		if *part, b, ok = CutText(b); !ok {
			return by, nil, errors.New("malformed name of who recorded an entry")
		}
	}
	if by.IsZero() {
		return by, nil, errors.New("malformed name of who recorded an entry: it is empty")
	}
	return by, b, nil
}

// Stood returns an entry as its ledger shows it: which id's ledger it is, and under which id it was said, empty: the
// same. A link is said under both of its ids.
func Stood(e consent.Entry, id, said string) consent.Entry {
	if e.SubjectID = id; said != "" && e.Event.LinkedWith() == "" {
		e.SubjectID = said
	}
	return e
}
