package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/consentd/consentd/bench/flood"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// timeout is the deadline of all calls.
const timeout = time.Second

func (t *target) measure(ctx context.Context, o options) error {
	population := question.Population{Size: o.subjects, Seed: 1, Start: time.Now()}
	if err := t.load(ctx, population); err != nil {
		return fmt.Errorf("loading subjects: %w", err)
	}
	messages := make([][]byte, o.subjects)
	for i := range messages {
		var err error
		if messages[i], err = proto.Marshal(population.Check(question.Question{Subject: i, Purpose: i % 2})); err != nil {
			return err
		}
	}
	f, err := flood.Open(flood.Config{
		Addr: t.addr, Connections: o.connections, Method: consentv1.DecisionService_Check_FullMethodName, Messages: messages,
		Timeout: timeout, Patience: o.patience, Defiant: o.defiant,
	})
	if err != nil {
		return err
	}
	defer f.Close()
	capacity, perCPU, err := t.capacity(ctx, f, o)
	if err != nil {
		return err
	}
	fmt.Printf("capacity: %.0f checks/s; %.0f per second of CPU time\n\n%s", capacity, perCPU, head)
	for _, m := range o.multiples {
		if err := t.phase(ctx, f, flood.Phase{Rate: m * capacity, Duration: o.phase}, capacity); err != nil {
			return err
		}
	}
	return nil
}

// load records what the population said.
func (t *target) load(ctx context.Context, p question.Population) error {
	const loaders = 64
	group, ctx := errgroup.WithContext(ctx)
	for w := range loaders {
		group.Go(func() error {
			for i := w; i < p.Size; i += loaders {
				if _, err := consentv1.NewConsentServiceClient(t.conn).RecordEvents(ctx, p.Record(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// capacity is the most that closed loops of several widths get answered per second, and per second of the server's CPU
// time, which says more where others use the machine.
func (t *target) capacity(ctx context.Context, f *flood.Flood, o options) (most, perCPU float64, err error) {
	const beyond = 200_000 // more than any server here
	f.Run(ctx, flood.Phase{Rate: 5_000, Duration: o.closed})
	for range 2 {
		for _, width := range []int{2, 4, 8, 16} {
			before, failed := proc.CPU(t.PID())
			r := f.Run(ctx, flood.Phase{Rate: beyond, Duration: o.closed, Most: width})
			after, failedToo := proc.CPU(t.PID())
			if err := errors.Join(failed, failedToo); err != nil {
				return 0, 0, err
			}
			most = max(most, float64(r.OK)/o.closed.Seconds())
			perCPU = max(perCPU, float64(r.OK)/(after-before).Seconds())
		}
	}
	return most, perCPU, nil
}

const head = "| offered | per s | answered per s | of capacity | refused per s | held back per s | failed per s | p50 | p99 | " +
	"p99 from due | server CPU | answered per CPU second | peak memory | to settle | " +
	"withdrawals: done, failed, p99 | another client: answered, not, p99 |\n" +
	"|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"

// phase offers a load and prints what became of it.
func (t *target) phase(ctx context.Context, f *flood.Flood, p flood.Phase, capacity float64) error {
	beside, err := t.beside(ctx)
	if err != nil {
		return err
	}
	before, err := proc.CPU(t.PID())
	if err != nil {
		return err
	}
	r := f.Run(ctx, p)
	after, err := proc.CPU(t.PID())
	if err != nil {
		return err
	}
	memory, err := proc.PeakMemory(t.PID())
	if err != nil {
		return err
	}
	others := beside()
	each := func(n int) float64 { return float64(n) / p.Duration.Seconds() }
	fmt.Printf("| %.2f× | %.0f | %.0f | %.0f %% | %.0f | %.0f | %.1f | %v | %v | %v | %.2f | %.0f | %d MiB | %v | %s |\n",
		p.Rate/capacity, p.Rate, each(r.OK), 100*each(r.OK)/capacity, each(r.Refused), each(r.HeldBack), each(r.Failed),
		quantile(r.Latency, 50), quantile(r.Latency, 99), quantile(r.Total, 99),
		(after-before).Seconds()/p.Duration.Seconds(), float64(r.OK)/(after-before).Seconds(), memory>>20, settled(r), others)
	if n, err := f.Broken(); n > 0 {
		return fmt.Errorf("%d connections broke: %w", n, err)
	}
	return ctx.Err()
}

func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q)).Round(10 * time.Microsecond)
}

// settled is from when on nothing was refused or held back for half a second: how long a server takes to recover from
// the phase before.
func settled(r *flood.Result) time.Duration {
	quiet := 0
	for i, b := range r.Bins {
		if b.Refused+b.HeldBack+b.Failed > 0 {
			quiet = 0
		} else if quiet++; quiet == 5 {
			return time.Duration(i-4) * flood.BinLength
		}
	}
	return time.Duration(len(r.Bins)) * flood.BinLength
}
