package consent

import (
	"cmp"
	"maps"
	"slices"
)

// Graph is who is who among some ids of a controller, by their ledgers: the people that standing links make of ids
// which are not shared, and the shared ids beside them. Gather makes it. It is immutable.
type Graph struct {
	nodes map[string]*node
	// members are the ids of each person, sorted, by each of them.
	members map[string][]string
}

// node is an id with what its ledger says of it.
type node struct {
	entries []Entry
	shared  bool
	// links are the standing links by the other id, each with whether this id is the linked side.
	links map[string]bool
}

// Gather returns the graph of all that the states of the given ids depend on: their people with the shared ids that
// these are linked to and, of a shared id that is given, all people who are linked to it. The ledger function returns
// all entries of an id, with SubjectID set; it is called once for each id. Any error is its.
//
// Whether two ids are linked depends on the newest of their links and unlinks in canonical order alone, and so for
// sharings: what a graph says does not depend on the order of arrival.
func Gather(start []string, ledger func(id string) ([]Entry, error)) (*Graph, error) {
	g := &Graph{nodes: map[string]*node{}, members: map[string][]string{}}
	load := func(id string) (*node, error) {
		if n := g.nodes[id]; n != nil {
			return n, nil
		}
		entries, err := ledger(id)
		if err != nil {
			return nil, err
		}
		g.nodes[id] = newNode(entries)
		return g.nodes[id], nil
	}
	people := slices.Clone(start)
	for _, id := range start {
		n, err := load(id)
		if err != nil {
			return nil, err
		}
		if n.shared {
			people = slices.AppendSeq(people, maps.Keys(n.links))
		}
	}
	for _, id := range people {
		if err := g.join(id, load); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// join finds the person of an id, unless it is shared or found.
func (g *Graph) join(id string, load func(string) (*node, error)) error {
	first, err := load(id)
	if err != nil || first.shared || g.members[id] != nil {
		return err
	}
	found, seen := []string{id}, map[string]bool{id: true}
	for i := 0; i < len(found); i++ {
		for _, other := range slices.Sorted(maps.Keys(g.nodes[found[i]].links)) {
			n, err := load(other)
			if err != nil {
				return err
			}
			if !n.shared && !seen[other] {
				found, seen[other] = append(found, other), true
			}
		}
	}
	slices.Sort(found)
	for _, id := range found {
		g.members[id] = found
	}
	return nil
}

func newNode(entries []Entry) *node {
	n := &node{entries: entries, links: map[string]bool{}}
	annulled := annulmentsOf(entries)
	newest := map[string]*Entry{} // by the other id; the id's own sharing by the empty one
	for i := range entries {
		e := &entries[i]
		if !e.Event.LinkKind() || annulled[e.Event.ID] != nil {
			continue
		}
		if with := e.Event.LinkedWith(); newest[with] == nil || linkOrder(e).Compare(linkOrder(newest[with])) > 0 {
			newest[with] = e
		}
	}
	for with, e := range newest {
		switch f := e.Event.Fact.(type) {
		case Link:
			n.links[with] = f.Linked
		case Sharing:
			n.shared = f.Shared
		}
	}
	return n
}

// linkOrder is the position of an event that says who an id is. At one instant a link comes after an unlink, and what
// makes shared after what takes it back.
func linkOrder(e *Entry) Order {
	p := newPart(e, whole)
	switch f := e.Event.Fact.(type) {
	case Link:
		p.order.Rank = rankRestricting
	case Sharing:
		if f.Shared {
			p.order.Rank = rankRestricting
		}
	}
	return p.order
}

// Shared reports whether an id is shared.
func (g *Graph) Shared(id string) bool { return g.nodes[id] != nil && g.nodes[id].shared }

// Alone reports whether an id is a person by itself, and is linked to no shared id.
func (g *Graph) Alone(id string) bool { return !g.Shared(id) && len(g.nodes[id].links) == 0 }

// Linked reports whether two ids are linked by themselves.
func (g *Graph) Linked(id, with string) bool {
	if g.nodes[id] == nil {
		return false
	}
	_, linked := g.nodes[id].links[with]
	return linked
}

// Person returns who an id names that Gather was given, or that is of one of its people.
func (g *Graph) Person(id string) Person {
	if g.Shared(id) {
		return Person{IDs: slices.Sorted(maps.Keys(g.nodes[id].links)), Shared: []string{id}}
	}
	p := Person{IDs: g.members[id]}
	shared := map[string]bool{}
	for _, id := range p.IDs {
		for other := range g.nodes[id].links {
			if g.Shared(other) {
				shared[other] = true
			}
		}
	}
	p.Shared = slices.Sorted(maps.Keys(shared))
	return p
}

// Touched returns the ids whose states depend on what was said under id: those of its person and the shared ids beside
// it or, where it is shared, itself and all ids of the people linked to it. They are sorted.
func (g *Graph) Touched(id string) []string {
	p := g.Person(id)
	ids := slices.Clone(p.Shared)
	for _, id := range p.IDs {
		ids = append(ids, g.members[id]...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Entries returns what the state of an id folds, in the order of recording: what was said under its person's ids, and
// under shared ids beside them. What stands in several ledgers comes once.
func (g *Graph) Entries(id string) []Entry {
	if g.Alone(id) {
		return g.nodes[id].entries
	}
	own := g.members[id]
	if g.Shared(id) {
		own = []string{id}
	}
	seen := map[string]bool{}
	var all []Entry
	for _, of := range own {
		all = g.appendEntries(all, of, seen)
	}
	n := len(all)
	for _, of := range g.Touched(id) {
		if !slices.Contains(own, of) {
			all = g.appendEntries(all, of, seen)
		}
	}
	for i := range all {
		all[i].Borrowed = i >= n
		all[i].Shared = i >= n || g.Shared(id)
	}
	// Who an id that is not the person's own is linked to is not the person's.
	all = slices.DeleteFunc(all, func(e Entry) bool { return e.Borrowed && e.Event.LinkKind() })
	slices.SortStableFunc(all, func(a, b Entry) int { return cmp.Compare(a.Revision, b.Revision) })
	return all
}

func (g *Graph) appendEntries(all []Entry, id string, seen map[string]bool) []Entry {
	for _, e := range g.nodes[id].entries {
		if !seen[e.Event.ID] {
			seen[e.Event.ID] = true
			all = append(all, e)
		}
	}
	return all
}

// State returns the state of an id: Entries, folded.
func (g *Graph) State(id string) *State { return FoldEntries(g.Entries(id)) }

// Own returns what was said under an id itself.
func (g *Graph) Own(id string) []Entry { return g.nodes[id].entries }

// ErasureStands reports whether an erasure stands on an id's person or, where it is shared, on the id itself: that of
// one person must not keep a shared id from others.
func (g *Graph) ErasureStands(id string) bool {
	if g.Shared(id) {
		return FoldEntries(g.nodes[id].entries).Erasure.Value.Stands()
	}
	return g.State(id).Erasure.Value.Stands()
}

// Validate returns why the ids cannot be linked as they are: ErrBothShared, ErrLinkedAlready, ErrSharedTooWidely or
// ErrPersonTooLarge; nil if they can.
func (g *Graph) Validate() error {
	for _, id := range slices.Sorted(maps.Keys(g.nodes)) {
		if err := g.validate(id, g.nodes[id]); err != nil {
			return err
		}
	}
	return nil
}

func (g *Graph) validate(id string, n *node) error {
	if n.shared && len(n.links) > MaxPersonIDs {
		return ErrSharedTooWidely
	}
	linked := 0
	for other, side := range n.links {
		switch {
		case n.shared && g.Shared(other):
			return ErrBothShared
		case side && !g.Shared(other):
			linked++
		}
	}
	if !n.shared && linked > 1 {
		return ErrLinkedAlready
	}
	if g.members[id] != nil && (len(g.members[id]) > MaxPersonIDs || len(g.Person(id).Shared) > MaxPersonIDs) {
		return ErrPersonTooLarge
	}
	return nil
}
