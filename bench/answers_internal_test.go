package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/consentd/consentd/bench/question"
	"github.com/consentd/consentd/bench/report"
	"github.com/consentd/consentd/server/servertest"
)

// The whole part, too short for its figures to mean anything: each is there, no answer is wrong, and what the server
// remembers of the mixes is near what was aimed at, where it remembers anything.
func TestAnswers(t *testing.T) {
	if testing.Short() || raced {
		t.Skip("it builds and starts servers, which the generator cannot keep up with under the race detector")
	}
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	o, err := parse(t, "--slice=20ms", "--subjects=1000", "--slices=5", "--workers=8", "--out", out, "--only=answers")
	if err != nil {
		t.Fatal(err)
	}
	o.stdout, o.stderr = &stdout, &stderr
	if err := run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	r := read(t, out)
	expectFigures(t, r)
	expectSplits(t, r)
	expectShares(t, r)
	if t.Failed() {
		t.Log(stdout.String())
	}
}

func expectFigures(t *testing.T, r report.Report) {
	t.Helper()
	seen := map[string]string{}
	for _, f := range r.Figures {
		seen[f.What+": "+f.System] = f.Target
		if f.Value.Median <= 0 || strings.Contains(f.Note, "error") || f.Subjects != 1000 {
			t.Errorf("%+v", f)
		}
	}
	for want, target := range map[string]string{
		"server CPU per call, closed loop: echo":                              "",
		"server CPU per call, closed loop: remembered ÷ echo":                 "≤ 1.10: ",
		"server CPU per call, closed loop: remembered ÷ null RPC":             "≤ 1.30: ",
		"server CPU per call, closed loop: not remembered ÷ null RPC":         "≤ 1.55: ",
		"calls per second: remembered ÷ null RPC":                             "≥ 0.85: ",
		"p99 at half of capacity (remembered): remembered ÷ null RPC":         "≤ 1.20: ",
		"p99 at half of capacity (not remembered): not remembered ÷ null RPC": "",
		"checks in batches of 100: remembered":                                "≥ 250,000: ",
		"checks in batches of 100: not remembered":                            "≥ 130,000: ",
		"server CPU per check, batches of 100: remembered":                    "",
		"checks, 256 callers: Go client, remembered ÷ unary, remembered":      "≥ 4.00: ",
		"server CPU per check, some answers remembered: aimed at 99 %":        "",
	} {
		if got, ok := seen[want]; !ok || !strings.HasPrefix(got, target) {
			t.Errorf("%s: target %q, measured %v", want, got, ok)
		}
	}
}

// expectShares compares what was remembered of each mix with the aim, within 10 points of a hundred. A server that
// remembers nothing has nothing remembered.
func expectShares(t *testing.T, r report.Report) {
	t.Helper()
	none := strings.Contains(strings.Join(r.Notes, " "), "counts no lookups of answers")
	mixes := 0
	for _, f := range r.Figures {
		var aim, got float64
		if _, err := fmt.Sscanf(f.System, "aimed at %f %%", &aim); err != nil {
			continue
		}
		mixes++
		if _, err := fmt.Sscanf(f.Note, "%f %% were remembered", &got); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
		if none {
			aim = 0
		}
		if math.Abs(got-aim) > 10 {
			t.Errorf("%s: %v %% were remembered", f.System, got)
		}
	}
	if mixes != 8 {
		t.Errorf("%d figures of mixes", mixes)
	}
}

// A profile of a second has some samples of a server that works, and its parts add up.
func expectSplits(t *testing.T, r report.Report) {
	t.Helper()
	names := map[string]bool{}
	for _, s := range r.Splits {
		names[s.What] = true
		sum := s.Decision + s.Edge + s.Collection + s.Transport
		if s.CPU <= 0 || s.Samples == 0 || sum < 0.99*s.CPU || sum > 1.01*s.CPU || s.Transport == 0 || s.Note != "" {
			t.Errorf("%+v", s)
		}
	}
	if !names[echoName] || !names[rememberedName] || !names[notRememberedName] {
		t.Errorf("splits of %v", names)
	}
}

// A request whose bytes are no other's is answered as the same one with the bytes that are usual.
func TestUniqueRequestsAskTheSame(t *testing.T) {
	s := servertest.Start(t, servertest.Options{})
	p := question.Population{Size: 20, Seed: 1, Start: time.Now()}
	seen := map[string]bool{}
	for n := range p.Size {
		if _, err := s.Consents.RecordEvents(t.Context(), p.Record(n)); err != nil {
			t.Fatal(err)
		}
		q := question.Question{Subject: n, Purpose: n % 2}
		usual, unique := p.Check(q), p.Check(q)
		makeUnique(unique, uint64(n))
		for _, request := range []proto.Message{usual, unique} {
			data, err := proto.Marshal(request)
			if err != nil || seen[string(data)] {
				t.Errorf("%v: %v, or sent before", request, err)
			}
			seen[string(data)] = true
		}
		want, err := s.Decisions.Check(t.Context(), usual)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Decisions.Check(t.Context(), unique)
		own := protocmp.IgnoreFields(want, "decision_id")
		if diff := cmp.Diff(want, got, protocmp.Transform(), own); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
}

// A profile is as long as slices are, in whole seconds.
func TestProfiled(t *testing.T) {
	for slice, want := range map[time.Duration]int{20 * time.Millisecond: 1, 700 * time.Millisecond: 4, time.Minute: profileSeconds} {
		if got := (&options{duration: slice, answersSlices: 7}).profiled(); got != want {
			t.Errorf("slices of %v: %d s, want %d", slice, got, want)
		}
	}
}
