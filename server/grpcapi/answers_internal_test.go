package grpcapi

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/consentd/consentd/policies"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
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
	// inForce are the policies.
	inForce func() authz.Policies
	marks   store.Marks
}

// openGate permits everything.
type openGate struct{}

func (openGate) Permit(context.Context, *caller.Caller, caller.Act) error { return nil }

// newRemembering is a service by the shipped policies.
func newRemembering(t testing.TB, answerBytes int64) *remembering {
	t.Helper()
	loader := policy.NewLoader(policy.Options{})
	t.Cleanup(loader.Close)
	set, err := loader.Read(policies.FS)
	if err != nil {
		t.Fatal(err)
	}
	r := newRememberingBy(t, answerBytes, loader.Prepare, func() authz.Policies { return set })
	r.policy = set.Describe
	return r
}

func newRememberingBy(
	t testing.TB, answerBytes int64, prepare func(*consent.State) (any, int), inForce func() authz.Policies,
) *remembering {
	t.Helper()
	r := &remembering{inForce: inForce}
	r.now.Store(time.Now().UnixNano())
	var err error
	if r.states, err = cache.New(cache.Config{Prepare: prepare}); err != nil {
		t.Fatal(err)
	}
	ledger, err := pebble.Open("ledger", pebble.Options{
		FS: pebble.Memory(), Observers: store.Observers{After: r.states}, Marks: &r.marks,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.states.Attach(ledger)
	r.states.Begin(ledger.Applied())
	t.Cleanup(func() { _ = r.states.Close() })
	authorizer, err := authz.New(authz.Config{
		States: r.states, Footings: r.states, Policies: inForce, StoreID: ledger.ID(),
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
		policy: func() consent.Policy { return consent.Policy{} },
	}
	r.scratches.New = func() any { return r.newScratch() }
	return r
}

// record gives or withdraws a subject's consent.
func (r *remembering) record(t testing.TB, subject string, status consent.Status) {
	t.Helper()
	r.recordUntil(t, subject, status, 0)
}

// recordUntil is record for a consent that ends by itself.
func (r *remembering) recordUntil(t testing.TB, subject string, status consent.Status, until consent.Instant) {
	t.Helper()
	now := consent.Instant(r.now.Add(1))
	_, err := r.states.Record(context.Background(), consent.Batch{
		Subject: consent.Subject{Controller: "example", ID: subject}, RecordedAt: now, Events: []consent.Event{{
			ID: fmt.Sprint(subject, now), OccurredAt: now, Source: "privacy_settings", Fact: consent.Consent{
				Purpose: "marketing_email", Status: status, NoticeVersion: 3, Explicit: true, ExpiresAt: until,
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

// BenchmarkBatchRemembered is a batch of 100 subjects in-process, remembered and not.
func BenchmarkBatchRemembered(b *testing.B) {
	for name, bytes := range map[string]int64{"remembered": 64 << 20, "not remembered": 0} {
		b.Run(name, func(b *testing.B) {
			r := newRemembering(b, bytes)
			m := &consentv1.BatchCheckRequest{}
			for i := range 100 {
				check := &consentv1.CheckRequest{}
				if err := proto.Unmarshal(encodedCheck(b, fmt.Sprintf("subject-%d", i)), check); err != nil {
					b.Fatal(err)
				}
				m.Requests = append(m.Requests, check)
			}
			data, err := proto.Marshal(m)
			if err != nil {
				b.Fatal(err)
			}
			s := r.newScratch()
			b.ReportAllocs()
			for b.Loop() {
				s.takeBatch(data)
				if _, err := s.BatchCheck(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			if bytes > 0 {
				hits := uint64(0)
				for i := range r.answers.counts {
					hits += r.answers.counts[i].hits.Load()
				}
				b.ReportMetric(float64(hits)/float64(b.N), "hits/op")
			}
		})
	}
}

// call is what the edge does with a check: it asks for permission, and has it answered.
func (r *remembering) call(data []byte) ([]byte, error) {
	s := r.scratches.Get().(*scratch)
	defer s.free()
	asked := s.takeCheck(data)
	if err := askedCheck(r.asking(context.Background(), caller.Check), asked); err != nil {
		return nil, err
	}
	answer, err := s.answer(context.Background(), nil)
	return answer, err
}

// ask is a check, and whether the answer was remembered.
func (r *remembering) ask(t testing.TB, data []byte) (*consentv1.CheckResponse, bool) {
	t.Helper()
	before := r.hits()
	answer, err := r.call(data)
	if err != nil {
		t.Fatal(err)
	}
	response := &consentv1.CheckResponse{}
	if err := proto.Unmarshal(answer, response); err != nil {
		t.Fatal(err)
	}
	return response, r.hits() > before
}

func (r *remembering) hits() (n uint64) {
	for i := range r.answers.counts {
		n += r.answers.counts[i].hits.Load()
	}
	return n
}

func (r *remembering) batch(t testing.TB, checks ...[]byte) (*consentv1.BatchCheckResponse, error) {
	t.Helper()
	var data []byte
	for _, check := range checks {
		data = protowire.AppendBytes(protowire.AppendTag(data, 1, protowire.BytesType), check)
	}
	s := r.scratches.Get().(*scratch)
	defer s.free()
	s.takeBatch(data)
	answer, err := s.BatchCheck(context.Background())
	if err != nil {
		return nil, err
	}
	response := &consentv1.BatchCheckResponse{}
	return response, proto.Unmarshal(*answer, response)
}

func (r *remembering) list(data []byte) (*consentv1.ListPurposesResponse, error) {
	s := r.scratches.Get().(*scratch)
	defer s.free()
	s.takeList(data)
	answer, err := s.ListPurposes(context.Background())
	if err != nil {
		return nil, err
	}
	response := &consentv1.ListPurposesResponse{}
	return response, proto.Unmarshal(*answer, response)
}

func encodedList(t testing.TB, subject string) []byte {
	t.Helper()
	data, err := proto.Marshal(&consentv1.ListPurposesRequest{Controller: "example", SubjectId: subject})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sameButID fails unless two answers are the same but for what is of one answer alone: its id, and the revision that it
// reflects, which only rises.
func sameButID(t *testing.T, what string, want, got *consentv1.CheckResponse) {
	t.Helper()
	if want.GetDecisionId() == got.GetDecisionId() || len(got.GetDecisionId()) != 32 {
		t.Errorf("%s: the ids are %q and %q", what, want.GetDecisionId(), got.GetDecisionId())
	}
	w, g := proto.CloneOf(want), proto.CloneOf(got)
	w.DecisionId, g.DecisionId, w.ConsistencyToken, g.ConsistencyToken = "", "", "", ""
	if diff := cmp.Diff(w, g, protocmp.Transform()); diff != "" {
		t.Errorf("%s (-decided +remembered):\n%s", what, diff)
	}
	if tokenRevision(t, got) < tokenRevision(t, want) {
		t.Errorf("%s: the token went back", what)
	}
}

func tokenRevision(t *testing.T, r *consentv1.CheckResponse) uint64 {
	t.Helper()
	token, err := wire.ParseToken(r.GetConsistencyToken())
	if err != nil {
		t.Fatal(err)
	}
	return token.Revision
}

// TestWhatIsRememberedIsTheAnswer, of each kind of request, and a withdrawal ends it at once.
func TestWhatIsRememberedIsTheAnswer(t *testing.T) {
	r := newRemembering(t, 1<<20)
	r.record(t, "u", consent.Given)
	for name, data := range map[string][]byte{
		"allowed":    encodedCheck(t, "u"),
		"denied":     encodedCheck(t, "nobody"),
		"undeclared": encodedCheck(t, "u", func(c *consentv1.CheckRequest) { c.Purpose = "astrology" }),
		"all fields": encodedCheck(t, "u", func(c *consentv1.CheckRequest) {
			c.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR, Id: "p", Country: "US"}
			c.Context, _ = structpb.NewStruct(map[string]any{"anonymized": true, "list": []any{1.0, "a", nil}})
		}),
		"an unknown field": protowire.AppendVarint(protowire.AppendTag(encodedCheck(t, "u"), 1000, protowire.VarintType), 7),
	} {
		first, remembered := r.ask(t, data)
		if remembered {
			t.Fatalf("%s: remembered before it was asked", name)
		}
		r.ask(t, data)
		for range 3 {
			again, remembered := r.ask(t, data)
			if !remembered {
				t.Errorf("%s: not remembered", name)
			}
			sameButID(t, name, first, again)
		}
	}
	data := encodedCheck(t, "u")
	r.record(t, "v", consent.Given) // another's change leaves it, and raises what it reflects
	before, _ := r.ask(t, data)
	r.record(t, "u", consent.Withdrawn)
	after, remembered := r.ask(t, data)
	if remembered || before.GetDecision() == after.GetDecision() || after.GetDecision() != consentv1.Decision_DECISION_DENY {
		t.Errorf("%v before, %v after the withdrawal, remembered: %v", before.GetDecision(), after.GetDecision(), remembered)
	}
}

// TestATokenIsCompared: what is remembered answers a request with a token if it reflects it.
func TestATokenIsCompared(t *testing.T) {
	r := newRemembering(t, 1<<20)
	r.record(t, "u", consent.Given)
	data := encodedCheck(t, "u")
	r.ask(t, data)
	first, _ := r.ask(t, data)
	with := func(token string) []byte {
		return encodedCheck(t, "u", consistent(&consentv1.Consistency{
			Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: token},
		}))
	}
	again, remembered := r.ask(t, with(first.GetConsistencyToken()))
	if sameButID(t, "by its own token", first, again); !remembered {
		t.Error("not remembered by its own token")
	}
	r.record(t, "v", consent.Given)
	other, _ := r.ask(t, encodedCheck(t, "v"))
	newer, remembered := r.ask(t, with(other.GetConsistencyToken()))
	if !remembered || tokenRevision(t, newer) != tokenRevision(t, other) {
		t.Errorf("by a newer token: remembered %v, as of %d", remembered, tokenRevision(t, newer))
	}
	if _, err := r.call(with("garbage")); !errors.Is(err, consent.ErrBadToken) {
		t.Errorf("garbage: %v", err)
	}
	if _, remembered := r.ask(t, encodedCheck(t, "u", consistent(fully))); remembered {
		t.Error("fully consistent, and remembered")
	}
}

// TestTimeEndsWhatIsRemembered: from valid_until on it is decided anew, and before the instant that it is for.
func TestTimeEndsWhatIsRemembered(t *testing.T) {
	r := newRemembering(t, 1<<20)
	r.recordUntil(t, "u", consent.Given, consent.Instant(r.now.Load())+consent.Instant(time.Hour))
	data := encodedCheck(t, "u")
	r.ask(t, data)
	decided := r.now.Load()
	answer, _ := r.ask(t, data)
	until := answer.GetValidUntil().AsTime().UnixNano()
	for _, row := range []struct {
		now  int64
		want bool
	}{{decided, true}, {until - 1, true}, {until, false}, {until + 1, true}, {decided - 1, false}} {
		r.now.Store(row.now)
		if _, remembered := r.ask(t, data); remembered != row.want {
			t.Errorf("%d after it was decided, %d before its end: remembered %v", row.now-decided, until-row.now, remembered)
		}
	}
}

// TestBatchesRememberEachItem, and a batch is decided as one all the same.
func TestBatchesRememberEachItem(t *testing.T) {
	r := newRemembering(t, 1<<20)
	r.record(t, "u", consent.Given)
	u, v, w := encodedCheck(t, "u"), encodedCheck(t, "v"), encodedCheck(t, "w")
	for range 2 {
		r.ask(t, u)
	}
	first, _ := r.ask(t, u)
	for n, want := range []uint64{1, 1, 3} { // the others are asked for the first, the second and the third time
		before := r.hits()
		batch, err := r.batch(t, u, v, w)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.hits() - before; got != want {
			t.Errorf("batch %d: %d of its answers were remembered, want %d", n, got, want)
		}
		sameButID(t, "in a batch", first, batch.GetResults()[0].GetResponse())
		for _, result := range batch.GetResults()[1:] {
			if result.GetResponse().GetDecision() != consentv1.Decision_DECISION_DENY {
				t.Errorf("batch %d: %v", n, result)
			}
		}
	}
	r.record(t, "u", consent.Withdrawn)
	before := r.hits()
	batch, err := r.batch(t, u, v, w)
	if err != nil || batch.GetResults()[0].GetResponse().GetDecision() != consentv1.Decision_DECISION_DENY {
		t.Errorf("after the withdrawal: %v, %v", batch, err)
	}
	if got := r.hits() - before; got != 2 {
		t.Errorf("after the withdrawal of one of three %d were remembered", got)
	}
	own, err := r.batch(t, encodedCheck(t, "u", consistent(minimize)))
	if err != nil || own.GetResults()[0].GetError().GetCode() != 3 {
		t.Errorf("an item with a consistency of its own: %v, %v", own, err)
	}
}

// TestListsAreRemembered, with all their purposes.
func TestListsAreRemembered(t *testing.T) {
	r := newRemembering(t, 1<<20)
	r.record(t, "u", consent.Given)
	data := encodedList(t, "u")
	first, err := r.list(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = r.list(data); err != nil {
		t.Fatal(err)
	}
	before := r.hits()
	again, err := r.list(data)
	if err != nil || r.hits() != before+1 || len(again.GetPurposes()) != len(first.GetPurposes()) || len(first.GetPurposes()) < 3 {
		t.Fatalf("%d of %d purposes, %v, remembered: %v", len(again.GetPurposes()), len(first.GetPurposes()), err, r.hits() > before)
	}
	for i, p := range again.GetPurposes() {
		if p.GetPurpose() != first.GetPurposes()[i].GetPurpose() {
			t.Errorf("%d is %s", i, p.GetPurpose())
		}
		sameButID(t, p.GetPurpose(), first.GetPurposes()[i].GetResponse(), p.GetResponse())
	}
	r.record(t, "u", consent.Withdrawn)
	if _, err := r.list(data); err != nil || r.hits() != before+1 {
		t.Errorf("after the withdrawal it is remembered, or %v", err)
	}
}

// TestRememberedDecisionsAreCounted as any other.
func TestRememberedDecisionsAreCounted(t *testing.T) {
	r := newRemembering(t, 1<<20)
	r.record(t, "u", consent.Given)
	for range 5 {
		r.ask(t, encodedCheck(t, "u"))
	}
	row := r.metrics.decided.row(decisionKey{"example", "marketing_email"})
	counter := row.counters[consent.Allow][consent.BasisHolds].Load()
	if counter == nil || testutil.ToFloat64(*counter) != 5 || r.hits() != 3 {
		t.Errorf("%v counted, of which %d were remembered", counter, r.hits())
	}
}

func heapBytes() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
