package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/telemetry"
)

// traceFlush is how long a server that stops waits for the collector to take the last traces.
const traceFlush = 2 * time.Second

// openTelemetry begins tracing, if it is asked for, and has the log name the calls that its lines are about.
func (a *App) openTelemetry() (err error) {
	a.config.Logger = slog.New(telemetry.Lines(a.config.Logger.Handler()))
	a.tracer, err = telemetry.New(a.config.telemetry())
	return err
}

// telemetry adds what tracing shares with other settings.
func (c Config) telemetry() telemetry.Config {
	t := c.Telemetry
	t.Insecure, t.Version, t.Logger = c.Insecure, c.Version, c.Logger
	return t
}

// closeTelemetry sends the last traces.
func (a *App) closeTelemetry() {
	ctx, cancel := context.WithTimeout(context.Background(), traceFlush)
	defer cancel()
	if err := a.tracer.Close(ctx); err != nil {
		a.config.Logger.Warn("the last traces could not be sent", "error", err)
	}
}

// steps is what traces the steps of calls that are sampled; nil: none is traced, and nobody is asked.
func (a *App) steps() func(context.Context, authz.Step) func(error) {
	if a.tracer == nil {
		return nil
	}
	return func(ctx context.Context, s authz.Step) func(error) { return telemetry.From(ctx).Step(string(s)) }
}

// waiting traces that a state comes from the store.
func (a *App) waiting() func(context.Context) func(error) {
	if a.tracer == nil {
		return nil
	}
	return func(ctx context.Context) func(error) { return telemetry.From(ctx).Step("store") }
}

// purposes are those that a controller declares or prohibits.
func (a *App) purposes(controller string) []string {
	purposes, _ := a.policies.Current().Purposes(controller)
	return purposes
}

// metricsHandler answers with all metrics, in OpenMetrics where it is asked for: only there exemplars have a place.
func (a *App) metricsHandler() http.Handler {
	return promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{Registry: a.registry, EnableOpenMetrics: true})
}

// durations are measured where they happen, and not when somebody asks.
type durations struct {
	commit, batches, fence prometheus.Histogram
}

func newDurations() durations {
	return durations{
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "consentd_store_commit_seconds", Help: "How long writes took to be on disk, fsync included, in seconds.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "consentd_store_commit_batches", Help: "Calls that shared one write to the disk.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024},
		}),
		fence: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "consentd_fence_seconds", Help: "How long writes with fence waited for clients' caches, in seconds.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 4, 8},
		}),
	}
}

func (d durations) collectors() []prometheus.Collector {
	return []prometheus.Collector{d.commit, d.batches, d.fence}
}

// synced is told of each write to the disk.
func (d durations) synced(batches int, took time.Duration) {
	d.commit.Observe(took.Seconds())
	d.batches.Observe(float64(batches))
}

func (d durations) fenced(took time.Duration) { d.fence.Observe(took.Seconds()) }
