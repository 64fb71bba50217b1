package consent

// Snapshot is a subject's state as it was read. It is immutable and may be shared.
type Snapshot struct {
	// State is never nil; it is not Known where nothing was recorded.
	State *State
	// Changed is the revision of the subject's newest change; zero: there was none.
	Changed Revision
	// AsOf is a revision up to which no change is missing from State.
	AsOf Revision
	// Person names who the subject is; zero: the id stands alone or is shared.
	Person PersonKey
	// Prepared is what the policies prebuilt from State when it was cached; nil if nothing.
	Prepared any
	// Until is until when the state may be acted upon, by the clock of the cache that gave it; zero: nothing bounds it.
	Until int64
}

// HistoryMark names the history of a store up to a revision, nearly certainly: it is another where anything in it is.
type HistoryMark uint32

// Freshness is how fresh a state must be.
type Freshness uint8

// The freshnesses.
const (
	// MinimizeLatency takes a cached state that is valid.
	MinimizeLatency Freshness = iota
	// FullyConsistent reads the store, past every cache, and misses no change that was acknowledged before, by anybody.
	FullyConsistent
)
