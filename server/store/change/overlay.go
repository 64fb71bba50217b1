package change

import (
	"iter"
	"maps"
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// PersonID names what is kept of a person.
type PersonID struct {
	Controller string
	Key        consent.PersonKey
}

// EventID names an event.
type EventID struct{ Controller, ID string }

// said is an event and the id under which it was said.
type said struct {
	event *consent.Event
	under string
}

// Overlay is a Reader of what a store will keep once some changes are written, so that several of them can be planned
// before the first is, each seeing those before it. It also knows what is kept in the end of all that they change, each
// once. It is used by one goroutine at a time.
type Overlay struct {
	base    Reader
	states  map[consent.Subject]Row
	people  map[PersonID]Row
	gone    []PersonID
	events  map[EventID]said
	entries map[consent.Subject][]consent.Entry
}

var _ Reader = (*Overlay)(nil)

// NewOverlay returns one without changes.
func NewOverlay(base Reader) *Overlay {
	return &Overlay{
		base: base, states: map[consent.Subject]Row{}, people: map[PersonID]Row{}, events: map[EventID]said{},
		entries: map[consent.Subject][]consent.Entry{},
	}
}

// Add takes a change as written.
func (o *Overlay) Add(c *Change) {
	controller := c.Subject.Controller
	for id, r := range c.States {
		o.states[consent.Subject{Controller: controller, ID: id}] = r
	}
	for _, key := range c.Gone {
		id := PersonID{controller, key}
		delete(o.people, id)
		o.gone = append(o.gone, id)
	}
	for key, r := range c.People {
		o.people[PersonID{controller, key}] = r
	}
	for i := range c.Entries {
		e := &c.Entries[i]
		who := consent.Subject{Controller: controller, ID: e.ID}
		o.entries[who] = append(o.entries[who], e.Entry)
		if e.Said == "" {
			o.events[EventID{controller, e.Event.ID}] = said{&e.Event, e.ID}
		}
	}
}

// Find implements Reader.
func (o *Overlay) Find(subject consent.Subject) (Row, error) {
	r, ok := o.states[subject]
	if !ok {
		var err error
		if r, err = o.base.Find(subject); err != nil {
			return r, err
		}
	}
	if r.Key == (consent.PersonKey{}) {
		return r, nil
	}
	if person, ok := o.people[PersonID{subject.Controller, r.Key}]; ok {
		return person, nil
	}
	if r.Alias() {
		return r, ErrPersonMissing
	}
	return r, nil
}

// Recorded implements Reader.
func (o *Overlay) Recorded(controller, event string) (*consent.Event, string, error) {
	if s, ok := o.events[EventID{controller, event}]; ok {
		return s.event, s.under, nil
	}
	return o.base.Recorded(controller, event)
}

// Ledger implements Reader.
func (o *Overlay) Ledger(subject consent.Subject) ([]consent.Entry, error) {
	entries, err := o.base.Ledger(subject)
	if err != nil || len(o.entries[subject]) == 0 {
		return entries, err
	}
	return slices.Concat(entries, o.entries[subject]), nil
}

// States are what is kept in the end of all ids that the changes rewrote.
func (o *Overlay) States() iter.Seq2[consent.Subject, Row] { return maps.All(o.states) }

// People are what is kept in the end of all people that the changes rewrote, or made.
func (o *Overlay) People() iter.Seq2[PersonID, Row] { return maps.All(o.people) }

// Gone are the people who are no more, among them some whom no store ever kept.
func (o *Overlay) Gone() []PersonID { return o.gone }
