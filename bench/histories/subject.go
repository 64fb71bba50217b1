package main

import (
	"math"
	"sort"
)

// maxNodes bounds how many nodes there may be.
const maxNodes = 5

// write is what is known of one write, all its attempts together. Times are 0 where something has not happened.
type write struct {
	// start is when the first attempt began, acked when one first returned, fencedAt when one with a fence did.
	start, acked, fencedAt int64
	// by is when each node first acknowledged it.
	by [maxNodes]int64
	// revision is not below that of the change; it is the change's where exact.
	revision uint64
	exact    bool
	// token is the text of the first acknowledgement's.
	token [maxToken]byte
	// lost says that the store has lost it, and could.
	lost bool
}

// subject is one whose history is checked. Of its writes the one with the highest number that the store has decides:
// their events have occurred in that order.
type subject struct {
	// writes are by number, from 1 on.
	writes []write
	// pending are the checks that cannot be judged yet, recent those that were, for excerpts.
	pending []record
	recent  ring
	// linear are the operations of the window that is to be linearizable.
	linear window
}

// add takes an attempt to write.
func (s *subject) add(r *record) {
	for len(s.writes) < int(r.N) {
		s.writes = append(s.writes, write{})
	}
	w := &s.writes[r.N-1]
	if w.start == 0 || r.Start < w.start {
		w.start = r.Start
	}
	if !r.ok() {
		return
	}
	first(&w.acked, r.End)
	if r.Node != anyNode {
		first(&w.by[r.Node], r.End)
	}
	if r.is(fenced) {
		first(&w.fencedAt, r.End)
	}
	if w.revision == 0 || r.Revision < w.revision {
		w.revision, w.token = r.Revision, r.Token
	}
	if !r.is(duplicate) {
		w.revision, w.exact = r.Revision, true
	}
}

func first(at *int64, now int64) {
	if *at == 0 || now < *at {
		*at = now
	}
}

// begunBefore is the highest number of a write that had begun at a time. A write of which nothing is known yet began
// after all times that are asked about.
func (s *subject) begunBefore(at int64) int {
	return sort.Search(len(s.writes), func(i int) bool {
		start := s.writes[i].start
		return start == 0 || start >= at
	})
}

// explains reports whether a check's answer is that of the state after write n.
func explains(c *record, n int) bool {
	switch {
	case !c.is(allowed):
		return n%2 == 0
	case c.N != 0:
		return n == int(c.N)
	}
	return n%2 == 1
}

// never is after all times.
const never = math.MaxInt64

// ring keeps the newest records.
type ring struct {
	records []record
	next    int
}

const ringSize = 12

func (g *ring) add(r record) {
	if len(g.records) < ringSize {
		g.records = append(g.records, r)
		return
	}
	g.records[g.next] = r
	g.next = (g.next + 1) % ringSize
}
