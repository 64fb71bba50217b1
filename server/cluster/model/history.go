package model

// history names the changes of a store after revision 1, the grant that all begins with: W is the fenced withdrawal, X
// a write of another subject. What a chain tells apart in the real store, the name tells apart here.
type history uint8

const (
	granted history = iota
	historyW
	historyX
	historyWX
	historyXW
	// historyLate is of Bugs that number changes by a sequence: X is visible as 3 while W, 2, is not yet.
	historyLate
	histories
)

// facts of each history.
var facts = [histories]struct {
	name     string
	revision uint8
	stop     uint8
	parent   history
}{
	granted:     {"1", 1, 0, granted},
	historyW:    {"1,W2", 2, 2, granted},
	historyX:    {"1,X2", 2, 0, granted},
	historyWX:   {"1,W2,X3", 3, 2, historyW},
	historyXW:   {"1,X2,W3", 3, 3, historyX},
	historyLate: {"1,_,X3", 3, 0, granted},
}

func (h history) String() string { return facts[h].name }

// revision is the newest.
func (h history) revision() uint8 { return facts[h].revision }

// stop is the revision of W, zero: it is not in h.
func (h history) stop() uint8 { return facts[h].stop }

// allows says what a check answers from the state at the end of h.
func (h history) allows() bool { return h.stop() == 0 }

// wrote says whether X is in h.
func (h history) wrote() bool { return h != granted && h != historyW }

// holds says whether all of p is in h, in the same place.
func (h history) holds(p history) bool {
	for ; h != p; h = facts[h].parent {
		if h == granted {
			return false
		}
	}
	return true
}

// upTo is h without what is after a revision.
func (h history) upTo(revision uint8) history {
	for h.revision() > revision {
		h = facts[h].parent
	}
	return h
}

// withW is h and the withdrawal.
func (h history) withW() history {
	switch h {
	case granted:
		return historyW
	case historyX:
		return historyXW
	default:
		return historyWX
	}
}

// withX is h and the other write; late: its number is visible before the one that W has taken.
func (h history) withX(late bool) history {
	switch {
	case h == historyW:
		return historyWX
	case late:
		return historyLate
	default:
		return historyX
	}
}
