package reload_test

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/reload"
	"github.com/consentd/consentd/server/policy/source"
)

// Checks that run while policies change all get whole answers: of the set before or of the one after, never of a
// mixture, and never an error. One that starts after a change was reported has the new set.
func TestChecksDuringChanges(t *testing.T) {
	b := newBench(t, newScripted(acme(t, "0")), nil)
	b.start(t)
	var clauses sync.Map // by revision
	clauses.Store(b.active.Current().Revision(), "0")
	stop, checked := make(chan struct{}), atomic.Int64{}
	var checkers sync.WaitGroup
	for range 4 {
		checkers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				d := decide(b.active.Current())
				if d.Effect != consent.Allow || len(d.Reasons) != 1 {
					t.Errorf("a check failed: %+v", d)
					return
				}
				if want, known := clauses.Load(d.PolicyRevision); known && want != d.Reasons[0].Clause {
					t.Errorf("revision %s answered %q, want %q", d.PolicyRevision, d.Reasons[0].Clause, want)
				}
				checked.Add(1)
			}
		})
	}
	for i := range 200 {
		files := acme(t, fmt.Sprint(i))
		if i%3 == 2 {
			files = bad(t)
		}
		b.give(files, nil)
		set := b.active.Current()
		clauses.Store(set.Revision(), fmt.Sprint(i-i%3+min(i%3, 1)))
		if got := decide(set); got.Reasons[0].Clause != fmt.Sprint(i-i%3+min(i%3, 1)) {
			t.Fatalf("after change %d: %+v", i, got)
		}
	}
	close(stop)
	checkers.Wait()
	t.Logf("%d checks during 200 changes", checked.Load())
	if s := b.loader.Stats(); s.Errors != 0 || checked.Load() < 200 {
		t.Errorf("%d checks, stats %+v", checked.Load(), s)
	}
}

var reloads = flag.Int("reloads", 20, "how many times TestReloadsLeakNothing reloads the shipped policies")

// 1,000 reloads leave the heap, after a collection, within a tenth of what it was, and as many goroutines. Small sets
// show what is left of each by itself, the shipped ones what of a real one; of those fewer unless -reloads says so, for
// time.
func TestReloadsLeakNothing(t *testing.T) {
	shipped, err := source.ReadDir("../../../policies", source.DefaultMaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		n     int
		files func(i int) *source.Files
	}{
		"small":   {1000, func(i int) *source.Files { return acme(t, fmt.Sprint(i)) }},
		"shipped": {*reloads, func(i int) *source.Files { return altered(t, shipped, i) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, newScripted(row.files(0)), func(c *reload.Config) { c.Logger = nil }) // the log is kept in memory
			b.start(t)
			const warm = 10 // pools and caches fill
			for i := range warm {
				b.give(row.files(i+1), nil)
			}
			heap, goroutines := usage()
			for i := range row.n {
				if status := b.give(row.files(warm+1+i), nil); len(status.Faults) > 0 {
					t.Fatal(status.Faults)
				}
				if i%10 == 0 {
					b.give(acme(t, "x", bad(t).List()...), nil)
				}
			}
			after, now := usage()
			t.Logf("%d reloads: heap %.1f MiB, then %.1f MiB; goroutines %d, then %d", row.n, mib(heap), mib(after), goroutines, now)
			if float64(after) > 1.1*float64(heap) {
				t.Errorf("the heap grew from %d to %d bytes", heap, after)
			}
			if now > goroutines {
				t.Errorf("goroutines grew from %d to %d", goroutines, now)
			}
			runtime.KeepAlive(b)
		})
	}
}

func usage() (heap uint64, goroutines int) {
	runtime.GC()
	runtime.GC() // what has finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, runtime.NumGoroutine()
}

func mib(n uint64) float64 { return float64(n) / (1 << 20) }

// altered are files of which one string and one rule are new each time.
func altered(t *testing.T, files *source.Files, i int) *source.Files {
	t.Helper()
	list := append([]consent.PolicyFile{{
		Path: "extra.rego", Content: fmt.Appendf(nil, "package consentd.extra\n\nrule_%d := \"string %d\"\n", i, i),
	}}, files.List()...)
	for j := range list {
		if list[j].Path == "controllers/example/data.yaml" {
			list[j].Content = append([]byte(nil), list[j].Content...)
			list[j].Content = append(list[j].Content, fmt.Sprintf("\nown: {saved: \"number %d\"}\n", i)...)
		}
	}
	out, err := source.NewFiles(list)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
