package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"

	"github.com/consentd/consentd/bench/question"
)

func parse(t *testing.T, args ...string) (*options, error) {
	t.Helper()
	o, f := &options{}, pflag.NewFlagSet("bench", pflag.ContinueOnError)
	o.define(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o, o.complete()
}

func TestDefaults(t *testing.T) {
	quick, err := parse(t)
	if err != nil || quick.duration != 700*time.Millisecond || len(quick.subjects) != 1 || quick.rate() != 2000 {
		t.Errorf("%+v, %v", quick, err)
	}
	if expected := quick.expected(); expected > 3*time.Minute {
		t.Errorf("a quick run takes %v", expected)
	}
	all, err := parse(t, "--all", "--peer", "opa=/x=y")
	if err != nil || all.duration != 2*time.Second || all.peers["opa"] != "/x=y" {
		t.Errorf("%+v, %v", all, err)
	}
	if expected := all.expected(); expected > 25*time.Minute {
		t.Errorf("a full run takes %v, and loading comes on top", expected)
	}
}

func TestFaultsAreReportedTogether(t *testing.T) {
	_, err := parse(t, "--quick", "--all", "--slices=4", "--subjects=10", "--rate=-1", "--only=nothing", "--peer=opa")
	if err == nil {
		t.Fatal("no fault was found")
	}
	for _, want := range []string{"--quick", "--slices", "--subjects", "--rate", "--only", "--peer"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}

// Every part can be asked for by itself.
func TestParts(t *testing.T) {
	for _, name := range partNames() {
		o, err := parse(t, "--only", name)
		if err != nil {
			t.Error(err)
		}
		for _, other := range partNames() {
			if o.wants(other) != (other == name) {
				t.Errorf("--only %s: wants %s = %v", name, other, o.wants(other))
			}
		}
	}
}

// An answer is wrong only if it could not have been right at any moment between the request and the answer.
func TestWrongDuringStorm(t *testing.T) {
	const allow, deny = consentv1.Decision_DECISION_ALLOW, consentv1.Decision_DECISION_DENY
	for _, c := range []struct {
		decision      consentv1.Decision
		before, after int32
		want          bool
	}{
		{allow, notSent, notSent, false}, {allow, notSent, acknowledged, false}, {allow, sent, acknowledged, false},
		{allow, acknowledged, acknowledged, true},
		{deny, notSent, notSent, true}, {deny, notSent, sent, false}, {deny, sent, sent, false},
		{deny, acknowledged, acknowledged, false},
		{consentv1.Decision_DECISION_UNSPECIFIED, notSent, notSent, true},
	} {
		if got := wrong(c.decision, c.before, c.after); got != c.want {
			t.Errorf("%v between %d and %d: wrong = %v", c.decision, c.before, c.after, got)
		}
	}
}

// What is evaluated alone gives the same answers as the truth.
func TestEvaluatorIsRight(t *testing.T) {
	p := question.Population{Size: 1000, Seed: 5, Start: time.Now()}
	e, err := newEvaluator(p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for n := range p.Size {
		for i := range question.Purposes {
			q := question.Question{Subject: n, Purpose: i}
			if got, err := e.check(t.Context(), q); err != nil || got != p.Truth(q) {
				t.Errorf("%+v: %v, %v", q, got, err)
			}
		}
	}
}
