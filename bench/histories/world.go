package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// world is all that runs: database, nodes, clients, and the checker that hears of all.
type world struct {
	options options
	dir     string
	// binary is the newest server.
	binary  string
	random  *rand.Rand
	db      *database // nil: the embedded store of one node
	nodes   []*node
	clients []*clientProcess
	prober  *prober
	plan    plan

	mu      sync.Mutex
	checker *checker // guarded by mu
	faults  faultLog
	// base is what the clocks of the history are counted from.
	base int64
}

// newWorld builds the server, and starts all but the clients.
func newWorld(ctx context.Context, o options, dir string) (_ *world, err error) {
	w := &world{options: o, dir: dir, random: rand.New(rand.NewPCG(o.seed, 17)), base: monotonic()}
	defer func() {
		if err != nil {
			w.end()
		}
	}()
	binary, err := w.build(ctx)
	if err != nil {
		return nil, err
	}
	if o.store == postgresStore {
		if w.db, err = startDatabase(ctx); err != nil {
			return nil, err
		}
		if err := w.db.migrate(ctx, binary); err != nil {
			return nil, err
		}
	}
	if err := w.startNodes(ctx, binary); err != nil {
		return nil, err
	}
	w.plan = plan{
		Clients: o.clients, Several: o.rolling, Subjects: o.subjects, Hot: min(o.hot, o.subjects), Seed: o.seed,
		Checks: o.checks / float64(o.clients), Writes: o.writes / float64(o.clients),
		Began: time.Now().Add(-20 * 24 * time.Hour).Unix(),
	}
	w.checker = newChecker(o.subjects+probeSubjects, o.clients+1, o.bounds())
	return w, nil
}

// builtServer is where build puts a server.
func builtServer(dir string) string { return filepath.Join(dir, "consentd") }

// build has the newest server, and returns the one to begin with: where there are upgrades, the version before, or this
// one before a next.
func (w *world) build(ctx context.Context) (first string, err error) {
	edits, err := plantNamed(w.options.plant)
	if err != nil {
		return "", err
	}
	edits = append(edits, steppable)
	first = w.options.server
	if first == "" {
		if first, err = build(ctx, w.dir, "consentd", edits); err != nil {
			return "", err
		}
	}
	w.binary = first
	switch {
	case w.options.old != "":
		first = w.options.old
	case w.options.rolling && w.options.server == "":
		w.binary, err = build(ctx, w.dir, "next", append(edits, nextSchema...))
	}
	return first, err
}

func (w *world) startNodes(ctx context.Context, binary string) error {
	var flags []string
	if w.db != nil {
		flags = []string{"--max-staleness", w.options.staleness.String(), "--node-lease", w.options.lease.String()}
	}
	for i := range w.options.nodes {
		n, err := newNode(i, w.dir, binary, flags...)
		if err != nil {
			return err
		}
		w.nodes = append(w.nodes, n)
	}
	if w.db != nil {
		if err := w.db.connect(ctx, w.nodes); err != nil {
			return err
		}
	}
	for _, n := range w.nodes {
		if err := n.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

// build compiles a server of edits, in a folder, under a name.
func build(ctx context.Context, dir, name string, edits []edit) (string, error) {
	file, err := overlay(filepath.Join(dir, name+"-source"), edits)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	command := exec.CommandContext(ctx, "go", "build", "-o", path, "-overlay", file, "github.com/consentd/consentd/server")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server (run this from the module's folder): %w: %s", err, out)
	}
	return path, nil
}

// startClients has all clients and the prober work, until the returned function is called.
func (w *world) startClients(ctx context.Context) (end func() error, err error) {
	for i := range w.options.clients {
		p := w.plan
		p.Index = i
		for _, n := range w.nodes {
			p.Nodes = append(p.Nodes, n.proxy.Addr())
		}
		c, err := startClient(p, func(group []record) { w.take(i, group) })
		if err != nil {
			return nil, err
		}
		w.clients = append(w.clients, c)
	}
	endProbe := w.startProber(ctx)
	return func() error {
		var all []error
		for _, c := range w.clients {
			all = append(all, c.end())
		}
		endProbe()
		w.clients = nil
		return errors.Join(all...)
	}, nil
}

// startProber starts what measures, until the returned function is called.
func (w *world) startProber(ctx context.Context) (end func()) {
	p := w.plan
	p.Index, p.Subjects = w.options.clients, w.plan.Subjects+probeSubjects
	for _, n := range w.nodes {
		p.Nodes = append(p.Nodes, n.grpc)
	}
	out, in := io.Pipe()
	w.prober = newProber(p, w.plan.Subjects, in)
	ctx, stop := context.WithCancel(ctx)
	var probe sync.WaitGroup
	probe.Go(func() { _ = readAll(out, func(group []record) { w.take(p.Index, group) }) })
	probe.Go(func() {
		w.prober.run(ctx)
		_ = in.Close()
	})
	return func() {
		stop()
		probe.Wait()
	}
}

// take hands records to the checker, and their tokens to the other clients.
func (w *world) take(from int, group []record) {
	w.mu.Lock()
	for i := range group {
		w.checker.add(group[i])
	}
	w.mu.Unlock()
	for i := range group {
		r := &group[i]
		if r.Kind != wrote || !r.ok() {
			continue
		}
		for j, c := range w.clients {
			if j != from {
				c.tell(fmt.Sprintf("%d %s\n", r.Subject, textOf(r.Token)))
			}
		}
	}
}

// judgeUntil judges again and again what can be judged.
func (w *world) judgeUntil(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		w.checker.judge(false)
		w.mu.Unlock()
	}
}

// broken reports whether a rule was broken so far.
func (w *world) broken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.checker.broken) > 0
}

// end ends all processes.
func (w *world) end() {
	for _, c := range w.clients {
		_ = c.end()
	}
	for _, n := range w.nodes {
		n.end()
	}
	if w.db != nil {
		w.db.end()
	}
	if w.options.keep != "" {
		_ = os.CopyFS(w.options.keep, os.DirFS(w.dir))
	}
}
