package pebble

import (
	"encoding/binary"
	"errors"

	"github.com/consentd/consentd/server/consent"
)

// The first byte of a key names the table and the form of its keys and values. Another form takes another byte, so
// that two forms can stand in one store while it is converted.
//
//	tableMeta     name                                   → the store's own facts
//	tableStates   subject                                → revision of its newest change, state; or what row.go names
//	tableEvents   subject, revision, position in change  → recorded_at, who recorded it, event
//	tablePeople   controller, key of a person            → ids, shared ids, revision of the newest change, state
//	tableIDs      controller, event id                   → where the event is
//
// An event that stands in several ledgers has in those of the others, after the position, the id under which it was
// said.
//
// Ids are length-prefixed, so that no two different subjects share a key or a prefix, whatever bytes they contain.
const (
	tableMeta   = 0x01
	tableStates = 0x02
	tableEvents = 0x03
	tableIDs    = 0x04
	tablePeople = 0x05
)

var (
	identityKey = []byte{tableMeta, 'i', 'd'}
	revisionKey = []byte{tableMeta, 'r', 'e', 'v'}
	// foldingKey holds by which rules all states were folded.
	foldingKey = []byte{tableMeta, 'f', 'o', 'l', 'd'}
)

func appendText(key []byte, s string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(s))), s...)
}

func appendSubject(key []byte, s consent.Subject) []byte {
	return appendText(appendText(key, s.Controller), s.ID)
}

func stateKey(s consent.Subject) []byte { return appendSubject([]byte{tableStates}, s) }

// eventPrefix begins the keys of all of a subject's events, and of nothing else.
func eventPrefix(s consent.Subject) []byte { return appendSubject([]byte{tableEvents}, s) }

// position is where an event stands in its subject's ledger. Big-endian, so that keys sort as positions do.
type position struct {
	revision consent.Revision
	// index counts the events of one change.
	index uint32
}

const positionBytes = 12

func (p position) append(b []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, uint64(p.revision)), p.index)
}

func positionOf(b []byte) (position, bool) {
	if len(b) != positionBytes {
		return position{}, false
	}
	return position{consent.Revision(binary.BigEndian.Uint64(b)), binary.BigEndian.Uint32(b[8:])}, true
}

func idKey(controller, id string) []byte {
	return append(appendText([]byte{tableIDs}, controller), id...)
}

// place is the value of tableIDs: the event's position, then its subject's id.
func appendPlace(b []byte, p position, subject string) []byte { return append(p.append(b), subject...) }

func placeOf(b []byte) (p position, subject string, err error) {
	if len(b) < positionBytes {
		return p, "", errors.New("malformed place of an event")
	}
	p, _ = positionOf(b[:positionBytes])
	return p, string(b[positionBytes:]), nil
}

// appendState writes the value of tableStates.
func appendState(b []byte, revision consent.Revision, s *consent.State) []byte {
	// The error is always nil.
	b, _ = s.AppendBinary(binary.AppendUvarint(b, uint64(revision)))
	return b
}

func stateOf(b []byte) (consent.Revision, *consent.State, error) {
	revision, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errors.New("malformed revision of a state")
	}
	s := new(consent.State)
	if err := s.UnmarshalBinary(b[n:]); err != nil {
		return 0, nil, err
	}
	return consent.Revision(revision), s, nil
}

// recordedBy stands where the version of an event's binary form would, which is never zero: who recorded the event
// comes first. Where nobody is known there is neither, as in all entries up to format 3.
const recordedBy = 0

// writing says when an entry is recorded, and by whom.
type writing struct {
	at consent.Instant
	by consent.Identity
}

// appendEntry writes the value of tableEvents; form is the event's binary form.
func appendEntry(b []byte, now writing, form []byte) []byte {
	b = binary.AppendVarint(b, int64(now.at))
	if !now.by.IsZero() {
		b = append(b, recordedBy)
		for _, part := range []string{now.by.Kind, now.by.ID, now.by.Issuer} {
			b = appendText(b, part)
		}
	}
	return append(b, form...)
}

// entryOf reads the value of tableEvents at revision.
func entryOf(b []byte, revision consent.Revision) (e consent.Entry, err error) {
	recordedAt, n := binary.Varint(b)
	if n <= 0 {
		return e, errors.New("malformed time of an entry")
	}
	e = consent.Entry{RecordedAt: consent.Instant(recordedAt), Revision: revision}
	if b = b[n:]; len(b) > 0 && b[0] == recordedBy {
		if e.By, b, err = identityOf(b[1:]); err != nil {
			return e, err
		}
	}
	return e, e.Event.UnmarshalBinary(b)
}

// identityOf reads who recorded an entry, and returns what follows.
func identityOf(b []byte) (by consent.Identity, rest []byte, err error) {
	for _, part := range []*string{&by.Kind, &by.ID, &by.Issuer} {
		var ok bool
		if *part, b, ok = textOf(b); !ok {
			return by, nil, errors.New("malformed name of who recorded an entry")
		}
	}
	if by.IsZero() {
		return by, nil, errors.New("malformed name of who recorded an entry: it is empty")
	}
	return by, b, nil
}

// successor returns the least key that is greater than all keys with the prefix, which must not be all 0xff.
func successor(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
}
