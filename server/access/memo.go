package access

import (
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"github.com/consentd/consentd/server/caller"
)

const (
	// ways is how many answers one hash may have, of sets of them.
	ways, sets = 4, 2048
	// maxKept bounds the text of an answer that is kept: 8 MiB for all, whatever callers send.
	maxKept = 1 << 10
)

// memo remembers answers of one policy of access. It is a table of fixed size without locks: an answer is immutable
// and replaces another in its set of four at random, so that whoever asks for much, or sends ever new tokens, costs
// others an evaluation and no memory. A sync.Map would need a bound of its own, and allocates for such keys.
//
// An answer holds its whole key, compared on every hit: a collision of hashes costs a miss.
type memo struct {
	seed  maphash.Seed
	slots [sets * ways]atomic.Pointer[answer]
}

// answer is whether a question is permitted.
type answer struct {
	question
	permitted bool
}

// question is all that an answer may depend on.
type question struct {
	kind   caller.Kind
	id     string
	issuer string
	// whole is the caller where the policy reads claims: callers of one id may differ in them. It is compared by
	// address, and keeps the caller from being another's address.
	whole *caller.Caller
	act   caller.Act
}

func newMemo() *memo { return &memo{seed: maphash.MakeSeed()} }

// set returns where the answers of a question's hash are. Actions differ in their length or first letter; hashing them
// too, and the issuer, took a third of the time of a hit.
func (m *memo) set(q *question) []atomic.Pointer[answer] {
	h := maphash.String(m.seed, q.id)
	h = h*31 ^ maphash.String(m.seed, q.act.Controller)
	h = h*31 ^ maphash.String(m.seed, q.act.Purpose)
	if action := q.act.Action; action != "" {
		h ^= uint64(len(action))<<8 | uint64(action[0])
	}
	if q.act.Recipient.ID != "" {
		h = h*31 ^ maphash.String(m.seed, q.act.Recipient.ID)
	}
	first := (h ^ h>>32) % sets * ways
	return m.slots[first : first+ways]
}

// find returns what is remembered of a question.
func (m *memo) find(q *question) (permitted, known bool) {
	set := m.set(q)
	for i := range set {
		if a := set[i].Load(); a != nil && a.question == *q {
			return a.permitted, true
		}
	}
	return false, false
}

// keep remembers an answer, unless its question is too long.
func (m *memo) keep(q *question, permitted bool) {
	if q.size() > maxKept {
		return
	}
	set := m.set(q)
	at := rand.IntN(ways)
	for i := range set {
		if set[i].Load() == nil {
			at = i
			break
		}
	}
	set[at].Store(&answer{q.clone(), permitted})
}

func (q *question) size() int {
	r := &q.act.Recipient
	return len(q.id) + len(q.issuer) + len(q.act.Controller) + len(q.act.Purpose) + len(r.ID) + len(r.Country)
}

// clone is a question of which nothing lies in a request's memory.
func (q *question) clone() question {
	c := *q
	for _, text := range []*string{
		&c.id, &c.issuer, &c.act.Controller, &c.act.Purpose, &c.act.Recipient.ID, &c.act.Recipient.Country,
	} {
		*text = strings.Clone(*text)
	}
	return c
}
