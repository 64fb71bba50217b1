package cache

import (
	"unsafe"

	"github.com/consentd/consentd/server/consent"
)

// entryBytes is what an entry takes beside its state and its subject's id: itself, and its share of ristretto's two maps.
// These hold 56 and 16 bytes per entry and are between half full and full; BenchmarkMemory measures the sum.
const entryBytes = int(unsafe.Sizeof(entry{})) + 120

// stateBytes is what a state takes on the heap.
func stateBytes(s *consent.State) int {
	n := int(unsafe.Sizeof(*s)) + len(s.Newest.ID) + len(s.Jurisdiction.Value) + len(s.Relationship.Value.SellingEntity)
	n += cap(s.Consents) * int(unsafe.Sizeof(consent.PurposeConsents{}))
	for i := range s.Consents {
		p := &s.Consents[i]
		n += len(p.Purpose) + recordBytes(&p.Own) + cap(p.Recipients)*int(unsafe.Sizeof(consent.RecipientRecord{}))
		for j := range p.Recipients {
			n += len(p.Recipients[j].Recipient) + recordBytes(&p.Recipients[j].Record)
		}
	}
	n += cap(s.Objections) * int(unsafe.Sizeof(consent.PurposeMark{}))
	for i := range s.Objections {
		n += len(s.Objections[i].Purpose)
	}
	n += cap(s.Restrictions) * int(unsafe.Sizeof(consent.GroundMark{}))
	for i := range s.Restrictions {
		n += len(s.Restrictions[i].Purpose)
	}
	return n
}

func recordBytes(r *consent.Record) int {
	n := cap(r.Countries) * int(unsafe.Sizeof(""))
	for _, country := range r.Countries {
		n += len(country)
	}
	return n
}
