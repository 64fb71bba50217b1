// Package subject makes ids of people out of their e-mail addresses and phone numbers, so that one address is one id, whoever
// writes it and in whichever language.
//
// An address is normalised and then hashed: under a key (HMAC-SHA-256), or, for e-mail, without one. The server gets the id
// and never the address. NormalizeEmail and NormalizePhone say what is normalised; the clients in other languages do the
// same, and one file of test vectors, client/conformance/testdata/ids.json, holds all of them to it.
//
// Prefer a key. Without one, whoever sees an id can try addresses until one fits: for phone numbers that takes minutes,
// which is why there is no such id of them.
//
// Failure: what cannot be normalised for certain is refused with an *Error, and no id is made. An error never has the
// address in it. All functions are safe for concurrent use.
package subject

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Error says why an address or a number has no id. It may be logged: what was given is not in it.
type Error struct{ what, problem string }

func (e *Error) Error() string { return e.what + " " + e.problem }

func emailError(problem string, args ...any) error {
	return &Error{what: "the e-mail address", problem: fmt.Sprintf(problem, args...)}
}

func phoneError(problem string, args ...any) error {
	return &Error{what: "the phone number", problem: fmt.Sprintf(problem, args...)}
}

// The bounds of a key, in bytes.
const (
	MinKeyBytes = 32
	MaxKeyBytes = 1024
)

// Key is the secret under which addresses are hashed. The zero Key is none: what needs one is an error. Formatting a Key
// shows its id alone.
type Key struct {
	id     string
	secret []byte
}

// NewKey returns the key with this secret, of MinKeyBytes to MaxKeyBytes, which it copies. They must be random: a password is
// guessed.
func NewKey(secret []byte) (Key, error) {
	if n := len(secret); n < MinKeyBytes || n > MaxKeyBytes {
		return Key{}, fmt.Errorf("the key has %d bytes, want %d to %d: openssl rand -hex 32 makes one", n, MinKeyBytes, MaxKeyBytes)
	}
	k := Key{secret: append([]byte(nil), secret...)}
	k.id = hex.EncodeToString(k.mac("consentd key id")[:4])
	return k, nil
}

// ParseKey reads a key as hexadecimal digits of either case, as a file or a variable has it; white space around them is left out.
func ParseKey(text string) (Key, error) {
	secret, err := hex.DecodeString(strings.Trim(text, asciiSpace))
	if err != nil {
		return Key{}, errors.New("the key is not hexadecimal: openssl rand -hex 32 makes one")
	}
	return NewKey(secret)
}

// asciiSpace is what editors and shells leave around a key.
const asciiSpace = " \t\r\n"

// ID is the key's id, which every id that is made under the key has in it: 8 hexadecimal digits that follow from the secret,
// so that two keys cannot go by one name.
func (k Key) ID() string { return k.id }

// String is the key's id, for logs.
func (k Key) String() string { return "key " + k.id }

// GoString is String: the secret is not shown.
func (k Key) GoString() string { return k.String() }

// Email returns the id of a person known by an e-mail address: email_hmac:<key id>.<hash>.
func (k Key) Email(address string) (string, error) {
	normal, err := NormalizeEmail(address)
	if err != nil {
		return "", err
	}
	return k.typed("email_hmac:", normal)
}

// Phone returns the id of a person known by a phone number: phone_e164_hmac:<key id>.<hash>.
func (k Key) Phone(number string) (string, error) {
	normal, err := NormalizePhone(number)
	if err != nil {
		return "", err
	}
	return k.typed("phone_e164_hmac:", normal)
}

// EmailSHA256 returns the id of a person known by an e-mail address, hashed without a key: email_sha256:<hash>. It is there for
// lists that are exchanged in that form; whoever sees the id can find the address by trying.
func EmailSHA256(address string) (string, error) {
	normal, err := NormalizeEmail(address)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(normal))
	return "email_sha256:" + hex.EncodeToString(sum[:]), nil
}

func (k Key) typed(kind, normal string) (string, error) {
	if k.secret == nil {
		return "", errors.New("no key: make one with NewKey or ParseKey")
	}
	return kind + k.id + "." + hex.EncodeToString(k.mac(normal)), nil
}

func (k Key) mac(text string) []byte {
	h := hmac.New(sha256.New, k.secret)
	h.Write([]byte(text)) // never fails
	return h.Sum(nil)
}
