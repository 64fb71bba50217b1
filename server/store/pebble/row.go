package pebble

import (
	"encoding/binary"
	"errors"
	"slices"

	engine "github.com/cockroachdb/pebble/v2"

	"github.com/consentd/consentd/server/consent"
)

// The value of a subject in tableStates begins with the revision of its newest change, which is never zero. A zero
// there says that one of these follows, and not a state:
const (
	// rowAlias: the key of the person in tablePeople that the id belongs to.
	rowAlias = 1
	// rowShared: the links of a shared id and its own state, as a person has them.
	rowShared = 2
)

// row is what the store keeps of an id.
type row struct {
	// changed is the revision of the newest change of state; both are zero for an unknown subject.
	changed consent.Revision
	state   *consent.State
	// person is who the id names, nil where it stands alone. Its key is zero where the id is shared.
	person *consent.Person
	key    consent.PersonKey
}

func (r *row) shared() bool { return r.person != nil && r.key == consent.PersonKey{} }

// find returns what is kept of a subject: one point lookup for an id that stands alone or is shared, two for one of a
// person. Who the person is, which reading a state need not know, is read with whole alone.
func find(from engine.Reader, subject consent.Subject, whole bool) (r row, err error) {
	value, closer, err := from.Get(stateKey(subject))
	if errors.Is(err, engine.ErrNotFound) {
		return row{state: new(consent.State)}, nil
	}
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	return rowOf(from, subject.Controller, value, whole)
}

// rowOf reads the value of tableStates.
func rowOf(from engine.Reader, controller string, value []byte, whole bool) (r row, err error) {
	if len(value) < 2 || value[0] != 0 {
		r.changed, r.state, err = stateOf(value)
		return r, err
	}
	if value[1] == rowShared {
		return membersOf(value[2:], whole)
	}
	key, err := aliasOf(value)
	if err != nil {
		return r, err
	}
	return findPerson(from, controller, key, whole)
}

// findPerson returns the person of a key, of whom there must be one.
func findPerson(from engine.Reader, controller string, key consent.PersonKey, whole bool) (r row, err error) {
	value, closer, err := from.Get(personKey(controller, key))
	if errors.Is(err, engine.ErrNotFound) {
		return r, errors.New("an id belongs to a person who is missing")
	}
	if err != nil {
		return r, err
	}
	r, err = membersOf(value, whole)
	r.key = key
	return r, errors.Join(err, closer.Close())
}

func personKey(controller string, key consent.PersonKey) []byte {
	return appendKey(appendText([]byte{tablePeople}, controller), key)
}

func appendKey(b []byte, key consent.PersonKey) []byte {
	return position{key.Revision, key.Index}.append(b)
}

// appendAlias writes the row of an id of the person.
func appendAlias(b []byte, key consent.PersonKey) []byte {
	return appendKey(append(b, 0, rowAlias), key)
}

func aliasOf(value []byte) (consent.PersonKey, error) {
	if value[1] == rowAlias {
		if at, ok := positionOf(value[2:]); ok && at.revision > 0 {
			return consent.PersonKey{Revision: at.revision, Index: at.index}, nil
		}
	}
	return consent.PersonKey{}, errors.New("malformed alias of a person")
}

// appendMembers writes the value of tablePeople, and after rowShared that of a shared id: the length of the lists of
// ids and of shared ids, the lists, the revision and the state. Who reads the state alone passes over the lists.
func appendMembers(b []byte, r row) []byte {
	var lists []byte
	for _, list := range [][]string{r.person.IDs, r.person.Shared} {
		lists = binary.AppendUvarint(lists, uint64(len(list)))
		for _, id := range list {
			lists = appendText(lists, id)
		}
	}
	return appendState(append(binary.AppendUvarint(b, uint64(len(lists))), lists...), r.changed, r.state)
}

var errMembers = errors.New("malformed ids of a person")

func membersOf(b []byte, whole bool) (r row, err error) {
	lists, rest, err := splitMembers(b)
	if err != nil {
		return r, err
	}
	r.person = &consent.Person{}
	if whole {
		if *r.person, err = personOf(lists); err != nil {
			return r, err
		}
	}
	r.changed, r.state, err = stateOf(rest)
	return r, err
}

// splitMembers parts the lists of ids from the revision and the state.
func splitMembers(b []byte) (lists, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errMembers
	}
	return b[n : n+int(size)], b[n+int(size):], nil
}

func personOf(lists []byte) (p consent.Person, err error) {
	ids, rest, ok := textsOf(lists)
	if !ok {
		return p, errMembers
	}
	shared, rest, ok := textsOf(rest)
	if !ok || len(rest) > 0 {
		return p, errMembers
	}
	return consent.Person{IDs: ids, Shared: shared}, nil
}

func textsOf(b []byte) (list []string, rest []byte, ok bool) {
	count, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, nil, false
	}
	for b = b[n:]; count > 0; count-- {
		var text string
		if text, b, ok = textOf(b); !ok {
			return nil, nil, false
		}
		list = append(list, text)
	}
	return list, b, true
}

// rows are the rows that a change writes, with what they replace.
type rows struct {
	controller string
	set        map[string][]byte
	gone       [][]byte
	// also are the ids whose states they are.
	also []string
}

func newRows(controller string) *rows { return &rows{controller: controller, set: map[string][]byte{}} }

// put writes what is now kept of an id, and where it is one of a person of the person, under its key.
func (w *rows) put(id string, r row) {
	subject := consent.Subject{Controller: w.controller, ID: id}
	switch {
	case r.person == nil:
		w.set[string(stateKey(subject))] = appendState(nil, r.changed, r.state)
		w.also = append(w.also, id)
	case r.shared():
		w.set[string(stateKey(subject))] = appendMembers([]byte{0, rowShared}, r)
		w.also = append(w.also, id)
	default:
		w.set[string(personKey(w.controller, r.key))] = appendMembers(nil, r)
		w.also = append(w.also, r.person.IDs...)
	}
}

// alias says that an id is one of a person.
func (w *rows) alias(id string, key consent.PersonKey) {
	w.set[string(stateKey(consent.Subject{Controller: w.controller, ID: id}))] = appendAlias(nil, key)
}

// others are the ids beside one, sorted.
func (w *rows) others(id string) []string {
	slices.Sort(w.also)
	others := slices.DeleteFunc(slices.Compact(w.also), func(other string) bool { return other == id })
	if len(others) == 0 {
		return nil
	}
	return others
}

func (w *rows) write(b *engine.Batch) error {
	for _, key := range w.gone {
		if err := b.Delete(key, nil); err != nil {
			return err
		}
	}
	for key, value := range w.set {
		if err := b.Set([]byte(key), value, nil); err != nil {
			return err
		}
	}
	return nil
}
