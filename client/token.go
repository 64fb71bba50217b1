package client

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
)

// storeID names the store that a server has.
type storeID [16]byte

// String is enough of it to tell stores apart.
func (id storeID) String() string { return hex.EncodeToString(id[:4]) }

// token is what a client reads of a consistency token: of which store it is, and which revision of it.
type token struct {
	storeID  storeID
	revision uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// tokenBytes are a version, the store's id, the revision, and a checksum of these.
const tokenBytes = 1 + 16 + 8 + 4

// parseToken reads a consistency token of version 1.
func parseToken(text string) (token, bool) {
	var b [tokenBytes]byte
	if base64.RawURLEncoding.DecodedLen(len(text)) != tokenBytes {
		return token{}, false
	}
	if n, err := base64.RawURLEncoding.Decode(b[:], []byte(text)); err != nil || n != tokenBytes || b[0] != 1 {
		return token{}, false
	}
	if crc32.Checksum(b[:25], castagnoli) != binary.BigEndian.Uint32(b[25:]) {
		return token{}, false
	}
	return token{storeID: storeID(b[1:17]), revision: binary.BigEndian.Uint64(b[17:25])}, true
}
