package app_test

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/cache"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
)

// stack is all that a check goes through below gRPC: authorizer, policies, cache and store.
type stack struct {
	authorizer *authz.Authorizer
	states     *cache.Cache
	loader     *policy.Loader
}

func newStack(b *testing.B, o policy.Options) *stack {
	b.Helper()
	s := &stack{loader: policy.NewLoader(o)}
	b.Cleanup(s.loader.Close)
	set, err := s.loader.Read(policies.FS)
	if err != nil {
		b.Fatal(err)
	}
	if s.states, err = cache.New(cache.Config{Prepare: s.loader.Prepare}); err != nil {
		b.Fatal(err)
	}
	store, err := pebble.Open(b.TempDir(), pebble.Options{Observers: store.Observers{After: s.states}})
	if err != nil {
		b.Fatal(err)
	}
	s.states.Attach(store)
	b.Cleanup(func() { _ = s.states.Close() })
	if s.authorizer, err = authz.New(authz.Config{
		States: s.states, Policies: func() authz.Policies { return set }, StoreID: store.ID(),
	}); err != nil {
		b.Fatal(err)
	}
	return s
}

// recordFourConsents gives a subject four consents, a place and an age.
func (s *stack) recordFourConsents(b *testing.B, subject consent.Subject) {
	b.Helper()
	now := consent.InstantOf(time.Now())
	notice := uint32(1)
	if subject.Controller == "example" {
		notice = 3
	}
	given := func(id, purpose string, recipients ...string) consent.Event {
		return consent.Event{ID: subject.ID + id, OccurredAt: now - 1e9, Source: "privacy_settings", Fact: consent.Consent{
			Purpose: purpose, Status: consent.Given, NoticeVersion: notice, Explicit: true, Recipients: recipients,
		}}
	}
	place := "DE"
	_, err := s.states.Record(context.Background(), consent.Batch{Subject: subject, RecordedAt: now, Events: []consent.Event{
		given("1", "marketing_email"), given("2", "ai_training"), given("3", "special_category_personalization"),
		given("4", "affiliate_sharing", "partner-1"),
		{ID: subject.ID + "5", OccurredAt: now, Fact: consent.Profile{
			Jurisdiction: &place, AccountStatus: consent.AccountActive, LastActivityAt: now, Age: &consent.Age{Min: 30, Max: 30},
		}},
	}})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCheck is a check in-process, warm, all included: token, state, input, evaluation, decision.
func BenchmarkCheck(b *testing.B) {
	for name, o := range map[string]policy.Options{"compiled": {}, "topdown": {Engine: policy.Topdown}} {
		s := newStack(b, o)
		for _, controller := range []string{"example", "jasminai"} {
			subject := consent.Subject{Controller: controller, ID: "subject-1"}
			s.recordFourConsents(b, subject)
			for _, request := range []consent.Request{
				{Subject: subject, Purpose: "marketing_email", DataCategories: []string{"user.contact.email"}},
				{Subject: subject, Purpose: "special_category_personalization", DataCategories: []string{"user.behavior.site_usage"}},
				{Subject: subject, Purpose: "affiliate_sharing", DataCategories: []string{"user.location.country"},
					Recipient: consent.Recipient{Kind: consent.Affiliate, ID: "partner-1", Country: "DE"}},
			} {
				b.Run(controller+"/"+request.Purpose+"/"+name, func(b *testing.B) { s.check(b, &request) })
			}
		}
	}
}

// BenchmarkCheckOfPeople is the check of an id that stands alone beside that of one of a person's eight, which another
// id of the person gave its consents.
func BenchmarkCheckOfPeople(b *testing.B) {
	s := newStack(b, policy.Options{})
	alone := consent.Subject{Controller: "example", ID: "subject-1"}
	s.recordFourConsents(b, alone)
	person := consent.Subject{Controller: "example", ID: "subject-2"}
	s.recordFourConsents(b, person)
	asked := s.link(b, person, 8)
	for name, subject := range map[string]consent.Subject{"alone": alone, "of eight": asked} {
		request := &consent.Request{Subject: subject, Purpose: "marketing_email", DataCategories: []string{"user.contact.email"}}
		b.Run(name, func(b *testing.B) { s.check(b, request) })
	}
}

// link makes a subject one of so many ids, and returns the last of them.
func (s *stack) link(b *testing.B, subject consent.Subject, ids int) consent.Subject {
	b.Helper()
	other := subject
	for i := range ids - 1 {
		other.ID = fmt.Sprintf("%s-%d", subject.ID, i)
		now := consent.InstantOf(time.Now())
		_, err := s.states.Record(context.Background(), consent.Batch{Subject: subject, RecordedAt: now, Events: []consent.Event{{
			ID: "link " + other.ID, OccurredAt: now, Source: "support", Fact: consent.LinkOf(subject.ID, other.ID),
		}}})
		if err != nil {
			b.Fatal(err)
		}
	}
	return other
}

func (s *stack) check(b *testing.B, request *consent.Request) {
	b.ReportAllocs()
	before := cpuTime(b)
	for b.Loop() {
		d, err := s.authorizer.Check(context.Background(), request, authz.Consistency{})
		if err != nil || d.Effect != consent.Allow {
			b.Fatalf("%+v, %v", d, err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime is that of the process; other load on the machine does not distort it as it does the wall clock.
func cpuTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// BenchmarkPreparedState weighs a state of four consents, and with its prepared record, as the heap has them and as the
// cache is charged for them.
func BenchmarkPreparedState(b *testing.B) {
	loader := policy.NewLoader(policy.Options{ShadowRate: -1})
	if _, err := loader.Read(policies.FS); err != nil { // its strings are interned: those of a state are among them
		b.Fatal(err)
	}
	now := consent.InstantOf(time.Now())
	const states = 20_000
	var keep [states]struct {
		state    *consent.State
		prepared any
	}
	for b.Loop() {
		clear(keep[:])
		empty := heap()
		for i := range keep {
			keep[i].state = fourConsents(now)
		}
		folded := heap()
		charged := 0
		for i := range keep {
			keep[i].prepared, charged = loader.Prepare(keep[i].state)
		}
		prepared := heap()
		b.ReportMetric(float64(folded-empty)/states, "state-B")
		b.ReportMetric(float64(prepared-folded)/states, "record-B")
		b.ReportMetric(float64(keep[0].state.Bytes()), "state-charged-B")
		b.ReportMetric(float64(charged), "record-charged-B")
	}
	runtime.KeepAlive(&keep)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func fourConsents(now consent.Instant) *consent.State {
	var events []consent.Event
	for i, purpose := range []string{"marketing_email", "ai_training", "special_category_personalization", "product_analytics"} {
		events = append(events, consent.Event{ID: string(rune('1' + i)), OccurredAt: now, Fact: consent.Consent{
			Purpose: purpose, Status: consent.Given, NoticeVersion: 3, Explicit: true,
		}})
	}
	place := "DE"
	return consent.Fold(append(events, consent.Event{ID: "5", OccurredAt: now, Fact: consent.Profile{
		Jurisdiction: &place, AccountStatus: consent.AccountActive, LastActivityAt: now, Age: &consent.Age{Min: 30, Max: 30},
	}}))
}
