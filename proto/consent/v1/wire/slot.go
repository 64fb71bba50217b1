package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// Slots are the hash slots into which changes fall, as WatchHello describes them. They are immutable.
type Slots struct {
	// Key is the secret under which subjects are hashed, so that nobody chooses who shares a slot.
	Key []byte
	// Count is how many there are; it must not be 0.
	Count uint32
}

// Of returns the slot of a subject.
func (s Slots) Of(controller, subjectID string) uint32 {
	mac := hmac.New(sha256.New, s.Key)
	_, _ = mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(controller))))
	_, _ = mac.Write([]byte(controller))
	_, _ = mac.Write([]byte(subjectID))
	return uint32(binary.BigEndian.Uint64(mac.Sum(nil)) % uint64(s.Count))
}
