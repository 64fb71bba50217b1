package change

import "github.com/consentd/consentd/server/consent"

// Memo is a Reader that reads each thing once from another and remembers it, so that what was read before a lock need
// not be read under it. Others may change the store in between: whoever knows of whom has those forgotten. It is used
// by one goroutine at a time. Errors are not remembered.
//
// All that a change of the store can make wrong here is what was read of the change's subject, and of its Also
// (store.Change), and the ids of events that were not found: those may be recorded now, of anybody (Missed).
type Memo struct {
	base    Reader
	rows    map[consent.Subject]Row
	events  map[EventID]said
	ledgers map[consent.Subject][]consent.Entry
}

var _ Reader = (*Memo)(nil)

// NewMemo returns one that remembers nothing. Where all is known that will be asked for, or may fail, base may be one
// that always fails.
func NewMemo(base Reader) *Memo {
	return &Memo{
		base: base, rows: map[consent.Subject]Row{}, events: map[EventID]said{}, ledgers: map[consent.Subject][]consent.Entry{},
	}
}

// From has the memo read what it does not know from another reader from now on.
func (m *Memo) From(base Reader) { m.base = base }

// KeepRow remembers what is kept of an id, as Find returns it.
func (m *Memo) KeepRow(subject consent.Subject, r Row) { m.rows[subject] = r }

// KeepEvent remembers what is recorded under an event's id, as Recorded returns it.
func (m *Memo) KeepEvent(id EventID, event *consent.Event, subject string) {
	m.events[id] = said{event, subject}
}

// Forget forgets the row and the ledger of an id. It returns whether anything was known.
func (m *Memo) Forget(subject consent.Subject) bool {
	_, row := m.rows[subject]
	_, ledger := m.ledgers[subject]
	delete(m.rows, subject)
	delete(m.ledgers, subject)
	return row || ledger
}

// Knows calls f with each id of which something is remembered, in no order.
func (m *Memo) Knows(f func(consent.Subject)) {
	for subject := range m.rows {
		f(subject)
	}
	for subject := range m.ledgers {
		if _, ok := m.rows[subject]; !ok {
			f(subject)
		}
	}
}

// Missed are the ids of events that were asked for and not found, in no order. Those that were found stay what they
// are: nothing takes an event off a ledger.
func (m *Memo) Missed() (ids []EventID) {
	for id, s := range m.events {
		if s.event == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Find implements Reader.
func (m *Memo) Find(subject consent.Subject) (Row, error) {
	if r, ok := m.rows[subject]; ok {
		return r, nil
	}
	r, err := m.base.Find(subject)
	if err == nil {
		m.rows[subject] = r
	}
	return r, err
}

// Recorded implements Reader.
func (m *Memo) Recorded(controller, event string) (*consent.Event, string, error) {
	id := EventID{controller, event}
	if s, ok := m.events[id]; ok {
		return s.event, s.under, nil
	}
	found, under, err := m.base.Recorded(controller, event)
	if err == nil {
		m.events[id] = said{found, under}
	}
	return found, under, err
}

// Ledger implements Reader.
func (m *Memo) Ledger(subject consent.Subject) ([]consent.Entry, error) {
	if entries, ok := m.ledgers[subject]; ok {
		return entries, nil
	}
	entries, err := m.base.Ledger(subject)
	if err == nil {
		m.ledgers[subject] = entries
	}
	return entries, err
}
