package consent

import (
	"math/bits"
	"unsafe"
)

// Bytes returns the memory that s holds, in bytes: the struct, its slices and its strings, as the allocator rounds
// them. It is exact to a few percent for a decoded state, whose strings share one allocation, and low by at most 16
// bytes a string for a folded one. It is what a cache charges for s.
func (s *State) Bytes() int {
	text := len(s.Newest.ID) + len(s.Jurisdiction.Value) + len(s.Relationship.Value.SellingEntity)
	n := allocated(int(unsafe.Sizeof(*s))) + sliceBytes(s.Consents) + sliceBytes(s.Objections) + sliceBytes(s.Restrictions)
	for i := range s.Consents {
		p := &s.Consents[i]
		text += len(p.Purpose)
		n += sliceBytes(p.Recipients) + p.Own.bytes(&text)
		for j := range p.Recipients {
			text += len(p.Recipients[j].Recipient)
			n += p.Recipients[j].bytes(&text)
		}
	}
	for i := range s.Objections {
		text += len(s.Objections[i].Purpose)
	}
	for i := range s.Restrictions {
		text += len(s.Restrictions[i].Purpose)
	}
	return n + allocated(text)
}

func (r *Record) bytes(text *int) int {
	for _, country := range r.Countries {
		*text += len(country)
	}
	return sliceBytes(r.Countries)
}

func sliceBytes[T any](s []T) int {
	var element T
	return allocated(cap(s) * int(unsafe.Sizeof(element)))
}

// allocated rounds n up about as the allocator does: to 8, then to 16 up to 256 bytes, above that to an eighth of the
// power of two below.
func allocated(n int) int {
	step := 16
	switch {
	case n <= 8:
		step = 8
	case n > 256:
		step = 1 << (bits.Len(uint(n-1)) - 4)
	}
	return (n + step - 1) / step * step
}
