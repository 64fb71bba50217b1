package grpcapi

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
)

// remembering is a decision service over the real cache, store and policies, whose answers are remembered.
type remembering struct {
	*decisionService
	states *cache.Cache
	now    atomic.Int64
	set    atomic.Pointer[policy.Set]
	marks  store.Marks
}

// openGate permits everything.
type openGate struct{}

func (openGate) Permit(context.Context, *caller.Caller, caller.Act) error { return nil }

func newRemembering(t testing.TB, answerBytes int64) *remembering {
	t.Helper()
	r := &remembering{}
	r.now.Store(time.Now().UnixNano())
	loader := policy.NewLoader(policy.Options{})
	t.Cleanup(loader.Close)
	set, err := loader.Read(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	r.set.Store(set)
	if r.states, err = cache.New(cache.Config{Prepare: loader.Prepare}); err != nil {
		t.Fatal(err)
	}
	ledger, err := pebble.Open("ledger", pebble.Options{
		FS: pebble.Memory(), Observers: store.Observers{After: r.states}, Marks: &r.marks,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.states.Attach(ledger)
	t.Cleanup(func() { _ = r.states.Close() })
	authorizer, err := authz.New(authz.Config{
		States: r.states, Footings: r.states, Policies: func() authz.Policies { return r.set.Load() }, StoreID: ledger.ID(),
		Marks: &r.marks, Now: func() consent.Instant { return consent.Instant(r.now.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := newValidator()
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMetrics(nil, func(string) []string { return []string{"affiliate_sharing", "marketing_email"} })
	if err != nil {
		t.Fatal(err)
	}
	r.decisionService = &decisionService{
		edge: edge{access: openGate{}, metrics: m}, authorizer: authorizer, memory: authorizer, validator: v,
		answers: newAnswers(answerBytes), now: func() consent.Instant { return consent.Instant(r.now.Load()) },
		policy: func() consent.Policy { return r.set.Load().Describe() },
	}
	r.scratches.New = func() any { return r.newScratch() }
	return r
}

// record gives or withdraws a subject's consent.
func (r *remembering) record(t testing.TB, subject string, status consent.Status) {
	t.Helper()
	now := consent.Instant(r.now.Add(1))
	_, err := r.states.Record(context.Background(), consent.Batch{
		Subject: consent.Subject{Controller: "example", ID: subject}, RecordedAt: now, Events: []consent.Event{{
			ID: fmt.Sprint(subject, now), OccurredAt: now, Source: "privacy_settings", Fact: consent.Consent{
				Purpose: "marketing_email", Status: status, NoticeVersion: 3, Explicit: true,
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func encodedCheck(t testing.TB, subject string, change ...func(*consentv1.CheckRequest)) []byte {
	t.Helper()
	r := &consentv1.CheckRequest{
		Controller: "example", SubjectId: subject, Purpose: "marketing_email", DataCategories: []string{"user.contact.email"},
	}
	for _, c := range change {
		c(r)
	}
	data, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// BenchmarkCheckRemembered is a check in-process whose answer is remembered: from the bytes of the request to those of
// the answer.
func BenchmarkCheckRemembered(b *testing.B) {
	for _, subjects := range []int{1, 100_000} {
		b.Run(fmt.Sprintf("%d subjects", subjects), func(b *testing.B) { benchmarkRemembered(b, subjects) })
	}
}

func benchmarkRemembered(b *testing.B, subjects int) {
	r := newRemembering(b, 256<<20)
	requests := make([][]byte, subjects)
	s := r.newScratch()
	for i := range requests {
		name := fmt.Sprintf("subject-%d", i)
		requests[i] = encodedCheck(b, name)
		for range 3 {
			s.takeCheck(requests[i])
			if _, err := s.answer(context.Background(), nil); err != nil {
				b.Fatal(err)
			}
		}
	}
	var data []byte
	b.ReportAllocs()
	n, missed := 0, 0
	for b.Loop() {
		if _, ok := s.takeCheck(requests[n%subjects]).(*answer); !ok {
			missed++ // of so many some bucket is full
		}
		var err error
		if data, err = s.answer(context.Background(), data[:0]); err != nil {
			b.Fatal(err)
		}
		n += 7919
	}
	if missed > b.N/1000 {
		b.Errorf("%d of %d were not remembered", missed, b.N)
	}
	b.ReportMetric(float64(r.answers.table.Bytes())/float64(subjects), "answer-B")
}
