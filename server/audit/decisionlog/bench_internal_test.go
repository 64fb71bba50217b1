package decisionlog

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/consent"
)

// sampleDecided is a decision of the usual size.
func sampleDecided() *authz.Decided {
	return &authz.Decided{
		Request: &consent.Request{
			Subject: consent.Subject{Controller: "example", ID: "01926a9c-5f0e-7c3a-9d43-0a3f3f6f8b21"}, Purpose: "marketing_email",
			DataCategories: []string{"user.contact.email"},
		},
		Decision: &consent.Decision{
			Effect: consent.Allow, Basis: consent.BasisConsent, Reasons: []consent.Reason{{Code: consent.BasisHolds, Clause: "LEVEL-3"}},
			Obligations:             []consent.Obligation{{Code: consent.IncludeUnsubscribe}},
			PermittedDataCategories: []string{"user.contact.email"}, ValidUntil: consent.InstantOf(time.Now().Add(time.Hour)),
			PolicyRevision: "cabfcd0e4fb9dcc059b89ed3dfcb353b", StateRevision: 123456, ID: "3789e714c96e3da3bef532e0efe4a6ca",
		},
		Now: consent.InstantOf(time.Now()), Began: time.Now(),
	}
}

// processorTime is what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLog logs decisions to files, as Block does, so that nothing is left out; cpu-ns/op is the processor time of
// request path and writer together.
func BenchmarkLog(b *testing.B) {
	for name, file := range map[string]string{"plain": "log.jsonl", "zstd": "log.jsonl.zst"} {
		b.Run(name, func(b *testing.B) {
			l, err := Open(Config{Sink: filepath.Join(b.TempDir(), file), Overflow: Block, FileTotal: 200 << 20})
			if err != nil {
				b.Fatal(err)
			}
			d := sampleDecided()
			before := processorTime(b)
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Recorded(context.Background(), d); err != nil {
					b.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkAppend is the request's path alone.
func BenchmarkAppend(b *testing.B) {
	l, err := Open(Config{Sink: filepath.Join(b.TempDir(), "log.jsonl"), FileTotal: 200 << 20})
	if err != nil {
		b.Fatal(err)
	}
	d := sampleDecided()
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Recorded(context.Background(), d)
	}
	_ = l.Close()
}

// BenchmarkForm is a line of JSON from a record.
func BenchmarkForm(b *testing.B) {
	f := newForm(&Log{})
	c := &chunk{}
	d := sampleDecided()
	for range 250 {
		c.add(nil, &entry{at: d.Now, latency: 3000, request: d.Request, decision: d.Decision})
	}
	var out batch
	b.ReportAllocs()
	for b.Loop() {
		out.reset()
		f.lines(&out, c)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/250, "ns/line")
	b.ReportMetric(float64(len(out.data))/250, "B/line")
}
