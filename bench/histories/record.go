package main

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
)

// kind is what a record is of.
type kind uint8

// The kinds: the answer to a check; the end of an attempt to write; that all that began before Start has been told.
const (
	checked kind = iota + 1
	wrote
	marked
)

// mode is how fresh a check asked the state to be.
type mode uint8

// The modes, as in the API.
const (
	minimizeLatency mode = iota
	atLeastAsFresh
	fullyConsistent
)

// String is as in the API.
func (m mode) String() string {
	return [...]string{"minimize_latency", "at_least_as_fresh", "fully_consistent"}[m]
}

// The flags of records: the check was allowed; the client has a near cache; the write was fenced; its events had been
// recorded before, so that its revision may be later than theirs.
const (
	allowed uint8 = 1 << iota
	near
	fenced
	duplicate
)

// anyNode is in the place of a node where a client over all of them was asked.
const anyNode = 0xff

// maxToken is room for the text of any version of tokens.
const maxToken = 48

// record is one operation as a client writes it down, of fixed size. Times are of CLOCK_MONOTONIC, which the processes
// of a machine share, in nanoseconds.
type record struct {
	Kind  kind
	Mode  mode
	Code  uint8 // a codes.Code
	Flags uint8
	// Node is the number of the node that was asked.
	Node    uint8
	Client  uint8
	Subject uint16
	// N is the number of the write, from 1 on: odd ones give consent, even ones withdraw it. Of a check that was allowed
	// it is the write that the consent is of, as the answer's valid_until tells; 0: it does not.
	N          uint32
	Start, End int64
	// Revision and Sum are those of the answer's token: Sum tells tokens of one revision apart. Demanded is the revision
	// of the token that was asked with.
	Revision, Demanded uint64
	Sum                uint32
	// Token is the answer's of a write, and what was asked with of a check.
	Token [maxToken]byte
}

var recordBytes = binary.Size(record{})

func (r *record) is(flag uint8) bool { return r.Flags&flag != 0 }
func (r *record) ok() bool           { return codes.Code(r.Code) == codes.OK }

func (r *record) append(b []byte) []byte {
	b, err := binary.Append(b, binary.LittleEndian, r)
	if err != nil {
		panic(err) // its size is fixed
	}
	return b
}

// readRecord reads the next record.
func readRecord(from io.Reader, buffer []byte) (r record, err error) {
	if _, err = io.ReadFull(from, buffer); err == nil {
		_, err = binary.Decode(buffer, binary.LittleEndian, &r)
	}
	return r, err
}

// String is a line of an excerpt.
func (r *record) String() string {
	what := fmt.Sprintf("%v %v", codes.Code(r.Code), r.Mode)
	switch {
	case r.Kind == wrote:
		what = fmt.Sprintf("%v write %d", codes.Code(r.Code), r.N)
		if r.is(fenced) {
			what += " fenced"
		}
	case r.ok() && r.is(allowed):
		what += fmt.Sprintf(" ALLOW by write %d", r.N)
	case r.ok():
		what += " DENY"
	}
	if r.is(near) {
		what += ", near cache"
	}
	node := fmt.Sprintf("node %d", r.Node)
	if r.Node == anyNode {
		node = "any node"
	}
	return fmt.Sprintf("%s – %s client %d, %s: %s, revision %d (demanded %d)", clock(r.Start), clock(r.End), r.Client, node, what,
		r.Revision, r.Demanded)
}

func clock(at int64) string { return fmt.Sprintf("%.6f", time.Duration(at).Seconds()) }

// sumOf tells tokens apart that tell their history; 0: it does not. A node that does not know the mark of a revision
// any more gives a shorter token, without.
func sumOf(token string) uint32 {
	const unmarked = 39
	if len(token) <= unmarked {
		return 0
	}
	return max(1, crc32.ChecksumIEEE([]byte(token)))
}

// monotonic is the clock of records.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err) // there is always one
	}
	return now.Nano()
}
