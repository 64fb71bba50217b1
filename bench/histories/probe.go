package main

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// prober measures, on subjects of its own and past all proxies, how long a withdrawal without a fence takes until all
// nodes deny. What it does is recorded as all else is.
type prober struct {
	*agent
	// first is the number of its first subject.
	first int
	// each is the pause between two measurements.
	each time.Duration

	mu          sync.Mutex
	revocations []span // guarded by mu
}

const probeSubjects = 8

func newProber(p plan, first int, out io.Writer) *prober {
	a := newAgent(p, out)
	a.links = nil
	for i, address := range p.Nodes {
		a.links = append(a.links, &link{style: callStyle, node: uint8(i), addresses: []string{address}})
	}
	a.workers = a.workers[:len(a.links)]
	return &prober{agent: a, first: first, each: 300 * time.Millisecond}
}

func (p *prober) run(ctx context.Context) {
	marking, stop := context.WithCancel(context.Background())
	var marks sync.WaitGroup
	marks.Go(func() { p.markUntil(marking) })
	for round := 0; ctx.Err() == nil; round++ {
		p.measure(ctx, p.first+round%probeSubjects)
		pauseFor(ctx, p.each)
	}
	stop()
	marks.Wait()
	for _, l := range p.links {
		l.end()
	}
}

// write makes the next write of a subject by a random node; the time when it returned, 0: it failed.
func (p *prober) write(ctx context.Context, subject int, flag uint8) (returned int64) {
	w := p.workers[0]
	w.begin()
	p.numbers[subject]++
	r := record{Subject: uint16(subject), N: uint32(p.numbers[subject]), Start: monotonic(), Flags: flag}
	if !w.attempt(ctx, p.links[rand.IntN(len(p.links))], r) {
		return 0
	}
	return monotonic()
}

// measure gives consent, until all nodes know, and takes it back. A write that failed leaves the numbers in step by
// another.
func (p *prober) measure(ctx context.Context, subject int) {
	if p.numbers[subject]%2 == 1 {
		p.write(ctx, subject, 0)
	}
	if p.write(ctx, subject, fenced) == 0 || !p.until(ctx, subject, true) {
		return
	}
	from := p.write(ctx, subject, 0)
	if from == 0 || !p.until(ctx, subject, false) {
		return
	}
	p.mu.Lock()
	p.revocations = append(p.revocations, span{from, monotonic()})
	p.mu.Unlock()
}

// until asks all nodes at once until each answers so; false: one did not within a time.
func (p *prober) until(ctx context.Context, subject int, want bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i, l := range p.links {
		all.Go(func() {
			for ctx.Err() == nil {
				r := p.workers[i].ask(ctx, l, query{subjects: []int{subject}})
				if len(r) == 1 && r[0].ok() && r[0].is(allowed) == want {
					return
				}
				pauseFor(ctx, 500*time.Microsecond)
			}
		})
	}
	all.Wait()
	return ctx.Err() == nil
}
