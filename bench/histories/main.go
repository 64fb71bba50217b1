// Command histories runs consentd as it is run in earnest, several server processes over a PostgreSQL with standbys,
// and clients in processes of their own; has all go wrong that does; and checks what the clients have seen.
//
//	go run ./bench/histories --duration 30m --nodes 3 --store postgres
//
// Each client records each of its checks and writes with its start and end, by the one monotonic clock that the
// processes of a machine share, and its answer. The checker holds the rules of checker.go against that history while it
// grows, and porcupine looks whether the writes and the fully consistent checks of each subject have one order
// (linear.go). At the end all that was acknowledged must be in the ledgers.
//
// Faults are drawn from a seed and counted: processes are killed, stopped and continued, connections cut, late, silent
// or half-open, wall clocks set, the database stops, restarts, fails over, and loses what an asynchronous standby or an
// old backup does not have, which must be noticed. The server is built from its source but for the wall clock, which
// can be set from outside. --plant builds one with a fault that the checker must find.
//
// --rolling has clients that know all nodes, as the Go client is used in earnest, while all nodes are started again in
// turn, the database fails over, and the nodes are upgraded: beyond what the client's retries hide, no check may fail.
//
// It prints a table. The exit code is 1 where a rule was broken, with the history around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/consentd/consentd/server/watch"
)

// The stores.
const (
	pebbleStore   = "pebble"
	postgresStore = "postgres"
)

// options are how long and with how much.
type options struct {
	duration             time.Duration
	store, server, plant string
	keep                 string
	nodes, clients       int
	subjects, hot        int
	checks, writes       float64
	seed                 uint64
	calm                 time.Duration
	staleness, lease     time.Duration
	only                 []string
	verbose, untilBroken bool
	// rolling is the other mode; old is the binary that it begins with.
	rolling bool
	old     string
}

func (o *options) define(f *pflag.FlagSet) {
	f.SortFlags = false
	f.DurationVar(&o.duration, "duration", 30*time.Minute, "length of the run")
	f.StringVar(&o.store, "store", postgresStore, "postgres, with two standbys; or pebble, the embedded store of one node")
	f.IntVar(&o.nodes, "nodes", 3, "server processes")
	f.IntVar(&o.clients, "clients", 3, "client processes")
	f.IntVar(&o.subjects, "subjects", 256, "people asked about")
	f.IntVar(&o.hot, "hot", 16, "of these, people whom half of all is about")
	f.Float64Var(&o.checks, "checks", 8000, "checks each second")
	f.Float64Var(&o.writes, "writes", 100, "writes each second")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what faults and load are drawn from")
	f.DurationVar(&o.calm, "calm", 3*time.Second, "time between faults, on average; negative: no faults")
	f.DurationVar(&o.staleness, "max-staleness", 500*time.Millisecond, "--max-staleness of the nodes")
	f.DurationVar(&o.lease, "node-lease", 2*time.Second, "--node-lease of the nodes")
	f.StringArrayVar(&o.only, "only", nil, "only this fault; may be repeated")
	f.StringVar(&o.server, "server", "", "binary of consentd to run instead of building ./server")
	f.StringVar(&o.plant, "plant", "", "fault to build into the server")
	f.StringVar(&o.keep, "keep", "", "directory for the nodes' logs and data")
	f.BoolVar(&o.rolling, "rolling", false, "instead of faults: restart all nodes in turn, fail over, upgrade; no check may fail")
	f.StringVar(&o.old, "old", "",
		"with --rolling: binary of the version before, with which it begins; else it begins with this one, and a next is made")
	f.BoolVar(&o.verbose, "verbose", false, "print each fault")
	f.BoolVar(&o.untilBroken, "until-broken", false, "end where a rule is broken")
}

// bounds are how old an answer may be: of a node's cache as its watermark, which it looks at again after evaluating; of
// a client's for a lease longer, because no node grants one that does not know itself to be caught up.
func (o *options) bounds() bounds {
	const slack = 50 * time.Millisecond
	b := bounds{node: slack, nearCache: watch.DefaultLease + slack}
	if o.store == postgresStore {
		b.node, b.nearCache = b.node+o.staleness, b.nearCache+o.staleness
	}
	return b
}

func (o *options) validate() error {
	switch {
	case o.store != postgresStore && o.store != pebbleStore:
		return fmt.Errorf("--store %q: give postgres or pebble", o.store)
	case o.store == pebbleStore && o.nodes != 1:
		return errors.New("--store pebble has one node: give --nodes 1")
	case o.nodes < 1 || o.nodes > maxNodes:
		return fmt.Errorf("--nodes %d: give 1 to %d", o.nodes, maxNodes)
	case o.clients < 1 || o.clients > 100 || o.subjects < o.clients || o.hot < 1 || o.subjects > 60_000:
		return errors.New("give 1 to 100 --clients, as many --subjects or more, 60,000 at most, and a --hot of 1 or more")
	}
	return nil
}

func main() {
	if os.Getenv(roleVariable) != "" {
		exitWith(runAgent(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var o options
	o.define(pflag.CommandLine)
	pflag.Parse()
	_, err := run(ctx, o)
	exitWith(err)
}

func exitWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "histories:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run makes a history and judges it. The counts are there also where rules were broken.
func run(ctx context.Context, o options) (c counts, err error) {
	if err := o.validate(); err != nil {
		return c, err
	}
	dir, err := os.MkdirTemp("", "consentd-histories")
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := newWorld(ctx, o, dir)
	if err != nil {
		return c, err
	}
	defer w.end()
	began := time.Now()
	if err := w.live(ctx); err != nil {
		return c, err
	}
	err = w.conclude(ctx) // what was seen until then is told also where it fails
	err = errors.Join(err, w.report(os.Stdout, time.Since(began)))
	if o.rolling {
		err = errors.Join(err, w.reportFailed(os.Stdout))
	}
	return w.checker.counts, err
}

// live has clients work and faults happen for the duration.
func (w *world) live(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.options.duration)
	defer cancel()
	end, err := w.startClients(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	judging, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { w.judgeUntil(judging) })
	if w.options.untilBroken {
		all.Go(func() {
			for ctx.Err() == nil && !w.broken() {
				pauseFor(ctx, 100*time.Millisecond)
			}
			cancel()
		})
	}
	switch {
	case w.options.rolling:
		err = w.roll(ctx)
	case w.options.calm >= 0:
		err = w.faultsUntil(ctx)
		<-ctx.Done()
	default:
		<-ctx.Done()
	}
	err = errors.Join(err, end())
	stop()
	all.Wait()
	return err
}

// conclude judges what is left, and the ledgers as each node shows them.
func (w *world) conclude(ctx context.Context) error {
	w.checker.judge(true)
	var all error
	for i, n := range w.nodes {
		l, err := w.ledgerOf(context.WithoutCancel(ctx), n)
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		w.checker.judgeLedger(i, l)
	}
	return all
}
