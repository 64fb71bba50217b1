package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// withdrawalRate is how many subjects withdraw per second in the storm.
const withdrawalRate = 500

// What has become of a subject's withdrawal.
const (
	notSent int32 = iota
	sent
	acknowledged
)

// storm withdraws consents while they are checked.
type storm struct {
	b *bench
	// states has for each subject how far its withdrawal is.
	states []atomic.Int32
	// cursor is the subject that withdraws next.
	cursor atomic.Int64
	wrong  atomic.Int64
	// acknowledged is from sending a withdrawal to its acknowledgement, revocation from there to the first denial.
	acknowledged, revocation load.Recorder
}

// storms are what happens during load.
func (b *bench) storms(ctx context.Context) error {
	s, err := b.newStorm(ctx)
	if err != nil {
		return err
	}
	b.report.Storms = append(b.report.Storms, s.run(ctx))
	reloads, err := b.reloadStorm(ctx)
	if err != nil {
		return err
	}
	b.report.Storms = append(b.report.Storms, reloads)
	return ctx.Err()
}

// newStorm records a consent for as many subjects, of its own, as will withdraw.
func (b *bench) newStorm(ctx context.Context) (*storm, error) {
	length := 2 * b.duration * time.Duration(b.slices)
	n := int(1.2*withdrawalRate*length.Seconds()) + 2*window
	s := &storm{b: b, states: make([]atomic.Int32, n)}
	b.progress.begin("storm of withdrawals")
	give := func(i int) *consentv1.RecordEventsRequest { return s.event(i, "given", question.ConsentAt) }
	if err := b.record(ctx, n, give); err != nil {
		return nil, fmt.Errorf("recording consents: %w", err)
	}
	return s, nil
}

func (s *storm) id(i int) string { return fmt.Sprintf("storm-%d", i) }

// event gives the consent, or with any other kind withdraws it.
func (s *storm) event(i int, kind string, at time.Duration) *consentv1.RecordEventsRequest {
	status := consentv1.ConsentStatus_CONSENT_STATUS_GIVEN
	if kind != "given" {
		status = consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN
	}
	return &consentv1.RecordEventsRequest{Controller: question.Controller, SubjectId: s.id(i), Events: []*consentv1.Event{{
		Id: s.id(i) + kind, OccurredAt: timestamppb.New(s.b.started.Add(at)), Source: "unsubscribe_link",
		Kind: question.ConsentKind(question.Purposes[0], status, time.Time{}),
	}}}
}

// run checks and withdraws at once, each on its own schedule.
func (s *storm) run(ctx context.Context) report.Storm {
	length := 2 * s.b.duration * time.Duration(s.b.slices)
	withdrawals := make(chan load.Result, 1)
	go func() {
		withdrawals <- load.Open(ctx, load.OpenConfig{Schedule: load.Poisson(withdrawalRate, 7), Duration: length}, s.withdraw)
	}()
	during := scenario{
		system: "consentd", name: "during withdrawals", schedule: poisson, rate: s.b.rate(), checks: 1, duration: length,
	}
	checks := s.b.slice(ctx, during, &target{call: s.check, pid: s.b.server.pid()})
	done := <-withdrawals
	s.b.progress.advance(length)
	return s.sumUp(during, checks, done)
}

func (s *storm) sumUp(during scenario, checks load.Slice, done load.Result) report.Storm {
	nothing := load.Slice{Result: load.Result{Latency: load.NewHistogram(), Lag: load.NewHistogram()}}
	row := rowOf(during, []load.Pair{{Measured: checks, Floor: nothing}})
	row.Wrong = s.wrong.Load()
	revocation, acknowledged := s.revocation.Result(), s.acknowledged.Result()
	out := report.Storm{
		Name:    fmt.Sprintf("%d withdrawals/s on the subjects checked", withdrawalRate),
		Offered: withdrawalRate, Done: done.Rate(), Checks: row, Revocation: tails(revocation.Latency),
		Note: fmt.Sprintf("%d withdrawals, acknowledged in %.0f µs at p50 and %.0f at p99; revocation is from there to the end of "+
			"the first check denied, sent on the other connection.",
			done.Sent, load.Quantile(acknowledged.Latency, 50)/1e3, load.Quantile(acknowledged.Latency, 99)/1e3),
	}
	for _, err := range []error{done.Err, checks.Err} {
		if err != nil {
			out.Note = joined(out.Note, "**first error: "+err.Error()+"**")
		}
	}
	return out
}

// withdraw withdraws the consent of the next subject and asks until it is denied.
func (s *storm) withdraw(ctx context.Context, n int) error {
	if n >= len(s.states)-window {
		return fmt.Errorf("no subject is left to withdraw")
	}
	conns := s.b.server.conns
	s.cursor.Store(int64(n))
	s.states[n].Store(sent)
	client, began := consentv1.NewConsentServiceClient(conns[n%len(conns)]), time.Now()
	if _, err := client.RecordEvents(ctx, s.event(n, "withdrawn", question.WithdrawnAt)); err != nil {
		return err
	}
	s.states[n].Store(acknowledged)
	s.acknowledged.Add(n, time.Since(began))
	return s.untilDenied(ctx, n, time.Now())
}

func (s *storm) untilDenied(ctx context.Context, n int, acknowledgedAt time.Time) error {
	for {
		decision, err := s.ask(ctx, n, n+1)
		if err != nil {
			return err
		}
		if decision == consentv1.Decision_DECISION_DENY {
			s.revocation.Add(n, time.Since(acknowledgedAt))
			return nil
		}
		s.wrong.Add(1)
	}
}

func (s *storm) ask(ctx context.Context, subject, connection int) (consentv1.Decision, error) {
	conns := s.b.server.conns
	answer, err := consentv1.NewDecisionServiceClient(conns[connection%len(conns)]).Check(ctx, &consentv1.CheckRequest{
		Controller: question.Controller, SubjectId: s.id(subject), Purpose: question.Purposes[0],
	})
	return answer.GetDecision(), err
}

// window is how many subjects around the one that withdraws now are checked.
const window = 50

// check asks a subject that withdrew lately, withdraws now or will soon. An answer is wrong if it allows although the
// withdrawal was acknowledged before the check was sent, or denies although it had not been sent when the answer came.
func (s *storm) check(ctx context.Context, n int) error {
	subject := max(0, int(s.cursor.Load())-window+n*31%(2*window))
	before := s.states[subject].Load()
	decision, err := s.ask(ctx, subject, n)
	if err != nil {
		return err
	}
	after := s.states[subject].Load()
	if wrong(decision, before, after) {
		s.wrong.Add(1)
	}
	return nil
}

func wrong(decision consentv1.Decision, before, after int32) bool {
	allowed := decision == consentv1.Decision_DECISION_ALLOW
	return allowed && before == acknowledged || !allowed && after == notSent
}
