package consent

import (
	"cmp"
	"slices"
)

// Fold returns the state that events of one subject add up to, in whatever order they come. Events with the same id count
// once.
//
// Folding replays the events in canonical order (Order), so the result cannot depend on the order of arrival. The
// alternative, registers that merge in any order, would have to keep every request and every signal for ever, because a
// grant or a signal that arrives late may need one of them.
func Fold(events []Event) *State {
	sorted := slices.Clone(events)
	sortEvents(sorted)
	s := &State{}
	for i := range sorted {
		s.fold(&sorted[i])
	}
	return s
}

// Advance returns the state after fresh events, which must not be among those that s was folded from. It changes neither s
// nor fresh. Where an event of fresh comes before one already folded it needs the whole ledger, which it then reads by
// calling ledger; any error is ledger's.
func Advance(s *State, fresh []Event, ledger func() ([]Event, error)) (*State, error) {
	sorted := slices.Clone(fresh)
	sortEvents(sorted)
	if len(sorted) > 0 && s.Known() && sorted[0].Order().Compare(s.Newest) < 0 {
		old, err := ledger()
		if err != nil {
			return nil, err
		}
		return Fold(append(slices.Clone(old), sorted...)), nil
	}
	next := s.clone()
	for i := range sorted {
		next.fold(&sorted[i])
	}
	return next, nil
}

// Admit reports whether a batch may be recorded on top of s, its events taken in their order: while an erasure stands only
// what restricts may be. The error is an *EventError around ErrErasureStands.
func Admit(s *State, batch []Event) error {
	erasure := s.Erasure
	for i := range batch {
		e := &batch[i]
		if erasure.Value.Stands() && !e.RecordableDuringErasure() {
			return &EventError{Index: i, ID: e.ID, Err: ErrErasureStands}
		}
		if f, ok := e.Fact.(Erasure); ok && e.counts() {
			setDated(&erasure, f.Stage, e.OccurredAt, erasureRank)
		}
	}
	return nil
}

// counts reports whether the event does more than to make the subject known. An import without evidence counts only where
// it restricts; profiles and signals are told apart field by field. An opt-out is lifted only with evidence.
func (e *Event) counts() bool {
	switch f := e.Fact.(type) {
	case Profile, Signals:
		return true
	case Erasure:
		return f.Stage.Stands() || !e.unproven()
	case OptOut:
		return !f.Lifted || e.Evidence != ""
	}
	return e.restricts() || !e.unproven()
}

// fold adds e, which must come after all events folded before in canonical order; the same event again changes nothing.
func (s *State) fold(e *Event) {
	if s.Newest == e.Order() {
		return
	}
	s.Newest = e.Order()
	switch f := e.Fact.(type) {
	case Consent:
		s.foldConsent(e, f)
	case Objection:
		s.foldObjection(e, f)
	case Restriction:
		s.foldRestriction(e, f)
	case OptOut:
		if e.counts() && f.Kind >= 1 && int(f.Kind) <= len(s.OptOuts) {
			s.OptOuts[f.Kind-1].set(!f.Lifted, e.OccurredAt)
		}
	case Signals:
		s.GPC.fold(f.GPC, e)
		s.DNT.fold(f.DNT, e)
	case Erasure:
		if e.counts() {
			setDated(&s.Erasure, f.Stage, e.OccurredAt, erasureRank)
		}
	case Profile:
		s.foldProfile(e, f)
	}
}

func (s *State) foldConsent(e *Event, c Consent) {
	p := s.purpose(c.Purpose)
	if !e.counts() {
		return
	}
	for _, id := range c.Recipients {
		p.recipient(id).fold(e, c)
	}
	if len(c.Recipients) > 0 {
		return
	}
	p.Own.fold(e, c)
	if c.Status.Denies() {
		for i := range p.Recipients {
			p.Recipients[i].fold(e, c)
		}
	}
}

func (r *Record) fold(e *Event, c Consent) {
	if c.Status == Requested {
		r.RequestedAt = e.OccurredAt
		if r.Status == Given || r.Status.Denies() {
			return
		}
	}
	r.Status, r.GivenBy, r.Explicit, r.Evidence = c.Status, c.GivenBy, c.Explicit, e.Evidence != ""
	r.NoticeVersion, r.ExpiresAt = c.NoticeVersion, c.ExpiresAt
	r.Countries = slices.Clone(c.Countries)
	slices.Sort(r.Countries)
	switch {
	case c.Status == Given:
		r.GivenAt, r.RequestedBeforeGivenAt = e.OccurredAt, r.RequestedAt
	case c.Status.Denies():
		r.DeniedAt, r.Denied = e.OccurredAt, c.Status
	}
}

// all is what an empty list of purposes stands for in the marks of a state.
var all = []string{""}

func coverage(purposes []string) []string {
	if len(purposes) == 0 {
		return all
	}
	return purposes
}

func (s *State) foldObjection(e *Event, o Objection) {
	for _, purpose := range coverage(o.Purposes) {
		m := insert(&s.Objections, PurposeMark{Purpose: purpose}, func(a, b PurposeMark) int {
			return cmp.Compare(a.Purpose, b.Purpose)
		})
		if e.counts() {
			m.set(!o.Lifted, e.OccurredAt)
		}
	}
}

func (s *State) foldRestriction(e *Event, r Restriction) {
	if !e.counts() {
		return
	}
	for _, purpose := range coverage(r.Purposes) {
		m := insert(&s.Restrictions, GroundMark{Ground: r.Ground, Purpose: purpose}, func(a, b GroundMark) int {
			return cmp.Or(cmp.Compare(a.Ground, b.Ground), cmp.Compare(a.Purpose, b.Purpose))
		})
		m.set(!r.Lifted, e.OccurredAt)
	}
}

// set takes the mark of an event that is not older; at the same instant what is raised stays raised.
func (m *Mark) set(raised bool, at Instant) {
	*m = Mark{Raised: raised || m.Raised && m.At == at, At: at}
}

// fold takes a signal of an event that is not older. At the same instant true wins, and its run begins there: the false
// broke the older one.
func (g *Signal) fold(value *bool, e *Event) {
	if value == nil || !*value && e.unproven() {
		return
	}
	switch at := e.OccurredAt; {
	case g.At == at && g.Value != *value && g.At != 0:
		*g = Signal{Value: true, Since: at, At: at}
	case *value && g.Value:
		g.At = at
	default:
		*g = Signal{Value: *value, Since: at, At: at}
	}
}

func (s *State) foldProfile(e *Event, p Profile) {
	at := e.OccurredAt
	if p.Jurisdiction != nil {
		setDated(&s.Jurisdiction, *p.Jurisdiction, at, unranked[string])
	}
	if p.Age != nil {
		setDated(&s.Age, *p.Age, at, ageRank)
	}
	if p.AccountStatus == AccountClosed || p.AccountStatus == AccountActive && !e.unproven() {
		setDated(&s.AccountStatus, p.AccountStatus, at, accountRank)
	}
	if p.LastActivityAt != 0 {
		setDated(&s.LastActivityAt, p.LastActivityAt, at, earlier)
	}
	if p.RetentionUntil != 0 {
		setDated(&s.RetentionUntil, p.RetentionUntil, at, earlier)
	}
	if p.Relationship != nil {
		setDated(&s.Relationship, *p.Relationship, at, relationshipRank)
	}
}

// setDated takes the value of an event that is not older; at the same instant the more restrictive value stays, that with
// the greater rank.
func setDated[T any](d *Dated[T], value T, at Instant, rank func(T) int64) {
	if d.At > at || d.At == at && d.At != 0 && rank(value) < rank(d.Value) {
		return
	}
	*d = Dated[T]{Value: value, At: at}
}

func unranked[T any](T) int64 { return 0 }

func earlier(i Instant) int64 { return -int64(i) }

func accountRank(s AccountStatus) int64 { return int64(s) }

func erasureRank(s Stage) int64 {
	if !s.Stands() {
		return 0
	}
	return int64(s)
}

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
