package pebble

import (
	"encoding/binary"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

// The first byte of a key names the table and the form of its keys and values. Another form takes another byte, so
// that two forms can stand in one store while it is converted.
//
//	tableMeta     name                                   → the store's own facts
//	tableStates   subject                                → revision of its newest change, state; or what change.Row names
//	tableEvents   subject, revision, position in change  → recorded_at, who recorded it, event
//	tablePeople   controller, key of a person            → ids, shared ids, revision of the newest change, state
//	tableIDs      controller, event id                   → where the event is
//	tableMarks    revision                               → mark of the history up to it, since format 5
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
	tableMarks  = 0x06
)

var (
	identityKey = []byte{tableMeta, 'i', 'd'}
	revisionKey = []byte{tableMeta, 'r', 'e', 'v'}
	// chainKey holds the chain of the newest revision.
	chainKey = []byte{tableMeta, 'c', 'h', 'a', 'i', 'n'}
	// foldingKey holds by which rules all states were folded.
	foldingKey = []byte{tableMeta, 'f', 'o', 'l', 'd'}
)

func appendSubject(key []byte, s consent.Subject) []byte {
	return change.AppendText(change.AppendText(key, s.Controller), s.ID)
}

func stateKey(s consent.Subject) []byte { return appendSubject([]byte{tableStates}, s) }

// eventPrefix begins the keys of all of a subject's events, and of nothing else.
func eventPrefix(s consent.Subject) []byte { return appendSubject([]byte{tableEvents}, s) }

func idKey(controller, id string) []byte {
	return append(change.AppendText([]byte{tableIDs}, controller), id...)
}

func markKey(revision consent.Revision) []byte {
	return binary.BigEndian.AppendUint64([]byte{tableMarks}, uint64(revision))
}

func personKey(controller string, key consent.PersonKey) []byte {
	return change.Position{Revision: key.Revision, Index: key.Index}.Append(change.AppendText([]byte{tablePeople}, controller))
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
