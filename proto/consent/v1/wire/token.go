package wire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// Token is what a consistency token says: a revision, of which store, and of which of the histories that it may have.
//
// Its text is base64url, without padding, of a version byte, the store's id, the revision, the mark of the history up
// to it (both big endian) and a checksum of these. Version 1 has no mark, version 2 has. The checksum is there to tell
// damage from another store, not to keep anybody from making tokens: all that a made-up token can do is to ask for a
// fresher state.
type Token struct {
	StoreID  [16]byte
	Revision uint64
	// Mark is that of the history, if it is Marked.
	Mark   uint32
	Marked bool
}

// The versions, and how long each is.
const (
	unmarked = 1
	marked   = 2

	versionBytes = 1
	idBytes      = 16
	bodyBytes    = versionBytes + idBytes + 8
	markBytes    = 4
	sumBytes     = 4
	unmarkedText = ((bodyBytes+sumBytes)*8 + 5) / 6
	maxBytes     = bodyBytes + markBytes + sumBytes
	maxText      = (maxBytes*8 + 5) / 6
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	encoding   = base64.RawURLEncoding.Strict()
)

var (
	errMalformed = errors.New("malformed")
	errChecksum  = errors.New("malformed: the checksum is wrong")
)

// String returns the token as clients see it.
func (t Token) String() string { return string(t.Append(nil)) }

// Append appends what String returns to text, and allocates nothing where there is room for it twice.
func (t Token) Append(text []byte) []byte {
	text = slices.Grow(text, maxText+maxBytes)
	room := text[len(text):cap(text)]
	b := append(room[maxText:maxText], unmarked) // in the room behind: an array would escape to the heap
	b = append(b, t.StoreID[:]...)
	b = binary.BigEndian.AppendUint64(b, t.Revision)
	if t.Marked {
		b[0] = marked
		b = binary.BigEndian.AppendUint32(b, t.Mark)
	}
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return encoding.AppendEncode(text, b)
}

// ParseToken is the inverse of String: it takes only what String returns. Its error says what is wrong, in a few words.
func ParseToken(s string) (Token, error) {
	var text [maxText]byte
	var b [maxBytes]byte
	if len(s) != unmarkedText && len(s) != maxText {
		return Token{}, errMalformed
	}
	n, err := encoding.Decode(b[:], text[:copy(text[:], s)])
	if err != nil || n != len(s)*6/8 { // it passes over line breaks
		return Token{}, errMalformed
	}
	body, sum := b[:n-sumBytes], binary.BigEndian.Uint32(b[n-sumBytes:])
	if crc32.Checksum(body, castagnoli) != sum {
		return Token{}, errChecksum
	}
	t := Token{StoreID: [idBytes]byte(body[versionBytes:]), Revision: binary.BigEndian.Uint64(body[versionBytes+idBytes:])}
	switch {
	case body[0] == unmarked && len(body) == bodyBytes:
	case body[0] == marked && len(body) == bodyBytes+markBytes:
		t.Mark, t.Marked = binary.BigEndian.Uint32(body[bodyBytes:]), true
	default:
		return Token{}, fmt.Errorf("its version is %d, this program knows %d and %d", body[0], unmarked, marked)
	}
	return t, nil
}
