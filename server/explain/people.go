package explain

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// Ledgers reads the ledgers of a controller's ids, each once, and finds who was who by them. It is for one goroutine.
type Ledgers struct {
	read func(id string) ([]consent.Entry, error)
	kept map[string][]consent.Entry
}

// NewLedgers returns the ledgers of a controller's ids. Errors of its methods are the ledger's and the context's.
func NewLedgers(ctx context.Context, ledger Ledger, controller string) *Ledgers {
	return &Ledgers{kept: map[string][]consent.Entry{}, read: func(id string) ([]consent.Entry, error) {
		return readLedger(ctx, ledger, consent.Subject{Controller: controller, ID: id})
	}}
}

// of returns all entries of an id itself.
func (l *Ledgers) of(id string) ([]consent.Entry, error) {
	if entries, ok := l.kept[id]; ok {
		return entries, nil
	}
	entries, err := l.read(id)
	if err == nil {
		l.kept[id] = entries
	}
	return entries, err
}

// gather finds all that the state of an id depends on, by the entries that keep leaves of each ledger.
func (l *Ledgers) gather(id string, keep func([]consent.Entry) []consent.Entry) (*consent.Graph, error) {
	return consent.Gather([]string{id}, func(id string) ([]consent.Entry, error) {
		entries, err := l.of(id)
		return keep(entries), err
	})
}

// StateAt folds what the ledgers had for an id as of a revision, with its person as linked then: the state that a check
// decided on which read the store as of that revision. next is the first later revision of a ledger that the state
// depends on: until then it is the same; zero: for ever.
func (l *Ledgers) StateAt(id string, revision consent.Revision) (s consent.Snapshot, next consent.Revision, err error) {
	g, err := l.gather(id, func(entries []consent.Entry) []consent.Entry {
		kept := upTo(entries, revision)
		if n := len(kept); n < len(entries) && (next == 0 || entries[n].Revision < next) {
			next = entries[n].Revision // a ledger is in the order of revisions
		}
		return kept
	})
	if err != nil {
		return consent.Snapshot{}, 0, err
	}
	s = fold(g.Entries(id))
	s.AsOf = revision
	return s, next, nil
}

// StateAsOf folds what of the ledgers counts as of the past for an id, with its person as linked then.
func (l *Ledgers) StateAsOf(id string, p Past) (consent.Snapshot, error) {
	g, err := l.asOf(id, p)
	if err != nil {
		return consent.Snapshot{}, err
	}
	return fold(g.Entries(id)), nil
}

func (l *Ledgers) asOf(id string, p Past) (*consent.Graph, error) {
	return l.gather(id, func(entries []consent.Entry) []consent.Entry {
		kept, _ := p.of(entries)
		return kept
	})
}

// past is what counts as of the past for an id, and what lies between.
func (l *Ledgers) past(id string, p Past) (*consent.Graph, AsOf, error) {
	g, err := l.asOf(id, p)
	if err != nil {
		return nil, AsOf{}, err
	}
	as := AsOf{Past: p, Person: g.Person(id)}
	for _, e := range g.Entries(id) {
		if e.RecordedAt > p.At && e.MayCount() {
			as.Later = append(as.Later, e)
		}
	}
	for _, of := range ledgersBehind(g, id) {
		entries, err := l.of(of)
		if err != nil {
			return nil, AsOf{}, err
		}
		_, between := p.of(entries)
		as.unknown(between.Unknown, g.Shared(of) != g.Shared(id), g.Shared(of) || g.Shared(id))
	}
	slices.SortStableFunc(as.Unknown, func(a, b consent.Entry) int { return cmp.Compare(a.Revision, b.Revision) })
	return g, as, nil
}

// ledgersBehind are the ids whose events count for an id: its own first.
func ledgersBehind(g *consent.Graph, id string) []string {
	p := g.Person(id)
	own, beside := p.IDs, p.Shared
	if g.Shared(id) {
		own, beside = []string{id}, g.Touched(id)
	}
	ids := slices.Clone(own)
	for _, other := range beside {
		if !slices.Contains(own, other) {
			ids = append(ids, other)
		}
	}
	return ids
}

// unknown adds what was not known of a ledger, as far as it would count.
func (a *AsOf) unknown(entries []consent.Entry, borrowed, shared bool) {
	for _, e := range entries {
		e.Borrowed, e.Shared = borrowed, shared
		known := slices.ContainsFunc(a.Unknown, func(o consent.Entry) bool { return o.Event.ID == e.Event.ID })
		if e.MayCount() && !known {
			a.Unknown = append(a.Unknown, e)
		}
	}
}

// saidUnder says of a fact under which id its newest event was said; empty: under the one that was asked for.
func (t *teller) saidUnder(f *Fact) string {
	if len(f.Events) == 0 {
		return ""
	}
	e := &f.Events[len(f.Events)-1]
	switch {
	case e.SubjectID == t.request.Subject.ID:
		return ""
	case t.graph.Shared(e.SubjectID):
		return fmt.Sprintf(" It was said under %s, which several people share, on %s.", e.SubjectID, Date(e.Event.OccurredAt))
	}
	return fmt.Sprintf(" It was said under %s on %s.", e.SubjectID, Date(e.Event.OccurredAt))
}
