package consent

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// MaxIdentityBytes bounds each part of an identity that is kept. A SPIFFE id may have 2,048 bytes, and a token's
// subject more; the ledger repeats them with every event.
const MaxIdentityBytes = 256

// Identity is who did something, as the server recognised them. It is comparable; the zero value is nobody: the server
// did not ask.
type Identity struct {
	// Kind is how they were recognised: certificate, token or key.
	Kind string
	// ID is unique among those of a kind and an issuer, Issuer who vouches for it; empty: nobody else does.
	ID, Issuer string
}

// IsZero reports whether nobody was recognised.
func (i Identity) IsZero() bool { return i == Identity{} }

// String is kind:id, and the issuer after a space where there is one; empty for nobody.
func (i Identity) String() string {
	switch {
	case i.IsZero():
		return ""
	case i.Issuer == "":
		return i.Kind + ":" + i.ID
	}
	return i.Kind + ":" + i.ID + " " + i.Issuer
}

// Bounded is the form that is kept: of a part that is longer than MaxIdentityBytes its beginning and the SHA-256 of the
// whole, so that two that differ stay two. Nothing is refused for its length. What is not UTF-8 is replaced.
func (i Identity) Bounded() Identity {
	return Identity{Kind: bounded(i.Kind), ID: bounded(i.ID), Issuer: bounded(i.Issuer)}
}

const digestMark = "...sha256:"

func bounded(text string) string {
	if len(text) <= MaxIdentityBytes && utf8.ValidString(text) {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	digest := digestMark + hex.EncodeToString(sum[:])
	begin := strings.ToValidUTF8(text[:min(len(text), MaxIdentityBytes-len(digest))], "")
	return begin + digest
}
