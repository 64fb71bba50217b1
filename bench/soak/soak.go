package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/caller/apikey"
)

// writers are how many subjects are written again and again, and as many again with a fence.
const writers = 200

// timeout is the deadline of all calls but backups.
const timeout = 10 * time.Second

// soak is a run.
type soak struct {
	*target
	o          options
	acts       acts
	population question.Population
	// written are the numbers of subjects outside the population, all allowed at first, to be withdrawn and given again.
	written []int
	// plain coalesces checks, callwise makes a call of each, near answers by itself.
	plain, callwise, near *client.Client
}

func newSoak(t *target, o options) (*soak, error) {
	s := &soak{target: t, o: o, population: question.Population{Size: o.subjects, Seed: 1, Start: time.Now()}}
	for n := o.subjects; len(s.written) < 2*writers; n++ {
		if s.population.Truth(question.Question{Subject: n}) {
			s.written = append(s.written, n)
		}
	}
	var err1, err2, err3 error
	s.plain, err1 = t.dial()
	s.callwise, err2 = t.dial(client.WithoutCoalescing())
	s.near, err3 = t.dial(client.WithNearCache(client.NearCacheConfig{MaxEntries: 4096}))
	return s, errors.Join(err1, err2, err3)
}

func (s *soak) close() { _, _, _ = s.plain.Close(), s.callwise.Close(), s.near.Close() }

// load records what the population said, and those who are written.
func (s *soak) load(ctx context.Context) error {
	const loaders = 32
	group, ctx := errgroup.WithContext(ctx)
	all := s.written[len(s.written)-1] + 1
	for w := range loaders {
		group.Go(func() error {
			for n := w; n < all; n += loaders {
				within, cancel := context.WithTimeout(ctx, time.Minute)
				_, err := s.callwise.RecordEvents(within, s.population.Record(n))
				cancel()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// run goes on for the duration and returns the samples.
func (s *soak) run(ctx context.Context) (samples []sample) {
	ctx, cancel := context.WithTimeout(ctx, s.o.duration)
	defer cancel()
	var all sync.WaitGroup
	all.Go(func() {
		load.Open(ctx, load.OpenConfig{
			Schedule: load.Poisson(s.o.rate, 1), Duration: s.o.duration, MaxUnderWay: 2000,
		}, s.check)
	})
	for _, e := range []struct {
		kind     string
		distance time.Duration
		act      func(context.Context, int) error
	}{
		{"write, then check", s.o.write, s.write},
		{"fenced withdrawal, then near cache", s.o.fence, s.fence},
		{"check by near cache", 10 * time.Millisecond, s.checkNear},
		{"client that comes and goes", s.o.reconnect, s.visit},
		{"backup", s.o.backup, s.backup},
		{"explain, usage, denied, unknown key", 5 * time.Second, s.lookRound},
		{"save of policies", s.o.policies, fileAct(s.savePolicies)},
		{"new certificate", s.o.certs, fileAct(s.renewCertificate)},
		{"change of keys and grants", s.o.keys, fileAct(s.renewKeys)},
	} {
		all.Go(func() { s.every(ctx, e.kind, e.distance, e.act) })
	}
	samples = s.sampleAll(ctx)
	all.Wait()
	return samples
}

func fileAct(act func(int) error) func(context.Context, int) error {
	return func(_ context.Context, n int) error { return act(n) }
}

// every does something at even distances until ctx ends; what has begun is let end.
func (s *soak) every(ctx context.Context, kind string, distance time.Duration, act func(context.Context, int) error) {
	tick := time.NewTicker(distance)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		s.acts.count(kind, act(within, n))
		cancel()
	}
}

// check asks about the population, every fourth time by a call of its own.
func (s *soak) check(ctx context.Context, n int) error {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	c := s.plain
	if n%4 == 0 {
		c = s.callwise
	}
	err := s.ask(within, c, n)
	s.acts.count("check", err)
	return err
}

func (s *soak) checkNear(ctx context.Context, n int) error { return s.ask(ctx, s.near, n%2000) }

func (s *soak) ask(ctx context.Context, c *client.Client, n int) error {
	q := question.Question{Subject: n % s.population.Size, Purpose: n / s.population.Size % 2}
	d, err := c.Check(ctx, s.population.Check(q))
	if err == nil && d.Allowed != s.population.Truth(q) {
		return fmt.Errorf("%w: subject %d, purpose %d: %v", errWrong, q.Subject, q.Purpose, d)
	}
	return err
}

// event gives or withdraws a written subject's consent.
func (s *soak) event(subject int, status consentv1.ConsentStatus) *consentv1.RecordEventsRequest {
	e := client.NewEvent("privacy_settings")
	e.OccurredAt = timestamppb.Now()
	e.Kind = question.ConsentKind(question.Purposes[0], status, time.Time{})
	return &consentv1.RecordEventsRequest{
		Controller: question.Controller, SubjectId: s.population.ID(subject), Events: []*consentv1.Event{e},
	}
}

// write withdraws for all who are written, then gives again for all, and asks each time whether it counts. Long enough
// lies between the two: what restricts counts to the end of its second, whatever follows within it.
func (s *soak) write(ctx context.Context, n int) error {
	subject, gives := s.written[n%writers], n/writers%2 == 1
	status := consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN
	if gives {
		status = consentv1.ConsentStatus_CONSENT_STATUS_GIVEN
	}
	if _, err := s.callwise.RecordEvents(ctx, s.event(subject, status)); err != nil {
		return err
	}
	return s.expect(ctx, s.callwise, subject, gives)
}

// fence withdraws with a fence; the near cache knew better before, and may not allow after it.
func (s *soak) fence(ctx context.Context, n int) error {
	subject := s.written[writers+n%writers]
	if _, err := s.callwise.RecordEvents(ctx, s.event(subject, consentv1.ConsentStatus_CONSENT_STATUS_GIVEN)); err != nil {
		return err
	}
	if _, err := s.near.Check(ctx, s.population.Check(question.Question{Subject: subject})); err != nil {
		return err
	}
	request := s.event(subject, consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN)
	request.Fence = true
	if _, err := s.callwise.RecordEvents(ctx, request); err != nil {
		return err
	}
	return s.expect(ctx, s.near, subject, false)
}

func (s *soak) expect(ctx context.Context, c *client.Client, subject int, allowed bool) error {
	d, err := c.Check(ctx, s.population.Check(question.Question{Subject: subject}))
	if err == nil && d.Allowed != allowed {
		return fmt.Errorf("%w after a write: %v", errWrong, d)
	}
	return err
}

// visit connects, asks and goes.
func (s *soak) visit(ctx context.Context, n int) error {
	var more []client.Option
	if n%2 == 1 {
		more = append(more, client.WithoutCoalescing())
	}
	c, err := s.dialAs(*s.visitors.Load(), more...)
	if err != nil {
		return err
	}
	err = s.ask(ctx, c, n)
	return errors.Join(err, c.Close())
}

// backupTimeout is for a busy machine.
const backupTimeout = time.Minute

func (s *soak) backup(ctx context.Context, _ int) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backupTimeout)
	defer cancel()
	_, err := s.plain.Backup(ctx, io.Discard)
	return err
}

// lookRound does what is done now and then, of which some is to be refused.
func (s *soak) lookRound(ctx context.Context, n int) error {
	check := s.population.Check(question.Question{Subject: n % s.population.Size})
	_, err1 := s.plain.Explain(ctx, &consentv1.ExplainRequest{Check: check})
	_, err2 := s.plain.Usage(ctx, &consentv1.GetUsageRequest{})
	return errors.Join(err1, err2, s.refused(ctx, *s.visitors.Load(), codes.PermissionDenied),
		s.refused(ctx, apikey.New(), codes.Unauthenticated))
}

// refused asks for usage, which the key may not see.
func (s *soak) refused(ctx context.Context, key string, want codes.Code) error {
	c, err := s.dialAs(key)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Usage(ctx, &consentv1.GetUsageRequest{}); status.Code(err) != want {
		return fmt.Errorf("%w: usage by who may not: %w, want %v", errWrong, err, want)
	}
	return nil
}
