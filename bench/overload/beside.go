package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// beside runs a client that withdraws 50 times per second and one that checks 100 times, each over a connection of its
// own, until the returned function is called, which says how they fared.
func (t *target) beside(ctx context.Context) (end func() string, err error) {
	withdrawing, err := dial(t.addr)
	if err != nil {
		return nil, err
	}
	checking, err := dial(t.addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var both sync.WaitGroup
	var withdrawals, checks tally
	consents, decisions := consentv1.NewConsentServiceClient(withdrawing), consentv1.NewDecisionServiceClient(checking)
	began := time.Now().UnixNano()
	both.Go(func() {
		withdrawals.every(ctx, time.Second/50, func(ctx context.Context, n int) error {
			_, err := consents.RecordEvents(ctx, withdrawal(began, n))
			return err
		})
	})
	both.Go(func() {
		checks.every(ctx, time.Second/100, func(ctx context.Context, n int) error {
			_, err := decisions.Check(ctx, question.Population{}.Check(question.Question{Subject: n % 1000}))
			return err
		})
	})
	return func() string {
		cancel()
		both.Wait()
		_, _ = withdrawing.Close(), checking.Close()
		return fmt.Sprintf("%v | %v", &withdrawals, &checks)
	}, nil
}

func withdrawal(run int64, n int) *consentv1.RecordEventsRequest {
	return &consentv1.RecordEventsRequest{
		Controller: question.Controller, SubjectId: fmt.Sprintf("withdrawing-%d", n%100),
		Events: []*consentv1.Event{{
			Id: fmt.Sprintf("%d-%d", run, n), OccurredAt: timestamppb.Now(), Source: "privacy_settings",
			Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
				Purpose: question.Purposes[0], Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
			}},
		}},
	}
}

// tally counts what became of calls.
type tally struct {
	load.Recorder
	ok, failed int
	last       error
}

// every calls at even distances, each call within the timeout, until ctx ends.
func (t *tally) every(ctx context.Context, distance time.Duration, call func(context.Context, int) error) {
	tick := time.NewTicker(distance)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		began := time.Now()
		if err := call(within, n); err != nil {
			t.failed, t.last = t.failed+1, err
		} else {
			t.ok++
			t.Add(n, time.Since(began))
		}
		cancel()
	}
}

func (t *tally) String() string {
	text := fmt.Sprintf("%d, %d, %v", t.ok, t.failed, quantile(t.Result().Latency, 99))
	if t.last != nil {
		text += fmt.Sprintf(" (%v)", t.last)
	}
	return text
}
