package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// fault is something that goes wrong, and is mended before run returns.
type fault struct {
	name   string
	weight int
	// shared says that it wants several nodes or the database, and the embedded store has none.
	shared bool
	// alone says that no other fault may happen meanwhile.
	alone bool
	// rare says that it is only made where it is named: it takes most of a minute.
	rare bool
	run  func(ctx context.Context, w *world, random *rand.Rand) error
}

// faultLog is when which faults were; its methods may be called concurrently.
type faultLog struct {
	mu    sync.Mutex
	count map[string]int
	spans []span // guarded by mu, as count
}

func (l *faultLog) begin(name string) (end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count == nil {
		l.count = map[string]int{}
	}
	l.count[name]++
	at := len(l.spans)
	l.spans = append(l.spans, span{monotonic(), never})
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.spans[at].end = monotonic()
	}
}

// calm reports whether no fault overlapped a time, nor had ended shortly before.
func (l *faultLog) calm(s span) bool {
	const after = int64(3 * time.Second / 2)
	l.mu.Lock()
	defer l.mu.Unlock()
	return !slices.ContainsFunc(l.spans, func(f span) bool { return s.end > f.start && s.start < max(f.end, f.end+after) })
}

// faultsOf are those that the world can have.
func faultsOf(w *world) []fault {
	return slices.DeleteFunc(slices.Concat(nodeFaults, clientFaults, databaseFaults, lossFaults), func(f fault) bool {
		named := slices.Contains(w.options.only, f.name)
		return f.shared && w.db == nil || !named && (f.rare || len(w.options.only) > 0)
	})
}

// faultsUntil makes faults until ctx ends, mostly one at a time. A fault under way is mended first.
func (w *world) faultsUntil(ctx context.Context) error {
	all := faultsOf(w)
	for len(all) > 0 && ctx.Err() == nil {
		pauseFor(ctx, time.Duration(float64(w.options.calm)*(0.5+w.random.Float64())))
		if ctx.Err() != nil {
			break
		}
		first := draw(w.random, all)
		chosen := []fault{first}
		if !first.alone && w.random.IntN(3) == 0 {
			if second := draw(w.random, all); !second.alone {
				chosen = append(chosen, second)
			}
		}
		if err := w.make(chosen); err != nil {
			return err
		}
	}
	return nil
}

func draw(random *rand.Rand, all []fault) fault {
	sum := 0
	for _, f := range all {
		sum += f.weight
	}
	n := random.IntN(sum)
	for _, f := range all {
		if n -= f.weight; n < 0 {
			return f
		}
	}
	return all[0]
}

// faultTimeout bounds what a fault and its mending take.
const faultTimeout = 3 * time.Minute

// make makes faults at once.
func (w *world) make(chosen []fault) error {
	ctx, cancel := context.WithTimeout(context.Background(), faultTimeout)
	defer cancel()
	errs := make([]error, len(chosen))
	var making sync.WaitGroup
	for i, f := range chosen {
		random := rand.New(rand.NewPCG(w.random.Uint64(), 3))
		making.Go(func() {
			defer w.faults.begin(f.name)()
			if w.options.verbose {
				fmt.Printf("%s %s\n", time.Duration(monotonic()-w.base).Round(time.Millisecond), f.name)
			}
			if err := f.run(ctx, w, random); err != nil {
				errs[i] = fmt.Errorf("%s: %w", f.name, err)
			}
		})
	}
	making.Wait()
	return errors.Join(errs...)
}

// nodeFault is one that happens to a node of the drawer's choice.
func nodeFault(f func(context.Context, *node, *rand.Rand) error) func(context.Context, *world, *rand.Rand) error {
	return func(ctx context.Context, w *world, random *rand.Rand) error {
		return f(ctx, w.nodes[random.IntN(len(w.nodes))], random)
	}
}

// between draws a time.
func between(random *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(random.Int64N(int64(most-least)))
}

var nodeFaults = []fault{
	{name: "node killed, started again", weight: 4, alone: true, run: nodeFault(killNode)},
	{name: "node ended in order, started again", weight: 2, alone: true, run: nodeFault(restartNode)},
	{name: "rolling restart", weight: 1, alone: true, run: rollingRestart},
	{name: "node stopped for less than a lease", weight: 4, run: nodeFault(freezeNode(20*time.Millisecond, 400*time.Millisecond))},
	{name: "node stopped for longer than a lease", weight: 4, run: nodeFault(freezeNode(2200*time.Millisecond, 5*time.Second))},
	{name: "wall clock of a node set", weight: 2, run: nodeFault(stepClock)},
	{name: "clients of a node cut off", weight: 3, run: nodeFault(onClients(cutOff))},
	{name: "clients of a node late", weight: 3, run: nodeFault(onClients(late))},
	{name: "clients of a node lose all packets", weight: 3, run: nodeFault(onClients(silent))},
	{name: "clients of a node half-open", weight: 2, run: nodeFault(onClients(halfOpen))},
	{name: "database cut off from a node", weight: 3, shared: true, run: nodeFault(onDatabase(cutOff))},
	{name: "database late at a node", weight: 3, shared: true, run: nodeFault(onDatabase(late))},
	{name: "database and a node lose all packets", weight: 3, shared: true, run: nodeFault(onDatabase(silent))},
	{name: "database late at a node, then cut off", weight: 2, shared: true, run: nodeFault(onDatabase(lateThenCut))},
	{name: answersLate, weight: 1, shared: true, rare: true, run: nodeFault(onDatabase(answersLateThenCut))},
	{name: "database half-open at a node", weight: 2, shared: true, run: nodeFault(onDatabase(halfOpen))},
}

func killNode(ctx context.Context, n *node, random *rand.Rand) error {
	n.process.Kill()
	pauseFor(ctx, between(random, 0, time.Second))
	return n.start(ctx)
}

func restartNode(ctx context.Context, n *node, _ *rand.Rand) error {
	n.process.Stop()
	return n.start(ctx)
}

func rollingRestart(ctx context.Context, w *world, random *rand.Rand) error {
	for _, n := range w.nodes {
		if err := restartNode(ctx, n, random); err != nil {
			return err
		}
		pauseFor(ctx, 300*time.Millisecond)
	}
	return nil
}

func freezeNode(least, most time.Duration) func(context.Context, *node, *rand.Rand) error {
	return func(ctx context.Context, n *node, random *rand.Rand) error {
		return n.freeze(ctx, between(random, least, most))
	}
}

// stepClock sets a node's wall clock forth or back, and right again.
func stepClock(ctx context.Context, n *node, random *rand.Rand) error {
	err := n.step(between(random, -time.Hour, time.Hour))
	pauseFor(ctx, between(random, 100*time.Millisecond, 3*time.Second))
	return errors.Join(err, n.step(0))
}

// proxyFault is what happens on a way.
type proxyFault func(context.Context, *pgtest.Proxy, *rand.Rand)

func onClients(f proxyFault) func(context.Context, *node, *rand.Rand) error {
	return func(ctx context.Context, n *node, random *rand.Rand) error {
		f(ctx, n.proxy, random)
		return nil
	}
}

func onDatabase(f proxyFault) func(context.Context, *node, *rand.Rand) error {
	return func(ctx context.Context, n *node, random *rand.Rand) error {
		f(ctx, n.database, random)
		return nil
	}
}

func cutOff(ctx context.Context, p *pgtest.Proxy, random *rand.Rand) {
	p.Refuse(true)
	p.Cut()
	pauseFor(ctx, between(random, 0, 3*time.Second))
	p.Refuse(false)
}

func late(ctx context.Context, p *pgtest.Proxy, random *rand.Rand) {
	p.Delay(between(random, 5*time.Millisecond, 300*time.Millisecond))
	pauseFor(ctx, between(random, time.Second, 4*time.Second))
	p.Delay(0)
}

// lateThenCut: what was committed is answered late, and nothing after it.
func lateThenCut(ctx context.Context, p *pgtest.Proxy, random *rand.Rand) {
	p.Delay(between(random, 100*time.Millisecond, 600*time.Millisecond))
	pauseFor(ctx, between(random, time.Second, 3*time.Second))
	p.Refuse(true)
	p.Cut()
	p.Delay(0)
	pauseFor(ctx, between(random, time.Second, 4*time.Second))
	p.Refuse(false)
}

const answersLate = "a renewal answered very late at a node, then cut off"

const (
	// renewalLate is shorter than half of a lease of 40 s, which is what a renewal may take; answerless is longer than
	// others wait for a node with such a lease.
	renewalLate = 15 * time.Second
	answerless  = 45 * time.Second
)

// answersLateThenCut: a renewal of a node's lease is committed, its answer takes long, and after that nothing comes any
// more. All else goes on until then, so the node knows itself to be caught up.
func answersLateThenCut(ctx context.Context, p *pgtest.Proxy, _ *rand.Rand) {
	renewing := new(atomic.Int64) // the connection
	answered := make(chan struct{})
	var once sync.Once
	p.Judge(func(connection int, way pgtest.Way, b []byte) pgtest.Verdict {
		switch {
		case way == pgtest.ToServer && bytes.Contains(b, []byte(`"started_at":`)): // what a node says of itself
			renewing.CompareAndSwap(0, int64(connection))
		case way == pgtest.ToClient && renewing.Load() == int64(connection):
			once.Do(func() {
				pauseFor(ctx, renewalLate)
				close(answered)
			})
		}
		return pgtest.Pass
	})
	select {
	case <-answered:
	case <-ctx.Done():
	}
	pauseFor(ctx, 100*time.Millisecond) // the answer arrives
	p.Refuse(true)
	p.Cut()
	p.Judge(nil)
	pauseFor(ctx, answerless)
	p.Refuse(false)
}

func silent(ctx context.Context, p *pgtest.Proxy, random *rand.Rand) {
	p.Silence(true)
	pauseFor(ctx, between(random, 100*time.Millisecond, 5*time.Second))
	p.Silence(false)
}

func halfOpen(ctx context.Context, p *pgtest.Proxy, random *rand.Rand) {
	p.HalfOpen()
	pauseFor(ctx, between(random, time.Second, 3*time.Second))
}

var clientFaults = []fault{
	{name: "client stopped for less than a lease", weight: 3, run: freezeClient(20*time.Millisecond, 400*time.Millisecond)},
	{name: "client stopped for longer than a lease", weight: 3, run: freezeClient(2200*time.Millisecond, 4*time.Second)},
}

func freezeClient(least, most time.Duration) func(context.Context, *world, *rand.Rand) error {
	return func(ctx context.Context, w *world, random *rand.Rand) error {
		return w.clients[random.IntN(len(w.clients))].freeze(ctx, between(random, least, most))
	}
}

var databaseFaults = []fault{
	{name: "database stopped for a moment", weight: 3, shared: true, run: pauseDatabase(50*time.Millisecond, 600*time.Millisecond)},
	{name: "database stopped for long", weight: 2, shared: true, alone: true, run: pauseDatabase(2*time.Second, 5*time.Second)},
	{name: "database restarted (fast)", weight: 2, shared: true, alone: true, run: restartDatabase(pgtest.Fast)},
	{name: "database restarted (immediate)", weight: 2, shared: true, alone: true, run: restartDatabase(pgtest.Immediate)},
	{name: "database killed, started again", weight: 1, shared: true, alone: true, run: restartDatabase(pgtest.Crash)},
	{name: "read replica behind", weight: 3, shared: true, run: holdReplica},
	{name: "fail-over to the synchronous standby", weight: 2, shared: true, alone: true, run: failOverSynchronous},
}

func pauseDatabase(least, most time.Duration) func(context.Context, *world, *rand.Rand) error {
	return func(ctx context.Context, w *world, random *rand.Rand) error {
		err := w.db.primary.Pause()
		pauseFor(ctx, between(random, least, most))
		return errors.Join(err, w.db.primary.Resume())
	}
}

// holdReplica has the replica hear of nothing for a time, and go on answering.
func holdReplica(ctx context.Context, w *world, random *rand.Rand) error {
	lag := w.db.lag
	lag.Silence(true)
	pauseFor(ctx, between(random, 500*time.Millisecond, 5*time.Second))
	lag.Silence(false)
	return nil
}

func restartDatabase(mode pgtest.Mode) func(context.Context, *world, *rand.Rand) error {
	return func(ctx context.Context, w *world, _ *rand.Rand) error { return w.db.restart(ctx, mode) }
}

func failOverSynchronous(ctx context.Context, w *world, random *rand.Rand) error {
	if err := w.db.failOver(ctx, w.db.synchronous); err != nil {
		return err
	}
	pauseFor(ctx, between(random, 0, 3*time.Second))
	return errors.Join(w.db.aside(ctx), w.db.follow(ctx))
}
