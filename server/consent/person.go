package consent

import "strings"

// MaxPersonIDs bounds the ids of a person, the shared ids that a person is linked to, and the ids that a shared id is
// linked to.
const MaxPersonIDs = 64

// Link says that two ids of a controller are one person. It stands in the ledgers of both.
type Link struct {
	// With is the other id.
	With string
	// Linked says that this ledger's id is the linked side: the one that was found to be the other's. An id that
	// is not shared is the linked side of one standing link at most.
	Linked bool
}

// Unlink parts two ids that were linked. It stands in the ledgers of both.
type Unlink struct{ With string }

// Sharing says that an id belongs to several people, such as the address of a household or the till of a shop; or
// no longer. What restricts under a shared id counts for all people linked to it, and makes none of them known;
// what grants under it counts for nobody, also where the shared id itself is asked. Its own state has what
// restricts of its events and of those of all people linked to it; but what may be recorded under it depends on
// its own events alone, so that the erasure of one person keeps nobody else from an id.
type Sharing struct{ Shared bool }

// KindName implements Fact.
func (Link) KindName() string { return "link" }

// KindName implements Fact.
func (Unlink) KindName() string { return "unlink" }

// KindName implements Fact.
func (Sharing) KindName() string { return "sharing" }

// LinkKind reports whether the event says of ids who they are, and nothing of consent: a Link, an Unlink or a
// Sharing.
func (e *Event) LinkKind() bool {
	switch e.Fact.(type) {
	case Link, Unlink, Sharing:
		return true
	}
	return false
}

// Person is who an id names.
type Person struct {
	// IDs are those of the person, sorted. Of a shared id they are the ids that it is linked to.
	IDs []string
	// Shared are the shared ids that the person is linked to, sorted: what restricts on them counts. Of a shared
	// id it is that id.
	Shared []string
}

// PersonKey names a person with exactly these ids and shared ids, within a controller: whenever one of them comes or
// goes the person gets another key, which nobody had before. The zero key: the id stands alone, or is shared.
type PersonKey struct {
	// Revision is that of the change that made the person, Index counts the people of that change.
	Revision Revision
	Index    uint32
}

// LinkOf returns the link of linked to subject, as the event of subject says it. Of an account and an id of
// another kind the account is the person's side, and of an address or a device and a plain id the plain id,
// whatever the order.
func LinkOf(subject, linked string) Link {
	return Link{With: linked, Linked: sideRank(subject) > sideRank(linked)}
}

// sideRank: of two ids the one with the greater rank is the linked side.
func sideRank(id string) int {
	kind, _, _ := strings.Cut(id, ":")
	switch kind {
	case "account":
		return 0
	case "email_sha256", "email_hmac", "phone_e164_hmac", "cookie", "device":
		return 2
	}
	return 1
}

// Mirrored returns the entry as the ledger of another id has it: a link as the other side says it, an annulment as it
// was said.
func (e *Entry) Mirrored(id string) Entry {
	m := *e
	switch f := e.Event.Fact.(type) {
	case Link:
		m.SubjectID, m.Event.Fact = id, Link{With: e.SubjectID, Linked: !f.Linked}
	case Unlink:
		m.SubjectID, m.Event.Fact = id, Unlink{With: e.SubjectID}
	}
	return m
}

// LinkedWith returns the other id that a Link or Unlink names; empty: it is neither.
func (e *Event) LinkedWith() string {
	switch f := e.Fact.(type) {
	case Link:
		return f.With
	case Unlink:
		return f.With
	}
	return ""
}
