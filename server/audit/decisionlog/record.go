package decisionlog

import (
	"encoding/binary"
	"slices"
	"time"
	"unsafe"

	"github.com/consentd/consentd/server/audit/line"
	"github.com/consentd/consentd/server/consent"
)

// A record is a line as it waits in a chunk: its fields one after the other, strings and lists with their length in
// front. It is written in a tenth of the time that JSON takes, on the request's path; the writer makes JSON of it.

// entry is what a record is made of.
type entry struct {
	at       consent.Instant
	latency  time.Duration
	request  *consent.Request
	decision *consent.Decision
	answers  uint64
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// appendRecord appends e, whose caller is the chunk's with that number.
func appendRecord(b []byte, e *entry, caller int) []byte {
	b = binary.AppendUvarint(b, uint64(e.at))
	b = binary.AppendUvarint(b, uint64(max(e.latency, 0)))
	b = binary.AppendUvarint(b, uint64(caller))
	b = binary.AppendUvarint(b, e.answers)
	r, d := e.request, e.decision
	b = appendText(appendText(appendText(b, r.Subject.Controller), r.Subject.ID), r.Purpose)
	b = appendTexts(b, r.DataCategories)
	b = append(b, byte(r.Recipient.Kind))
	b = appendText(appendText(b, r.Recipient.ID), r.Recipient.Country)
	b = appendContext(b, r.Context)
	b = append(b, byte(d.Effect), byte(d.Basis))
	b = binary.AppendUvarint(b, uint64(len(d.Reasons)))
	for i := range d.Reasons {
		b = appendText(append(b, byte(d.Reasons[i].Code)), d.Reasons[i].Clause)
	}
	b = binary.AppendUvarint(b, uint64(len(d.Obligations)))
	for i := range d.Obligations {
		b = appendObligation(b, &d.Obligations[i])
	}
	if same := slices.Equal(d.PermittedDataCategories, r.DataCategories); same {
		b = append(b, 1)
	} else {
		b = appendTexts(append(b, 0), d.PermittedDataCategories)
	}
	b = binary.AppendUvarint(b, uint64(d.ValidUntil))
	b = binary.AppendUvarint(b, uint64(d.StateRevision))
	b = append(b, byte(d.Degraded))
	if d.Degraded != 0 {
		b = binary.AppendUvarint(b, uint64(max(d.StateAge, 0)))
	}
	return appendText(appendText(b, d.PolicyRevision), d.ID)
}

// appendContext appends the context as JSON, behind its length in four bytes.
func appendContext(b []byte, context map[string]any) []byte {
	b = append(b, 0, 0, 0, 0)
	if len(context) == 0 {
		return b
	}
	begin := len(b)
	b = line.AppendContext(b, context)
	binary.LittleEndian.PutUint32(b[begin-4:], uint32(len(b)-begin))
	return b
}

func appendObligation(b []byte, o *consent.Obligation) []byte {
	b = append(b, byte(o.Code))
	b = appendTexts(appendText(b, o.Parameters.Country), o.Parameters.Categories)
	return binary.AppendUvarint(appendText(b, o.Parameters.Signal), uint64(o.Parameters.Time))
}

// decoder reads the records of a chunk into one line, over and over. The line's strings lie in the chunk: they are good
// until it is used again.
type decoder struct {
	chunk *chunk
	rest  []byte
	line  line.Line
	// caller is the number of the caller that line.Caller names, from 1 on.
	caller int

	categories, permitted []string
	reasons               []consent.Reason
	obligations           []consent.Obligation
}

// begin starts with a chunk's records.
func (d *decoder) begin(c *chunk) { d.chunk, d.rest, d.caller = c, c.data, 0 }

// next reads a record into d.line; false: there is none.
func (d *decoder) next() bool {
	if len(d.rest) == 0 {
		return false
	}
	l := &d.line
	l.Time, l.Latency = consent.Instant(d.number()), time.Duration(d.number())
	if caller := int(d.number()) + 1; caller != d.caller {
		d.caller = caller
	}
	l.Caller = d.chunk.names[d.caller-1]
	l.Answers, l.SubjectKey, l.Masked = d.number(), "", nil
	r := &l.Request
	r.Subject = consent.Subject{Controller: d.text(), ID: d.text()}
	r.Purpose = d.text()
	d.categories = d.texts(d.categories[:0])
	r.DataCategories = d.categories
	r.Recipient = consent.Recipient{Kind: consent.RecipientKind(d.byte()), ID: d.text(), Country: d.text()}
	size := binary.LittleEndian.Uint32(d.bytes(4))
	l.Context = d.bytes(int(size))
	d.decision()
	l.HasState = l.Answers == 0 && l.Decision.Degraded != consent.DegradedDenied
	return true
}

func (d *decoder) decision() {
	to := &d.line.Decision
	to.Effect, to.Basis = consent.Effect(d.byte()), consent.Basis(d.byte())
	d.reasons = d.reasons[:0]
	for range d.number() {
		d.reasons = append(d.reasons, consent.Reason{Code: consent.ReasonCode(d.byte()), Clause: d.text()})
	}
	to.Reasons = d.reasons
	d.obligations = d.obligations[:0]
	for range d.number() {
		d.obligations = append(d.obligations, d.obligation())
	}
	to.Obligations = d.obligations
	if same := d.byte() == 1; same {
		to.PermittedDataCategories = d.categories
	} else {
		d.permitted = d.texts(d.permitted[:0])
		to.PermittedDataCategories = d.permitted
	}
	to.ValidUntil, to.StateRevision = consent.Instant(d.number()), consent.Revision(d.number())
	to.Degraded, to.StateAge = consent.Degradation(d.byte()), 0
	if to.Degraded != 0 {
		to.StateAge = time.Duration(d.number())
	}
	to.PolicyRevision, to.ID = d.text(), d.text()
}

func (d *decoder) obligation() consent.Obligation {
	return consent.Obligation{Code: consent.ObligationCode(d.byte()), Parameters: consent.Parameters{
		Country: d.text(), Categories: d.texts(nil), Signal: d.text(), Time: consent.Instant(d.number()),
	}}
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) byte() byte {
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) bytes(n int) []byte {
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) text() string {
	b := d.bytes(int(d.number()))
	return unsafe.String(unsafe.SliceData(b), len(b)) // the chunk is not written to before the line is done with
}

func (d *decoder) texts(list []string) []string {
	for range d.number() {
		list = append(list, d.text())
	}
	return list
}
