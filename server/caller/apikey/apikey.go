// Package apikey is the form of API keys, and of the file that says whose they are.
//
// A key is 256 random bits, so the file keeps its plain SHA-256: there is nothing to guess that salt or a slow hash
// would protect. Whoever reads the file cannot ask with what it has.
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
)

// Prefix begins each key, so that people, logs' filters and scanners for secrets know one when they see it:
// consentd_[A-Za-z0-9_-]{49}.
const Prefix = "consentd_"

// The parts of a key after the prefix, in base64url: 32 random bytes, and 4 of the CRC-32 of all before it, by which a
// scanner tells a key from text that resembles one and a person sees a slip of the pen.
const (
	randomBytes = 32
	randomText  = 43
	sumText     = 6
	length      = len(Prefix) + randomText + sumText
)

// errForm says nothing of the key itself.
var errForm = errors.New("is no key as consentctl key new makes them: one is missing, or has too many or other characters")

var errSum = errors.New("is mistyped or cut: its checksum does not hold")

// Digest is the SHA-256 of a key's whole text, as sha256sum makes it of a file with the key and no line end.
type Digest [sha256.Size]byte

// New makes a key.
func New() string {
	var random [randomBytes]byte
	_, _ = rand.Read(random[:]) // it never fails
	text := Prefix + base64.RawURLEncoding.EncodeToString(random[:])
	sum := checksum([]byte(text))
	return text + string(sum[:])
}

// Is reports whether text wants to be a key, and no other kind of credential. No token begins so: its first part is
// JSON, in base64.
func Is(text string) bool { return strings.HasPrefix(text, Prefix) }

// DigestOf returns the digest of a key's text. The error says that it is none, and leaves the text out.
func DigestOf(text string) (Digest, error) {
	if len(text) != length || !Is(text) {
		return Digest{}, errForm
	}
	for i := len(Prefix); i < length; i++ {
		if !letter(text[i]) {
			return Digest{}, errForm
		}
	}
	var key [length]byte // converted twice, the text would be copied to the heap twice
	copy(key[:], text)
	if checksum(key[:length-sumText]) != [sumText]byte(key[length-sumText:]) {
		return Digest{}, errSum
	}
	return sha256.Sum256(key[:]), nil
}

// letter reports whether c is one of base64url.
func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func checksum(key []byte) (text [sumText]byte) {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(key))
	base64.RawURLEncoding.Encode(text[:], sum[:])
	return text
}
