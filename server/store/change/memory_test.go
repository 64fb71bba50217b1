package change_test

import (
	"slices"
	"strings"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

// memory keeps the binary forms of what changes write, as an engine does.
type memory struct {
	states  map[consent.Subject]string
	people  map[change.PersonID]string
	events  map[change.EventID]string
	ledgers map[consent.Subject][]line
	// reads counts what was read.
	reads int
}

// line is an entry of a ledger.
type line struct {
	said  string
	at    change.Position
	entry string
}

func newMemory() *memory {
	return &memory{
		states: map[consent.Subject]string{}, people: map[change.PersonID]string{}, events: map[change.EventID]string{},
		ledgers: map[consent.Subject][]line{},
	}
}

// Find implements change.Reader.
func (m *memory) Find(subject consent.Subject) (change.Row, error) {
	m.reads++
	value, ok := m.states[subject]
	if !ok {
		return change.Unknown(), nil
	}
	r, err := change.ParseRow([]byte(value), true)
	if err != nil || !r.Alias() {
		return r, err
	}
	if value, ok = m.people[change.PersonID{Controller: subject.Controller, Key: r.Key}]; !ok {
		return r, change.ErrPersonMissing
	}
	return change.ParsePerson([]byte(value), r.Key, true)
}

// Recorded implements change.Reader.
func (m *memory) Recorded(controller, event string) (*consent.Event, string, error) {
	m.reads++
	place, ok := m.events[change.EventID{Controller: controller, ID: event}]
	if !ok {
		return nil, "", nil
	}
	at, under, err := change.ParsePlace([]byte(place))
	if err != nil {
		return nil, "", err
	}
	for _, l := range m.ledgers[consent.Subject{Controller: controller, ID: under}] {
		if l.at == at && l.said == "" {
			e, err := change.ParseEntry([]byte(l.entry), at.Revision)
			return &e.Event, under, err
		}
	}
	return nil, under, change.ErrPersonMissing
}

// Ledger implements change.Reader.
func (m *memory) Ledger(subject consent.Subject) (entries []consent.Entry, err error) {
	m.reads++
	for _, l := range m.ledgers[subject] {
		e, err := change.ParseEntry([]byte(l.entry), l.at.Revision)
		if err != nil {
			return nil, err
		}
		entries = append(entries, change.Stood(e, subject.ID, l.said))
	}
	return entries, nil
}

// write writes the entries of a change.
func (m *memory) write(c *change.Change) {
	for _, e := range c.Entries {
		who := consent.Subject{Controller: c.Subject.Controller, ID: e.ID}
		m.ledgers[who] = append(m.ledgers[who], line{e.Said, e.At, string(e.Append(nil))})
		slices.SortStableFunc(m.ledgers[who], func(a, b line) int {
			if at := a.at.Compare(b.at); at != 0 {
				return at
			}
			return strings.Compare(a.said, b.said)
		})
		if e.Said == "" {
			m.events[change.EventID{Controller: who.Controller, ID: e.Event.ID}] = string(change.AppendPlace(nil, e.At, e.ID))
		}
	}
}

// keep writes the rows that an overlay ends with.
func (m *memory) keep(o *change.Overlay) {
	for _, id := range o.Gone() {
		delete(m.people, id)
	}
	for subject, r := range o.States() {
		m.states[subject] = string(r.Append(nil))
	}
	for id, r := range o.People() {
		m.people[id] = string(r.Append(nil))
	}
}
