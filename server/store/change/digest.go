package change

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"

	"github.com/consentd/consentd/server/consent"
)

// Digest tells what a change added: of whom, when, by whom, and the binary forms of the new events, in their order. It
// is what chains are made of (store.Chain), the same whichever engine keeps the store.
func (c *Change) Digest() [sha256.Size]byte {
	d := newDigest(c.Subject, c.batch.RecordedAt, c.batch.By)
	for _, i := range c.added {
		d.add(c.batch.Forms[i])
	}
	return d.sum()
}

// digest is the one of a change, in the making.
type digest struct{ hash.Hash }

func newDigest(subject consent.Subject, at consent.Instant, by consent.Identity) digest {
	d := digest{sha256.New()}
	for _, part := range []string{subject.Controller, subject.ID, by.Kind, by.ID, by.Issuer} {
		d.add([]byte(part))
	}
	d.add(binary.BigEndian.AppendUint64(nil, uint64(at)))
	return d
}

// add writes a part with its length before it.
func (d digest) add(part []byte) {
	var size [binary.MaxVarintLen64]byte
	_, _ = d.Write(binary.AppendUvarint(size[:0], uint64(len(part)))) // never fails
	_, _ = d.Write(part)
}

func (d digest) sum() [sha256.Size]byte { return [sha256.Size]byte(d.Sum(nil)) }

// DigestOf is the digest of the change that left these binary forms of entries in the ledger of its subject, in their
// order; at least one. It is for whoever holds a ledger against a chain.
func DigestOf(subject consent.Subject, entries [][]byte) (_ [sha256.Size]byte, err error) {
	var d digest
	for i, b := range entries {
		e, form, err := cutEntry(b)
		if err != nil {
			return [sha256.Size]byte{}, err
		}
		if i == 0 {
			d = newDigest(subject, e.RecordedAt, e.By)
		}
		d.add(form)
	}
	if d.Hash == nil {
		return [sha256.Size]byte{}, errors.New("a change has at least one entry")
	}
	return d.sum(), nil
}
