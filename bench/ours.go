package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// asker asks consentd and compares each answer with the truth. Its calls may be made concurrently.
type asker struct {
	population question.Population
	clients    []consentv1.DecisionServiceClient
	// wrong counts answers that are not the truth.
	wrong atomic.Int64
}

func newAsker(p question.Population, conns []*grpc.ClientConn) *asker {
	a := &asker{population: p}
	for _, c := range conns {
		a.clients = append(a.clients, consentv1.NewDecisionServiceClient(c))
	}
	return a
}

// unary asks one question per request.
func (a *asker) unary(choose question.Chooser) load.Call {
	return func(ctx context.Context, n int) error {
		q := choose(n)
		answer, err := a.clients[n%len(a.clients)].Check(ctx, a.population.Check(q))
		if err != nil {
			return err
		}
		a.compare(q, answer)
		return nil
	}
}

// batch asks size questions per request.
func (a *asker) batch(choose question.Chooser, size int) load.Call {
	return func(ctx context.Context, n int) error {
		questions := make([]question.Question, size)
		request := &consentv1.BatchCheckRequest{Requests: make([]*consentv1.CheckRequest, size)}
		for i := range questions {
			questions[i] = choose(n*size + i)
			request.Requests[i] = a.population.Check(questions[i])
		}
		answer, err := a.clients[n%len(a.clients)].BatchCheck(ctx, request)
		if err != nil {
			return err
		}
		if len(answer.GetResults()) != size {
			return fmt.Errorf("%d of %d questions answered", len(answer.GetResults()), size)
		}
		for i, r := range answer.GetResults() {
			a.compare(questions[i], r.GetResponse())
		}
		return nil
	}
}

func (a *asker) compare(q question.Question, answer *consentv1.CheckResponse) {
	want := consentv1.Decision_DECISION_DENY
	if a.population.Truth(q) {
		want = consentv1.Decision_DECISION_ALLOW
	}
	if answer.GetDecision() != want {
		a.wrong.Add(1)
	}
}

// all asks each subject once, in batches, to have their states in the cache.
func (a *asker) all(ctx context.Context) error {
	const size = 500
	next := func(n int) question.Question { return question.Question{Subject: n % a.population.Size} }
	call := a.batch(next, size)
	for n := range (a.population.Size + size - 1) / size {
		if err := call(ctx, n); err != nil {
			return fmt.Errorf("warming the cache: %w", err)
		}
	}
	return nil
}
