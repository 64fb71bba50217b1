package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
)

// phase is one thing that an operator does, while clients ask.
type phase struct {
	name string
	do   func(context.Context, *world) error
}

var phases = []phase{
	{"nothing", func(ctx context.Context, _ *world) error {
		pauseFor(ctx, 5*time.Second)
		return nil
	}},
	{"rolling restart", restartAll},
	{"fail-over of the database", failOverInOrder},
	{"rolling upgrade across a migration", upgrade},
}

// between phases, so that what one did is not taken for the next one's.
const phasePause = 5 * time.Second

// roll goes through the phases until ctx ends, each once at least.
func (w *world) roll(ctx context.Context) error {
	doing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Hour)
	defer cancel()
	pauseFor(doing, phasePause)
	for first := true; first || ctx.Err() == nil; first = false {
		for _, p := range phases {
			end := w.faults.begin(p.name)
			err := p.do(doing, w)
			pauseFor(doing, phasePause)
			end()
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
	}
	return nil
}

func restartAll(ctx context.Context, w *world) error {
	for _, n := range w.nodes {
		n.process.Stop()
		if err := n.start(ctx); err != nil {
			return err
		}
		pauseFor(ctx, time.Second)
	}
	return nil
}

func failOverInOrder(ctx context.Context, w *world) error {
	if w.db == nil {
		return nil
	}
	if err := w.db.failOver(ctx, w.db.synchronous); err != nil {
		return err
	}
	pauseFor(ctx, phasePause)
	return errors.Join(w.db.aside(ctx), w.db.follow(ctx))
}

// upgrade brings the schema to the newest version while the nodes of the version before go on, and then each node.
func upgrade(ctx context.Context, w *world) error {
	if w.db != nil {
		if err := w.db.migrate(ctx, w.binary); err != nil {
			return err
		}
		pauseFor(ctx, phasePause)
	}
	for _, n := range w.nodes {
		n.binary = w.binary
	}
	return restartAll(ctx, w)
}

// reportFailed prints the checks of clients that failed, by phase; an error says that there were some.
func (w *world) reportFailed(to io.Writer) error {
	fmt.Fprintf(to, "| phase | failed checks | by |\n|---|---|---|\n")
	failed := 0
	for i, p := range w.faults.spans {
		counts := map[codes.Code]int{}
		for _, c := range w.checker.failed {
			if c.End >= p.start && c.End < p.end && int(c.Client) < w.options.clients {
				counts[codes.Code(c.Code)]++
				failed++
			}
		}
		fmt.Fprintf(to, "| %s, %v | %d | %s |\n", phases[i%len(phases)].name, time.Duration(p.end-p.start).Round(time.Second),
			sum(counts), byCode(counts))
	}
	if failed > 0 {
		return fmt.Errorf("%d checks failed beyond the client's retries", failed)
	}
	return nil
}

func sum(counts map[codes.Code]int) (all int) {
	for _, n := range counts {
		all += n
	}
	return all
}
