package fake_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/fake"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// connect returns a client of a fake.
func connect(t *testing.T, f *fake.Server, options ...client.Option) *client.Client {
	t.Helper()
	c, err := client.Dial(f.Addr(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// said is a decision in short: its reasons, or the code of the error.
func said(d client.Decision, err error) string {
	if err != nil {
		return status.Code(err).String()
	}
	names := []string{}
	for _, r := range d.Reasons {
		names = append(names, client.EnumName(r.GetCode()))
	}
	text := strings.Join(names, "+")
	if d.Allowed {
		text = "ALLOW " + text
	}
	return text
}

func TestRules(t *testing.T) {
	const rules = `
controllers: {acme: [ads, storage], example: [], other: }
rules:
  - {subject: broken, error: INTERNAL}
  - {subject: gone, error: NOT_FOUND}
  - {subject: forbidden, error: PERMISSION_DENIED}
  - {subject: twice, decision: DENY, reasons: [CONSENT_PENDING], times: 2}
  - {subject: twice, decision: ALLOW}
  - {controller: acme, decision: ALLOW}
  - {controller: example, purpose: ads, recipient: shop, recipient_kind: AFFILIATE, decision: ALLOW}
  - {controller: example, purpose: ads, context: {gpc: true, n: 3, list: [a, 1]}, decision: DENY, reasons: [GPC_OPT_OUT]}
  - {controller: example, purpose: limited, decision: ALLOW, permitted_data_categories: [user.contact, user.name]}
  - {controller: example, purpose: partly, decision: DENY, reasons: [DATA_CATEGORY_NOT_PERMITTED],
     permitted_data_categories: [user.name]}
`
	c := connect(t, start(t, rules))
	ask := func(controller, subject, purpose string, change func(*consentv1.CheckRequest)) string {
		r := client.NewCheck(controller, subject, purpose)
		if change != nil {
			change(r)
		}
		d, err := c.Check(t.Context(), r)
		text := said(d, err)
		for _, category := range d.PermittedDataCategories {
			text += " " + category
		}
		return text
	}
	categories := func(names ...string) func(*consentv1.CheckRequest) {
		return func(r *consentv1.CheckRequest) { r.DataCategories = names }
	}
	facts := func(fields map[string]any) func(*consentv1.CheckRequest) {
		return func(r *consentv1.CheckRequest) { r.Context, _ = structpb.NewStruct(fields) }
	}
	shop := func(kind consentv1.RecipientKind) func(*consentv1.CheckRequest) {
		return func(r *consentv1.CheckRequest) { r.Recipient = &consentv1.Recipient{Kind: kind, Id: "shop"} }
	}
	for _, row := range []struct{ got, want string }{
		{ask("acme", "broken", "ads", nil), "Internal"},
		{ask("acme", "gone", "ads", nil), "NotFound"},
		{ask("acme", "forbidden", "ads", nil), "PermissionDenied"},
		{ask("acme", "twice", "ads", nil), "CONSENT_PENDING"},
		{ask("acme", "twice", "ads", nil), "CONSENT_PENDING"},
		{ask("acme", "twice", "ads", nil), "ALLOW BASIS_HOLDS"},
		{ask("acme", "u", "ads", nil), "ALLOW BASIS_HOLDS"},
		{ask("acme", "u", "adds", nil), "PURPOSE_NOT_DECLARED"},
		{ask("jsers", "u", "ads", nil), "NotFound"},
		{ask("other", "u", "nothing", nil), "PURPOSE_NOT_DECLARED"},
		{ask("example", "u", "ads", nil), "CONSENT_MISSING"},
		{ask("example", "u", "ads", shop(consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE)), "ALLOW BASIS_HOLDS"},
		{ask("example", "u", "ads", shop(consentv1.RecipientKind_RECIPIENT_KIND_THIRD_PARTY)), "CONSENT_MISSING"},
		{ask("example", "u", "ads", facts(map[string]any{"gpc": true, "n": 3, "list": []any{"a", 1}, "more": 1})), "GPC_OPT_OUT"},
		{ask("example", "u", "ads", facts(map[string]any{"gpc": true, "n": 3})), "CONSENT_MISSING"},
		{ask("example", "u", "limited", nil), "DATA_CATEGORY_UNSPECIFIED"},
		{
			ask("example", "u", "limited", categories("user.contact.email", "user.name")),
			"ALLOW BASIS_HOLDS user.contact.email user.name",
		},
		{ask("example", "u", "limited", categories("user.contacts", "user.name")), "DATA_CATEGORY_NOT_PERMITTED user.name"},
		{ask("example", "u", "limited", categories("user")), "DATA_CATEGORY_NOT_PERMITTED"},
		{ask("example", "u", "partly", categories("user.name", "user.content")), "DATA_CATEGORY_NOT_PERMITTED user.name"},
	} {
		if row.got != row.want {
			t.Errorf("answered %q, want %q", row.got, row.want)
		}
	}
}

// TestErrorsOfRulesInBatches: a rule's error is the outcome of its own check, as the server has it.
func TestErrorsOfRulesInBatches(t *testing.T) {
	f := start(t, "rules: [{subject: broken, error: RESOURCE_EXHAUSTED}, {decision: ALLOW}]")
	c := connect(t, f)
	batch := &consentv1.BatchCheckRequest{}
	for _, subject := range []string{"a", "broken", "b"} {
		batch.Requests = append(batch.Requests, client.NewCheck("example", subject, "ads"))
	}
	results, err := c.BatchCheck(t.Context(), batch)
	if err != nil || len(results) != 3 || !results[0].Decision.Allowed || status.Code(results[1].Err) != codes.ResourceExhausted ||
		!results[2].Decision.Allowed {
		t.Errorf("results %v, error %v", results, err)
	}
	_, err = c.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "broken"})
	if err != nil { // no rule names a purpose, so that none is asked about
		t.Error(err)
	}
	if err := f.SetRules(t.Context(), "rules: [{subject: broken, purpose: ads, error: RESOURCE_EXHAUSTED}]"); err != nil {
		t.Fatal(err)
	}
	_, err = c.ListPurposes(t.Context(), &consentv1.ListPurposesRequest{Controller: "example", SubjectId: "broken"})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("ListPurposes: %v", err)
	}
}

// TestDelays: an answer comes late, and one that comes too late is the deadline's; a batch waits once.
func TestDelays(t *testing.T) {
	c := connect(t, start(t, "rules: [{subject: slow, decision: ALLOW, delay: 1h}, {subject: late, decision: ALLOW, delay: 30ms}]"),
		client.WithTimeout(200*time.Millisecond))
	if d, err := c.Check(t.Context(), client.NewCheck("example", "slow", "ads")); said(d, err) != "DeadlineExceeded" {
		t.Errorf("slow: %s", said(d, err))
	}
	began := time.Now()
	batch := &consentv1.BatchCheckRequest{}
	for range 100 {
		batch.Requests = append(batch.Requests, client.NewCheck("example", "late", "ads"))
	}
	results, err := c.BatchCheck(t.Context(), batch)
	if took := time.Since(began); err != nil || !results[99].Decision.Allowed || took < 30*time.Millisecond {
		t.Errorf("after %v: %v, %v", took, results, err)
	}
}

// TestDelaysPassSideBySide: many that wait at once, on one stream, wait no longer than one.
func TestDelaysPassSideBySide(t *testing.T) {
	c := connect(t, start(t, "rules: [{decision: ALLOW, delay: 200ms}]"), client.WithTimeout(time.Minute))
	began := time.Now()
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if !c.Allowed(t.Context(), client.NewCheck("example", "u", "ads")) {
				t.Error("denied")
			}
		})
	}
	group.Wait()
	if took := time.Since(began); took > 10*time.Second || took < 200*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

// TestACallIsThereBeforeItsAnswer, however late that comes, and has used its rule up by then.
func TestACallIsThereBeforeItsAnswer(t *testing.T) {
	f := start(t, "rules: [{decision: DENY, delay: 1h, times: 1}, {decision: ALLOW}]")
	c := connect(t, f)
	check := client.NewCheck("example", "u", "ads")
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	late := make(chan error, 1)
	go func() {
		_, err := c.Check(ctx, check)
		late <- err
	}()
	for end := time.Now().Add(10 * time.Second); len(f.Calls(0)) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no call")
		}
	}
	if d, err := c.Check(t.Context(), check); said(d, err) != "ALLOW BASIS_HOLDS" {
		t.Errorf("the next check: %s", said(d, err))
	}
	cancel()
	if err := <-late; err == nil {
		t.Error("the late check was answered")
	}
}

// TestARuleAnswersAsOftenAsItSays, also where many ask at once, alone and on streams.
func TestARuleAnswersAsOftenAsItSays(t *testing.T) {
	c := connect(t, start(t, "rules: [{decision: ALLOW, times: 7}, {decision: DENY}]"), client.WithTimeout(time.Minute))
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			if c.Allowed(t.Context(), client.NewCheck("example", "u", "ads")) {
				allowed.Add(1)
			}
		})
	}
	group.Wait()
	if n := allowed.Load(); n != 7 {
		t.Errorf("it answered %d times, want 7", n)
	}
}

// TestNearCachesSeeAChangeOfRules: the check after SetRules is not answered from memory by the rules before.
func TestNearCachesSeeAChangeOfRules(t *testing.T) {
	const allow = "rules: [{purpose: ads, decision: ALLOW}]"
	const deny = "rules: [{purpose: ads, decision: DENY, reasons: [CONSENT_WITHDRAWN]}]"
	f := start(t, allow)
	c := connect(t, f, client.WithNearCache(client.NearCacheConfig{}))
	check := client.NewCheck("example", "u", "ads")
	for round, rules := range []string{deny, allow, deny, allow} {
		hits := c.NearCacheStats().Hits
		for end := time.Now().Add(10 * time.Second); c.NearCacheStats().Hits == hits; time.Sleep(time.Millisecond) {
			if d, err := c.Check(t.Context(), check); err != nil || d.Allowed != (round%2 == 0) || time.Now().After(end) {
				t.Fatalf("round %d: %s, %+v", round, said(d, err), c.NearCacheStats())
			}
		}
		if err := f.SetRules(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
		if d, err := c.Check(t.Context(), check); err != nil || d.Allowed == (round%2 == 0) {
			t.Fatalf("round %d: %s right after the change", round, said(d, err))
		}
	}
}

// TestExplainNamesTheRule, and uses none up.
func TestExplainNamesTheRule(t *testing.T) {
	f, err := fake.Start(fake.Config{
		Name: "rules.yaml", Rules: "rules:\n  - {purpose: ads, decision: ALLOW, times: 1, valid_for: 1h}\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := connect(t, f)
	request := &consentv1.ExplainRequest{Check: client.NewCheck("example", "u", "ads")}
	for range 2 {
		story, err := c.Explain(t.Context(), request)
		if err != nil || len(story.GetRules()) != 1 {
			t.Fatalf("story %v, error %v", story, err)
		}
		rule := story.GetRules()[0]
		clause := story.GetDecision().GetReasons()[0].GetClause()
		if rule.GetFile() != "rules.yaml" || rule.GetLine() != 2 || clause != "rules.yaml:2" || story.GetValidity() == nil {
			t.Errorf("story %v", story)
		}
	}
	check := client.NewCheck("example", "u", "ads")
	if d, err := c.Check(t.Context(), check); said(d, err) != "ALLOW BASIS_HOLDS" {
		t.Errorf("the rule was used up: %s", said(d, err))
	}
	if d, err := c.Check(t.Context(), check); said(d, err) != "CONSENT_MISSING" {
		t.Errorf("the rule answers twice: %s", said(d, err))
	}
}

// TestThePastIsDecidedByTheRulesOfThen, as a server decides it by its policies.
func TestThePastIsDecidedByTheRulesOfThen(t *testing.T) {
	f := start(t, "rules: [{purpose: ads, decision: ALLOW}]")
	c := connect(t, f)
	then := time.Now()
	if err := f.SetRules(t.Context(), "rules: [{purpose: ads, decision: DENY}]"); err != nil {
		t.Fatal(err)
	}
	explain := func(at time.Time, policies consentv1.PolicyChoice) (*consentv1.ExplainResponse, error) {
		return c.Explain(t.Context(), &consentv1.ExplainRequest{
			Check: client.NewCheck("example", "u", "ads"), At: timestamppb.New(at), Policies: policies,
		})
	}
	story, err := explain(then, 0)
	if err != nil || story.GetDecision().GetDecision() != consentv1.Decision_DECISION_ALLOW || story.GetPolicies().GetInForceNow() {
		t.Errorf("by the rules of then: %v, %v", story, err)
	}
	story, err = explain(then, consentv1.PolicyChoice_POLICY_CHOICE_NOW)
	if err != nil || story.GetDecision().GetDecision() != consentv1.Decision_DECISION_DENY {
		t.Errorf("by the rules of now: %v, %v", story, err)
	}
	if _, err = explain(then.AddDate(-1, 0, 0), 0); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("before there were rules: %v", err)
	}
}

// TestRulesForWhatIsRecorded: a write fails as often as a rule says, and is kept once it is taken.
func TestRulesForWhatIsRecorded(t *testing.T) {
	f := start(t, "rules: [{call: record, subject: u, error: FAILED_PRECONDITION, times: 1}]")
	p := dial(t, f.Addr())
	request := objection(nil)
	request.SubjectId = "u"
	consents := consentv1.NewConsentServiceClient(p.conn)
	if _, err := consents.RecordEvents(t.Context(), request); status.Code(err) != codes.FailedPrecondition {
		t.Fatal(err)
	}
	if _, err := consents.RecordEvents(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if calls := f.Calls(0); len(calls) != 1 || !proto.Equal(calls[0], request) {
		t.Errorf("calls %v", calls)
	}
}

// TestControl: tests in other languages set the rules and read the calls over the connection.
func TestControl(t *testing.T) {
	f := start(t, "")
	p := dial(t, f.Addr())
	const setRules, call = "/consentd.fake.v1.FakeService/SetRules", "/consentd.fake.v1.FakeService/Call"
	err := p.conn.Invoke(t.Context(), setRules, wrapperspb.String("rules:\n  - {decision: MAYBE}"), &emptypb.Empty{})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "line 2: decision") {
		t.Errorf("a fault: %v", err)
	}
	if err := p.conn.Invoke(t.Context(), setRules, wrapperspb.String("rules: [{decision: ALLOW}]"), &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	request := check(func(r *consentv1.CheckRequest) {
		r.Context, _ = structpb.NewStruct(map[string]any{"gpc": true})
		r.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_PROCESSOR, Id: "post", Country: "FR"}
		r.DataCategories = []string{"user.name"}
	})
	d, err := consentv1.NewDecisionServiceClient(p.conn).Check(t.Context(), request)
	if err != nil || d.GetDecision() != consentv1.Decision_DECISION_ALLOW {
		t.Errorf("%v, %v", d, err)
	}
	var packed anypb.Any
	if err := p.conn.Invoke(t.Context(), call, wrapperspb.UInt32(0), &packed); err != nil {
		t.Fatal(err)
	}
	if got, err := packed.UnmarshalNew(); err != nil || !proto.Equal(got, request) {
		t.Errorf("call %v, %v; want %v", got, err, request)
	}
	if err := p.conn.Invoke(t.Context(), call, wrapperspb.UInt32(1), &packed); status.Code(err) != codes.OutOfRange {
		t.Errorf("beyond the last call: %v", err)
	}
}

// TestAFenceOfANewFakeReturnsAtOnce: there are no leases of before.
func TestAFenceOfANewFakeReturnsAtOnce(t *testing.T) {
	p := dial(t, start(t, "").Addr())
	request := objection(nil)
	request.Fence = true
	began := time.Now()
	_, err := consentv1.NewConsentServiceClient(p.conn).RecordEvents(t.Context(), request)
	if took := time.Since(began); err != nil || took > time.Second {
		t.Errorf("after %v: %v", took, err)
	}
}

func TestCloseTwice(t *testing.T) {
	f, err := fake.Start(fake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	second := start(t, "")
	if _, err := fake.Start(fake.Config{Addr: second.Addr()}); err == nil || !strings.Contains(err.Error(), "listening") {
		t.Errorf("an address in use: %v", err)
	}
}

// TestBadRulesChangeNothing: those before stay in force, and the status tells.
func TestBadRulesChangeNothing(t *testing.T) {
	f := start(t, "rules: [{decision: ALLOW}]")
	c := connect(t, f)
	if err := f.SetRules(t.Context(), "rules: [{decision: MAYBE}]"); err == nil {
		t.Error("taken")
	}
	if !c.Allowed(t.Context(), client.NewCheck("example", "u", "ads")) {
		t.Error("the rules before are not in force")
	}
	policies := consentv1.NewPolicyServiceClient(dial(t, f.Addr()).conn)
	got, err := policies.GetPolicy(t.Context(), &consentv1.GetPolicyRequest{IncludeContents: true})
	if err != nil || got.GetStatus().GetFailures() != 1 || string(got.GetFiles()[0].GetContent()) != "rules: [{decision: ALLOW}]" {
		t.Errorf("%v, %v", got, err)
	}
	spans, err := policies.ListPolicyHistory(t.Context(), &consentv1.ListPolicyHistoryRequest{})
	if err != nil || len(spans.GetSpans()) != 1 || spans.GetSpans()[0].GetPolicyRevision() != got.GetPolicyRevision() {
		t.Errorf("%v, %v", spans, err)
	}
}
