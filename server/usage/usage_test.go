package usage_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/usage"
)

var (
	monday = consent.InstantOf(time.Date(2026, 11, 30, 23, 59, 59, 0, time.UTC))
	mailer = &caller.Caller{Kind: caller.KindKey, ID: "mailer"}
)

const second, day = consent.Instant(time.Second), consent.Instant(24 * time.Hour)

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// recorder is one that counts in a directory of the test's.
type recorder struct {
	*usage.Recorder
	t   testing.TB
	dir string
	now *atomic.Int64
	log *buffer
}

// open opens the counts in a directory, at monday.
func open(t testing.TB, dir string, change ...func(*usage.Config)) *recorder {
	t.Helper()
	r := &recorder{t: t, dir: dir, now: new(atomic.Int64), log: &buffer{}}
	r.now.Store(int64(monday))
	c := usage.Config{Dir: dir, Interval: time.Hour, Logger: slog.New(slog.NewTextHandler(r.log, nil)),
		Now: func() consent.Instant { return consent.Instant(r.now.Load()) }}
	for _, f := range change {
		f(&c)
	}
	var err error
	if r.Recorder, err = usage.Open(c); err != nil {
		t.Fatal(err)
	}
	return r
}

// ask counts a decision.
func (r *recorder) ask(by *caller.Caller, effect consent.Effect, request consent.Request) {
	r.Decided(caller.With(context.Background(), by), &authz.Decided{
		Request: &request, Decision: &consent.Decision{Effect: effect}, Now: consent.Instant(r.now.Load()),
	})
}

func (r *recorder) close() {
	r.t.Helper()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recorder) record(q usage.Query) usage.Record {
	r.t.Helper()
	got, err := r.Record(context.Background(), q)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

func request(purpose string, categories ...string) consent.Request {
	return consent.Request{
		Subject: consent.Subject{Controller: "example", ID: "somebody"}, Purpose: purpose, DataCategories: categories,
	}
}

func row(k usage.Kind, allowed, denied uint64) usage.Row {
	k.Controller = "example"
	today := usage.DayOf(monday)
	return usage.Row{Kind: k, Counts: usage.Counts{Allowed: allowed, Denied: denied}, First: today, Last: today}
}

func (r *recorder) want(what string, q usage.Query, rows ...usage.Row) {
	r.t.Helper()
	if diff := cmp.Diff(rows, r.record(q).Rows, cmpopts.EquateEmpty()); diff != "" {
		r.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestDecisionsAreCountedByKind(t *testing.T) {
	r := open(t, t.TempDir())
	r.ask(mailer, consent.Allow, request("marketing_email"))
	r.ask(mailer, consent.Allow, request("marketing_email"))
	r.ask(mailer, consent.Deny, request("marketing_email"))
	r.ask(caller.Anonymous, consent.Allow, request("marketing_email"))
	r.ask(mailer, consent.Deny, request("marketing_email", "user.contact.email", "user.name"))
	shared := request("marketing_email", "user.name")
	shared.Recipient = consent.Recipient{Kind: consent.Processor, ID: "not counted apart", Country: "JP"}
	r.ask(mailer, consent.Allow, shared)
	r.Reported(caller.With(t.Context(), mailer), &authz.Reported{
		Count: 40, Request: request("marketing_email"), Decision: consent.Decision{Effect: consent.Allow},
	})
	by := mailer.Identity()
	want := []usage.Row{
		row(usage.Kind{Purpose: "marketing_email"}, 1, 0),
		row(usage.Kind{Purpose: "marketing_email", Caller: by}, 42, 1),
		row(usage.Kind{Purpose: "marketing_email", Caller: by, Category: "user.contact.email"}, 0, 1),
		row(usage.Kind{Purpose: "marketing_email", Caller: by, Category: "user.name"}, 0, 1),
		row(usage.Kind{Purpose: "marketing_email", Caller: by, Category: "user.name", Recipient: consent.Processor}, 1, 0),
	}
	r.want("at once", usage.Query{}, want...)
	r.want("of the controller", usage.Query{Controller: "example"}, want...)
	r.want("of another", usage.Query{Controller: "other"})
	r.close()
	if text := r.text("2026-11-30.jsonl"); strings.Contains(text, "somebody") || strings.Contains(text, "not counted apart") {
		t.Errorf("the file names a subject or a recipient:\n%s", text)
	}
	again := open(t, r.dir)
	again.want("after a restart", usage.Query{}, want...)
	again.ask(caller.Anonymous, consent.Allow, request("marketing_email"))
	want[0].Allowed = 2
	again.want("the day goes on", usage.Query{}, want...)
	again.close()
}

func (r *recorder) text(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// TestKeptStringsAreCopied: a request lies in memory that another call gets.
func TestKeptStringsAreCopied(t *testing.T) {
	r := open(t, t.TempDir())
	defer r.close()
	purpose := []byte("marketing_email")
	q := request(string(purpose))
	r.ask(mailer, consent.Allow, q)
	before := r.record(usage.Query{}).Rows
	r.ask(mailer, consent.Allow, request("analytics"))
	if rows := r.record(usage.Query{}).Rows; len(rows) != 2 || rows[1].Kind != before[0].Kind {
		t.Errorf("rows %v, before %v", rows, before)
	}
}

// TestDaysAreApart, whatever the clock does: a decision counts for the day for which it was made.
func TestDaysAreApart(t *testing.T) {
	r := open(t, t.TempDir())
	ask := func(at consent.Instant) {
		r.now.Store(int64(at))
		r.ask(caller.Anonymous, consent.Allow, request("analytics"))
	}
	ask(monday)
	ask(monday + second) // Tuesday
	ask(monday - second) // the clock is stepped back
	ask(monday + 2*day)
	first := usage.DayOf(monday)
	kind := usage.Kind{Controller: "example", Purpose: "analytics"}
	want := usage.Row{Kind: kind, Counts: usage.Counts{Allowed: 4}, First: first, Last: first + 2}
	r.want("all", usage.Query{}, want)
	for _, test := range []struct {
		from, until usage.Day
		allowed     uint64
		last        usage.Day
	}{{first, first + 1, 2, first}, {0, first + 2, 3, first + 1}, {first + 1, 0, 2, first + 2}, {first + 3, 0, 0, 0}} {
		rows := r.record(usage.Query{From: test.from, Until: test.until}).Rows
		if test.allowed == 0 && len(rows) == 0 {
			continue
		}
		if len(rows) != 1 || rows[0].Allowed != test.allowed || rows[0].Last != test.last {
			t.Errorf("from %v until %v: %v", test.from, test.until, rows)
		}
	}
	r.close()
	r = open(t, r.dir)
	r.want("after a restart", usage.Query{}, want)
	if kept := r.record(usage.Query{}).KeptFrom; kept != first || kept.String() != "2026-11-30" {
		t.Errorf("kept from %v", kept)
	}
	r.close()
}

// TestOldestDaysGo by their number: a clock that is years ahead for a moment removes one day, and not all.
func TestOldestDaysGo(t *testing.T) {
	r := open(t, t.TempDir(), func(c *usage.Config) { c.KeepDays = 3 })
	for i := range consent.Instant(5) {
		r.now.Store(int64(monday + i*day))
		r.ask(caller.Anonymous, consent.Allow, request("analytics"))
	}
	r.now.Store(int64(monday + 30_000*day))
	r.ask(caller.Anonymous, consent.Allow, request("analytics"))
	r.close()
	found, err := filepath.Glob(filepath.Join(r.dir, "*.jsonl"))
	if err != nil || len(found) != 3 || filepath.Base(found[0]) != "2026-12-03.jsonl" {
		t.Errorf("files %v, error %v", found, err)
	}
}

// TestDamageIsToldAndPutAside: the day begins anew, and the server starts.
func TestDamageIsToldAndPutAside(t *testing.T) {
	whole := open(t, t.TempDir())
	whole.ask(mailer, consent.Allow, request("analytics"))
	whole.close()
	text := whole.text("2026-11-30.jsonl")
	for name, damaged := range map[string]string{
		"empty": "", "cut": text[:len(text)-5], "a digit": strings.Replace(text, `"allowed":1`, `"allowed":7`, 1),
		"zeros": strings.Repeat("\x00", 4096), "no JSON": "x" + text,
	} {
		r := open(t, t.TempDir())
		path := filepath.Join(r.dir, "2026-11-30.jsonl")
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		r.want(name, usage.Query{})
		r.ask(mailer, consent.Deny, request("analytics"))
		r.close()
		again := open(t, r.dir)
		again.want(name+", counted since", usage.Query{}, row(usage.Kind{Purpose: "analytics", Caller: mailer.Identity()}, 0, 1))
		again.close()
		if aside := r.text("2026-11-30.jsonl.damaged"); aside != damaged || !strings.Contains(r.log.String(), "damaged") {
			t.Errorf("%s: put aside %q, log %s", name, aside, r.log)
		}
	}
	other := open(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(other.dir, "2026-11-29.jsonl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	other.want("the file of another day", usage.Query{})
	other.close()
}

// TestInventedNamesDoNotKeepOthersOut, nor take more than their share of memory and disk.
func TestInventedNamesDoNotKeepOthersOut(t *testing.T) {
	r := open(t, t.TempDir())
	attacker := &caller.Caller{Kind: caller.KindKey, ID: "attacker"}
	const invented = 12_000
	for i := range invented {
		r.ask(attacker, consent.Deny, request("analytics", fmt.Sprintf("user.x%d", i)))
		if i%1000 == 0 {
			r.record(usage.Query{}) // gathers, as happens each time a shard is full
		}
	}
	r.ask(mailer, consent.Allow, request("marketing_email"))
	r.ask(attacker, consent.Deny, request("analytics", "user.x0")) // what is known is counted, however much there is
	got := r.record(usage.Query{})
	counted, mine := uint64(0), uint64(0)
	for _, row := range got.Rows {
		if row.Caller == mailer.Identity() {
			mine += row.Allowed
		} else {
			counted += row.Denied
		}
	}
	if mine != 1 || counted != 5000+1 || got.Overflowed != invented-5000 || r.Stats().Overflowed != invented-5000 {
		t.Errorf("%d of the mailer, %d of the attacker, %d overflowed, stats %+v", mine, counted, got.Overflowed, r.Stats())
	}
	r.close()
	info, err := os.Stat(filepath.Join(r.dir, "2026-11-30.jsonl"))
	if err != nil || info.Size() > 2<<20 {
		t.Errorf("the file has %d bytes, error %v", info.Size(), err)
	}
}

// TestCountsAreWrittenNowAndThen: a crash loses what was counted since.
func TestCountsAreWrittenNowAndThen(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dir, func(c *usage.Config) { c.Interval = time.Minute })
		r.ask(mailer, consent.Allow, request("analytics"))
		if _, err := os.Stat(filepath.Join(dir, "2026-11-30.jsonl")); err == nil {
			t.Error("written at once: the test shows nothing")
		}
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if text := r.text("2026-11-30.jsonl"); !strings.Contains(text, `"allowed":1`) {
			t.Errorf("after a minute:\n%s", text)
		}
		r.close()
	})
}

// TestDiskThatTakesNothing: counts stay in memory, and are written when the disk takes them.
func TestDiskThatTakesNothing(t *testing.T) {
	dir := t.TempDir()
	blocked := filepath.Join(dir, "temporary.jsonl") // a directory here has every write fail
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dir, func(c *usage.Config) { c.Interval = time.Minute })
		r.ask(mailer, consent.Allow, request("analytics"))
		if err := os.Mkdir(blocked, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if !r.Stats().Failing || strings.Count(r.log.String(), "cannot be written") != 1 {
			t.Errorf("stats %+v, log:\n%s", r.Stats(), r.log)
		}
		if err := os.Remove(blocked); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if r.Stats().Failing || !strings.Contains(r.log.String(), "written again") {
			t.Errorf("stats %+v, log:\n%s", r.Stats(), r.log)
		}
		r.close()
	})
	again := open(t, dir)
	again.want("after a restart", usage.Query{}, row(usage.Kind{Purpose: "analytics", Caller: mailer.Identity()}, 1, 0))
	again.close()
}

func TestConcurrentCountsAddUp(t *testing.T) {
	r := open(t, t.TempDir())
	const goroutines, each = 16, 5000
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for range each {
				r.ask(mailer, consent.Allow, request("analytics", "user.name"))
			}
			if g%4 == 0 {
				r.record(usage.Query{})
			}
		})
	}
	all.Wait()
	kind := usage.Kind{Purpose: "analytics", Caller: mailer.Identity(), Category: "user.name"}
	r.want("all", usage.Query{}, row(kind, goroutines*each, 0))
	r.close()
}

func TestConfig(t *testing.T) {
	for _, days := range []int{-1, 3661} {
		if err := (usage.Config{KeepDays: days}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "usage-keep: ") {
			t.Errorf("%d days: %v", days, err)
		}
	}
	if err := (usage.Config{}).Validate(); err != nil {
		t.Error(err)
	}
	for at, want := range map[consent.Instant]string{
		0: "1970-01-01", -1: "1969-12-31", monday: "2026-11-30", monday + second: "2026-12-01",
	} {
		if got := usage.DayOf(at).String(); got != want {
			t.Errorf("day of %d is %s, want %s", at, got, want)
		}
	}
}

// deep is a context as deep as a call's.
func deep() context.Context {
	ctx := caller.With(context.Background(), mailer)
	type key int
	for i := range key(6) {
		ctx = context.WithValue(ctx, i, i)
	}
	return ctx
}

func BenchmarkDecided(b *testing.B) {
	for _, bench := range []struct {
		name       string
		categories []string
	}{{"no category", nil}, {"2 categories", []string{"user.contact.email", "user.name"}}} {
		r := open(b, b.TempDir())
		q := request("marketing_email", bench.categories...)
		d := &authz.Decided{Request: &q, Decision: &consent.Decision{Effect: consent.Allow}, Now: monday}
		b.Run(bench.name, func(b *testing.B) {
			ctx := deep()
			b.ReportAllocs()
			for b.Loop() {
				r.Decided(ctx, d)
			}
		})
		b.Run(bench.name+", parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for ctx := deep(); pb.Next(); {
					r.Decided(ctx, d)
				}
			})
		})
		r.close()
	}
}

func TestDecidedDoesNotAllocate(t *testing.T) {
	r := open(t, t.TempDir())
	defer r.close()
	ctx, q := deep(), request("marketing_email", "user.contact.email")
	d := &authz.Decided{Request: &q, Decision: &consent.Decision{Effect: consent.Allow}, Now: monday}
	for range 10_000 { // each shard knows the kind
		r.Decided(ctx, d)
	}
	if n := testing.AllocsPerRun(1000, func() { r.Decided(ctx, d) }); n != 0 {
		t.Errorf("%v allocations a decision", n)
	}
}
