package telemetry_test

import (
	"context"
	"log/slog"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/consentd/consentd/server/telemetry"
)

// open returns a tracer whose collector is away.
func open(t testing.TB, sample float64) *telemetry.Tracer {
	t.Helper()
	tracer, err := telemetry.New(telemetry.Config{Endpoint: "http://127.0.0.1:1", Sample: sample})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = tracer.Close(ended) // what waits has nowhere to go
	})
	return tracer
}

// headers are those of a call of an ordinary client, and more.
func headers(ctx context.Context, more ...string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.Join(metadata.Pairs(more...), metadata.Pairs(
		":authority", "127.0.0.1:7070", "content-type", "application/grpc", "user-agent", "grpc-go/1.85.0",
		"grpc-accept-encoding", "gzip")))
}

const method = "/consent.v1.DecisionService/Check"

func TestWhoIsSampled(t *testing.T) {
	const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
	for name, row := range map[string]struct {
		sample        float64
		header        string
		unary, stream bool
	}{
		"chance":                   {1, "", true, true},
		"no chance":                {-1, "", false, false},
		"the caller says so":       {-1, "00-" + ids + "01", true, false},
		"the caller says no":       {1, "00-" + ids + "00", false, true},
		"flags of later versions":  {-1, "00-" + ids + "03", true, false},
		"only other flags":         {1, "00-" + ids + "02", false, true},
		"a later version":          {-1, "01-" + ids + "01-more", true, false},
		"no trace":                 {-1, "00-00000000000000000000000000000000-b7ad6b7169203331-01", false, false},
		"cut off":                  {-1, "00-" + ids, false, false},
		"nothing but dashes":       {-1, "-------------------------------------------------------", false, false},
		"nonsense leaves a chance": {1, "nonsense", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, ctx := open(t, row.sample), headers(t.Context())
			if row.header != "" {
				ctx = headers(t.Context(), "traceparent", row.header)
			}
			for which, test := range map[string]struct {
				begin func(context.Context, string) (context.Context, *telemetry.Span)
				want  bool
			}{"unary": {tracer.Begin, row.unary}, "in a stream": {tracer.BeginInStream, row.stream}} {
				within, span := test.begin(ctx, method)
				if got := span != nil; got != test.want || telemetry.From(within) != span {
					t.Errorf("%s: sampled = %v, want %v; in the context is %v", which, got, test.want, telemetry.From(within))
				}
				span.End(codes.OK)
			}
		})
	}
}

// Callers who have every call traced get the share that the server can bear.
func TestSampledCallsAreBounded(t *testing.T) {
	tracer, ctx := open(t, -1), headers(t.Context(), "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	begun := 0
	for range 20_000 {
		if _, span := tracer.Begin(ctx, method); span != nil {
			begun++
			span.End(codes.OK)
		}
	}
	stats := tracer.Stats()
	if begun < 1000 || begun > 10_000 || stats.Dropped < uint64(20_000-begun) {
		t.Errorf("%d of 20,000 calls are traced, %+v: want about 1,000 a second, and the others counted", begun, stats)
	}
}

// A nil tracer and a nil span do nothing, and cost nothing.
func TestNothingIsTracedByDefault(t *testing.T) {
	tracer, err := telemetry.New(telemetry.Config{})
	if err != nil || tracer != nil {
		t.Fatalf("got %v, %v", tracer, err)
	}
	ctx := headers(t.Context())
	if n := testing.AllocsPerRun(100, func() {
		within, span := tracer.Begin(ctx, method)
		telemetry.From(within).Step("cache")(nil)
		telemetry.From(within).Decided(nil, nil)
		span.End(codes.OK)
		if span.TraceID() != "" {
			t.Error("a call that is not traced has a trace")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := tracer.Close(ctx); err != nil || tracer.Stats() != (telemetry.Stats{}) {
		t.Errorf("%v, %+v", err, tracer.Stats())
	}
}

// A line that no call is behind stays as it is.
func TestLinesBesideCalls(t *testing.T) {
	var got []slog.Attr
	logger := slog.New(telemetry.Lines(recorded{&got}))
	logger.InfoContext(t.Context(), "serving", "grpc", "a")
	if len(got) != 1 || got[0].Key != "grpc" {
		t.Errorf("attributes are %v", got)
	}
}

// recorded keeps the attributes of the last line.
type recorded struct{ attrs *[]slog.Attr }

func (r recorded) Enabled(context.Context, slog.Level) bool { return true }

func (r recorded) Handle(_ context.Context, line slog.Record) error {
	*r.attrs = nil
	line.Attrs(func(a slog.Attr) bool {
		*r.attrs = append(*r.attrs, a)
		return true
	})
	return nil
}

func (r recorded) WithAttrs([]slog.Attr) slog.Handler { return r }

func (r recorded) WithGroup(string) slog.Handler { return r }

// BenchmarkBegin is what tracing adds to a call: off, not sampled by chance, not sampled by the caller's word, sampled.
func BenchmarkBegin(b *testing.B) {
	const ids = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"
	for _, row := range []struct {
		name   string
		tracer *telemetry.Tracer
		ctx    context.Context
	}{
		{"off", nil, headers(b.Context())},
		{"not by chance", open(b, -1), headers(b.Context())},
		{"not by the caller", open(b, -1), headers(b.Context(), "traceparent", ids+"00")},
		{"too many", open(b, -1), headers(b.Context(), "traceparent", ids+"01")},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ctx, span := row.tracer.Begin(row.ctx, method)
				telemetry.From(ctx).Step("cache")(nil)
				telemetry.From(ctx).Step("policy")(nil)
				span.End(codes.OK)
			}
		})
	}
}
