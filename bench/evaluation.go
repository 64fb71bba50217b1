package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/consentd/consentd/bench/peers"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// evaluated is how many subjects the evaluation alone is measured on: as many as fit into
// memory whatever the population.
const evaluated = 10_000

// evaluation measures decisions in this process, without RPC, store or cache: ours and OPA's.
func (b *bench) evaluation(ctx context.Context) error {
	p := question.Population{Size: min(evaluated, b.population.Size), Seed: b.population.Seed, Start: b.population.Start}
	ours, err := newEvaluator(p)
	if err != nil {
		return err
	}
	defer ours.close()
	opa, err := peers.NewEmbedded(ctx, p)
	if err != nil {
		return err
	}
	b.alone(ctx, "consentd", p, ours.check)
	b.alone(ctx, "opa embedded", p, opa.Check)
	b.report.Peers = append(b.report.Peers, report.Peer{
		Name: "opa embedded", Version: moduleVersion("github.com/open-policy-agent/opa"),
		Setup: "prepared query in process, states as data kept as AST values, input as AST values",
		Store: "in memory", Batch: "no", Reasons: "as far as the policy builds them",
		Differs: "one rule, where consentd's evaluation is the whole policy of the example controller: precedence, packs, " +
			"reasons, obligations, valid_until",
	})
	return ctx.Err()
}

// checker answers a question in this process.
type checker func(context.Context, question.Question) (bool, error)

// alone measures a checker on one goroutine.
func (b *bench) alone(ctx context.Context, system string, p question.Population, check checker) {
	var wrong atomic.Int64
	choose := question.Uniform(p)
	call := func(ctx context.Context, n int) error {
		q := choose(n)
		allowed, err := check(ctx, q)
		if err == nil && allowed != p.Truth(q) {
			wrong.Add(1)
		}
		return err
	}
	workers := b.workers
	b.workers = 1
	defer func() { b.workers = workers }()
	row := b.measure(ctx, scenario{
		system: system, name: "evaluation alone, 1 goroutine", subjects: p.Size, schedule: closed, checks: 1,
		call: call, pid: os.Getpid(),
		note: "in the load generator's process, whose own work is in the figure",
	})
	row.Wrong, row.PeakMemory = wrong.Load(), 0
	row.Note = joined(row.Note, fmt.Sprintf("p50 %.2f µs", row.Latency.P50.Median))
	b.report.Rows = append(b.report.Rows, row)
}

// evaluator decides by the shipped policies over states in memory, prepared as the cache prepares them.
type evaluator struct {
	loader    *policy.Loader
	set       *policy.Set
	snapshots []*consent.Snapshot
	ids       []string
	now       consent.Instant
}

func newEvaluator(p question.Population) (*evaluator, error) {
	e := &evaluator{loader: policy.NewLoader(policy.Options{ShadowRate: -1}), now: consent.InstantOf(p.Start)}
	var err error
	if e.set, err = e.loader.Read(policies.FS); err != nil {
		e.close()
		return nil, err
	}
	for n := range p.Size {
		s := p.Subject(n)
		snapshot := &consent.Snapshot{State: consent.Fold(domainEvents(p, s))}
		snapshot.Prepared, _ = e.loader.Prepare(snapshot.State)
		e.snapshots, e.ids = append(e.snapshots, snapshot), append(e.ids, s.ID)
	}
	return e, nil
}

func (e *evaluator) check(ctx context.Context, q question.Question) (bool, error) {
	d := e.set.Decide(ctx, &consent.Request{
		Subject: consent.Subject{Controller: question.Controller, ID: e.ids[q.Subject]}, Purpose: question.Purposes[q.Purpose],
	}, e.snapshots[q.Subject], e.now)
	return d.Effect == consent.Allow, nil
}

func (e *evaluator) close() { e.loader.Close() }

// domainEvents are those of question.Population.Record, as the store folds them.
func domainEvents(p question.Population, s question.Subject) []consent.Event {
	place := "DE"
	at := func(offset time.Duration) consent.Instant { return consent.InstantOf(p.Start.Add(offset)) }
	events := []consent.Event{{ID: "profile", OccurredAt: at(question.ConsentAt), Fact: consent.Profile{
		Jurisdiction: &place, Age: &consent.Age{Min: 30, Max: 30},
	}}}
	for i, c := range s.Consents {
		purpose := question.Purposes[i]
		said := consent.Consent{Purpose: purpose, NoticeVersion: question.NoticeVersion, Explicit: true}
		if !c.ExpiresAt.IsZero() {
			said.ExpiresAt = consent.InstantOf(c.ExpiresAt)
		}
		switch c.Status {
		case question.Given:
			said.Status = consent.Given
			events = append(events, consent.Event{ID: purpose, OccurredAt: at(question.ConsentAt), Fact: said})
		case question.Refused:
			said.Status = consent.Refused
			events = append(events, consent.Event{ID: purpose, OccurredAt: at(question.ConsentAt), Fact: said})
		case question.Withdrawn:
			said.Status = consent.Withdrawn
			events = append(events, consent.Event{ID: purpose, OccurredAt: at(question.WithdrawnAt), Fact: said})
		}
		if c.Objected {
			events = append(events, consent.Event{
				ID: purpose + "-objected", OccurredAt: at(question.ObjectionAt), Fact: consent.Objection{Purposes: []string{purpose}},
			})
		}
	}
	return events
}
