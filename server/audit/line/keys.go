package line

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
)

// Keys are the secrets under which logs name subjects, the one in use first. A file of keys has one a line: its id, a
// space, and at least 16 bytes in hexadecimal; empty lines and those that begin with # are passed over. To rotate, put
// a new key first and keep the old ones for as long as their logs.
type Keys struct{ all []key }

type key struct {
	id     string
	secret []byte
}

// minKeyBytes is the least that RFC 2104 §3 lets stand for a secret; openssl rand -hex 32 makes the usual 32.
const minKeyBytes = 16

var keyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// ReadKeys reads a file of keys. The error names file and line, and nothing of a key.
func ReadKeys(name string) (Keys, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return Keys{}, err
	}
	var k Keys
	lines := bufio.NewScanner(bytes.NewReader(content))
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		if err := k.add(text); err != nil {
			return Keys{}, fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	switch {
	case lines.Err() != nil:
		return Keys{}, fmt.Errorf("%s: %w", name, lines.Err())
	case len(k.all) == 0:
		return Keys{}, fmt.Errorf("%s: holds no key: write an id, a space, and what openssl rand -hex 32 prints", name)
	}
	return k, nil
}

func (k *Keys) add(text string) error {
	id, digits, _ := strings.Cut(text, " ")
	secret, err := hex.DecodeString(strings.TrimSpace(digits))
	switch {
	case !keyID.MatchString(id):
		return errors.New("want an id of 1 to 32 letters, digits, dots and dashes, a space, and the key in hexadecimal")
	case err != nil || len(secret) < minKeyBytes:
		return fmt.Errorf("the key %s must be at least %d bytes in hexadecimal, such as openssl rand -hex 32 prints", id, minKeyBytes)
	case slices.ContainsFunc(k.all, func(o key) bool { return o.id == id }):
		return fmt.Errorf("the id %s stands twice: give each key its own", id)
	}
	k.all = append(k.all, key{id, secret})
	return nil
}

// None reports whether there are no keys.
func (k Keys) None() bool { return len(k.all) == 0 }

// Mac names subjects under a key. It is for one goroutine.
type Mac struct {
	// ID is the key's.
	ID   string
	hash hash.Hash
	sum  [sha256.Size]byte
	text [2 * sha256.Size]byte
}

// Current is that of the key in use; there must be one.
func (k Keys) Current() *Mac { return k.all[0].mac() }

// Of is that of the key with this id; nil: there is none.
func (k Keys) Of(id string) *Mac {
	i := slices.IndexFunc(k.all, func(o key) bool { return o.id == id })
	if i < 0 {
		return nil
	}
	return k.all[i].mac()
}

func (k key) mac() *Mac { return &Mac{ID: k.id, hash: hmac.New(sha256.New, k.secret)} }

// Name returns a subject's HMAC-SHA-256 (RFC 2104) in hexadecimal, over its controller, a zero byte and its id: one
// person has different names at different controllers. The result is good until the next call.
func (m *Mac) Name(s consent.Subject) []byte {
	m.hash.Reset()
	m.hash.Write([]byte(s.Controller))
	m.hash.Write([]byte{0})
	m.hash.Write([]byte(s.ID))
	hex.Encode(m.text[:], m.hash.Sum(m.sum[:0]))
	return m.text[:]
}
