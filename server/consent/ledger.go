package consent

// Batch is one subject's events.
type Batch struct {
	Subject Subject
	// Events are valid (Event.Validate) and at least one.
	Events []Event
	// RecordedAt is the server's clock.
	RecordedAt Instant
	// By is who records them, bounded; zero: the server did not ask. It is no part of an event's content: the same event
	// recorded by another is a duplicate, and the ledger goes on naming the first.
	By Identity
}

// Recorded acknowledges a batch.
type Recorded struct {
	// Revision is that of the change or, where nothing changed, a revision at which the duplicates were visible.
	Revision Revision
	// Applied counts the new events, Duplicates those recorded before.
	Applied, Duplicates int
	// Outcomes is what became of each event, in the order of the batch.
	Outcomes []Outcome
	// Also are the other ids of the controller whose state changed too, sorted.
	Also []string
}

// Page says which part of a ledger to return.
type Page struct {
	// After is the Next of the page before; empty: the first page.
	After string
	// Limit is how many entries at most; at least 1.
	Limit int
	// Alone asks for what stands in the ledger of the one id, instead of those of all ids of the person.
	Alone bool
}

// Entries is a page of a ledger.
type Entries struct {
	Entries []Entry
	// Next is where the next page begins; empty: there is none.
	Next string
}
