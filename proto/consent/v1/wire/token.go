package wire

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
)

// Token is what a consistency token says: a revision, and of which store.
//
// Its text is base64url, without padding, of a version byte, the store's id, the revision (big endian) and a checksum
// of these. The checksum is there to tell damage from another store, not to keep anybody from making tokens: all that a
// made-up token can do is to ask for a fresher state.
type Token struct {
	StoreID  [16]byte
	Revision uint64
}

const (
	tokenVersion = 1
	versionBytes = 1
	idBytes      = 16
	bodyBytes    = versionBytes + idBytes + 8
	tokenBytes   = bodyBytes + 4
	tokenText    = (tokenBytes*8 + 5) / 6
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
	text = slices.Grow(text, tokenText+tokenBytes)
	room := text[len(text):cap(text)]
	b := append(room[tokenText:tokenText], tokenVersion) // in the room behind: an array would escape to the heap
	b = append(b, t.StoreID[:]...)
	b = binary.BigEndian.AppendUint64(b, t.Revision)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return encoding.AppendEncode(text, b)
}

// ParseToken is the inverse of String: it takes only what String returns. Its error says what is wrong, in a few words.
func ParseToken(s string) (Token, error) {
	var text [tokenText]byte
	var b [tokenBytes]byte
	if len(s) != tokenText {
		return Token{}, errMalformed
	}
	copy(text[:], s)
	if n, err := encoding.Decode(b[:], text[:]); err != nil || n != tokenBytes {
		return Token{}, errMalformed
	}
	body, sum := b[:bodyBytes], binary.BigEndian.Uint32(b[bodyBytes:])
	if crc32.Checksum(body, castagnoli) != sum {
		return Token{}, errChecksum
	}
	if body[0] != tokenVersion {
		return Token{}, fmt.Errorf("its version is %d, this program knows %d", body[0], tokenVersion)
	}
	body = body[versionBytes:]
	return Token{[idBytes]byte(body[:idBytes]), binary.BigEndian.Uint64(body[idBytes:])}, nil
}
