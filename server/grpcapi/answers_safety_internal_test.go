package grpcapi

import (
	"context"
	"flag"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/remembered"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// How much TestRememberedAnswersAreSafe does. The long form is
//
//	go test ./server/grpcapi -run RememberedAnswersAreSafe -answers.checks 10000000 -timeout 1h -v
var answersChecks = flag.Int64("answers.checks", 150_000, "TestRememberedAnswersAreSafe: how many checks at least")

const (
	safeSubjects = 64
	safeWriters  = 4
	safeReaders  = 4
)

// safety is a race of checks with all that ends an answer: withdrawals, consents that run out, policies that deny. No
// check that starts after one of these, and ends before the next grant begins, is ALLOW.
type safety struct {
	*remembering
	t *testing.T
	// enough is how many checks end the race.
	enough atomic.Int64
	// phases count, per subject, and for the policies, the changes between what may be allowed and what may not: odd.
	phases   [safeSubjects]atomic.Uint64
	policies atomic.Uint64
	// still is held to read by whoever writes, and to write by who changes the clock or the policies.
	still sync.RWMutex

	checks, after, allowed, wrong, withdrawals atomic.Int64
}

// TestRememberedAnswersAreSafe, by checks one by one, in batches and in lists, with little room for answers and much.
func TestRememberedAnswersAreSafe(t *testing.T) {
	for name, bytes := range map[string]int64{"tiny": 16 << 10, "huge": 64 << 20} {
		t.Run(name, func(t *testing.T) {
			s := newSafety(t, bytes, nil)
			s.enough.Store(*answersChecks)
			s.run()
			hits := s.hits()
			t.Logf("%d checks, %d of them by answers that were remembered, %d wholly after an end, %d ALLOW, %d withdrawals",
				s.checks.Load(), hits, s.after.Load(), s.allowed.Load(), s.withdrawals.Load())
			if s.wrong.Load() > 0 {
				t.Errorf("%d wrong ALLOWs", s.wrong.Load())
			}
			some := *answersChecks / 50
			if s.after.Load() < some || s.allowed.Load() < some || name == "huge" && hits < uint64(some) {
				t.Error("too few that say something")
			}
		})
	}
}

// planted is a Memory with a fault.
type planted struct {
	Memory
	inForce func() authz.Policies
	// terms and kept spoil what Terms returns, and what Repeat is given; each may be nil.
	terms func(*remembered.Terms)
	kept  func(*authz.Kept, func() authz.Policies)
}

func (p *planted) Terms(f authz.Footing, subject consent.Subject, d ...*consent.Decision) (remembered.Terms, bool) {
	if p.terms == nil {
		return p.Memory.Terms(f, subject, d...)
	}
	for range 20 {
		runtime.Gosched() // a change may come in between
	}
	t, ok := p.Memory.Terms(f, subject, d...)
	if t.Floors != nil {
		p.terms(&t)
		ok = true
	}
	return t, ok
}

func (p *planted) Repeat(ctx context.Context, kept *authz.Kept, c authz.Consistency) (authz.Repetition, bool, error) {
	if p.kept != nil {
		own := *kept
		p.kept(&own, p.inForce)
		kept = &own
	}
	return p.Memory.Repeat(ctx, kept, c)
}

// TestPlantedFaultsAreFound: each part of the rule is needed, and its absence seen.
func TestPlantedFaultsAreFound(t *testing.T) {
	for name, plant := range map[string]planted{
		"floor ignored":              {terms: func(t *remembered.Terms) { t.Revision = math.MaxInt64 }},
		"as_of taken after the read": {terms: func(t *remembered.Terms) { t.Revision = max(t.Revision, t.Floors.Announced()) }},
		"valid_until ignored":        {terms: func(t *remembered.Terms) { t.Until = 0 }},
		"policy ignored": {kept: func(k *authz.Kept, inForce func() authz.Policies) {
			k.Terms.Policy = inForce().Revision()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSafety(t, 64<<20, &plant)
			s.enough.Store(math.MaxInt64)
			timeout := time.AfterFunc(time.Minute, func() { s.enough.Store(0) })
			defer timeout.Stop()
			s.run()
			if s.wrong.Load() == 0 {
				t.Errorf("not found in %d checks", s.checks.Load())
			}
		})
	}
}

func newSafety(t *testing.T, bytes int64, plant *planted) *safety {
	s := &safety{t: t}
	inForce := func() authz.Policies { return racePolicies{denies: s.policies.Load()%2 == 1} }
	s.remembering = newRememberingBy(t, bytes, nil, inForce)
	if plant != nil {
		plant.Memory, plant.inForce = s.memory, inForce
		s.memory = plant
	}
	s.policy = func() consent.Policy {
		return consent.Policy{Controllers: []consent.Controller{{ID: "example", Purposes: []consent.Purpose{{Name: "marketing_email"}}}}}
	}
	return s
}

func (s *safety) done() bool { return s.checks.Load() >= s.enough.Load() || s.wrong.Load() > 0 }

func (s *safety) run() {
	var writers, readers sync.WaitGroup
	for w := range safeWriters {
		writers.Go(func() { s.write(w) })
	}
	writers.Go(s.change)
	for seed := range safeReaders {
		readers.Go(func() { s.read(seed) })
	}
	readers.Wait()
	writers.Wait()
}

// write gives the consents of its own subjects, and withdraws one after the other. Each runs out by itself within the
// hour.
func (s *safety) write(w int) {
	for !s.done() {
		for subject := w; subject < safeSubjects; subject += safeWriters {
			s.turn(subject, consent.Given)
		}
		s.dwell(10)
		for subject := w; subject < safeSubjects && !s.done(); subject += safeWriters {
			s.turn(subject, consent.Withdrawn)
			s.withdrawals.Add(1)
			s.dwell(1)
		}
	}
}

// turn records what a subject says. Its phase is even from before a grant until after a withdrawal.
func (s *safety) turn(subject int, status consent.Status) {
	s.still.RLock()
	defer s.still.RUnlock()
	phase, until := &s.phases[subject], consent.Instant(0)
	if status == consent.Given {
		until = consent.Instant(s.now.Load()) + consent.Instant(time.Hour)
		phase.Add(phase.Load() % 2)
	}
	s.recordUntil(s.t, fmt.Sprint("subject-", subject), status, until)
	if status == consent.Withdrawn {
		phase.Add(1 - phase.Load()%2)
	}
}

// dwell is until so many checks of each subject were made.
func (s *safety) dwell(each int64) {
	for until := s.checks.Load() + each*safeSubjects; s.checks.Load() < until && !s.done(); {
		runtime.Gosched()
	}
}

// change lets all consents run out, and denies by policy, in turn.
func (s *safety) change() {
	for turn := 0; !s.done(); turn++ {
		s.dwell(15)
		s.still.Lock()
		if turn%2 == 0 {
			s.policies.Add(1) // in force before anybody reads that it is
			s.still.Unlock()
			s.dwell(2)
			s.still.Lock()
			s.policies.Add(1)
		} else {
			s.now.Add(int64(2 * time.Hour))
			for i := range s.phases {
				if s.phases[i].Load()%2 == 0 {
					s.phases[i].Add(1)
				}
			}
		}
		s.still.Unlock()
	}
}

func (s *safety) read(seed int) {
	ask := []func(int) ([]*consentv1.CheckResponse, error){s.one, s.one, s.several, s.all}
	for i := seed; !s.done(); i += 7 {
		subject := i % safeSubjects
		phase, policies := s.phases[subject].Load(), s.policies.Load()
		answers, err := ask[i/safeSubjects%len(ask)](subject)
		if err != nil || len(answers) == 0 {
			s.t.Errorf("checking: %v, %v", answers, err)
			s.wrong.Add(1)
			return
		}
		s.checks.Add(1)
		allowed := answers[0].GetDecision() == consentv1.Decision_DECISION_ALLOW
		if allowed {
			s.allowed.Add(1)
		}
		if phase != s.phases[subject].Load() || policies != s.policies.Load() || phase%2 == 0 && policies%2 == 0 {
			continue
		}
		s.after.Add(1)
		if allowed {
			s.wrong.Add(1)
		}
	}
}

func (s *safety) one(subject int) ([]*consentv1.CheckResponse, error) {
	data, err := s.call(encodedCheck(s.t, fmt.Sprint("subject-", subject)))
	response := &consentv1.CheckResponse{}
	if err == nil {
		err = proto.Unmarshal(data, response)
	}
	return []*consentv1.CheckResponse{response}, err
}

func (s *safety) several(subject int) (all []*consentv1.CheckResponse, err error) {
	other := encodedCheck(s.t, fmt.Sprint("subject-", subject/2))
	batch, err := s.batch(s.t, encodedCheck(s.t, fmt.Sprint("subject-", subject)), other)
	for _, r := range batch.GetResults() {
		all = append(all, r.GetResponse())
	}
	return all, err
}

func (s *safety) all(subject int) (all []*consentv1.CheckResponse, err error) {
	list, err := s.list(encodedList(s.t, fmt.Sprint("subject-", subject)))
	for _, p := range list.GetPurposes() {
		all = append(all, p.GetResponse())
	}
	return all, err
}

// racePolicies stand for policies: a consent that holds allows, unless they deny.
type racePolicies struct{ denies bool }

func (p racePolicies) Revision() string { return fmt.Sprint("denies ", p.denies) }

func (racePolicies) Declared(string, string) (consent.Purpose, bool) { return consent.Purpose{}, false }

func (racePolicies) Purposes(string) ([]string, error) { return []string{"marketing_email"}, nil }

func (p racePolicies) Decide(
	_ context.Context, request *consent.Request, snapshot *consent.Snapshot, now consent.Instant,
) consent.Decision {
	d := consent.Decision{Reasons: []consent.Reason{{Code: consent.ConsentMissing, Clause: "1"}}}
	c := snapshot.State.Consents
	if p.denies || len(c) != 1 || c[0].Own.Status != consent.Given || now >= c[0].Own.ExpiresAt {
		return d
	}
	return consent.Decision{
		Effect: consent.Allow, Basis: consent.BasisConsent, Reasons: []consent.Reason{{Code: consent.BasisHolds, Clause: "1"}},
		ValidUntil: c[0].Own.ExpiresAt, PermittedDataCategories: request.DataCategories,
	}
}
