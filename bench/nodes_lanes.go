package main

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
)

// lane is one load of several that take turns.
type lane struct {
	name string
	target
	slices []load.Slice
	// counter reads a counter of the server's before and after each slice, count is how much it grew within them; nil:
	// none is read.
	counter func(context.Context) (float64, error)
	count   float64
}

// newLane is a call for which servers pay.
func newLane(name string, call load.Call, servers ...*server) *lane {
	l := &lane{name: name, target: target{call: call, pid: servers[0].pid()}}
	for _, s := range servers[1:] {
		l.also = append(l.also, s.pid())
	}
	return l
}

// rounds gives each lane one slice a round; in each round another one is first.
func (b *bench) rounds(ctx context.Context, s scenario, lanes ...*lane) error {
	s = b.completed(s)
	if s.warmUp >= 0 {
		for _, l := range lanes {
			b.slice(ctx, s, &l.target)
		}
	}
	for round := range s.slices {
		for i := range lanes {
			l := lanes[(round+i)%len(lanes)]
			if err := l.counted(ctx, func() { l.slices = append(l.slices, b.slice(ctx, s, &l.target)) }); err != nil {
				return err
			}
			b.progress.advance(s.duration)
		}
	}
	return ctx.Err()
}

// counted adds what run has counter count to the lane's.
func (l *lane) counted(ctx context.Context, run func()) error {
	if l.counter == nil {
		run()
		return nil
	}
	before, err := l.counter(ctx)
	if err != nil {
		return err
	}
	run()
	after, err := l.counter(ctx)
	l.count += after - before
	return err
}

// of is a figure of the lane over its slices.
func (l *lane) of(figure func(*load.Slice) float64) load.Spread {
	return load.SpreadOf(l.slices, func(s load.Slice) float64 { return figure(&s) })
}

// over is a figure of the lane over the same of another, in the same round.
func (l *lane) over(other *lane, figure func(*load.Slice) float64) load.Spread {
	rounds := make([]int, len(l.slices))
	for i := range rounds {
		rounds[i] = i
	}
	return load.SpreadOf(rounds, func(i int) float64 { return ratio(figure(&l.slices[i]), figure(&other.slices[i])) })
}

func cpuPerRequest(s *load.Slice) float64 { return micros(s.CPUPerRequest()) }

func perSecond(s *load.Slice) float64 { return s.Rate() }

// millis is a percentile of the latency.
func millis(p float64) func(*load.Slice) float64 {
	return func(s *load.Slice) float64 { return load.Quantile(s.Latency, p) / 1e6 }
}

// laneFigure reports a figure of a lane, with its errors.
func (c *cluster) laneFigure(l *lane, f report.Figure, figure func(*load.Slice) float64) {
	f.System, f.Value = l.name, l.of(figure)
	c.figure(withErrors(f, l))
}

// withErrors notes on a figure that calls of its lanes failed.
func withErrors(f report.Figure, lanes ...*lane) report.Figure {
	for _, l := range lanes {
		if l.err != nil {
			f.Note = joined(f.Note, "**first error of "+l.name+": "+oneLine(l.err)+"**")
		}
	}
	return f
}

// checks asks subjects by the run's questions, and counts wrong answers.
func (c *cluster) checks(conns []*grpc.ClientConn) (load.Call, *asker) {
	a := newAsker(c.b.population, conns)
	return a.unary(question.Uniform(c.b.population)), a
}

// rest is the processor time that a server takes while nobody asks it, in milliseconds a second.
func (c *cluster) rest(ctx context.Context, servers ...*server) {
	lanes := make([]*lane, len(servers))
	for i, s := range servers {
		lanes[i] = newLane("", nil, s)
	}
	before := make([]time.Duration, len(lanes))
	spent := make([][]float64, len(lanes))
	for range c.b.slices {
		for i, l := range lanes {
			before[i] = l.cpu()
		}
		began := time.Now()
		idle(ctx, c.b.duration)
		for i, l := range lanes {
			spent[i] = append(spent[i], float64((l.cpu()-before[i]).Microseconds())/1e3/time.Since(began).Seconds())
		}
	}
	for i, name := range []string{embeddedName, postgresName} {
		c.figure(report.Figure{
			What: "processor time of a server that nobody asks", System: name, Unit: "ms/s",
			Value: load.SpreadOf(spent[i], func(v float64) float64 { return v }),
		})
	}
}

func idle(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
