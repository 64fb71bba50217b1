package storetest

import (
	"cmp"
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// world is a model of one controller's people: everything that was recorded, in the order of recording. What follows
// from it is computed from the whole list, by rules written here a second time.
type world struct {
	said []saying
	// known is what was computed from the first so many of said.
	known struct {
		upTo           int
		ids            []string
		links          map[[2]string]string
		shared         map[string]bool
		people, beside map[string][]string
	}
}

// saying is an event as it was recorded.
type saying struct {
	id string
	// also are the other ids of the person, of the completion of an erasure.
	also     []string
	event    consent.Event
	at       consent.Instant
	by       consent.Identity
	revision consent.Revision
}

func (w *world) clone() *world { return &world{said: slices.Clone(w.said), known: w.known} }

// under reports whether it counts as said under one of the ids.
func (s *saying) under(ids []string) bool {
	return slices.ContainsFunc(append([]string{s.id}, s.also...), func(id string) bool { return slices.Contains(ids, id) })
}

// say adds what is said in one batch.
func (w *world) say(b consent.Batch, revision consent.Revision) {
	var also []string
	if !w.shared(b.Subject.ID) {
		also = w.person(b.Subject.ID).IDs
	}
	for _, e := range b.Events {
		s := saying{id: b.Subject.ID, event: e, at: b.RecordedAt, by: b.By, revision: revision}
		if f, ok := e.Fact.(consent.Erasure); ok && f.Stage == consent.ErasureCompleted {
			s.also = also
		}
		w.said = append(w.said, s)
	}
}

// from is the time from which a saying about ids counts.
func (s *saying) from() consent.Instant { return min(s.event.OccurredAt, s.at) }

// annulled are the ids of the events that were recorded by mistake.
func (w *world) annulled() map[string]bool {
	found := map[string]bool{}
	for _, s := range w.said {
		if f, ok := s.event.Fact.(consent.Annulment); ok {
			found[f.EventID] = true
		}
	}
	return found
}

// verdict is the newest of what was said of one thing: yes wins a tie, then the greater id.
type verdict struct {
	yes bool
	// linked is the linked side of a link.
	linked string
	at     consent.Instant
	id     string
}

func (v verdict) compare(o verdict) int {
	rank := map[bool]int{true: 1}
	return cmp.Or(cmp.Compare(v.at, o.at), cmp.Compare(rank[v.yes], rank[o.yes]), cmp.Compare(v.id, o.id))
}

// pair names two ids, whichever comes first.
func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// verdicts are what stands of each pair of ids, and of each id's sharing as a pair with itself.
func (w *world) verdicts() map[[2]string]verdict {
	annulled, found := w.annulled(), map[[2]string]verdict{}
	for _, s := range w.said {
		v, about := verdict{at: s.from(), id: s.event.ID}, [2]string{}
		switch f := s.event.Fact.(type) {
		case consent.Link:
			v.yes, v.linked, about = true, f.With, pair(s.id, f.With)
			if f.Linked {
				v.linked = s.id
			}
		case consent.Unlink:
			about = pair(s.id, f.With)
		case consent.Sharing:
			v.yes, about = f.Shared, pair(s.id, s.id)
		default:
			continue
		}
		if old, ok := found[about]; !annulled[s.event.ID] && (!ok || v.compare(old) > 0) {
			found[about] = v
		}
	}
	return found
}

// standing returns the pairs that are linked, with the linked side of each, and the ids that are shared.
func (w *world) standing() (links map[[2]string]string, shared map[string]bool) {
	w.know()
	return w.known.links, w.known.shared
}

// know computes what is not known yet.
func (w *world) know() {
	k := &w.known
	if k.upTo == len(w.said) {
		return
	}
	k.upTo, k.ids = len(w.said), w.idsOf()
	k.links, k.shared = w.standingOf()
	k.people, k.beside = w.peopleOf()
}

func (w *world) standingOf() (links map[[2]string]string, shared map[string]bool) {
	links, shared = map[[2]string]string{}, map[string]bool{}
	for about, v := range w.verdicts() {
		switch {
		case v.yes && about[0] == about[1]:
			shared[about[0]] = true
		case v.yes:
			links[about] = v.linked
		}
	}
	return links, shared
}

// people unites linked ids that are not shared, and returns the others of an id's person by each id; and the shared ids
// beside it.
func (w *world) people() (people, beside map[string][]string) {
	w.know()
	return w.known.people, w.known.beside
}

func (w *world) peopleOf() (people, beside map[string][]string) {
	links, shared := w.standing()
	parent := map[string]string{}
	var root func(string) string
	root = func(id string) string {
		if up, ok := parent[id]; ok && up != id {
			return root(up)
		}
		return id
	}
	for _, id := range w.ids() {
		parent[id] = id
	}
	for ids := range links {
		if !shared[ids[0]] && !shared[ids[1]] {
			parent[root(ids[0])] = root(ids[1])
		}
	}
	people, beside = map[string][]string{}, map[string][]string{}
	for _, id := range w.ids() {
		for _, other := range w.ids() {
			if !shared[id] && !shared[other] && root(id) == root(other) {
				people[id] = append(people[id], other)
			}
		}
	}
	for ids := range links {
		for _, side := range [][2]string{{ids[0], ids[1]}, {ids[1], ids[0]}} {
			if !shared[side[0]] && shared[side[1]] {
				for _, id := range people[side[0]] {
					beside[id] = append(beside[id], side[1])
				}
				beside[side[1]] = append(beside[side[1]], people[side[0]]...)
			}
		}
	}
	for id := range beside {
		slices.Sort(beside[id])
		beside[id] = slices.Compact(beside[id])
	}
	return people, beside
}

// ids are all ids of which anything was said, sorted.
func (w *world) ids() []string {
	w.know()
	return w.known.ids
}

func (w *world) idsOf() (ids []string) {
	for _, s := range w.said {
		ids = append(ids, s.id)
		if with := s.event.LinkedWith(); with != "" {
			ids = append(ids, with)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// state is what an id must read.
func (w *world) state(id string) *consent.State {
	people, beside := w.people()
	own, shared := people[id], false
	if own == nil {
		own, shared = []string{id}, w.shared(id)
	}
	annulled, known := w.annulled(), false
	var counting []consent.Entry
	for _, s := range w.said {
		mine := s.under(own)
		theirs := !mine && s.under(beside[id])
		if !speaks(s.event) || !mine && !theirs {
			continue
		}
		known = known || mine
		if annulled[s.event.ID] && annullable(s.event) {
			continue
		}
		event, some := s.event, true
		if theirs || shared {
			event, some = restricting(s.event)
		}
		if some {
			counting = append(counting, consent.Entry{Event: event, RecordedAt: s.at})
		}
	}
	state := consent.FoldEntries(counting)
	state.Recorded = known
	return state
}

// person is who an id names: of a shared id those that it is linked to.
func (w *world) person(id string) consent.Person {
	links, shared := w.standing()
	people, beside := w.people()
	if !shared[id] {
		return consent.Person{IDs: people[id], Shared: beside[id]}
	}
	p := consent.Person{Shared: []string{id}}
	for _, other := range w.ids() {
		if _, linked := links[pair(id, other)]; linked {
			p.IDs = append(p.IDs, other)
		}
	}
	return p
}

func (w *world) shared(id string) bool {
	_, shared := w.standing()
	return shared[id]
}

// speaks reports whether an event says anything of consent.
func speaks(e consent.Event) bool {
	switch e.Fact.(type) {
	case consent.Link, consent.Unlink, consent.Sharing, consent.Annulment:
		return false
	}
	return true
}

func annullable(e consent.Event) bool {
	f, ok := e.Fact.(consent.Erasure)
	return !ok || f.Stage != consent.ErasureCompleted
}

// restricting is what of an event restricts.
func restricting(e consent.Event) (consent.Event, bool) {
	some := false
	switch f := e.Fact.(type) {
	case consent.Consent:
		some = f.Status == consent.Refused || f.Status == consent.Withdrawn || f.Status == consent.Invalidated
	case consent.Objection:
		some = !f.Lifted
	case consent.Restriction:
		some = !f.Lifted
	case consent.OptOut:
		some = !f.Lifted
	case consent.Signals:
		var raised consent.Signals
		if f.GPC != nil && *f.GPC {
			raised.GPC = f.GPC
		}
		if f.DNT != nil && *f.DNT {
			raised.DNT = f.DNT
		}
		e.Fact, some = raised, raised != consent.Signals{}
	case consent.Erasure:
		some = f.Stage == consent.ErasureRequested || f.Stage == consent.ErasureInProgress || f.Stage == consent.ErasureCompleted
	case consent.Profile:
		e.Fact, some = consent.Profile{AccountStatus: f.AccountStatus}, f.AccountStatus == consent.AccountClosed
	}
	return e, some
}

// ledger is what the ledgers of an id's person hold, each event once.
func (w *world) ledger(id string) (all []saying) {
	people, _ := w.people()
	own := people[id]
	if own == nil {
		own = []string{id}
	}
	for _, s := range w.said {
		if slices.ContainsFunc(w.ledgersOf(s), func(id string) bool { return slices.Contains(own, id) }) {
			all = append(all, s)
		}
	}
	return all
}

// ledgersOf are the ids in whose ledgers an event stands.
func (w *world) ledgersOf(s saying) []string {
	ids := append([]string{s.id, s.event.LinkedWith()}, s.also...)
	if f, ok := s.event.Fact.(consent.Annulment); ok {
		for _, other := range w.said {
			if other.event.ID == f.EventID {
				ids = append(ids, other.id, other.event.LinkedWith())
			}
		}
	}
	return ids
}

// fault is why the ids cannot be linked as they are; nil: they can.
func (w *world) fault() error {
	links, shared := w.standing()
	people, beside := w.people()
	from := map[string]int{}
	for ids, linked := range links {
		if shared[ids[0]] && shared[ids[1]] {
			return consent.ErrBothShared
		}
		if !shared[ids[0]] && !shared[ids[1]] {
			from[linked]++
		}
	}
	for id := range shared {
		direct := 0
		for ids := range links {
			if ids[0] == id || ids[1] == id {
				direct++
			}
		}
		if direct > consent.MaxPersonIDs {
			return consent.ErrSharedTooWidely
		}
	}
	for _, id := range w.ids() {
		switch {
		case from[id] > 1:
			return consent.ErrLinkedAlready
		case !shared[id] && (len(people[id]) > consent.MaxPersonIDs || len(beside[id]) > consent.MaxPersonIDs):
			return consent.ErrPersonTooLarge
		}
	}
	return nil
}

// erasureStands reports whether an erasure stands on the person of an id, or on a shared id by itself.
func (w *world) erasureStands(id string) bool {
	if !w.shared(id) {
		return w.state(id).Erasure.Value.Stands()
	}
	alone := &world{}
	for _, s := range w.said {
		if _, annuls := s.event.Fact.(consent.Annulment); annuls || s.under([]string{id}) && speaks(s.event) {
			alone.said = append(alone.said, s)
		}
	}
	return alone.state(id).Erasure.Value.Stands()
}
