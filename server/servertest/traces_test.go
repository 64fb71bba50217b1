package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/app"
	"github.com/consentd/consentd/server/servertest"
	"github.com/consentd/consentd/server/telemetry"
)

// collector takes traces as a collector of OpenTelemetry does.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	addr string
	// answer is what a request is answered with; nil: it is taken.
	answer func(context.Context) error

	mu sync.Mutex
	// Guarded by mu.
	spans   []*tracepb.Span
	headers metadata.MD
}

// Export implements the service of OTLP.
func (c *collector) Export(
	ctx context.Context, r *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	if c.answer != nil {
		return nil, c.answer(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers, _ = metadata.FromIncomingContext(ctx)
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// collect runs a collector until the test ends.
func collect(t *testing.T, answer func(context.Context) error) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{addr: "http://" + listener.Addr().String(), answer: answer}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

// traced starts a server whose traces go to c.
func traced(t *testing.T, c *collector, more telemetry.Config) *servertest.Server {
	t.Helper()
	more.Endpoint = c.addr
	return servertest.Start(t, servertest.Options{Configure: func(a *app.Config) { a.Telemetry = more }})
}

// tracedInFull is traced where each decision is made: an answer that is remembered has one step.
func tracedInFull(t *testing.T, c *collector, more telemetry.Config) *servertest.Server {
	t.Helper()
	more.Endpoint = c.addr
	return servertest.Start(t, servertest.Options{AnswersOff: true, Configure: func(a *app.Config) { a.Telemetry = more }})
}

// shown is a span and those below it, as one line: its name, what was decided, and its steps.
func (c *collector) shown() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, s := range c.spans {
		if s.GetKind() == tracepb.Span_SPAN_KIND_SERVER {
			all = append(all, s.GetName()+c.below(s))
		}
	}
	slices.Sort(all)
	return all
}

// below names the steps of a span, in the order of their beginning.
func (c *collector) below(parent *tracepb.Span) (text string) {
	var steps []*tracepb.Span
	for _, s := range c.spans {
		if string(s.GetParentSpanId()) == string(parent.GetSpanId()) && s.GetKind() == tracepb.Span_SPAN_KIND_INTERNAL {
			steps = append(steps, s)
		}
	}
	slices.SortFunc(steps, func(a, b *tracepb.Span) int {
		return int(int64(a.GetStartTimeUnixNano()) - int64(b.GetStartTimeUnixNano()))
	})
	for _, s := range steps {
		text += " " + s.GetName() + "(" + strings.TrimSpace(c.below(s)) + ")"
	}
	return text
}

// attributes are those of the only span of a method, as text.
func (c *collector) attributes(t *testing.T, name string) map[string]string {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.GetName() == name {
			return texts(s.GetAttributes())
		}
	}
	t.Fatalf("no span %s", name)
	return nil
}

func texts(attributes []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			all[a.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			all[a.GetKey()] = fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_ArrayValue:
			for _, e := range v.ArrayValue.GetValues() {
				all[a.GetKey()] += e.GetStringValue() + " "
			}
		}
	}
	return all
}

// parent is a call whose caller traces, or says that it does not.
func parent(ctx context.Context, flags string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"+flags)
}

const secretSubject = "subject-whom-no-trace-names"

func TestTracesOfChecks(t *testing.T) {
	c := collect(t, nil)
	headers := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(headers, []byte("# of ours\nAuthorization: Bearer token-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := traced(t, c, telemetry.Config{Sample: -1, HeadersFile: headers})
	check := &consentv1.CheckRequest{Controller: "example", SubjectId: secretSubject, Purpose: "marketing_email"}
	answer, err := s.Decisions.Check(parent(t.Context(), "01"), check)
	if err != nil {
		t.Fatal(err)
	}
	for _, ctx := range []context.Context{
		parent(t.Context(), "01"), // answered from memory
		parent(t.Context(), "00"), // not to be traced
		t.Context(),               // no word of traces: a share of none
		metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-zz-01"), // nonsense is no word either
	} {
		if _, err := s.Decisions.Check(ctx, check); err != nil {
			t.Fatal(err)
		}
	}
	batch := &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{check, check}}
	if _, err := s.Decisions.BatchCheck(parent(t.Context(), "01"), batch); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decisions.Check(parent(t.Context(), "01"), &consentv1.CheckRequest{}); err == nil {
		t.Fatal("an empty check was answered")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	const name = "consent.v1.DecisionService/Check"
	want := []string{
		"consent.v1.DecisionService/BatchCheck answer()", // remembered by then
		name, name + " cache() policy()", name + " cache(store()) policy()",
	}
	if diff := cmp.Diff(want, c.shown()); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	wantAttributes := map[string]string{
		"rpc.system": "grpc", "rpc.service": "consent.v1.DecisionService", "rpc.method": "Check", "rpc.grpc.status_code": "0",
		"consentd.controller": "example", "consentd.purpose": "marketing_email", "consentd.decision": "DENY",
		"consentd.reasons": "SUBJECT_UNKNOWN ", "consentd.policy_revision": answer.GetPolicyRevision(),
		"consentd.decision_id": answer.GetDecisionId(),
	}
	if diff := cmp.Diff(wantAttributes, c.attributes(t, name)); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	for _, span := range c.spans {
		if strings.Contains(span.String(), secretSubject) {
			t.Errorf("a span names the subject: %v", span)
		}
		if fmt.Sprintf("%x", span.GetTraceId()) != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s is not part of the caller's trace", span.GetName())
		}
	}
	if got := c.headers.Get("authorization"); !slices.Equal(got, []string{"Bearer token-1"}) {
		t.Errorf("the collector got authorization %q", got)
	}
}

// The checks of a stream are traced by chance alone, each by itself.
func TestTracesOfAStream(t *testing.T) {
	c := collect(t, nil)
	s := tracedInFull(t, c, telemetry.Config{Sample: 1})
	stream, err := s.Decisions.CheckStream(parent(t.Context(), "01"))
	if err != nil {
		t.Fatal(err)
	}
	request := &consentv1.CheckStreamRequest{}
	for id := range uint64(3) {
		request.Checks = append(request.Checks, &consentv1.StreamedCheck{Id: id + 1, Check: &consentv1.CheckRequest{
			Controller: "example", SubjectId: secretSubject, Purpose: "marketing_email",
		}})
	}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	for answered := 0; answered < 3; {
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		answered += len(answer.GetResults())
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := len(c.shown()); got != 3 {
		t.Errorf("%d spans of checks, want 3: %v", got, c.shown())
	}
	for _, span := range c.spans {
		if span.GetKind() != tracepb.Span_SPAN_KIND_SERVER {
			continue
		}
		if len(span.GetLinks()) != 1 || !strings.Contains(c.below(span), "policy()") {
			t.Errorf("links %v and steps %q; want one link, to the stream's trace, and the policy", span.GetLinks(), c.below(span))
		}
	}
}

// The handling histogram points from a bucket to a trace of a call in it.
func TestExemplars(t *testing.T) {
	c := collect(t, nil)
	s := traced(t, c, telemetry.Config{Sample: -1})
	check := &consentv1.CheckRequest{Controller: "example", SubjectId: "s", Purpose: "marketing_email"}
	if _, err := s.Decisions.Check(parent(t.Context(), "01"), check); err != nil {
		t.Fatal(err)
	}
	body := scrape(t, s, "application/openmetrics-text; version=1.0.0")
	if !strings.Contains(body, `# {trace_id="0af7651916cd43dd8448eb211c80319c"}`) {
		t.Error("no exemplar of the trace in OpenMetrics")
	}
	if !strings.HasSuffix(body, "# EOF\n") {
		t.Error("/metrics is no OpenMetrics where that is asked for")
	}
	if strings.Contains(scrape(t, s, ""), "0af7651916cd43dd8448eb211c80319c") {
		t.Error("an exemplar in the text format, which has no place for one")
	}
}

// A collector that fails, hangs or is away costs calls nothing, and is counted.
func TestCollectorsInTrouble(t *testing.T) {
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, row := range map[string]struct {
		collector *collector
		outcome   string
	}{
		"fails": {collect(t, func(context.Context) error { return errors.New("no room") }), "failed"},
		"hangs": {collect(t, hang), "dropped"},
		"away":  {&collector{addr: "http://127.0.0.1:1"}, "dropped"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tracedInFull(t, row.collector, telemetry.Config{Sample: 1})
			for range 50 { // 5,000 spans and more, of which 4,096 may wait
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if _, err := s.Decisions.BatchCheck(ctx, manyChecks(100)); err != nil {
					t.Fatal(err)
				}
				cancel()
			}
			began := time.Now()
			if err := s.Stop(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("the collector held up the stop for %v", took)
			}
			if n := s.Metric(t, "consentd_trace_spans_total", map[string]string{"outcome": row.outcome}); n == 0 {
				t.Errorf("nothing is counted as %s", row.outcome)
			}
			if n := s.Metric(t, "consentd_trace_spans_total", map[string]string{"outcome": "exported"}); n != 0 {
				t.Errorf("%v spans are counted as exported", n)
			}
		})
	}
}

// manyChecks is a batch about as many subjects.
func manyChecks(n int) *consentv1.BatchCheckRequest {
	batch := &consentv1.BatchCheckRequest{}
	for i := range n {
		batch.Requests = append(batch.Requests, &consentv1.CheckRequest{
			Controller: "example", SubjectId: fmt.Sprint(i), Purpose: "marketing_email",
		})
	}
	return batch
}
