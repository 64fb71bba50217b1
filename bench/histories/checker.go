package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// rule is what a history must keep to.
type rule string

// The rules. A check shows a state; a write must be part of it, or a later one of the same subject, where…
const (
	// …a fenced write had returned before the check started, on whatever node and from whatever cache.
	ruleFence rule = "fence: a check that starts after a fenced write returned shows it"
	// …the node that was asked had acknowledged it.
	ruleNode rule = "node: a check of the node that acknowledged a write shows it"
	// …the check was asked with a token that is not older than the write.
	ruleToken rule = "token: a check with a token shows all that the token stands for"
	// …the answer's own token says so.
	ruleAnswer rule = "answer: a check shows all that its own token stands for"
	// …it had been acknowledged by anybody, and the check is fully consistent.
	ruleFull rule = "full: a fully consistent check shows all that was acknowledged"
	// …it had been acknowledged for longer than the bounds on staleness.
	ruleStale rule = "staleness: a check shows what was acknowledged longer ago than the bound"
	// What was never written is shown by nobody.
	ruleInvented rule = "invented: a check shows what was written"
	// The state that a fully consistent check shows, and writes, have one order.
	ruleLinear rule = "linear: writes and fully consistent checks of a subject are linearizable"
	// Tokens of one revision are equal on all nodes.
	ruleMark rule = "mark: tokens of one revision are equal"
	// Every acknowledged event is in the ledger.
	ruleLedger rule = "ledger: every acknowledged event is in the ledger"
	// Revisions have no gap, and each is taken once.
	ruleRevisions rule = "revisions: gap-free, each taken once, and those that were acknowledged"
	// Lost history is noticed, its tokens are refused, and nothing of it is shown.
	ruleLost rule = "lost: lost history is noticed, its tokens refused, nothing of it shown"
)

var rules = []rule{
	ruleFence, ruleNode, ruleToken, ruleAnswer, ruleFull, ruleStale, ruleInvented, ruleLinear, ruleMark, ruleLedger, ruleRevisions,
	ruleLost,
}

// bounds are how old an answer may be that nothing else keeps from it.
type bounds struct {
	// node is of a node's own cache, nearCache of a client's.
	node, nearCache time.Duration
}

// violation is a rule that was broken, with the history around it.
type violation struct {
	rule    rule
	excerpt string
}

// checker judges the operations of all clients as they are told. It is not safe for concurrent use.
//
// A check is judged once no operation is under way that began before it ended, so that all writes which it can have
// seen are known: the horizon, the least of what the clients' marks say. What is kept until then is a few seconds of
// checks; of writes some hundred bytes each are kept for good.
type checker struct {
	bounds   bounds
	subjects []subject
	// marks are the clients' horizons.
	marks []int64
	// epochs are the times in which the store may have lost what it had acknowledged.
	epochs []epoch
	// lostTokens are those of writes that are lost.
	lostTokens map[[maxToken]byte]bool
	// sums tell the tokens of revisions that were seen in this epoch.
	sums map[uint64]uint32

	counts     counts
	violations []violation
	broken     map[rule]int
	fences     []span
	// failed are the first checks without an answer.
	failed []record
}

// maxFailed bounds the failed checks that are kept.
const maxFailed = 100_000

// epoch is a time in which an asynchronous standby took over, or an old backup was restored: what was acknowledged
// before its end may be lost.
type epoch struct{ from, to int64 }

// span is how long something took, and when it began.
type span struct{ start, end int64 }

// counts are what the history holds.
type counts struct {
	checks, allowed                   int
	byMode                            [3]int
	codes                             map[codes.Code]int
	writes, acked, withdrawals, fence int
	writeCodes                        map[codes.Code]int
	unjudged, linear, windows, lost   int
}

func newChecker(subjects, clients int, b bounds) *checker {
	return &checker{
		bounds: b, subjects: make([]subject, subjects), marks: make([]int64, clients), sums: map[uint64]uint32{},
		lostTokens: map[[maxToken]byte]bool{},
		broken:     map[rule]int{}, counts: counts{codes: map[codes.Code]int{}, writeCodes: map[codes.Code]int{}},
	}
}

// add takes a record of a client.
func (k *checker) add(r record) {
	switch r.Kind {
	case marked:
		k.marks[r.Client] = r.Start
	case checked:
		k.subjects[r.Subject].pending = append(k.subjects[r.Subject].pending, r)
	case wrote:
		k.subjects[r.Subject].add(&r)
		k.countWrite(&r)
		k.seen(&r)
		k.subjects[r.Subject].linear.addWrite(&r)
	}
}

func (k *checker) countWrite(r *record) {
	k.counts.writes++
	k.counts.writeCodes[codes.Code(r.Code)]++
	if !r.ok() {
		return
	}
	k.counts.acked++
	if r.N%2 == 0 {
		k.counts.withdrawals++
	}
	if r.is(fenced) {
		k.counts.fence++
		k.fences = append(k.fences, span{r.Start, r.End})
	}
}

// seen compares a token with others of its revision.
func (k *checker) seen(r *record) {
	if !r.ok() || r.Sum == 0 || k.inEpoch(r) {
		return
	}
	if known := k.sums[r.Revision]; known != 0 && known != r.Sum {
		k.violate(ruleMark, r, "another token of this revision was seen before")
	}
	k.sums[r.Revision] = r.Sum
}

// inEpoch reports whether an operation overlaps a time of loss.
func (k *checker) inEpoch(r *record) bool {
	return slices.ContainsFunc(k.epochs, func(e epoch) bool { return r.End > e.from && r.Start < e.to })
}

// reliedFrom is since when writes must have begun for a check to have to show them: after the last loss before it.
func (k *checker) reliedFrom(c *record) (from int64) {
	for _, e := range k.epochs {
		if c.End > e.from {
			from = e.to
		}
	}
	return from
}

// horizon is the time before which all operations are known that began.
func (k *checker) horizon() int64 { return slices.Min(k.marks) }

// judge judges what can be judged; all of it at the end, when nothing is under way.
func (k *checker) judge(end bool) {
	horizon := k.horizon()
	if end {
		horizon = never
	}
	for i := range k.subjects {
		s := &k.subjects[i]
		later := s.pending[:0]
		for j := range s.pending {
			if c := s.pending[j]; c.End <= horizon {
				k.judgeCheck(s, &c)
			} else {
				later = append(later, c)
			}
		}
		s.pending = later
		k.judgeLinear(s, horizon)
	}
}

func (k *checker) judgeCheck(s *subject, c *record) {
	k.counts.checks++
	k.counts.codes[codes.Code(c.Code)]++
	s.recent.add(*c)
	if !c.ok() {
		if len(k.failed) < maxFailed {
			k.failed = append(k.failed, *c)
		}
		return
	}
	k.counts.byMode[c.Mode]++
	if c.is(allowed) {
		k.counts.allowed++
	}
	if k.inEpoch(c) {
		k.counts.unjudged++
		return
	}
	k.seen(c)
	if c.Demanded != 0 && k.lostTokens[c.Token] {
		k.violate(ruleLost, c, "it demands a token of the lost part, and is answered")
	}
	if c.Revision < c.Demanded && !c.is(near) {
		k.violate(ruleToken, c, "its revision is below the token's")
	}
	k.judgeState(s, c)
	s.linear.addCheck(c)
}

// judgeState goes back from the newest write that the check can have seen to the one that explains its answer. What it
// passes need not have been there.
func (k *checker) judgeState(s *subject, c *record) {
	relied := k.reliedFrom(c)
	for n := s.begunBefore(c.End); n > 0; n-- {
		w := &s.writes[n-1]
		if explains(c, n) {
			if w.lost && w.start < relied && c.is(allowed) {
				k.violate(ruleLost, c, fmt.Sprintf("write %d is lost", n))
			}
			return
		}
		if w.start < relied {
			if !c.is(allowed) || c.N == 0 {
				return
			}
			continue // the consent that it shows may have outlived what came after it
		}
		if broken := k.mustShow(w, c); broken != "" {
			k.violate(broken, c, fmt.Sprintf("write %d is missing", n))
			return
		}
	}
	if c.is(allowed) {
		k.violate(ruleInvented, c, "there is no such write")
	}
}

// mustShow is the rule by which a check must show a write; empty: none.
func (k *checker) mustShow(w *write, c *record) rule {
	bound := k.bounds.node
	if c.is(near) {
		bound = k.bounds.nearCache
	}
	switch {
	case w.acked == 0:
		return ""
	case w.fencedAt != 0 && w.fencedAt < c.Start:
		return ruleFence
	case c.Mode == fullyConsistent && w.acked < c.Start:
		return ruleFull
	case !c.is(near) && c.Node != anyNode && w.by[c.Node] != 0 && w.by[c.Node] < c.Start:
		return ruleNode
	case w.revision <= c.Demanded && k.comparable(w, c):
		return ruleToken
	case w.revision <= c.Revision && k.comparable(w, c):
		return ruleAnswer
	case w.acked+int64(bound) < c.Start:
		return ruleStale
	}
	return ""
}

// comparable reports whether the revisions of a write and a check are of one history: a write that was acknowledged
// after a loss has one of the next.
func (k *checker) comparable(w *write, c *record) bool {
	return !slices.ContainsFunc(k.epochs, func(e epoch) bool { return c.End <= e.from && w.acked > e.from })
}

// violate notes that a rule is broken, with what happened to the subject around it.
func (k *checker) violate(broken rule, r *record, why string) {
	k.broken[broken]++
	if k.broken[broken] <= shownOfRule {
		k.violations = append(k.violations, violation{broken, k.excerpt(r, why)})
	}
}

func (k *checker) excerpt(r *record, why string) string {
	s := &k.subjects[r.Subject]
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  subject %d: %v\n", why, r.Subject, r)
	begun := s.begunBefore(r.End)
	for n := max(1, begun-4); n <= min(len(s.writes), begun+2); n++ {
		w := &s.writes[n-1]
		fmt.Fprintf(&b, "  write %d: began %s, acknowledged %s, fenced %s, revision %d, by nodes %v, lost %t\n", n, clock(w.start),
			clock(w.acked), clock(w.fencedAt), w.revision, w.by, w.lost)
	}
	recent := slices.SortedFunc(slices.Values(s.recent.records), func(a, b record) int { return int(a.Start - b.Start) })
	for i := range recent {
		fmt.Fprintf(&b, "  %v\n", &recent[i])
	}
	for _, e := range k.epochs {
		fmt.Fprintf(&b, "  loss possible %s – %s\n", clock(e.from), clock(e.to))
	}
	return b.String()
}

// lossBegins notes that from a time on the store may lose what it had, until lossEnds says since when it does not.
func (k *checker) lossBegins(from int64) { k.epochs = append(k.epochs, epoch{from, never}) }

func (k *checker) lossEnds(to int64) {
	k.epochs[len(k.epochs)-1].to = to
	clear(k.sums)
}

// faults are the broken rules and how often, in order.
func (k *checker) faults() string {
	var all []string
	for _, broken := range slices.Sorted(maps.Keys(k.broken)) {
		all = append(all, fmt.Sprintf("%d × %s", k.broken[broken], broken))
	}
	return strings.Join(all, "; ")
}
