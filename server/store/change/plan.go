package change

import (
	"bytes"
	"errors"
	"slices"
	"sync"

	"github.com/consentd/consentd/server/consent"
)

// Plan returns what a batch does to the store that a reader shows, as the change of a revision. It writes nothing.
//
// Its errors are those of store.Store's Record: *consent.EventError with what refuses an event of the batch, and
// consent.ErrUnavailable where the reader failed.
func Plan(from Reader, batch *Batch, revision consent.Revision) (*Change, error) {
	p := planner{
		Reader: from, Batch: batch, revision: revision, rows: newRows(), ledgers: map[string][]consent.Entry{},
		outcomes: slices.Repeat([]consent.Outcome{{Effect: consent.Duplicate}}, len(batch.Events)),
	}
	if err := p.plan(); err != nil {
		return nil, err
	}
	return p.change()
}

// planner plans one batch.
type planner struct {
	Reader
	*Batch
	// revision is the one that the batch takes if it adds something.
	revision consent.Revision

	// added are the positions in the batch of the events that are new, fresh these events as entries.
	added []int
	fresh []consent.Entry
	// mirrors are the other ids in whose ledgers each of fresh stands too.
	mirrors [][]string
	// relinks are those of fresh after which other ids may be one person.
	relinks []bool
	// ledgers are those that were read, as they are before the change, by their ids: the states of a shared id and of all
	// people beside it may be folded anew from the same.
	ledgers map[string][]consent.Entry
	// rows are what is kept after the change.
	rows *rows
	// outcomes are those of all events of the batch.
	outcomes []consent.Outcome
}

// plan checks the batch and computes what is kept after it; it writes nothing.
func (p *planner) plan() error {
	if err := p.sift(); err != nil || len(p.added) == 0 {
		return err
	}
	if err := p.mirror(); err != nil {
		return err
	}
	if slices.Contains(p.relinks, true) {
		return p.planLinks()
	}
	return p.planEvents()
}

// sift tells the events that are new from duplicates, and refuses conflicts.
func (p *planner) sift() error {
	seen := make(map[string]int, len(p.Forms))
	for i, form := range p.Forms {
		event := &p.Events[i]
		earlier, found := []byte(nil), false
		if j, ok := seen[event.ID]; ok {
			earlier, found = p.Forms[j], true
		} else {
			var err error
			if earlier, found, err = p.recordedForm(event.ID); err != nil {
				return unavailable(err)
			}
			seen[event.ID] = i
		}
		switch {
		case !found:
			p.added = append(p.added, i)
			p.fresh = append(p.fresh, consent.Entry{
				Event: *event, RecordedAt: p.RecordedAt, Revision: p.revision, By: p.By, SubjectID: p.Subject.ID,
			})
		case !bytes.Equal(earlier, form):
			return &consent.EventError{Index: i, ID: event.ID, Err: consent.ErrEventConflict}
		}
	}
	return nil
}

// recordedForm returns the binary form of the controller's recorded event of that id, and whether there is one. That of
// another subject's event is nil, which equals no form.
func (p *planner) recordedForm(id string) (form []byte, found bool, err error) {
	event, subject, err := p.Recorded(p.Subject.Controller, id)
	if err != nil || event == nil {
		return nil, false, err
	}
	if subject != p.Subject.ID {
		return nil, true, nil
	}
	// Written anew, in case it was recorded in an older form.
	form, err = event.AppendBinary(nil)
	return form, true, err
}

func (p *planner) subject(id string) consent.Subject {
	return consent.Subject{Controller: p.Subject.Controller, ID: id}
}

// mirror finds the other ids in whose ledgers the new events stand too, and which events may change who is who.
func (p *planner) mirror() error {
	p.mirrors, p.relinks = make([][]string, len(p.fresh)), make([]bool, len(p.fresh))
	for i := range p.fresh {
		e := &p.fresh[i].Event
		var err error
		switch f := e.Fact.(type) {
		case consent.Annulment:
			err = p.mirrorAnnulment(i, f)
		case consent.Erasure:
			if e.CompletesErasure() {
				err = p.mirrorCompletion(i)
			}
		default:
			if e.LinkedWith() == p.Subject.ID {
				return p.refused(i, errSelf)
			}
			p.mirrorTo(i, e, p.Subject.ID)
		}
		if err != nil {
			return unavailable(err)
		}
	}
	return p.completesApart()
}

// completesApart refuses the completion of an erasure beside what may change who is who: whose consents it ends for
// good, also after a parting, must be known before.
func (p *planner) completesApart() error {
	if !slices.Contains(p.relinks, true) {
		return nil
	}
	for i := range p.fresh {
		if p.fresh[i].Event.CompletesErasure() {
			return p.refused(i, consent.ErrCompletionApart)
		}
	}
	return nil
}

// mirrorTo has a new event stand where another does that was said under an id, or is the same.
func (p *planner) mirrorTo(i int, as *consent.Event, under string) {
	p.relinks[i] = as.LinkKind()
	for _, id := range []string{under, as.LinkedWith()} {
		if id != "" && id != p.Subject.ID {
			p.mirrors[i] = append(p.mirrors[i], id)
		}
	}
}

// mirrorAnnulment puts an annulment into the ledgers that hold what it annuls, if one of them is the person's: what
// strangers said is not for the person to annul, and admit refuses it.
func (p *planner) mirrorAnnulment(i int, f consent.Annulment) error {
	target, holder, err := p.target(f.EventID)
	if err != nil || target == nil {
		return err
	}
	own, err := p.own()
	if slices.Contains(own, holder) || slices.Contains(own, target.LinkedWith()) {
		p.mirrorTo(i, target, holder)
	}
	return err
}

// own are the ids of the subject's person before the change, the subject's among them; of a shared id that alone.
func (p *planner) own() ([]string, error) {
	r, err := p.Find(p.Subject)
	if err != nil || r.Person == nil || r.Shared() {
		return []string{p.Subject.ID}, err
	}
	return r.Person.IDs, nil
}

// mirrorCompletion puts the completion of an erasure into the ledgers of all ids of the person: what it ended under
// them stays ended after a parting.
func (p *planner) mirrorCompletion(i int) error {
	own, err := p.own()
	p.mirrors[i] = slices.DeleteFunc(slices.Clone(own), func(id string) bool { return id == p.Subject.ID })
	return err
}

var errSelf = &consent.InvalidError{Violations: []consent.Violation{
	{Field: "linked_id", Description: "is the subject itself: name another id of the person"},
}}

// target returns what an annulment names, in the batch or on record, and the id under which it was said; nil: there is
// none.
func (p *planner) target(id string) (*consent.Event, string, error) {
	for i := range p.fresh {
		if p.fresh[i].Event.ID == id {
			return &p.fresh[i].Event, p.Subject.ID, nil
		}
	}
	return p.Recorded(p.Subject.Controller, id)
}

// planEvents plans a batch that leaves all people as they are.
func (p *planner) planEvents() error {
	r, err := p.Find(p.Subject)
	if err != nil {
		return unavailable(err)
	}
	next := step{Row: r, fresh: p.fresh, recorded: sync.OnceValues(func() ([]consent.Entry, error) {
		return p.entries(p.Subject.ID)
	})}
	if r.Shared() {
		// By its own history alone: what is said of one of the people beside it says nothing of what may be said here.
		err = p.admit(r.State, func() ([]consent.Entry, error) { return p.ledger(p.Subject.ID) })
		next.fresh = marked(p.fresh, false)
	} else {
		err = p.admit(r.State, next.recorded)
	}
	if err != nil {
		return err
	}
	if err := p.advance(p.Subject.ID, &next); err != nil {
		return err
	}
	if err := p.tell(next); err != nil {
		return err
	}
	return p.advanceNeighbors(r)
}

// step is the state of a subject before fresh entries.
type step struct {
	Row
	fresh    []consent.Entry
	recorded consent.Ledger
}

// marked returns entries as a subject has them who shares the id under which they were said, or has borrowed them from
// there.
func marked(entries []consent.Entry, borrowed bool) []consent.Entry {
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].Shared, entries[i].Borrowed = true, borrowed
	}
	return entries
}

// ledger returns all entries of an id before the change, which are read once.
func (p *planner) ledger(id string) ([]consent.Entry, error) {
	if entries, ok := p.ledgers[id]; ok {
		return entries, nil
	}
	entries, err := p.Ledger(p.subject(id))
	if err == nil {
		p.ledgers[id] = entries
	}
	return entries, err
}

// entries returns what the state of an id folds.
func (p *planner) entries(id string) ([]consent.Entry, error) {
	g, err := consent.Gather([]string{id}, p.ledger)
	if err != nil {
		return nil, err
	}
	return g.Entries(id), nil
}

// advance takes a step: the row of an id, or of the person that it names.
func (p *planner) advance(id string, s *step) (err error) {
	if s.State, err = consent.Advance(s.State, s.fresh, s.recorded); err != nil {
		return unavailable(err)
	}
	s.Changed = p.revision
	p.rows.put(id, s.Row)
	return nil
}

// advanceNeighbors lets those borrow the new entries who share an id with the row: of a person the shared ids, of a
// shared id the people.
func (p *planner) advanceNeighbors(r Row) error {
	if r.Person == nil {
		return nil
	}
	neighbors := r.Person.Shared
	if r.Shared() {
		neighbors = r.Person.IDs
	}
	borrowed, done := marked(p.fresh, true), map[consent.PersonKey]bool{}
	for _, id := range neighbors {
		r, err := p.Find(p.subject(id))
		if err != nil {
			return unavailable(err)
		}
		if !r.Shared() && done[r.Key] {
			continue
		}
		done[r.Key] = true
		s := step{Row: r, fresh: borrowed, recorded: func() ([]consent.Entry, error) { return p.entries(id) }}
		if err := p.advance(id, &s); err != nil {
			return err
		}
	}
	return nil
}

// tell finds what became of the new events.
func (p *planner) tell(s step) error {
	outcomes, err := consent.Outcomes(s.State, s.fresh, s.recorded)
	if err != nil {
		return unavailable(err)
	}
	for n, i := range p.added {
		p.outcomes[i] = outcomes[n]
	}
	return nil
}

// admit applies the rules of erasure and annulment to what is new. Its error names the event by its position in the
// batch.
func (p *planner) admit(state *consent.State, recorded consent.Ledger) error {
	err := consent.Admit(state, p.fresh, recorded)
	if about, ok := errors.AsType[*consent.EventError](err); ok {
		return p.refused(about.Index, about.Err)
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// refused says that the new event of that index cannot be recorded.
func (p *planner) refused(fresh int, err error) error {
	return &consent.EventError{Index: p.added[fresh], ID: p.fresh[fresh].Event.ID, Err: err}
}

// change returns what was planned.
func (p *planner) change() (*Change, error) {
	c := &Change{
		Subject: p.Subject, States: p.rows.states, People: p.rows.people, Gone: p.rows.gone, batch: p.Batch, added: p.added,
		Recorded: consent.Recorded{
			Revision: p.revision, Applied: len(p.added), Duplicates: len(p.Forms) - len(p.added), Outcomes: p.outcomes,
			Also: p.rows.others(p.Subject.ID),
		},
	}
	if len(p.added) == 0 {
		c.Recorded.Revision--
	}
	for n, i := range p.added {
		at := Position{p.revision, uint32(n)}
		c.Entries = append(c.Entries, Entry{Entry: p.fresh[n], ID: p.Subject.ID, At: at, form: p.Forms[i]})
		for _, id := range p.mirrors[n] {
			m, err := p.mirrored(n, id)
			if err != nil {
				return nil, unavailable(err)
			}
			c.Entries = append(c.Entries, m)
		}
	}
	return c, nil
}

// mirrored is the new event of that index as the ledger of another id has it.
func (p *planner) mirrored(fresh int, id string) (m Entry, err error) {
	m = Entry{
		Entry: p.fresh[fresh].Mirrored(id), ID: id, Said: p.Subject.ID, At: Position{p.revision, uint32(fresh)},
	}
	m.form, err = m.Event.AppendBinary(nil)
	return m, err
}
