package authz

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// Token is what a consistency token says: a revision, and of which store.
//
// On the wire it is base64url, without padding, of a version byte, the store's id, the revision (big endian) and a checksum
// of these. The checksum is there to tell damage from another store, not to keep anybody from making tokens: all that a
// made-up token can do is to ask for a fresher state.
type Token struct {
	StoreID  [16]byte
	Revision consent.Revision
}

const (
	tokenVersion = 1
	tokenBytes   = 1 + 16 + 8 + 4
	tokenText    = (tokenBytes*8 + 5) / 6
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	encoding   = base64.RawURLEncoding.Strict()
)

// String returns the token as clients see it.
func (t Token) String() string {
	return string(t.append(nil))
}

func (t Token) append(text []byte) []byte {
	text = slices.Grow(text, tokenText+tokenBytes)
	room := text[len(text):cap(text)]
	b := append(room[tokenText:tokenText], tokenVersion) // in the room behind: an array would escape to the heap
	b = append(b, t.StoreID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.Revision))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return encoding.AppendEncode(text, b)
}

// ParseToken is the inverse of String: it takes only what String returns. Its error wraps consent.ErrBadToken.
func ParseToken(s string) (Token, error) {
	var text [tokenText]byte
	var b [tokenBytes]byte
	if len(s) != tokenText {
		return Token{}, fmt.Errorf("%w: malformed", consent.ErrBadToken)
	}
	copy(text[:], s)
	if n, err := encoding.Decode(b[:], text[:]); err != nil || n != tokenBytes {
		return Token{}, fmt.Errorf("%w: malformed", consent.ErrBadToken)
	}
	body, sum := b[:tokenBytes-4], binary.BigEndian.Uint32(b[tokenBytes-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return Token{}, fmt.Errorf("%w: malformed: the checksum is wrong", consent.ErrBadToken)
	}
	if body[0] != tokenVersion {
		return Token{}, fmt.Errorf("%w: its version is %d, this server knows %d", consent.ErrBadToken, body[0], tokenVersion)
	}
	return Token{[16]byte(body[1:17]), consent.Revision(binary.BigEndian.Uint64(body[17:]))}, nil
}

// AppendToken appends the consistency token of a revision of this store to text.
func (a *Authorizer) AppendToken(text []byte, r consent.Revision) []byte {
	return Token{a.config.StoreID, r}.append(text)
}

// CheckToken reports whether a call may demand token: nil if it is empty, or of this store and of a revision that has been
// applied. Otherwise the error wraps consent.ErrBadToken and says which of these is not so.
func (a *Authorizer) CheckToken(token string) error {
	_, err := a.revisionOf(token)
	return err
}

// revisionOf returns the revision that a token demands; zero for none.
func (a *Authorizer) revisionOf(token string) (consent.Revision, error) {
	if token == "" {
		return 0, nil
	}
	t, err := ParseToken(token)
	if err != nil {
		return 0, err
	}
	if t.StoreID != a.config.StoreID {
		return 0, fmt.Errorf("%w: it is of another store", consent.ErrBadToken)
	}
	if applied := a.config.States.Applied(); t.Revision > applied {
		return 0, fmt.Errorf("%w: its revision %d is beyond this store's, %d: was an older copy of the store restored?",
			consent.ErrBadToken, t.Revision, applied)
	}
	return t.Revision, nil
}
