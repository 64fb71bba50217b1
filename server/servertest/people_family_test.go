package servertest_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

const (
	// familyIDs are those of people who are linked and parted; the last one is shared.
	familyIDs = 7
	household = familyIDs - 1
	// familySayings is how much is said of a family: links read whole ledgers, so that long ones would slow the race
	// down.
	familySayings = 100
)

// family is some ids of the controller example, what was said of them, and what checks of them must show. Who says it
// is one goroutine, which alone uses all but shown and checked.
type family struct {
	name    string
	random  *rand.Rand
	began   time.Time
	sayings []saying
	// refused counts the sayings that the server did not take.
	refused int

	shown [familyIDs]shown
	// checked counts the checks of these ids.
	checked atomic.Int64
}

// sayingKind is what a saying does.
type sayingKind int

const (
	sayGive sayingKind = iota
	sayWithdraw
	sayLink
	sayUnlink
	sayAnnul
	sayingKinds
)

// saying is an event of a family. Each is a second newer than the one before: a withdrawal counts to the end of its
// second.
type saying struct {
	kind  sayingKind
	under int
	// with is the other id of a link or unlink.
	with int
	// names is the saying that an annulment annuls.
	names    int
	annulled bool
}

// expectation is what a check must come to.
type expectation uint64

const (
	// unsure: a change is under way, or a near cache may not know yet.
	unsure expectation = iota
	mustDeny
	mustAllow
	expectations
)

// shown is what checks must show of an id. Whoever finds the same stamp before and after a check knows that nothing
// changed meanwhile.
type shown struct {
	// here is for checks that the server answers, near for those that a cache of the client may.
	here, near atomic.Uint64
}

func expect(v *atomic.Uint64, e expectation) {
	v.Store((v.Load()/uint64(expectations)+1)*uint64(expectations) + uint64(e))
}

func newFamily(name string, random *rand.Rand) *family {
	f := &family{name: name, random: random, began: time.Now().Add(-48 * time.Hour)}
	for i := range f.shown {
		expect(&f.shown[i].here, mustDeny)
		expect(&f.shown[i].near, mustDeny)
	}
	return f
}

func (f *family) id(i int) string {
	if i == household {
		return f.name + "/household"
	}
	return fmt.Sprintf("%s/%d", f.name, i)
}

// next is what is said next. Much of it changes who is who; some is refused.
func (f *family) next() saying {
	s := saying{under: f.random.IntN(familyIDs), with: f.random.IntN(familyIDs)}
	switch n := f.random.IntN(100); {
	case n < 35:
		s.kind = sayGive
	case n < 60:
		s.kind = sayWithdraw
	case n < 80:
		s.kind = sayLink
	case n < 90:
		s.kind = sayUnlink
	default:
		s.kind = sayAnnul
	}
	if s.kind == sayUnlink {
		s.under, s.with = f.linked(s)
	}
	if s.kind == sayAnnul {
		return f.annulment()
	}
	if s.under == s.with {
		s.with = (s.under + 1) % familyIDs
	}
	return s
}

// linked returns two ids that are linked, if any are, else those of s.
func (f *family) linked(s saying) (under, with int) {
	pairs := f.links()
	if len(pairs) == 0 {
		return s.under, s.with
	}
	p := pairs[f.random.IntN(len(pairs))]
	return p[0], p[1]
}

// annulment annuls one of the newest sayings, under any id of the person of whom it was said.
func (f *family) annulment() saying {
	newest := max(0, len(f.sayings)-8)
	for n := len(f.sayings) - 1 - f.random.IntN(4); n >= newest; n-- {
		named := f.sayings[n]
		if named.kind == sayAnnul || named.annulled {
			continue
		}
		s := saying{kind: sayAnnul, under: named.under, names: n}
		if people := f.people(); named.under != household && named.kind < sayLink {
			for other := range household {
				if people[other] == people[named.under] && f.random.IntN(2) == 0 {
					s.under = other
				}
			}
		}
		return s
	}
	return saying{kind: sayWithdraw, under: f.random.IntN(household)}
}

// say adds what the server took.
func (f *family) say(s saying) {
	if s.kind == sayAnnul {
		f.sayings[s.names].annulled = true
	}
	f.sayings = append(f.sayings, s)
}

// after is what the family would be with one saying more.
func (f *family) after(s saying) *family {
	next := &family{sayings: slices.Clone(f.sayings)}
	next.say(s)
	return next
}

// links are the pairs whose newest word is a link.
func (f *family) links() (pairs [][2]int) {
	newest := map[[2]int]sayingKind{}
	for _, s := range f.sayings {
		if !s.annulled && (s.kind == sayLink || s.kind == sayUnlink) {
			newest[[2]int{min(s.under, s.with), max(s.under, s.with)}] = s.kind
		}
	}
	for pair, kind := range newest {
		if kind == sayLink {
			pairs = append(pairs, pair)
		}
	}
	slices.SortFunc(pairs, func(a, b [2]int) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return pairs
}

// people gives each id but the shared one a number that those of one person have in common.
func (f *family) people() (people [familyIDs]int) {
	for i := range people {
		people[i] = i
	}
	for _, p := range f.links() {
		if p[1] == household {
			continue
		}
		from, to := people[p[1]], people[p[0]]
		for i := range people {
			if people[i] == from {
				people[i] = to
			}
		}
	}
	return people
}

// expected is what a check of each id must come to: the newest of what was said of its person, and of the withdrawals
// of the shared id where that is linked to it. What the shared id itself is asked for is always denied.
func (f *family) expected() (all [familyIDs]expectation) {
	people, beside := f.people(), map[int]bool{}
	for _, p := range f.links() {
		if p[1] == household {
			beside[people[p[0]]] = true
		}
	}
	for i := range all {
		all[i] = mustDeny
	}
	for _, s := range f.sayings {
		if s.annulled || s.kind > sayWithdraw {
			continue
		}
		for i := range household {
			own := s.under != household && people[s.under] == people[i]
			borrowed := s.under == household && s.kind == sayWithdraw && beside[people[i]]
			if (own || borrowed) && s.kind == sayGive {
				all[i] = mustAllow
			} else if own || borrowed {
				all[i] = mustDeny
			}
		}
	}
	return all
}

// hide says that what is about to be said may change what checks show.
func (f *family) hide(before, next [familyIDs]expectation) {
	for i := range before {
		if before[i] != next[i] {
			expect(&f.shown[i].here, unsure)
			expect(&f.shown[i].near, unsure)
		}
	}
}

// show says what checks must show now that a change is acknowledged. After a fence that goes for near caches as well;
// what they may not know yet is that something is allowed again.
func (f *family) show(before, now [familyIDs]expectation, fenced bool) {
	for i := range now {
		if before[i] != now[i] {
			expect(&f.shown[i].here, now[i])
		}
		if fenced && now[i] == mustDeny {
			expect(&f.shown[i].near, mustDeny)
		}
	}
}

// event is a saying as RecordEvents takes it.
func (f *family) event(s saying) *consentv1.Event {
	e := &consentv1.Event{
		Id: f.eventID(len(f.sayings)), OccurredAt: f.at(len(f.sayings)), Source: "support", Evidence: "urn:case:1",
	}
	switch s.kind {
	case sayGive:
		give("ai_training")(e)
	case sayWithdraw:
		withdraw("ai_training")(e)
	default:
		annul(f.eventID(s.names))(e)
	}
	return e
}

// eventID is that of the n-th saying; what was refused before has not taken it.
func (f *family) eventID(n int) string { return fmt.Sprintf("%s/%d", f.name, n) }

func (f *family) at(n int) *timestamppb.Timestamp {
	return timestamppb.New(f.began.Add(time.Duration(n) * time.Second))
}
