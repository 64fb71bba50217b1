package change

import (
	"crypto/sha256"
	"encoding/base64"
)

const checkBytes = 8

// PageToken is the position at which a page of a ledger begins and a checksum of it and of what names the ledger, the
// store among it: garbage and the tokens of others do not pass. It is no secret; a forged one shows nothing but another
// part of the same ledger.
func PageToken(ledger []byte, at Position) string {
	b := at.Append(nil)
	sum := sha256.Sum256(append(append([]byte(nil), ledger...), b...))
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:checkBytes]...))
}

// ParsePageToken is the inverse of PageToken; false: it is none of this ledger.
func ParsePageToken(ledger []byte, token string) (Position, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != PositionBytes+checkBytes {
		return Position{}, false
	}
	at, _ := ParsePosition(b[:PositionBytes])
	// The decoder passes over line breaks, so it is the token that is compared.
	return at, PageToken(ledger, at) == token
}
