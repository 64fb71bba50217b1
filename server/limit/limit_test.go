package limit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/limit"
)

const check, record, health = "/x/Check", "/x/Record", "/x/Health"

func start(t *testing.T, c limit.Config) *limit.Limits {
	t.Helper()
	l, err := limit.New(c, limit.Options{
		Methods: map[string]limit.Class{check: limit.Checks, record: limit.Protected, health: limit.Health},
		Status:  func(err error) error { return err },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func as(t *testing.T, id string) context.Context {
	t.Helper()
	return caller.With(t.Context(), &caller.Caller{Kind: caller.KindKey, ID: id})
}

func TestEveryFaultIsTold(t *testing.T) {
	err := limit.Config{
		Each: limit.CallerLimit{Rate: -1, Concurrency: -1}, Callers: map[string]limit.CallerLimit{"": {}},
		QueueTarget: time.Hour, MaxConnections: -1, MaxConnectionsPerAddress: -1, MaxCalls: -1, Timeout: -time.Second,
		ConnectionAge: time.Millisecond, HandshakeTimeout: -1,
	}.Validate()
	if err == nil {
		t.Fatal("it is valid")
	}
	for _, name := range []string{
		"caller-rate: -1", "caller-concurrency: -1", `caller-limits: ""`, "queue-target: 1h", "max-connections: -1",
		"max-connections-per-address: -1", "max-calls: -1", "default-timeout: -1s", "connection-age: 1ms", "handshake-timeout: -1ns",
	} {
		if !strings.Contains("\n"+err.Error(), "\n"+name) {
			t.Errorf("no line begins with %s:\n%v", name, err)
		}
	}
	for _, c := range []limit.Config{{}, {QueueTarget: limit.Off, Timeout: limit.Off, ConnectionAge: limit.Off}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// begun is how many of n calls begin, and why the last does not.
func begun(ctx context.Context, l *limit.Limits, method string, n int) (ok int, refused *limit.RefusedError) {
	for range n {
		held, err := l.Begin(ctx, method)
		if err == nil {
			ok++
			held.End()
			continue
		}
		if !errors.As(err, &refused) || !errors.Is(err, consent.ErrOverloaded) {
			panic(fmt.Sprintf("refused by %v", err))
		}
	}
	return ok, refused
}

func TestARateIsACallersOwn(t *testing.T) {
	l := start(t, limit.Config{
		Each: limit.CallerLimit{Rate: 10}, Callers: map[string]limit.CallerLimit{"large": {Rate: 1_000_000}, "free": {}},
	})
	for _, test := range []struct {
		id          string
		least, most int
	}{{"a", 10, 11}, {"b", 10, 11}, {"large", 50, 50}, {"free", 50, 50}} {
		ok, refused := begun(as(t, test.id), l, check, 50)
		if ok < test.least || ok > test.most {
			t.Errorf("%s: %d of 50 began, want %d to %d", test.id, ok, test.least, test.most)
		}
		if test.most < 50 && (refused == nil || refused.RetryAfter() <= 0 || refused.RetryAfter() > 200*time.Millisecond) {
			t.Errorf("%s: refused with %+v, want a time to try again", test.id, refused)
		}
	}
}

// A caller that has used up its rate and its calls by checks may still withdraw, as much again; health is nobody's.
func TestWithdrawalsHaveAReserveOfTheirCaller(t *testing.T) {
	l := start(t, limit.Config{Each: limit.CallerLimit{Rate: 10, Concurrency: 3}})
	ctx := as(t, "a")
	for range 3 {
		if _, err := l.Begin(ctx, check); err != nil { // under way from here on
			t.Fatal(err)
		}
	}
	if ok, refused := begun(ctx, l, check, 1); ok > 0 || refused == nil {
		t.Errorf("a fourth check began: %v", refused)
	}
	if ok, refused := begun(ctx, l, record, 7); ok != 7 {
		t.Errorf("%d of 7 withdrawals began beside 3 checks: %v", ok, refused)
	}
	if err := l.Spend(ctx, 100); err == nil {
		t.Error("100 checks more were there")
	}
	if ok, refused := begun(ctx, l, record, 10); ok != 10 {
		t.Errorf("%d of 10 withdrawals began of a caller whose rate is used up: %v", ok, refused)
	}
	if ok, _ := begun(ctx, l, record, 10); ok > 1 {
		t.Errorf("%d of 10 more began: the reserve has no bound", ok)
	}
	if ok, refused := begun(ctx, l, health, 100); ok != 100 {
		t.Errorf("health is refused: %v", refused)
	}
}

// A batch is no way around a rate, and one that is larger than the rate is not refused for ever.
func TestABatchCountsByItsChecks(t *testing.T) {
	l := start(t, limit.Config{Each: limit.CallerLimit{Rate: 10}})
	if err := l.Spend(as(t, "a"), 500); err != nil {
		t.Errorf("the first is refused: %v", err)
	}
	var refused *limit.RefusedError
	if err := l.Spend(as(t, "a"), 1); !errors.As(err, &refused) || refused.After < 45*time.Second {
		t.Errorf("after 500 of 10 per second: %v", err)
	}
}

// A batch takes one check when it begins, and the rest once it is decoded.
func TestABatchOverTheRateHasItsTurn(t *testing.T) {
	l := start(t, limit.Config{Each: limit.CallerLimit{Rate: 10}})
	ctx := as(t, "a")
	held, err := l.Begin(ctx, check)
	if err != nil {
		t.Fatal(err)
	}
	defer held.End()
	if err := l.Spend(ctx, 499); err != nil {
		t.Errorf("a batch of 500 is refused whose caller has asked for nothing else: %v", err)
	}
	if err := l.Spend(ctx, 1); err == nil {
		t.Error("there is no bound")
	}
}

// Streams and batches borrow many seconds' checks at once: a withdrawal does not wait for these.
func TestWithdrawalsDoNotWaitForWhatStreamsBorrow(t *testing.T) {
	l := start(t, limit.Config{Each: limit.CallerLimit{Rate: 10}})
	ctx := as(t, "a")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	l.Pace(ended, 1000) // 100 s
	if ok, _ := begun(ctx, l, check, 1); ok > 0 {
		t.Error("a check began")
	}
	if ok, refused := begun(ctx, l, record, 10); ok != 10 {
		t.Errorf("%d of 10 withdrawals began beside a stream of checks: %v", ok, refused)
	}
	if ok, _ := begun(ctx, l, record, 10); ok > 1 {
		t.Errorf("%d of 10 more began: the reserve has no bound", ok)
	}
}

// A stream is not refused: its checks wait.
func TestAStreamIsPaced(t *testing.T) {
	l := start(t, limit.Config{Each: limit.CallerLimit{Rate: 1000}})
	ctx := as(t, "a")
	l.Pace(ctx, 1000) // what there is
	began := time.Now()
	l.Pace(ctx, 50)
	if took := time.Since(began); took < 40*time.Millisecond {
		t.Errorf("50 checks beyond 1,000 per second waited for %v, want about 50ms", took)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	l.Pace(ended, 100_000) // would be 100 s
	if took := time.Since(began); took > 30*time.Second {
		t.Error("a stream that has ended is paced")
	}
}

func TestMetricsAreThereFromTheStart(t *testing.T) {
	l := start(t, limit.Config{})
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(l); err != nil {
		t.Fatal(err)
	}
	for name, series := range map[string]int{
		"consentd_limits_shed_total": 20, "consentd_limits_in_flight": 4, "consentd_limits_queue_seconds": 1, "consentd_limits_room": 1,
		"consentd_connections": 2, "consentd_connections_refused_total": 2, "consentd_memory_limit_bytes": 1,
	} {
		if got, err := testutil.GatherAndCount(registry, name); err != nil || got != series {
			t.Errorf("%s has %d series (%v), want %d", name, got, err, series)
		}
	}
}

func TestNoLimits(t *testing.T) {
	var l *limit.Limits
	held, err := l.Begin(t.Context(), check)
	held.End()
	stream, failed := l.BeginStream(t.Context(), limit.Others)
	stream.End()
	if err := errors.Join(err, failed, l.Spend(t.Context(), 1000)); err != nil {
		t.Error(err)
	}
	l.Pace(t.Context(), 1000)
	l.Began(l.Arrived())
	if l.Unanswered(7) != 7 {
		t.Error("a stream has a bound")
	}
}
