package client

import (
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// The server decides a batch by one set of policies, at one instant, and each subject's requests on one state. A batch
// that was put together from answers of the cache and of the server, or from answers of the cache alone that were right
// one after the other, would not keep that. So it is answered here only if all decisions are there and were right at
// one instant, else by the server, all of it.

// lookupAll is lookup for the requests of a batch: hits holds an entry for each, or is nil.
func (n *nearCache) lookupAll(batch *consentv1.BatchCheckRequest, fresh *freshness) (hits []*nearEntry, session *nearSession) {
	s := n.current.Load()
	if s == nil || len(batch.GetRequests()) == 0 {
		return nil, s
	}
	g := s.granted.Load()
	counts := &n.counts[n.hash(batch.GetRequests()[0])%nearStripes]
	if atLeast, ok := s.demand(batch.GetConsistency(), fresh); g != nil && ok {
		if hits = n.findAll(s, g, batch); hits != nil && s.atOnce(hits, g, atLeast) && n.valid(s, g, soonest(hits)) {
			counts.hits.Add(uint64(len(hits)))
			for _, e := range hits {
				e.Use()
				e.answers.Add(1)
			}
			return hits, nil
		}
	}
	counts.misses.Add(uint64(len(batch.GetRequests())))
	return nil, s
}

// findAll returns an entry for each request by the policies of the grant; nil unless all are there. A request with a
// consistency of its own is the server's to refuse.
func (n *nearCache) findAll(s *nearSession, g *grant, batch *consentv1.BatchCheckRequest) []*nearEntry {
	entries := make([]*nearEntry, 0, len(batch.GetRequests()))
	for _, request := range batch.GetRequests() {
		e := s.find(n.hash(request), request, g, 0)
		if e == nil || request.GetConsistency() != nil {
			return nil
		}
		entries = append(entries, e)
	}
	return entries
}

// atOnce reports whether all entries show the state at one revision, the newest that was told, and it reflects atLeast.
func (s *nearSession) atOnce(all []*nearEntry, g *grant, atLeast uint64) bool {
	announced := s.floors.Announced() // before the floors
	for _, e := range all {
		if !e.terms.CurrentAt(s.floors, g.policy, announced) {
			return false
		}
	}
	return announced >= atLeast
}

// soonest returns the entry that ends first.
func soonest(all []*nearEntry) *nearEntry {
	first := all[0]
	for _, e := range all {
		if until := e.terms.Until; until != 0 && (first.terms.Until == 0 || until < first.terms.Until) {
			first = e
		}
	}
	return first
}
