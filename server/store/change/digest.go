package change

import (
	"crypto/sha256"
	"encoding/binary"
)

// Digest tells what a change added: of whom, when, by whom, and the binary forms of the new events, in their order. It
// is what chains are made of (store.Chain), the same whichever engine keeps the store.
func (c *Change) Digest() [sha256.Size]byte {
	h := sha256.New()
	write := func(parts ...[]byte) {
		var size [binary.MaxVarintLen64]byte
		for _, part := range parts {
			_, _ = h.Write(binary.AppendUvarint(size[:0], uint64(len(part)))) // never fails
			_, _ = h.Write(part)
		}
	}
	by := c.batch.By
	write([]byte(c.Subject.Controller), []byte(c.Subject.ID), []byte(by.Kind), []byte(by.ID), []byte(by.Issuer),
		binary.BigEndian.AppendUint64(nil, uint64(c.batch.RecordedAt)))
	for _, i := range c.added {
		write(c.batch.Forms[i])
	}
	return [sha256.Size]byte(h.Sum(nil))
}
