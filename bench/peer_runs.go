package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/peers"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
)

// peersBeside measures each peer that there is a program of, one after the other, with slices of the null RPC on
// consentd's server between. One that fails is named in the report and does not end the run.
func (b *bench) peersBeside(ctx context.Context) error {
	if err := b.known(); err != nil {
		return err
	}
	for _, k := range peers.Kinds() {
		row := report.Peer{
			Name: k.Name, Version: k.Release.Version, Setup: k.Setup,
			Store: k.Store, Batch: k.Batch, Reasons: k.Reasons, Differs: k.Differs,
		}
		path, version, err := b.program(ctx, k)
		if err == nil {
			row.Version = version
			err = b.beside(ctx, k, path)
		}
		if err != nil {
			row.Missing = oneLine(err)
		}
		b.report.Peers = append(b.report.Peers, row)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// known is an error for a --peer without an adapter.
func (b *bench) known() error {
	names := map[string]bool{}
	for _, k := range peers.Kinds() {
		names[k.ProgramName()] = true
	}
	for name := range b.peers {
		if !names[name] {
			return fmt.Errorf("--peer: there is no adapter for %q", name)
		}
	}
	return nil
}

// errNoProgram says how to get a peer.
var errNoProgram = errors.New("no program: give --peer or --install-peers")

// program finds or builds a peer's program.
func (b *bench) program(ctx context.Context, k peers.Kind) (path, version string, err error) {
	if path := b.peers[k.ProgramName()]; path != "" {
		return path, "given by --peer", nil
	}
	if b.quick || !b.all && !b.installPeers {
		return "", "", errNoProgram
	}
	cache, err := b.cache()
	if err != nil {
		return "", "", err
	}
	if b.installPeers {
		b.progress.begin("building " + k.Name + " " + k.Release.Version)
		if err := k.Install(ctx, cache); err != nil {
			return "", "", err
		}
	}
	if path := k.Installed(cache); path != "" {
		return path, k.Release.Version, nil
	}
	return "", "", errNoProgram
}

func (b *bench) cache() (string, error) {
	if b.peerCache != "" {
		return b.peerCache, nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "consentd-bench"), err
}

// beside runs one peer on the population that consentd has, and measures it.
func (b *bench) beside(ctx context.Context, k peers.Kind, path string) error {
	dir := filepath.Join(b.temp, k.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	b.progress.begin("loading " + k.Name)
	population := b.population
	if k.MostSubjects > 0 {
		population.Size = min(population.Size, k.MostSubjects)
	}
	began := time.Now()
	p, err := k.Start(ctx, peers.Config{Binary: path, Dir: dir, Population: population, Connections: b.conns})
	if err != nil {
		return err
	}
	defer p.Close()
	took := time.Since(began)
	r := &peerRun{b: b, peer: p, name: k.Name, population: population}
	if err := r.warm(ctx); err != nil {
		return fmt.Errorf("warming: %w", err)
	}
	if k.Store[:4] != "none" {
		peak, _ := proc.PeakMemory(p.PID())
		b.report.Loadings = append(b.report.Loadings, report.Loading{
			System: k.Name, Subjects: population.Size, Seconds: took.Seconds(),
			BytesPerSubject: float64(peak) / float64(population.Size),
			Where:           "of peak memory, program included", Note: "start of the program included",
		})
	}
	uniform := question.Uniform(population)
	unary, batch := r.unary(uniform), r.batch(uniform, batchSize)
	r.measure(ctx, scenario{name: "unary warm", schedule: poisson, rate: b.rate(), checks: 1, call: unary})
	r.measure(ctx, scenario{name: "batch of 100 warm", schedule: poisson, rate: b.batchRate(), checks: batchSize, call: batch})
	r.measure(ctx, scenario{name: "unary", schedule: closed, checks: 1, call: unary})
	r.measure(ctx, scenario{name: "batch of 100", schedule: closed, checks: batchSize, call: batch})
	return nil
}

// peerRun puts load on a peer and compares each answer with the truth.
type peerRun struct {
	b    *bench
	peer peers.Peer
	name string
	// population is what the peer was told.
	population question.Population
	wrong      atomic.Int64
}

func (r *peerRun) measure(ctx context.Context, s scenario) {
	r.wrong.Store(0)
	s.system, s.subjects, s.pid = r.name, r.population.Size, r.peer.PID()
	row := r.b.measure(ctx, s)
	row.Wrong = r.wrong.Load()
	r.b.report.Rows = append(r.b.report.Rows, row)
}

// warm asks everything once, so that whatever a peer caches is there.
func (r *peerRun) warm(ctx context.Context) error {
	every := func(n int) question.Question {
		return question.Question{Subject: n / 2 % r.population.Size, Purpose: n % 2}
	}
	call := r.batch(every, batchSize)
	for n := range (2*r.population.Size + batchSize - 1) / batchSize {
		if err := call(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (r *peerRun) unary(choose question.Chooser) load.Call {
	return func(ctx context.Context, n int) error {
		q := choose(n)
		allowed, err := r.peer.Check(ctx, n, q)
		if err == nil {
			r.compare(q, allowed)
		}
		return err
	}
}

func (r *peerRun) batch(choose question.Chooser, size int) load.Call {
	return func(ctx context.Context, n int) error {
		qs := make([]question.Question, size)
		for i := range qs {
			qs[i] = choose(n*size + i)
		}
		allowed, err := r.peer.Batch(ctx, n, qs)
		if err != nil {
			return err
		}
		for i, q := range qs {
			r.compare(q, allowed[i])
		}
		return nil
	}
}

func (r *peerRun) compare(q question.Question, allowed bool) {
	if allowed != r.population.Truth(q) {
		r.wrong.Add(1)
	}
}

// oneLine fits an error into a cell of a table.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > 300 {
		text = text[:150] + " … " + text[len(text)-150:]
	}
	return strings.ReplaceAll(text, "|", "/")
}
