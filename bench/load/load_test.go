package load_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/consentd/consentd/bench/load"
)

func TestConstantDoesNotDrift(t *testing.T) {
	const rate = 3000 // whose period is no whole number of nanoseconds
	next := load.Constant(rate)
	for n := range 10 * rate {
		want := float64(n) / rate * 1e9
		if got := float64(next()); math.Abs(got-want) > 1 {
			t.Fatalf("request %d leaves at %v ns, want %v", n, got, want)
		}
	}
}

// The distances of a Poisson process are exponential: their mean and their deviation are both the period, and a
// share of 1/e is longer than it.
func TestPoissonDistances(t *testing.T) {
	const rate, n = 1000.0, 200_000
	next, again := load.Poisson(rate, 5), load.Poisson(rate, 5)
	var last, sum, squares, long float64
	for range n {
		at := float64(next())
		if repeated := float64(again()); repeated != at {
			t.Fatalf("the same seed gave %v and %v", at, repeated)
		}
		gap := (at - last) / 1e9 * rate
		if gap < 0 {
			t.Fatalf("a request leaves %v before the one before", gap)
		}
		sum, squares, last = sum+gap, squares+gap*gap, at
		if gap > 1 {
			long++
		}
	}
	mean := sum / n
	for name, c := range map[string]struct{ got, want float64 }{
		"mean": {mean, 1}, "deviation": {math.Sqrt(squares/n - mean*mean), 1}, "share above the mean": {long / n, 1 / math.E},
	} {
		if math.Abs(c.got-c.want) > 0.02 {
			t.Errorf("%s = %v, want %v", name, c.got, c.want)
		}
	}
	if other := load.Poisson(rate, 6); float64(other()) == last {
		t.Error("another seed gave the same schedule")
	}
}

// No answer comes before all requests were due, so each has waited at least from its scheduled instant to the last
// one's. An instrument with coordinated omission would have sent the first only.
func TestOpenCountsFromTheSchedule(t *testing.T) {
	const rate, n = 1000, 100
	var sent atomic.Int64
	all := make(chan struct{})
	r := load.Open(t.Context(), load.OpenConfig{Schedule: load.Constant(rate), Duration: n * time.Second / rate, First: 7},
		func(_ context.Context, number int) error {
			if number < 7 || number >= 7+n {
				t.Errorf("number %d", number)
			}
			if sent.Add(1) == n {
				close(all)
			}
			<-all
			return nil
		})
	if r.Sent != n || r.Dropped != 0 || r.Failed != 0 || r.Latency.TotalCount() != n {
		t.Fatalf("%d sent, %d dropped, %d failed, %d recorded", r.Sent, r.Dropped, r.Failed, r.Latency.TotalCount())
	}
	for _, p := range []float64{10, 50, 90} {
		atLeast := (p/100*n - 1) * 1e9 / rate // that of the request whose latency has this rank
		if got := load.Quantile(r.Latency, p); got < 0.99*atLeast {
			t.Errorf("p%v = %v ns, want at least %v", p, got, atLeast)
		}
	}
}

func TestOpenDropsAndSaysSo(t *testing.T) {
	const rate, n, limit = 2000, 100, 10
	ctx, release := context.WithTimeout(t.Context(), time.Minute)
	defer release()
	var sent atomic.Int64
	schedule, count := load.Constant(rate), 0
	r := load.Open(ctx, load.OpenConfig{
		Duration: n * time.Second / rate, MaxUnderWay: limit,
		Schedule: func() time.Duration {
			if count++; count > n { // the schedule is over: let the calls end
				defer release()
			}
			return schedule()
		},
	}, func(ctx context.Context, _ int) error {
		sent.Add(1)
		<-ctx.Done()
		return nil
	})
	if r.Sent != limit || r.Dropped != n-limit {
		t.Errorf("%d sent, %d dropped, want %d and %d", r.Sent, r.Dropped, limit, n-limit)
	}
}

func TestErrorsAreCounted(t *testing.T) {
	broken := errors.New("broken")
	call := func(_ context.Context, n int) error {
		if n%4 == 0 {
			return broken
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	r := load.Closed(ctx, load.ClosedConfig{Workers: 3, Duration: time.Hour}, func(ctx context.Context, n int) error {
		if calls.Add(1) == 1000 {
			cancel()
		}
		return call(ctx, n)
	})
	if r.Sent < 1000 || r.Latency.TotalCount() != int64(r.Sent) {
		t.Errorf("%d sent, %d recorded", r.Sent, r.Latency.TotalCount())
	}
	if want := (r.Sent + 3) / 4; r.Failed != want || !errors.Is(r.Err, broken) {
		t.Errorf("%d failed with %v, want %d", r.Failed, r.Err, want)
	}
}

// Merging parts gives the histogram of the whole.
func TestMerge(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	whole, merged := load.NewHistogram(), load.Result{}
	sent := 0
	for part := range 7 {
		r := load.Result{Latency: load.NewHistogram(), Lag: load.NewHistogram(), Elapsed: time.Second, Dropped: part}
		for range 1000 * part {
			v := int64(math.Exp(random.Float64() * 25))
			for _, err := range []error{whole.RecordValue(v), r.Latency.RecordValue(v), r.Lag.RecordValue(v / 2)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			r.Sent++
		}
		if part == 3 {
			r.Failed, r.Err = 2, errors.New("third")
		}
		sent += r.Sent
		merged.Merge(r)
	}
	if diff := cmp.Diff(whole.CumulativeDistribution(), merged.Latency.CumulativeDistribution()); diff != "" {
		t.Errorf("distributions differ: %s", diff)
	}
	if merged.Sent != sent || merged.Failed != 2 || merged.Dropped != 21 || merged.Elapsed != 7*time.Second || merged.Err == nil {
		t.Errorf("merged = %+v", merged)
	}
	if got, want := merged.Rate(), float64(sent)/7; math.Abs(got-want) > 1e-9 {
		t.Errorf("rate = %v, want %v", got, want)
	}
}

func TestSpread(t *testing.T) {
	self := func(f float64) float64 { return f }
	for _, c := range []struct {
		of   []float64
		want load.Spread
		wide bool
	}{
		{nil, load.Spread{}, false},
		{[]float64{3}, load.Spread{Median: 3, Min: 3, Max: 3}, false},
		{[]float64{9, 10, 11, 10, 10}, load.Spread{Median: 10, Min: 9, Max: 11}, false},
		{[]float64{4, 1, 3, 2}, load.Spread{Median: 2.5, Min: 1, Max: 4}, true},
	} {
		got := load.SpreadOf(c.of, self)
		if got != c.want || (got.Scatter() > load.TooWide) != c.wide {
			t.Errorf("%v: %+v, scatter %v", c.of, got, got.Scatter())
		}
	}
}

func TestSlicesAlternate(t *testing.T) {
	var order string
	slice := func(name string) func() load.Slice {
		return func() load.Slice {
			order += name
			return load.Slice{Result: load.Result{Sent: len(order)}, CPU: time.Duration(len(order)) * time.Second}
		}
	}
	pairs := load.Alternate(4, slice("m"), slice("f"))
	if order != "fmmffmmf" {
		t.Errorf("order = %s", order)
	}
	for _, p := range pairs {
		if d := p.Measured.Sent - p.Floor.Sent; d != 1 && d != -1 {
			t.Errorf("a pair is not side by side: %d and %d", p.Measured.Sent, p.Floor.Sent)
		}
		if got := p.Measured.CPUPerRequest(); got != time.Second {
			t.Errorf("CPU per request = %v", got)
		}
	}
	if got := (&load.Slice{CPU: time.Second}).CPUPerRequest(); got != 0 {
		t.Errorf("CPU per request of none = %v", got)
	}
}
