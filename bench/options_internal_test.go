package main

import (
	"slices"
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
	if err != nil || all.duration != 1400*time.Millisecond || all.peers["opa"] != "/x=y" {
		t.Errorf("%+v, %v", all, err)
	}
	if expected := all.expected(); expected > 26*time.Minute {
		t.Errorf("a full run takes %v, and loading comes on top", expected)
	}
}

func TestFaultsAreReportedTogether(t *testing.T) {
	_, err := parse(t, "--quick", "--all", "--slices=4", "--subjects=10", "--rate=-1", "--only=nothing", "--peer=opa",
		"--answers=perhaps")
	if err == nil {
		t.Fatal("no fault was found")
	}
	for _, want := range []string{"--quick", "--slices", "--subjects", "--rate", "--only", "--peer", "--answers"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}

// The part answers has defaults of its own, which what is given replaces; the others keep theirs.
func TestDefaultsOfAnswers(t *testing.T) {
	for _, c := range []struct {
		args                      []string
		subjects, answersSubjects []int
		slices, answersSlices     int
	}{
		{nil, []int{20_000}, []int{1000, 100_000}, 5, 7},
		{[]string{"--only=answers"}, []int{1000, 100_000}, []int{1000, 100_000}, 5, 7},
		{[]string{"--only=answers", "--subjects=3000", "--slices=9"}, []int{3000}, []int{3000}, 9, 9},
		{[]string{"--only=answers,batch", "--slices=5"}, []int{20_000}, []int{1000, 100_000}, 5, 5},
	} {
		o, err := parse(t, c.args...)
		if err != nil || !slices.Equal(o.subjects, c.subjects) || !slices.Equal(o.answersSubjects, c.answersSubjects) ||
			o.slices != c.slices || o.answersSlices != c.answersSlices {
			t.Errorf("%v: %+v, %v", c.args, o, err)
		}
	}
}

// Servers remember answers unless they are told not to, and are told nothing that older ones do not know.
func TestServerFlags(t *testing.T) {
	on, err := parse(t)
	if err != nil || len(on.serverFlags()) > 0 {
		t.Errorf("%v, %v", on.serverFlags(), err)
	}
	off, err := parse(t, "--answers=off")
	if want := []string{"--answers", "off"}; err != nil || !slices.Equal(off.serverFlags(), want) {
		t.Errorf("%v, %v", off.serverFlags(), err)
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
