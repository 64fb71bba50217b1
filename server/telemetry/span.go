package telemetry

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/consentd/consentd/server/consent"
)

// Span is that of a call which is sampled; nil is that of one which is not, and its methods do nothing. It is used by
// one goroutine at a time.
type Span struct {
	tracer trace.Tracer
	span   trace.Span
	// current is the context of the innermost step that is open.
	current context.Context
	// single says that the call asks for one decision.
	single bool
}

// tracedContext is the context of a call that is sampled. Its type alone tells, so that the calls that are not pay
// nothing: a search for a value would walk through all contexts, and have a stream's check make one.
type tracedContext struct {
	context.Context
	span *Span
}

// From returns the span of a call; nil if it is not sampled.
func From(ctx context.Context) *Span {
	if t, ok := ctx.(*tracedContext); ok {
		return t.span
	}
	return nil
}

// started says what newSpan starts.
type started struct {
	method  string
	parent  context.Context
	options []trace.SpanStartOption
}

func newSpan(ctx context.Context, tracer trace.Tracer, s started) (context.Context, *Span) {
	name := strings.TrimPrefix(s.method, "/")
	service, method, _ := strings.Cut(name, "/")
	within, span := tracer.Start(s.parent, name, append(s.options, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("rpc.system", "grpc"), attribute.String("rpc.service", service), attribute.String("rpc.method", method),
	))...)
	own := &Span{tracer: tracer, span: span, current: within, single: method == "Check" || method == "CheckStream"}
	return &tracedContext{ctx, own}, own
}

// TraceID is that of the trace in hexadecimal; empty if there is none.
func (s *Span) TraceID() string {
	if s == nil {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// End ends the span with the code of the call.
func (s *Span) End(code codes.Code) {
	if s == nil {
		return
	}
	s.span.SetAttributes(attribute.Int("rpc.grpc.status_code", int(code)))
	switch code {
	case codes.Internal, codes.Unavailable, codes.Unknown, codes.DataLoss, codes.DeadlineExceeded, codes.Unimplemented:
		s.span.SetStatus(otelcodes.Error, code.String())
	}
	s.span.End()
}

// nothing ends a step of a call that is not sampled.
var nothing = func(error) {}

// Step begins a step of the call, within the step that is open. What is returned ends it, with its error: of that only
// that there was one is kept, as its text may name a subject.
func (s *Span) Step(name string) func(error) {
	if s == nil {
		return nothing
	}
	outer := s.current
	within, step := s.tracer.Start(outer, name)
	s.current = within
	return func(err error) {
		if err != nil {
			step.SetStatus(otelcodes.Error, "")
		}
		step.End()
		s.current = outer
	}
}

// Decided keeps a decision: as the span's attributes where the call asks for one, as one of its events where it asks
// for many.
func (s *Span) Decided(request *consent.Request, d *consent.Decision) {
	if s == nil {
		return
	}
	reasons := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		reasons[i] = r.Code.String()
	}
	attributes := []attribute.KeyValue{
		attribute.String("consentd.controller", request.Subject.Controller), attribute.String("consentd.purpose", request.Purpose),
		attribute.String("consentd.decision", d.Effect.String()), attribute.StringSlice("consentd.reasons", reasons),
		attribute.String("consentd.policy_revision", d.PolicyRevision), attribute.String("consentd.decision_id", d.ID),
	}
	if d.Degraded != 0 {
		attributes = append(attributes, attribute.String("consentd.degraded", d.Degraded.String()))
	}
	if s.single {
		s.span.SetAttributes(attributes...)
	} else {
		s.span.AddEvent("decision", trace.WithAttributes(attributes...))
	}
}
