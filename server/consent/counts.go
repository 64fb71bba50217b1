package consent

// MayCount reports whether an entry says anything to its subject: of what was said under an id that is shared, only
// what restricts does, and nothing of whom that id is linked to.
func (e *Entry) MayCount() bool {
	switch e.Event.Fact.(type) {
	case Annulment:
		return true
	case Link, Unlink, Sharing:
		return !e.Borrowed
	}
	return len(appendParts(nil, e)) > 0
}
