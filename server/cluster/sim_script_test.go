package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/consentd/consentd/server/cluster"
	"github.com/consentd/consentd/server/consent"
)

// fencedWrite is a withdrawal after whose fence no check is ALLOW by an older write.
type fencedWrite struct {
	*write
	// returned is the tick at which its fence had returned.
	returned int
}

const (
	// simBusy is how long faults, writes and checks go on, simCalm how long all is well after that.
	simBusy = 5 * time.Second
	simCalm = 5 * time.Second
)

var simSubjects = []string{"a", "b"}

// run lets a world live. Each of its actors has its own chance, of the seed.
func (w *world) run() error {
	for number := range w.weather.nodes {
		if _, err := w.add(number); err != nil {
			return err
		}
	}
	end := time.Now().Add(simBusy)
	var actors sync.WaitGroup
	for number := range w.weather.nodes {
		actors.Go(func() { w.write(number, end) })
		for i := range 3 {
			actors.Go(func() { w.check(number, w.chance("check", 10*number+i), end.Add(simCalm/4)) })
		}
	}
	actors.Go(func() { w.trouble(end) })
	actors.Wait()
	time.Sleep(simCalm)
	w.final()
	for _, n := range w.all() {
		if n.up() {
			n.crash()
		}
	}
	for _, n := range w.all() {
		n.bury()
	}
	return nil
}

// add boots a process; number is the place of the node, kept from crash to crash.
func (w *world) add(place int) (*simNode, error) {
	w.mu.Lock()
	number := place + 10*len(w.nodes)
	w.mu.Unlock()
	n, err := w.boot(number)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.nodes = append(w.nodes, n)
	w.note("node %d begins, its clock goes at %d/1000", number, n.rate)
	w.mu.Unlock()
	n.done.Go(n.start)
	return n, nil
}

func (w *world) all() []*simNode {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*simNode(nil), w.nodes...)
}

// at returns the process that is at a place now; nil: there is none.
func (w *world) at(place int) *simNode {
	all := w.all()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].number%10 == place {
			if all[i].up() {
				return all[i]
			}
			return nil
		}
	}
	return nil
}

func (w *world) chance(actor string, number int) *rand.Rand {
	h := uint64(number)
	for _, c := range actor {
		h = h*131 + uint64(c)
	}
	return rand.New(rand.NewPCG(w.seed, h))
}

// write writes at one place, and fences most withdrawals.
func (w *world) write(place int, end time.Time) {
	g := w.chance("write", place)
	for time.Now().Before(end) {
		time.Sleep(time.Duration(20+g.IntN(w.weather.pace)) * time.Millisecond)
		subject, allow, fenced := simSubjects[g.IntN(len(simSubjects))], g.IntN(2) == 0, g.IntN(4) > 0
		if n := w.at(place); n != nil {
			n.record(subject, allow, fenced && !allow)
		}
	}
}

// record records a write, as Record of the store and the call around it do.
func (n *simNode) record(subject string, allow, fenced bool) {
	w := n.world
	ctx, cancel := context.WithTimeout(context.Background(), 2*simLease)
	defer cancel()
	var own *write
	err := n.route.call(ctx, "write", func(*server) error {
		own = w.commit(subject, allow)
		w.counts.writes++
		return nil
	})
	w.hintAll()
	if err == nil {
		w.mu.Lock()
		visible := time.Until(w.hidden[own.place.Revision])
		w.mu.Unlock()
		time.Sleep(visible)
		err = n.member.Feed().Committed(ctx, own.place.Revision, own.place.Chain)
	}
	n.gate()
	if err != nil || !n.up() {
		return
	}
	w.mu.Lock()
	own.acked = true
	w.note("node %d acknowledges %d", n.number, own.id)
	w.mu.Unlock()
	if fenced {
		n.done.Go(func() { n.fence(own) })
	}
}

func (n *simNode) fence(own *write) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*simLease)
	defer cancel()
	w, err := n.world, n.member.Fence(ctx, own.place.Revision)
	n.gate()
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.tick()
	w.counts.fences++
	w.note("node %d fenced %d: %v", n.number, own.id, err)
	if err != nil {
		w.counts.unfenced++
		return
	}
	if n.up() {
		w.fenced = append(w.fenced, fencedWrite{own, at})
	}
}

// check checks at one place, and holds each answer against the rules.
func (w *world) check(place int, g *rand.Rand, end time.Time) {
	for time.Now().Before(end) {
		time.Sleep(time.Duration(1+g.IntN(30)) * time.Millisecond)
		subject := simSubjects[g.IntN(len(simSubjects))]
		withToken := g.IntN(4) == 0
		n := w.at(place)
		if n == nil {
			continue
		}
		q := question{node: n, subject: subject, patience: time.Duration(10+g.IntN(200)) * time.Millisecond}
		w.mu.Lock()
		q.began, q.at = w.tick(), time.Now()
		if withToken {
			q.token = w.token(subject, g)
		}
		w.mu.Unlock()
		q.ask()
	}
}

// token is one that a client may hold: of a write of the subject that was acknowledged. mu is held.
func (w *world) token(subject string, g *rand.Rand) *write {
	var all []*write
	for _, wr := range w.writes {
		if wr.acked && wr.subject == subject {
			all = append(all, wr)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1-g.IntN(min(3, len(all)))]
}

// question is a check under way.
type question struct {
	node    *simNode
	subject string
	token   *write
	// began is its tick, at its time.
	began int
	at    time.Time
	// patience is how long it waits for the database.
	patience time.Duration
}

func (q *question) ask() {
	ctx, cancel := context.WithTimeout(context.Background(), q.patience)
	defer cancel()
	var place *cluster.Place
	if q.token != nil {
		place = &q.token.place
	}
	a, err := q.node.check(ctx, q.subject, place)
	w := q.node.world
	w.mu.Lock()
	ended := w.tick()
	w.counts.checks++
	switch {
	case errors.Is(err, errLost):
		w.counts.refused++
	case a.cached:
		w.counts.cached++
	default:
		w.counts.latest++
	}
	w.mu.Unlock()
	if errors.Is(err, errLost) && q.token.lostAt == 0 {
		w.fail("node %d refused the token of %d, which is not lost", q.node.number, q.token.id)
	}
	if err == nil && q.node.up() {
		q.judge(a, ended)
	}
}

// judge holds an answer against the rules.
func (q *question) judge(a answer, ended int) {
	w := q.node.world
	w.mu.Lock()
	var broken []string
	gone := func(wr *write) bool { return wr.lostAt != 0 && wr.lostAt <= ended }
	older := func(wr *write) bool { return a.id < wr.id && !gone(wr) }
	for _, f := range w.fenced {
		if f.subject == q.subject && f.returned < q.began && older(f.write) && a.id != 0 && w.writes[a.id-1].allow {
			broken = append(broken, fmt.Sprintf("is ALLOW by %d after the fence of %d, tick %d", a.id, f.id, f.returned))
		}
	}
	if t := q.token; t != nil && older(t) {
		broken = append(broken, fmt.Sprintf("is as of %d, older than its token of %d", a.id, t.id))
	}
	limit, seen := q.limit(), q.at
	if a.cached {
		seen = time.Now()
	}
	if t := q.token; t != nil && t.lostAt != 0 && q.at.Sub(t.lost) > limit {
		broken = append(broken, fmt.Sprintf("satisfies its token of %d, which was lost before, tick %d", t.id, t.lostAt))
	}
	for _, wr := range w.writes {
		visible := wr.committed
		if late := w.hidden[wr.place.Revision]; late.After(visible) {
			visible = late
		}
		if wr.subject == q.subject && older(wr) && seen.Sub(visible) > limit {
			broken = append(broken, fmt.Sprintf("misses %d, which was committed %v before", wr.id, seen.Sub(visible)))
		}
	}
	w.mu.Unlock()
	for _, rule := range broken {
		w.fail("node %d: the check of %s that began at tick %d, cached: %v, %s", q.node.number, q.subject, q.began, a.cached, rule)
	}
}

// limit is how old an answer from a cache may be when it is given, and that of a lost history: the staleness that is
// allowed. While a former primary answers looks, which the contract excludes, it is a lease. world.mu is held.
func (q *question) limit() time.Duration {
	limit := q.node.world.weather.staleness
	if q.at.Before(q.node.route.old.Add(limit)) {
		limit = max(limit, simLease)
	}
	return limit * 11 / 10
}

// final holds what is there in the end against the rules: nothing acknowledged is missing but what was lost, every
// node knows it, and noticed each loss of what it had applied.
func (w *world) final() {
	w.mu.Lock()
	head := w.head(w.primary)
	for _, wr := range w.writes {
		if wr.acked && wr.lostAt == 0 && !w.primary.state.holds(wr.place) {
			w.mu.Unlock()
			w.fail("%d was acknowledged and is missing", wr.id)
			w.mu.Lock()
		}
	}
	truth := map[string]int{}
	for _, s := range simSubjects {
		if wr := w.newest(&w.primary.state, s, head.Revision); wr != nil {
			truth[s] = wr.id
		}
	}
	w.mu.Unlock()
	for place := range w.weather.nodes {
		n := w.at(place)
		if n == nil {
			continue
		}
		if mark, known := n.marks.Get(head.Revision); n.member.Feed().Applied() != head.Revision ||
			head.Revision != 0 && (!known || mark != head.Chain.Mark()) {
			w.fail("node %d ends at %d, the store at %d; of the same history: %v", n.number, n.member.Feed().Applied(),
				head.Revision, mark == head.Chain.Mark())
		}
		for _, s := range simSubjects {
			subject := consent.Subject{Controller: "c", ID: s}
			snapshot, err := n.cache.Snapshot(context.Background(), subject, consent.MinimizeLatency)
			if got := answered(snapshot, true).id; err == nil && got != truth[s] {
				w.fail("node %d ends with %d of %s, the store has %d", n.number, got, s, truth[s])
			}
		}
	}
}

// trouble makes trouble until the end.
func (w *world) trouble(end time.Time) {
	g := w.chance("trouble", 0)
	var under sync.WaitGroup
	defer under.Wait()
	for {
		time.Sleep(time.Duration(g.IntN(900)) * time.Millisecond)
		if !time.Now().Before(end) {
			return
		}
		place, long := g.IntN(w.weather.nodes), time.Duration(g.Int64N(int64(3*simLease)))
		what, cut := g.IntN(13), g.IntN(8)
		if all := w.weather.strikes; all != nil {
			what = all[g.IntN(len(all))]
		}
		if w.weather.directed {
			place = min(what/3, 1)
		}
		under.Go(func() { w.strike(what, place, cut, long) })
	}
}

// strike is one piece of trouble.
func (w *world) strike(what, place, cut int, long time.Duration) {
	n := w.at(place)
	switch {
	case n != nil && what < 3:
		w.say("node %d stands still for %v", n.number, long)
		resume := n.pause()
		time.Sleep(long)
		resume()
		w.say("node %d goes on", n.number)
	case n != nil && what == 3:
		w.say("node %d crashes", n.number)
		n.crash()
		time.Sleep(long / 2)
		if _, err := w.add(place); err != nil {
			w.fail("booting: %v", err)
		}
	case n != nil && what == 4:
		w.say("node %d is cut off for %v", n.number, long)
		n.route.block(long)
		time.Sleep(long)
	case what == 5:
		w.mu.Lock()
		w.stopped = time.Now().Add(long / 2)
		w.note("the database stands still for %v", long/2)
		w.mu.Unlock()
	case what == 6:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.replace(max(w.primary.durable(), len(w.primary.log)-cut)) // a restart
	case what == 7:
		w.failOver(cut, place, long)
	case what == 8:
		w.failOver(4*cut, place, long)
	case what == 9 && w.weather.backups:
		w.mu.Lock()
		defer w.mu.Unlock()
		w.replace(len(w.primary.log) * cut / 8)
	case n != nil && what < 12:
		w.say("looks of node %d are lost for %v", n.number, long)
		n.route.block(long, "poll")
		time.Sleep(long)
	case n != nil && what == 12:
		w.forget(n, place, long)
	}
}

// forget has the primary fail over to a standby that has not heard of a process that has just begun, which is then cut
// off.
func (w *world) forget(n *simNode, place int, long time.Duration) {
	n.crash()
	w.mu.Lock()
	known := len(w.primary.log)
	w.mu.Unlock()
	next, err := w.add(place)
	if err != nil {
		w.fail("booting: %v", err)
		return
	}
	time.Sleep(long / 8)
	w.say("node %d is cut off for %v", next.number, long)
	next.route.block(long)
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.weather.synchronous && known < len(w.primary.log) {
		w.replace(known)
	}
}

// failOver promotes the standby. For a while the connections of one place lead to the former primary.
func (w *world) failOver(cut, place int, long time.Duration) {
	n := w.at(place)
	w.mu.Lock()
	defer w.mu.Unlock()
	keeps := max(0, len(w.primary.log)-cut)
	if w.weather.synchronous {
		keeps = max(keeps, w.primary.durable())
	}
	w.replace(keeps)
	if n != nil && cut%2 == 0 {
		n.route.old = time.Now().Add(long)
		w.note("node %d looks at %s for %v", n.number, w.former.name, long)
	}
}

func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(format, args...)
}
