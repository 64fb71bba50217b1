package consent

// AnnulledEntry is an entry that counts nowhere, because it was recorded by mistake.
type AnnulledEntry struct {
	Entry Entry
	// By is the first annulment of it.
	By Entry
}

// AnnulledOf returns the entries that others of them annul, in their order.
func AnnulledOf(entries []Entry) (found []AnnulledEntry) {
	annulments := annulmentsOf(entries)
	for _, e := range entries {
		if by := annulments[e.Event.ID]; by != nil && e.Event.annullable() {
			found = append(found, AnnulledEntry{Entry: e, By: *by})
		}
	}
	return found
}
