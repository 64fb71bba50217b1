package main

import (
	"context"
	"errors"
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
	// liveAtLast is how long a save is waited for at the end.
	liveAtLast = 2 * time.Minute
)

// reloads is a storm of saves: the server follows a folder of policies, of which a file is
// changed while subjects are checked.
type reloads struct {
	b     *bench
	asker *asker
	// rules is the file that is saved during the load, table the one that is saved after it; each with what it began as.
	rules, table saved
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

// saved is a file that can be saved with something added.
type saved struct {
	name    string
	content []byte
}

func readSaved(name string) (saved, error) {
	content, err := os.ReadFile(name)
	return saved{name: name, content: content}, err
}

// add saves the file as it was, with a line at its end, in place.
func (s saved) add(line string) error {
	if err := os.WriteFile(s.name, fmt.Appendf(nil, "%s%s\n", s.content, line), 0o600); err != nil {
		return fmt.Errorf("saving a policy: %w", err)
	}
	return nil
}

// save is a file that was saved.
type save struct {
	n  int
	at time.Time
	// before is the revision in force when it was saved.
	before string
}

// reloadStorm checks warm subjects on a server that follows a folder, first while it stays
// as it is, then while it changes.
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
	if err := errors.Join(<-failed, r.await(ctx)); err != nil {
		return report.Storm{}, err
	}
	storm := r.sumUp(without, during, length)
	proven, err := r.proven(ctx)
	if err != nil {
		return report.Storm{}, err
	}
	storm.Note += fmt.Sprintf(
		"; a line of the table saved after the load, so that its controller is proven anew: in force after %.1f s",
		proven.Seconds(),
	)
	return storm, b.server.restart(ctx)
}

// await checks until the last save is in force, or for liveAtLast.
func (r *reloads) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, liveAtLast)
	defer cancel()
	check := r.call(question.Uniform(r.b.population))
	for n := 0; r.pending.Load() != nil; n++ {
		if err := check(ctx, n); err != nil {
			return fmt.Errorf("waiting for a saved policy: %w", err)
		}
	}
	return nil
}

// proven saves the table and returns how long it takes until it is in force.
func (r *reloads) proven(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	r.pending.Store(&save{at: began, before: *r.revision.Load()})
	if err := r.table.add("own: {saved: true}"); err != nil {
		return 0, err
	}
	err := r.await(ctx)
	return time.Since(began), err
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
	r, controller := &reloads{b: b}, filepath.Join(dir, "controllers", question.Controller)
	var err error
	if r.rules, err = readSaved(filepath.Join(controller, question.Controller+".rego")); err != nil {
		return nil, err
	}
	if r.table, err = readSaved(filepath.Join(controller, "data.yaml")); err != nil {
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

// saveAll saves the rules every second with another comment, as long as there is time for it to come into force. Their
// tests run before that; what a comment cannot change is not proven anew.
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
	r.pending.Store(&save{n: r.saves, at: time.Now(), before: *r.revision.Load()})
	return r.rules.add(fmt.Sprintf("# saved %d", r.saves))
}

func (r *reloads) sumUp(without, during report.Row, length time.Duration) report.Storm {
	storm := report.Storm{
		Name: "policies saved every second", Offered: 1 / saveEvery.Seconds(),
		Done:   float64(r.lived.Load()) / (length - liveWithin).Seconds(),
		Checks: during, Without: &without, Live: tails(r.live.Result().Latency),
		Note: fmt.Sprintf(
			"%d saves, of which %d came into force while it was looked; %d failed checks", r.saves, r.lived.Load(), during.Failed,
		),
	}
	if int(r.lived.Load()) < r.saves || r.missed > 0 {
		storm.Note = joined(
			storm.Note, fmt.Sprintf("**%d saves were not in force after %v**", r.saves-int(r.lived.Load())+r.missed, saveEvery),
		)
	}
	return storm
}
