package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

const (
	// saveEvery is how often a file of the policies is saved in the storm.
	saveEvery = time.Second
	// liveWithin is how long the load goes on after the last save, for it to come into force.
	liveWithin = 2 * time.Second
)

// reloads is a storm of saves: the server follows a folder of policies, of which a file is changed while subjects are checked.
type reloads struct {
	b     *bench
	asker *asker
	// file is the table that is saved, with what it began as.
	file  string
	table []byte
	// pending is the save that no answer shows yet; nil: all are in force.
	pending atomic.Pointer[save]
	// revision is that of the newest policies that an answer showed.
	revision atomic.Pointer[string]
	// missed counts saves left out because the one before was not in force after a whole period.
	missed int
	saves  int
	live   load.Recorder
	// lived is how many saves came into force.
	lived atomic.Int64
}

// save is a file that was saved.
type save struct {
	n  int
	at time.Time
	// before is the revision in force when it was saved.
	before string
}

// reloadStorm checks warm subjects on a server that follows a folder, first while it stays as it is, then while it changes.
func (b *bench) reloadStorm(ctx context.Context) (report.Storm, error) {
	r, err := b.newReloads(ctx)
	if err != nil {
		return report.Storm{}, fmt.Errorf("preparing the reload storm: %w", err)
	}
	b.progress.begin("storm of reloads")
	length := max(2*b.duration*time.Duration(b.slices), saveEvery+liveWithin)
	without := r.checks(ctx, "policies as they are", length)
	failed := make(chan error, 1)
	go func() { failed <- r.saveAll(ctx, length) }()
	during := r.checks(ctx, "policies saved every second", length)
	if err := <-failed; err != nil {
		return report.Storm{}, err
	}
	return r.sumUp(without, during, length), b.server.restart(ctx)
}

// newReloads restarts the server on a copy of the shipped policies.
func (b *bench) newReloads(ctx context.Context) (*reloads, error) {
	dir := filepath.Join(b.temp, "policies")
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, policies.FS); err != nil {
		return nil, err
	}
	r := &reloads{b: b, file: filepath.Join(dir, "controllers", question.Controller, "data.yaml")}
	var err error
	if r.table, err = os.ReadFile(r.file); err != nil {
		return nil, err
	}
	if err := b.server.restart(ctx, "--policies", dir); err != nil {
		return nil, err
	}
	policy, err := consentv1.NewPolicyServiceClient(b.server.conns[0]).GetPolicy(ctx, &consentv1.GetPolicyRequest{})
	if err != nil {
		return nil, err
	}
	revision := policy.GetPolicyRevision()
	r.revision.Store(&revision)
	r.asker = newAsker(b.population, b.server.conns)
	return r, b.warm(ctx)
}

// checks puts the run's unary load on the server.
func (r *reloads) checks(ctx context.Context, name string, length time.Duration) report.Row {
	s := scenario{system: "consentd", name: name, schedule: poisson, rate: r.b.rate(), checks: 1, duration: length,
		subjects: r.b.population.Size}
	t := &target{call: r.call(question.Uniform(r.b.population)), pid: r.b.server.pid()}
	wrongBefore := r.asker.wrong.Load()
	slice := r.b.slice(ctx, s, t)
	r.b.progress.advance(length)
	nothing := load.Slice{Result: load.Result{Latency: load.NewHistogram(), Lag: load.NewHistogram()}}
	row := rowOf(s, []load.Pair{{Measured: slice, Floor: nothing}})
	row.Wrong = r.asker.wrong.Load() - wrongBefore
	if t.err != nil {
		row.Note = joined(row.Note, "**first error: "+t.err.Error()+"**")
	}
	return row
}

// call checks, compares with the truth, and sees by which policies the answer was given.
func (r *reloads) call(choose question.Chooser) load.Call {
	return func(ctx context.Context, n int) error {
		q := choose(n)
		answer, err := r.asker.clients[n%len(r.asker.clients)].Check(ctx, r.asker.population.Check(q))
		if err != nil {
			return err
		}
		r.asker.compare(q, answer)
		r.seen(answer.GetPolicyRevision())
		return nil
	}
}

// seen notes when the first answer comes that was given by what was saved last.
func (r *reloads) seen(revision string) {
	s := r.pending.Load()
	if s == nil || revision == s.before || !r.pending.CompareAndSwap(s, nil) {
		return
	}
	r.live.Add(s.n, time.Since(s.at))
	r.lived.Add(1)
	r.revision.Store(&revision)
}

// saveAll saves another table every second, in place, as long as there is time for it to come into force.
func (r *reloads) saveAll(ctx context.Context, length time.Duration) error {
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for end := time.Now().Add(length - liveWithin); time.Now().Before(end); {
		if r.pending.Load() != nil {
			r.missed++
		} else if err := r.save(); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *reloads) save() error {
	r.saves++
	content := fmt.Appendf(nil, "%s\nown: {saved: %d}\n", r.table, r.saves)
	r.pending.Store(&save{n: r.saves, at: time.Now(), before: *r.revision.Load()})
	if err := os.WriteFile(r.file, content, 0o600); err != nil {
		return fmt.Errorf("saving a policy: %w", err)
	}
	return nil
}

func (r *reloads) sumUp(without, during report.Row, length time.Duration) report.Storm {
	storm := report.Storm{
		Name: "policies saved every second", Offered: 1 / saveEvery.Seconds(), Done: float64(r.lived.Load()) / (length - liveWithin).Seconds(),
		Checks: during, Without: &without, Live: tails(r.live.Result().Latency),
		Note: fmt.Sprintf("%d saves, of which %d came into force while it was looked; %d failed checks", r.saves, r.lived.Load(), during.Failed),
	}
	if int(r.lived.Load()) < r.saves || r.missed > 0 {
		storm.Note = joined(storm.Note, fmt.Sprintf("**%d saves were not in force after %v**", r.saves-int(r.lived.Load())+r.missed, saveEvery))
	}
	return storm
}
