// Package telemetry sends traces of calls to a collector by OTLP, and gives the lines of the log the call that they are
// about.
//
// What it guarantees: a call never waits for the collector, never fails because of it, and never takes more memory for
// it than a bounded queue; what cannot be sent is dropped and counted. No span names a subject. A call that is not
// sampled costs a look at one header and a random number: nothing is made for it, and packages below the edge find out
// by the type of their context alone.
//
// Words: a call has a span, with steps below it (cache, store, policy) and what was decided as its attributes.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// The bounds of what tracing takes.
const (
	// maxPerSecond bounds the calls that are traced: who sends a sampled traceparent with every call chooses the share.
	maxPerSecond = 1000
	// maxPending is how many spans wait to be sent or are being sent; one takes about 2 KiB.
	maxPending = 4096
	// exportTimeout bounds a request to the collector, with its repetitions.
	exportTimeout = 10 * time.Second
	// sendEvery is how long a span waits for others to be sent with.
	sendEvery = 2 * time.Second
	// maxAttribute is how long the text of an attribute may be.
	maxAttribute = 256
)

// Tracer begins the spans of calls and sends them. A nil Tracer traces nothing. All methods may be called concurrently.
type Tracer struct {
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider
	conn     *grpc.ClientConn
	// threshold is what a random number must be below for a call without a parent to be sampled.
	threshold uint64
	limit     *rate.Limiter
	exporter  *exporter
}

// Stats counts spans since the start.
type Stats struct {
	// Exported were taken by the collector, Failed were not; Dropped were not sent because too many waited, or
	// because too many calls were sampled.
	Exported, Failed, Dropped uint64
}

// New returns a Tracer, or nil where c names no endpoint. It does not wait for the collector. Close it.
func New(c Config) (*Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	conn, err := c.dial()
	if err != nil {
		return nil, fmt.Errorf("otlp-endpoint: %q: %w", c.Endpoint, err)
	}
	client := otlptracegrpc.NewUnstarted(otlptracegrpc.WithGRPCConn(conn), otlptracegrpc.WithTimeout(exportTimeout))
	if err := client.Start(context.Background()); err != nil {
		return nil, errors.Join(fmt.Errorf("otlp-endpoint: %q: %w", c.Endpoint, err), conn.Close())
	}
	t := &Tracer{
		conn: conn, threshold: threshold(c.sample()), limit: rate.NewLimiter(maxPerSecond, maxPerSecond),
		exporter: &exporter{SpanExporter: client, log: c.logger(), failures: &rate.Sometimes{First: 1, Interval: time.Minute}},
	}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // Begin has chosen
		sdktrace.WithSpanProcessor(newBounded(t.exporter)),
		sdktrace.WithRawSpanLimits(sdktrace.SpanLimits{
			AttributeValueLengthLimit: maxAttribute, AttributeCountLimit: 32, EventCountLimit: 128,
			LinkCountLimit: 1, AttributePerEventCountLimit: 32, AttributePerLinkCountLimit: 0,
		}),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "consentd"), attribute.String("service.version", c.Version),
		)),
	)
	t.tracer = t.provider.Tracer("github.com/consentd/consentd/server")
	return t, nil
}

// threshold is the part p of all random numbers.
func threshold(p float64) uint64 {
	if p >= 1 {
		return math.MaxUint64
	}
	return uint64(p * (1 << 63) * 2)
}

// Stats returns the counts.
func (t *Tracer) Stats() Stats {
	if t == nil {
		return Stats{}
	}
	return t.exporter.stats()
}

// Close sends what waits, until ctx ends, and ends the connection.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return errors.Join(t.provider.Shutdown(ctx), t.conn.Close())
}

// Begin begins the span of a unary call if it is sampled: where its caller says so (W3C Trace Context), and where the
// caller says nothing by chance. The context returned is the call's; package functions find the span in it only as long
// as nothing is wrapped around it.
func (t *Tracer) Begin(ctx context.Context, method string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	header := metadata.ValueFromIncomingContext(ctx, traceparent)
	var parent trace.SpanContext
	if len(header) == 1 && wellFormed(header[0]) {
		if !sampled(header[0]) {
			return ctx, nil
		}
		parent = parentOf(ctx)
	}
	if !parent.IsValid() && rand.Uint64() >= t.threshold {
		return ctx, nil
	}
	return t.begin(ctx, method, trace.ContextWithRemoteSpanContext(context.Background(), parent))
}

// BeginInStream begins the span of one of the many checks of a stream, by chance alone: who traces a stream does not
// mean each of a million checks. The span is linked to the stream's trace.
func (t *Tracer) BeginInStream(ctx context.Context, method string) (context.Context, *Span) {
	if t == nil || rand.Uint64() >= t.threshold {
		return ctx, nil
	}
	var links []trace.SpanStartOption
	if stream := parentOf(ctx); stream.IsValid() {
		links = append(links, trace.WithLinks(trace.Link{SpanContext: stream}))
	}
	return t.begin(ctx, method, context.Background(), links...)
}

func (t *Tracer) begin(
	ctx context.Context, method string, parent context.Context, options ...trace.SpanStartOption,
) (context.Context, *Span) {
	if !t.limit.Allow() {
		t.exporter.dropped.Add(1)
		return ctx, nil
	}
	return newSpan(ctx, t.tracer, started{method: method, parent: parent, options: options})
}

// parentOf is the span of the caller that the metadata name, if any.
func parentOf(ctx context.Context) trace.SpanContext {
	md, _ := metadata.FromIncomingContext(ctx)
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier(md)))
}

// carrier is metadata as the library reads headers.
type carrier metadata.MD

func (c carrier) Get(key string) string {
	if values := metadata.MD(c).Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

func (c carrier) Set(string, string) {}

func (c carrier) Keys() []string { return nil }

// traceparent is the header of W3C Trace Context, https://www.w3.org/TR/trace-context/:
// 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01, whose last two digits are the flags.
const (
	traceparent       = "traceparent"
	traceparentLength = 55
)

func wellFormed(header string) bool {
	return len(header) >= traceparentLength && header[2] == '-' && header[35] == '-' && header[52] == '-'
}

// sampled is whether the lowest flag of a well-formed header is set.
func sampled(header string) bool {
	switch d := header[traceparentLength-1]; {
	case '0' <= d && d <= '9':
		return (d-'0')&1 == 1
	default:
		return (d-'a')&1 == 1 // b, d, f
	}
}

// exporter counts what is sent and keeps its errors from the library's global handler.
type exporter struct {
	sdktrace.SpanExporter
	log *slog.Logger
	// failures thins out the lines of a collector that is away.
	failures                  *rate.Sometimes
	exported, failed, dropped atomic.Uint64
	// pending are the spans that wait or are being sent.
	pending atomic.Int64
}

func (e *exporter) stats() Stats {
	return Stats{Exported: e.exported.Load(), Failed: e.failed.Load(), Dropped: e.dropped.Load()}
}

// ExportSpans implements sdktrace.SpanExporter; it never fails.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer e.pending.Add(-int64(len(spans)))
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.failed.Add(uint64(len(spans)))
		e.failures.Do(func() { e.log.Warn("traces cannot be sent: look at the collector of --otlp-endpoint", "error", err) })
		return nil
	}
	e.exported.Add(uint64(len(spans)))
	return nil
}

// bounded is the library's processor, but that what it would drop silently is counted.
type bounded struct {
	sdktrace.SpanProcessor
	exporter *exporter
}

func newBounded(e *exporter) bounded {
	return bounded{exporter: e, SpanProcessor: sdktrace.NewBatchSpanProcessor(e,
		sdktrace.WithMaxQueueSize(maxPending), sdktrace.WithMaxExportBatchSize(maxPending/8),
		sdktrace.WithBatchTimeout(sendEvery), sdktrace.WithExportTimeout(exportTimeout))}
}

// OnEnd implements sdktrace.SpanProcessor.
func (b bounded) OnEnd(s sdktrace.ReadOnlySpan) {
	if b.exporter.pending.Add(1) > maxPending {
		b.exporter.pending.Add(-1)
		b.exporter.dropped.Add(1)
		return
	}
	b.SpanProcessor.OnEnd(s)
}
