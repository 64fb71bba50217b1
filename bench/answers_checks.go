package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/client"
)

// manyCallers is how many call at once where the Go client shares messages among them.
const manyCallers = 256

const cpuOfCalls = "server CPU per call, closed loop"

// remembers has a lane count the answers that its server had remembered.
func (s *study) remembers(l *lane) *lane {
	l.counter = func(ctx context.Context) (float64, error) {
		return s.on.metric(ctx, `consentd_answers_lookups_total{result="hit"}`)
	}
	return l
}

// hitShare is the share of a lane's calls whose answer had been remembered.
func (l *lane) hitShare() float64 {
	sent := 0
	for i := range l.slices {
		sent += l.slices[i].Sent
	}
	return ratio(l.count, float64(sent))
}

// compare puts single checks beside their floors, and then each at half of its capacity.
func (s *study) compare(ctx context.Context) error {
	floor, carried := newLane(nullName, null(s.on.conns), s.on.server), newLane(echoName, s.echo(), s.on.server)
	remembered, not := s.remembers(s.unary(s.on, rememberedName)), s.unary(s.off, notRememberedName)
	lanes := []*lane{floor, carried, remembered, not}
	if err := s.rounds(ctx, "single checks", scenario{schedule: closed}, lanes...); err != nil {
		return err
	}
	for _, l := range lanes {
		s.figure(s.of(l, cpuOfCalls, "µs", cpuPerRequest))
	}
	for _, l := range lanes {
		s.figure(s.of(l, fmt.Sprintf("calls, %d at once", s.b.workers), "/s", perSecond))
	}
	s.costs(floor, carried, remembered, not)
	if err := s.halfCapacity(ctx, s.on, remembered); err != nil {
		return err
	}
	return s.halfCapacity(ctx, s.off, not)
}

// costs reports what the lanes cost over each other.
func (s *study) costs(floor, carried, remembered, not *lane) {
	beside := s.over(remembered, carried, cpuOfCalls, cpuPerRequest)
	beside.Note = joined(beside.Note, fmt.Sprintf("requests of %d bytes, answers of %d, on average; %.2f %% were remembered",
		s.sizes.Request, s.sizes.Answer, 100*remembered.hitShare()))
	s.figure(beside.AtMost(1.10))
	s.figure(s.over(remembered, floor, cpuOfCalls, cpuPerRequest).AtMost(1.30))
	s.figure(s.over(not, floor, cpuOfCalls, cpuPerRequest).AtMost(1.55))
	s.figure(s.over(carried, floor, cpuOfCalls, cpuPerRequest))
	s.figure(s.over(remembered, floor, "calls per second", perSecond).AtLeast(0.85))
	s.figure(s.over(not, floor, "calls per second", perSecond))
}

// halfCapacity asks at random, half as often as the closed loop got answers, and beside that for null RPCs as often.
func (s *study) halfCapacity(ctx context.Context, a *answering, capacity *lane) error {
	rate := capacity.of(perSecond).Median / 2
	if rate <= 0 {
		return fmt.Errorf("no capacity to halve: %w", errors.Join(capacity.err, errUntrue))
	}
	check, floor := s.unary(a, capacity.name), newLane(nullName, null(a.conns), a.server)
	if err := s.rounds(ctx, "half of capacity, "+capacity.name, scenario{schedule: poisson, rate: rate}, check, floor); err != nil {
		return err
	}
	what := fmt.Sprintf("p99 at half of capacity (%s)", capacity.name)
	late := check.of(func(s *load.Slice) float64 { return load.Quantile(s.Lag, 99) / 1e3 })
	for _, l := range []*lane{check, floor} {
		f := s.of(l, what, "ms", millis(99))
		f.Note = joined(f.Note, fmt.Sprintf("%.0f/s, Poisson; the generator itself was late, %.0f µs at p99", rate, late.Median))
		s.figure(f)
	}
	tail := s.over(check, floor, what, millis(99))
	if a == s.on {
		tail = tail.AtMost(1.2)
	}
	s.figure(tail)
	return nil
}

// batches asks for a hundred at once.
func (s *study) batches(ctx context.Context) error {
	lanes := []*lane{
		newLane(rememberedName, s.on.asker.batch(s.uniform(), batchSize), s.on.server),
		newLane(notRememberedName, s.off.asker.batch(s.uniform(), batchSize), s.off.server),
	}
	if err := s.rounds(ctx, "batches", scenario{schedule: closed}, lanes...); err != nil {
		return err
	}
	checks := func(s *load.Slice) float64 { return batchSize * perSecond(s) }
	for i, least := range []float64{250_000, 130_000} {
		s.figure(s.of(lanes[i], "checks in batches of 100", "/s", checks).AtLeast(least))
	}
	each := func(s *load.Slice) float64 { return cpuPerRequest(s) / batchSize }
	for _, l := range lanes {
		s.figure(s.of(l, "server CPU per check, batches of 100", "µs", each))
	}
	return nil
}

// goClient has many callers share messages, and beside that as many call by themselves.
func (s *study) goClient(ctx context.Context) error {
	const callers = manyCallers
	var lanes []*lane
	for _, a := range []*answering{s.on, s.off} {
		name := notRememberedName
		if a == s.on {
			name = rememberedName
		}
		c, err := client.Dial(a.grpcAddr)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		lanes = append(lanes, newLane("Go client, "+name, a.asker.client(c, s.uniform()), a.server), s.unary(a, "unary, "+name))
	}
	if err := s.rounds(ctx, "Go client", scenario{schedule: closed, workers: callers}, lanes...); err != nil {
		return err
	}
	what := fmt.Sprintf("checks, %d callers", callers)
	for _, l := range lanes {
		s.figure(s.of(l, what, "/s", perSecond))
	}
	for i := 0; i < len(lanes); i += 2 {
		s.figure(s.over(lanes[i], lanes[i+1], what, perSecond).AtLeast(4))
	}
	return nil
}
