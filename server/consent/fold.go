package consent

import (
	"cmp"
	"slices"
)

// Fold returns the state that events add up to which were all recorded when they occurred.
func Fold(events []Event) *State {
	entries := make([]Entry, len(events))
	for i := range events {
		entries[i].Event = events[i]
	}
	return FoldEntries(entries)
}

// FoldEntries returns the state that the entries of one subject add up to, in whatever order they come. Entries of the
// same event count once.
//
// Folding replays what the events say in canonical order (Order), so the result cannot depend on the order of arrival.
// The alternative, registers that merge in any order, would have to keep every request and every signal for ever,
// because a grant or a signal that arrives late may need one of them.
func FoldEntries(entries []Entry) *State {
	return Replay(entries, func(*Entry, *State) bool { return true })
}

// Replay is FoldEntries, and calls see with each entry that says something which was not annulled, in canonical order,
// and the state so far, which see must not keep. An entry that says several things comes as often. It ends where see
// returns false.
func Replay(entries []Entry, see func(*Entry, *State) bool) *State {
	s := &State{Recorded: makesKnown(entries)}
	h := historyOf(entries)
	for i := range h.parts {
		s.fold(&h.parts[i], h.completed)
		if !see(h.parts[i].entry, s) {
			break
		}
	}
	return s
}

// makesKnown reports whether an entry makes the subject known: something of its own that says something of consent. An
// annulment makes nobody known by itself: what it annuls did.
func makesKnown(entries []Entry) bool {
	return slices.ContainsFunc(entries, func(e Entry) bool {
		_, annulment := e.Event.Fact.(Annulment)
		return !e.Borrowed && !annulment && !e.Event.LinkKind()
	})
}

// history is what a subject's entries say, in canonical order, without what was annulled.
type history struct {
	parts []part
	// completed is the position of the newest completion of an erasure; zero: there is none.
	completed Order
	// links are the entries that say of ids who they are.
	links []Entry
	// annulments are those that count, by the id of what they annul.
	annulments map[string]*Entry
}

func historyOf(entries []Entry) history {
	h := history{annulments: annulmentsOf(entries)}
	seen := make(map[string]bool, len(entries))
	counting := make([]Entry, 0, len(entries))
	for i := range entries {
		e := &entries[i].Event
		if seen[e.ID] || h.annulments[e.ID] != nil && e.annullable() {
			continue
		}
		seen[e.ID] = true
		counting = append(counting, entries[i])
	}
	for i := range counting {
		if counting[i].Event.LinkKind() {
			h.links = append(h.links, counting[i])
		}
	}
	h.parts = partsOf(counting)
	for i := range h.parts {
		if h.parts[i].event().CompletesErasure() {
			h.completed = h.parts[i].order
		}
	}
	return h
}

// annulmentsOf returns the first annulment of each event, by the event's id; nil where there is none.
func annulmentsOf(entries []Entry) (found map[string]*Entry) {
	for i := range entries {
		if f, ok := entries[i].Event.Fact.(Annulment); ok && found[f.EventID] == nil {
			if found == nil {
				found = map[string]*Entry{}
			}
			found[f.EventID] = &entries[i]
		}
	}
	return found
}

// annullable reports whether the event is of those that an annulment may name.
func (e *Event) annullable() bool {
	_, annuls := e.Fact.(Annulment)
	return !annuls && !e.CompletesErasure()
}

// Ledger reads all entries of a subject in the order of recording.
type Ledger func() ([]Entry, error)

// Advance returns the state after fresh entries, which must not be among those that s was folded from. It changes
// neither s nor fresh. Where what they say is newer than all that s holds of the same thing it is folded on top; else,
// and where they annul something or complete an erasure, what they displace must be known, and all is folded anew from
// the ledger. Any error is that of ledger.
func Advance(s *State, fresh []Entry, ledger Ledger) (*State, error) {
	if next, ok := s.continued(fresh); ok {
		return next, nil
	}
	old, err := ledger()
	if err != nil {
		return nil, err
	}
	return FoldEntries(slices.Concat(old, fresh)), nil
}

// continued folds fresh entries on top of s, if that gives what a fold of all would: what a state holds of one thing
// depends only on what was said of that thing, in its order, and on completions of erasures.
func (s *State) continued(fresh []Entry) (*State, bool) {
	for i := range fresh {
		e := &fresh[i].Event
		if _, annuls := e.Fact.(Annulment); annuls || e.CompletesErasure() {
			return nil, false
		}
	}
	next := s.clone()
	next.Recorded = next.Recorded || makesKnown(fresh)
	parts := partsOf(fresh)
	for i := range parts {
		p := &parts[i]
		newest := next.Newest
		if p.order.Compare(newest) <= 0 && (p.order.At <= next.Completed.At || !next.olderThan(p)) {
			return nil, false
		}
		next.fold(p, Order{})
		if next.Newest.Compare(newest) < 0 {
			next.Newest = newest
		}
	}
	return next, true
}

// olderThan reports whether all that s holds of what p is about counts from before p.
func (s *State) olderThan(p *part) bool {
	switch f := p.event().Fact.(type) {
	case Consent:
		i, found := s.findPurpose(f.Purpose)
		return !found || s.Consents[i].newest() < p.order.At
	case Objection:
		return !slices.ContainsFunc(s.Objections, func(m PurposeMark) bool {
			return m.At >= p.order.At && slices.Contains(coverage(f.Purposes), m.Purpose)
		})
	case Restriction:
		return !slices.ContainsFunc(s.Restrictions, func(m GroundMark) bool {
			return m.At >= p.order.At && m.Ground == f.Ground && slices.Contains(coverage(f.Purposes), m.Purpose)
		})
	case OptOut:
		return int(f.Kind) > len(s.OptOuts) || s.OptOuts[f.Kind-1].At < p.order.At
	case Signals:
		return s.signal(p.field).At < p.order.At
	case Profile:
		return s.fieldAt(p.field) < p.order.At
	}
	return false // a stage of an erasure: those that do not count leave no trace in s
}

// newest is when the newest of a purpose's records was last written.
func (c *PurposeConsents) newest() Instant {
	at := max(c.Own.GivenAt, c.Own.DeniedAt, c.Own.RequestedAt)
	for i := range c.Recipients {
		r := &c.Recipients[i]
		at = max(at, r.GivenAt, r.DeniedAt, r.RequestedAt)
	}
	return at
}

// fieldAt is when a field of the profile was last set.
func (s *State) fieldAt(f field) Instant {
	switch f {
	case fieldJurisdiction:
		return s.Jurisdiction.At
	case fieldAge:
		return s.Age.At
	case fieldAccount:
		return s.AccountStatus.At
	case fieldActivity:
		return s.LastActivityAt.At
	case fieldRetention:
		return s.RetentionUntil.At
	}
	return s.Relationship.At
}

func (s *State) findPurpose(name string) (int, bool) {
	return slices.BinarySearchFunc(s.Consents, name, func(p PurposeConsents, name string) int { return cmp.Compare(p.Purpose, name) })
}

// fold adds a part that comes after all folded before in canonical order; completed is the position of the newest
// completion of an erasure that may come after it. What does not count still tells that something was recorded for its
// purpose.
func (s *State) fold(p *part, completed Order) {
	s.Newest = p.order
	counts := p.proven() && !p.ended(completed)
	switch f := p.event().Fact.(type) {
	case Consent:
		s.foldConsent(p, f, counts)
		return
	case Objection:
		s.foldObjection(p, f, counts)
		return
	}
	if !counts {
		return
	}
	switch f := p.event().Fact.(type) {
	case Restriction:
		s.foldRestriction(p, f)
	case OptOut:
		if f.Kind >= 1 && int(f.Kind) <= len(s.OptOuts) {
			s.OptOuts[f.Kind-1].set(!f.Lifted, p.order.At)
		}
	case Signals:
		s.signal(p.field).fold(*f.signal(p.field), p.order.At)
	case Erasure:
		s.foldErasure(f.Stage, p.order.At)
	case Profile:
		s.foldProfile(p, f)
	}
}

func (s *State) foldConsent(p *part, c Consent, counts bool) {
	consents := s.purpose(c.Purpose)
	if !counts {
		return
	}
	for _, id := range c.Recipients {
		consents.recipient(id).fold(p, c)
	}
	if len(c.Recipients) > 0 {
		return
	}
	consents.Own.fold(p, c)
	if c.Status.Denies() {
		for i := range consents.Recipients {
			consents.Recipients[i].fold(p, c)
		}
	}
}

func (r *Record) fold(p *part, c Consent) {
	switch {
	case c.Status == Requested:
		r.RequestedAt = p.order.At
		if r.Status == Given || r.Status.Denies() {
			return
		}
	case c.Status == Given && r.Status == Given && r.GivenAt == p.order.At:
		r.weaken(p.event(), c)
		return
	}
	r.Status, r.GivenBy, r.Explicit, r.Evidence = c.Status, c.GivenBy, c.Explicit, p.event().Evidence != ""
	r.NoticeVersion, r.ExpiresAt = c.NoticeVersion, min(c.ExpiresAt, maxInstant)
	r.Countries = slices.Clone(c.Countries)
	slices.Sort(r.Countries)
	switch {
	case c.Status == Given:
		r.GivenAt, r.RequestedBeforeGivenAt = p.order.At, r.RequestedAt
	case c.Status.Denies():
		r.DeniedAt, r.Denied = p.order.At, c.Status
	}
}

// weaken makes of two grants of one instant one that has the weaker of each, so that neither the order of arrival nor
// the choice of an id can make a consent of what neither gives.
func (r *Record) weaken(e *Event, c Consent) {
	r.Explicit = r.Explicit && c.Explicit
	r.Evidence = r.Evidence && e.Evidence != ""
	r.NoticeVersion = min(r.NoticeVersion, c.NoticeVersion)
	if expires := min(c.ExpiresAt, maxInstant); expires != 0 && (r.ExpiresAt == 0 || expires < r.ExpiresAt) {
		r.ExpiresAt = expires
	}
	if actorStrength(c.GivenBy) < actorStrength(r.GivenBy) {
		r.GivenBy = c.GivenBy
	}
	var both []string
	for _, country := range r.Countries {
		if slices.Contains(c.Countries, country) {
			both = append(both, country)
		}
	}
	r.Countries = both
}

// actorStrength: a parent may give what a child may not.
func actorStrength(a Actor) int { return slices.Index([]Actor{BySubject, ByAgent, ByParent}, a) }

// all is what an empty list of purposes stands for in the marks of a state.
var all = []string{""}

func coverage(purposes []string) []string {
	if len(purposes) == 0 {
		return all
	}
	return purposes
}

func (s *State) foldObjection(p *part, o Objection, counts bool) {
	for _, purpose := range coverage(o.Purposes) {
		m := insert(&s.Objections, PurposeMark{Purpose: purpose}, func(a, b PurposeMark) int {
			return cmp.Compare(a.Purpose, b.Purpose)
		})
		if counts {
			m.set(!o.Lifted, p.order.At)
		}
	}
}

func (s *State) foldRestriction(p *part, r Restriction) {
	for _, purpose := range coverage(r.Purposes) {
		m := insert(&s.Restrictions, GroundMark{Ground: r.Ground, Purpose: purpose}, func(a, b GroundMark) int {
			return cmp.Or(cmp.Compare(a.Ground, b.Ground), cmp.Compare(a.Purpose, b.Purpose))
		})
		m.set(!r.Lifted, p.order.At)
	}
}

// set takes the mark of an event that is not older; at the same instant what is raised stays raised.
func (m *Mark) set(raised bool, at Instant) {
	*m = Mark{Raised: raised || m.Raised && m.At == at, At: at}
}

// fold takes a signal that is not older. At the same instant true wins, and its run begins there: the false broke the
// older one.
func (g *Signal) fold(value bool, at Instant) {
	switch {
	case !value && g.Value:
		g.Broken = true
	case !value:
		g.Since = at
	case !g.Value || g.Broken:
		*g = Signal{Value: true, Since: at}
	}
	g.At = at
}

func (s *State) signal(f field) *Signal {
	if f == fieldGPC {
		return &s.GPC
	}
	return &s.DNT
}

// foldErasure takes the next stage. A cancellation after a completion does not count, nor does a restart without one.
func (s *State) foldErasure(stage Stage, at Instant) {
	switch {
	case stage == ErasureCompleted:
		s.Completed = Completion{At: at, Open: true}
	case stage == ErasureCancelled && s.Completed.Open, stage == ErasureRestarted && !s.Completed.Open:
		return
	case stage == ErasureRestarted:
		s.Completed.Open = false
	}
	s.Erasure = Dated[Stage]{Value: stage, At: at}
}

func (s *State) foldProfile(p *part, f Profile) {
	switch p.field {
	case fieldJurisdiction:
		setDated(&s.Jurisdiction, *f.Jurisdiction, p.order.At, unranked[string])
	case fieldAge:
		setDated(&s.Age, *f.Age, p.order.At, ageRank)
	case fieldAccount:
		setDated(&s.AccountStatus, f.AccountStatus, p.order.At, accountRank)
	case fieldActivity:
		setDated(&s.LastActivityAt, min(f.LastActivityAt, maxInstant), p.order.At, earlier)
	case fieldRetention:
		setDated(&s.RetentionUntil, min(f.RetentionUntil, maxInstant), p.order.At, earlier)
	case fieldRelationship:
		relationship := *f.Relationship
		relationship.LastSaleAt = min(relationship.LastSaleAt, maxInstant)
		setDated(&s.Relationship, relationship, p.order.At, relationshipRank)
	}
}

// setDated takes the value of an event that is not older; at the same instant the more restrictive value stays, that
// with the greater rank.
func setDated[T any](d *Dated[T], value T, at Instant, rank func(T) int64) {
	if d.At == at && d.At != 0 && rank(value) < rank(d.Value) {
		return
	}
	*d = Dated[T]{Value: value, At: at}
}

func unranked[T any](T) int64 { return 0 }

func earlier(i Instant) int64 { return -int64(i) }

func accountRank(s AccountStatus) int64 { return int64(s) }

// ageRank: the younger a subject is known to be, the more is denied.
func ageRank(a Age) int64 {
	if a.Max == Unbounded {
		return -1 << 40
	}
	return -(int64(a.Max)<<16 + int64(a.Min))
}

// relationshipRank: a soft opt-in needs both a sale and an opt-out that was offered.
func relationshipRank(r Relationship) (rank int64) {
	if !r.OptOutOffered {
		rank += 2
	}
	if r.LastSaleAt == 0 {
		rank++
	}
	return rank
}

func (s *State) purpose(name string) *PurposeConsents {
	return insert(&s.Consents, PurposeConsents{Purpose: name}, func(a, b PurposeConsents) int {
		return cmp.Compare(a.Purpose, b.Purpose)
	})
}

func (p *PurposeConsents) recipient(id string) *RecipientRecord {
	return insert(&p.Recipients, RecipientRecord{Recipient: id}, func(a, b RecipientRecord) int {
		return cmp.Compare(a.Recipient, b.Recipient)
	})
}

// insert returns the element of the sorted list that equals v by compare, after inserting v if there is none.
func insert[T any](list *[]T, v T, compare func(a, b T) int) *T {
	i, found := slices.BinarySearchFunc(*list, v, compare)
	if !found {
		*list = slices.Insert(*list, i, v)
	}
	return &(*list)[i]
}

func (s *State) clone() *State {
	next := *s
	next.Consents = slices.Clone(s.Consents)
	for i := range next.Consents {
		next.Consents[i].Recipients = slices.Clone(next.Consents[i].Recipients)
	}
	next.Objections = slices.Clone(s.Objections)
	next.Restrictions = slices.Clone(s.Restrictions)
	return &next
}
