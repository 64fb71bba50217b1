package change

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/consentd/consentd/server/consent"
)

// What is kept of an id begins with the revision of its newest change, which is never zero. A zero there says that one
// of these follows, and not a state:
const (
	// rowAlias: the key of the person that the id belongs to.
	rowAlias = 1
	// rowShared: the links of a shared id and its own state, as a person has them.
	rowShared = 2
)

// Row is what a store keeps of an id, or of a person. Two are kept apart: what is kept of ids, by the id, and what is
// kept of people, by their keys; an id of a person has an alias, which is the person's key alone.
type Row struct {
	// Changed is the revision of the newest change of State; both are zero in an alias.
	Changed consent.Revision
	State   *consent.State
	// Person is who the id names, nil where it stands alone.
	Person *consent.Person
	// Key is the person's, zero where the id stands alone or is shared.
	Key consent.PersonKey
}

// Unknown is what is kept of an id of which nothing is.
func Unknown() Row { return Row{State: new(consent.State)} }

// Alias reports whether there is no more than the key of the person that an id belongs to.
func (r *Row) Alias() bool { return r.State == nil }

// Shared reports whether it is of a shared id.
func (r *Row) Shared() bool { return r.Person != nil && r.Key == consent.PersonKey{} }

// Snapshot is what reading the state answers, as of a revision.
func (r *Row) Snapshot(asOf consent.Revision) consent.Snapshot {
	return consent.Snapshot{State: r.State, Changed: r.Changed, AsOf: asOf, Person: r.Key}
}

// Who is the person that the row, read whole, is of: that of an id that stands alone is the id.
func (r *Row) Who(id string) consent.Person {
	if r.Person == nil {
		return consent.Person{IDs: []string{id}}
	}
	return *r.Person
}

// ComesUnder reports whether a scan shows the row, read whole, at an id that reads it: of a person the least id. A
// shared id comes by itself; it may be linked to nobody.
func (r *Row) ComesUnder(id string) bool {
	return r.Person == nil || r.Shared() || len(r.Person.IDs) > 0 && r.Person.IDs[0] == id
}

// Append writes the binary form: that of an id's row, or where the row is of a person, that of the person's.
func (r *Row) Append(b []byte) []byte {
	switch {
	case r.Alias():
		return appendKey(append(b, 0, rowAlias), r.Key)
	case r.Person == nil:
		return appendState(b, r.Changed, r.State)
	case r.Shared():
		b = append(b, 0, rowShared)
	}
	return r.appendMembers(b)
}

func appendKey(b []byte, key consent.PersonKey) []byte {
	return Position{key.Revision, key.Index}.Append(b)
}

func appendState(b []byte, revision consent.Revision, s *consent.State) []byte {
	// The error is always nil.
	b, _ = s.AppendBinary(binary.AppendUvarint(b, uint64(revision)))
	return b
}

// appendMembers writes the length of the lists of ids and of shared ids, the lists, the revision and the state. Who
// reads the state alone passes over the lists.
func (r *Row) appendMembers(b []byte) []byte {
	var lists []byte
	for _, list := range [][]string{r.Person.IDs, r.Person.Shared} {
		lists = binary.AppendUvarint(lists, uint64(len(list)))
		for _, id := range list {
			lists = AppendText(lists, id)
		}
	}
	return appendState(append(binary.AppendUvarint(b, uint64(len(lists))), lists...), r.Changed, r.State)
}

// ParseRow reads the binary form of what is kept of an id, which may be an alias. The ids that a shared id is linked
// to, which reading a state need not know, are read with whole alone.
func ParseRow(b []byte, whole bool) (r Row, err error) {
	switch {
	case len(b) < 2 || b[0] != 0:
		r.Changed, r.State, err = stateOf(b)
		return r, err
	case b[1] == rowShared:
		return membersOf(b[2:], whole)
	}
	r.Key, err = aliasOf(b)
	return r, err
}

// ParsePerson reads the binary form of what is kept of the person of a key; its ids with whole alone.
func ParsePerson(b []byte, key consent.PersonKey, whole bool) (Row, error) {
	r, err := membersOf(b, whole)
	r.Key = key
	return r, err
}

// ErrPersonMissing says that an id has an alias of a person who is not kept: damage, not somebody unknown.
var ErrPersonMissing = errors.New("an id belongs to a person who is missing")

func aliasOf(b []byte) (consent.PersonKey, error) {
	if b[1] == rowAlias {
		if at, ok := ParsePosition(b[2:]); ok && at.Revision > 0 {
			return consent.PersonKey{Revision: at.Revision, Index: at.Index}, nil
		}
	}
	return consent.PersonKey{}, errors.New("malformed alias of a person")
}

func stateOf(b []byte) (consent.Revision, *consent.State, error) {
	revision, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errors.New("malformed revision of a state")
	}
	s := new(consent.State)
	if err := s.UnmarshalBinary(b[n:]); err != nil {
		return 0, nil, err
	}
	return consent.Revision(revision), s, nil
}

var errMembers = errors.New("malformed ids of a person")

func membersOf(b []byte, whole bool) (r Row, err error) {
	lists, rest, err := splitMembers(b)
	if err != nil {
		return r, err
	}
	r.Person = &consent.Person{}
	if whole {
		if *r.Person, err = personOf(lists); err != nil {
			return r, err
		}
	}
	r.Changed, r.State, err = stateOf(rest)
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
		if text, b, ok = CutText(b); !ok {
			return nil, nil, false
		}
		list = append(list, text)
	}
	return list, b, true
}

// Refold returns the binary form of what is kept of an id anew, where its state was folded by older rules than this
// version's, from the ledgers of its controller's ids; nil: it is up to date, or an alias. What else is in it stays.
func Refold(b []byte, id string, ledger func(id string) ([]consent.Entry, error)) ([]byte, error) {
	if len(b) < 2 || b[0] != 0 {
		return refolded(b, afterRevision(b), id, ledger)
	}
	if b[1] == rowAlias {
		return nil, nil
	}
	_, rest, err := splitMembers(b[2:])
	if err != nil {
		return nil, err
	}
	return refolded(b, afterRevision(rest), id, ledger)
}

// RefoldPerson is Refold of what is kept of a person.
func RefoldPerson(b []byte, ledger func(id string) ([]consent.Entry, error)) ([]byte, error) {
	lists, rest, err := splitMembers(b)
	if err != nil {
		return nil, err
	}
	p, err := personOf(lists)
	if err != nil || len(p.IDs) == 0 {
		return nil, errMembers
	}
	return refolded(b, afterRevision(rest), p.IDs[0], ledger)
}

// afterRevision is the state's binary form, nil where it cannot be told: reading the state then says why.
func afterRevision(b []byte) []byte {
	if _, n := binary.Uvarint(b); n > 0 {
		return b[n:]
	}
	return nil
}

// refolded replaces the state's form, the end of b. What stands before it stays: the revision and, of people and shared
// ids, the ids.
func refolded(b, form []byte, id string, ledger func(string) ([]consent.Entry, error)) ([]byte, error) {
	if !consent.StateOutdated(form) {
		return nil, nil
	}
	graph, err := consent.Gather([]string{id}, ledger)
	if err != nil {
		return nil, err
	}
	return graph.State(id).AppendBinary(slices.Clone(b[:len(b)-len(form)]))
}

// rows are the rows that a change writes.
type rows struct {
	states map[string]Row
	people map[consent.PersonKey]Row
	gone   []consent.PersonKey
	// also are the ids whose states they are.
	also []string
}

func newRows() *rows {
	return &rows{states: map[string]Row{}, people: map[consent.PersonKey]Row{}}
}

// put writes what is now kept of an id, and where it is one of a person of the person, under its key.
func (w *rows) put(id string, r Row) {
	if r.Key != (consent.PersonKey{}) {
		w.people[r.Key] = r
		w.also = append(w.also, r.Person.IDs...)
		return
	}
	w.states[id] = r
	w.also = append(w.also, id)
}

// leave says that the person of a key is no more.
func (w *rows) leave(key consent.PersonKey) {
	if key != (consent.PersonKey{}) && !slices.Contains(w.gone, key) {
		w.gone = append(w.gone, key)
	}
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
