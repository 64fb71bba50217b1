package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// steady returns samples that stay as they are, the first tenth aside.
func steady(n int) (all []sample) {
	for i := range n {
		level := 1.0
		if i < n/10 {
			level = 0.2
		}
		all = append(all, sample{40 * level, 60 * level, 110 * level, 30 * level, 200 * level, float64(i)})
	}
	return all
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name    string
		samples []sample
		change  func([]sample)
		want    string
	}{
		{"steady", steady(150), func([]sample) {}, ""},
		{"too few", steady(9), func([]sample) {}, "make the run longer"},
		{"goroutines", steady(150), func(last []sample) {
			for _, s := range last {
				s[2] = 145
			}
		}, "goroutines has grown from 110.0 to 145.0"},
		{"a burst is no growth", steady(150), func(last []sample) { last[3][0], last[4][3] = 400, 1000 }, ""},
		{"memory that the kernel took back late is shown alone", steady(150), func(last []sample) {
			for _, s := range last {
				s[4] = 900
			}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.change(test.samples[len(test.samples)-len(test.samples)/10:])
			err := judge(io.Discard, test.samples)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("judge = %v, want %q", err, test.want)
			}
		})
	}
}

func TestParseNamesWhatIsMissing(t *testing.T) {
	if _, err := parse("go_goroutines 7\n"); err == nil || !strings.Contains(err.Error(), "go_memstats_heap_alloc_bytes") {
		t.Errorf("parse = %v", err)
	}
}

func TestFaults(t *testing.T) {
	var a acts
	a.count("check", nil)
	a.count("check", status.Error(codes.ResourceExhausted, "later"))
	if err := a.faults(); err != nil {
		t.Errorf("a refusal is a fault: %v", err)
	}
	a.count("check", errWrong)
	a.count("backup", status.Error(codes.Unavailable, "no"))
	err := a.faults()
	if err == nil || !strings.Contains(err.Error(), "check: 1 times") || !strings.Contains(err.Error(), "backup: none succeeded") {
		t.Errorf("faults = %v", err)
	}
}

// The files are as the server takes them, and the key that visitors have is in force before and after each change.
func TestFiles(t *testing.T) {
	f, err := newFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	before, next := *f.visitors.Load(), f.next
	if err := f.renewKeys(1); err != nil {
		t.Fatal(err)
	}
	if now := *f.visitors.Load(); now != next || now == before {
		t.Error("visitors do not go on with the key that was announced")
	}
	if until := f.authority.NotAfter; time.Until(until) < 24*time.Hour {
		t.Errorf("the authority ends at %v", until)
	}
}
