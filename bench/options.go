package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// options are what a run does.
type options struct {
	quick, all bool
	out        string
	// subjects are the sizes of the population; the first is that of all calls but the throughput over subjects.
	subjects []int
	// answersSubjects and answersSlices are those of the part answers, which has defaults of its own.
	answersSubjects []int
	answersSlices   int
	// answers is on or off: whether the servers of the other parts remember answers.
	answers string
	// rates are those of the open loops, in requests per second; the middle one is that of
	// all calls but latency over rate.
	rates    []float64
	slices   int
	duration time.Duration
	workers  int
	// callers are the numbers of concurrent callers that the ways to call are compared at.
	callers []int
	conns   int
	only    []string
	server  string
	// stdout gets the tables, stderr the progress.
	stdout, stderr io.Writer

	peers        map[string]string
	peerFlags    []string
	installPeers bool
	peerCache    string
}

func (o *options) define(f *pflag.FlagSet) {
	f.SortFlags = false
	f.BoolVar(&o.quick, "quick", false, "consentd and the embedded peer, within 3 minutes (the default)")
	f.BoolVar(&o.all, "all", false, "everything, all peers that are there too, within 30 minutes")
	f.StringVar(&o.out, "out", "bench/out", "directory of results.md, results.json and results.html")
	f.IntSliceVar(
		&o.subjects, "subjects", nil,
		"sizes of the population; default 20000, with --all 100000,10000,1000000, of the part "+answersPart+" 1000,100000",
	)
	f.Float64SliceVar(&o.rates, "rate", nil, "requests per second of the open loops; default 1000,2000, with --all 500 to 8000")
	f.IntVar(&o.slices, "slices", 0, "measured slices per figure, at least 5; default 5, of the part "+answersPart+" 7")
	f.DurationVar(&o.duration, "slice", 0, "length of a slice; default 700ms, with --all 1.4s")
	f.IntVar(&o.workers, "workers", 64, "requests under way in the closed loops")
	f.IntSliceVar(&o.callers, "callers", []int{1, 16, 256}, "concurrent callers of the part clients")
	f.IntVar(&o.conns, "connections", 2, "connections to each server")
	f.StringSliceVar(
		&o.only, "only", nil,
		"parts to run: "+strings.Join(partNames(), ", ")+"; default all, without --all all but "+strings.Join(byName, ", "),
	)
	f.StringVar(&o.answers, "answers", answersOn, "whether servers remember answers: on or off; the part "+answersPart+" has both")
	f.StringVar(&o.server, "server", "", "binary of consentd to measure instead of building ./server")
	f.StringSliceVar(&o.peerFlags, "peer", nil, "a peer's binary, as NAME=PATH: opa, openfga, spicedb, cerbos")
	f.BoolVar(&o.installPeers, "install-peers", false, "build the peers that are not there, pinned versions, into --peer-cache")
	f.StringVar(&o.peerCache, "peer-cache", "", "folder of the peers' binaries; default consentd-bench in the user's cache folder")
}

// complete fills in the defaults and returns all faults.
func (o *options) complete() error {
	var faults []error
	if o.quick && o.all {
		faults = append(faults, errors.New("--quick, --all: give one of them"))
	}
	o.defaults()
	if o.slices < 5 {
		faults = append(faults, fmt.Errorf("--slices: %d is too few to see scatter: at least 5", o.slices))
	}
	if o.answers != answersOn && o.answers != answersOff {
		faults = append(faults, fmt.Errorf("--answers: %q: give on or off", o.answers))
	}
	for _, n := range o.subjects {
		if n < 1000 || n > 10_000_000 {
			faults = append(faults, fmt.Errorf("--subjects: %d: give 1000 to 10000000", n))
		}
	}
	for _, r := range o.rates {
		if r <= 0 {
			faults = append(faults, fmt.Errorf("--rate: %v: give requests per second, above 0", r))
		}
	}
	for _, name := range o.only {
		if !knownPart(name) {
			faults = append(faults, fmt.Errorf("--only: %q is none of %s", name, strings.Join(partNames(), ", ")))
		}
	}
	return errors.Join(append(faults, o.splitPeers())...)
}

func (o *options) splitPeers() error {
	o.peers = map[string]string{}
	var faults []error
	for _, p := range o.peerFlags {
		name, path, ok := strings.Cut(p, "=")
		if !ok || name == "" || path == "" {
			faults = append(faults, fmt.Errorf("--peer: %q: give NAME=PATH", p))
		}
		o.peers[name] = path
	}
	return errors.Join(faults...)
}

func (o *options) defaults() {
	subjects, rates, duration := []int{20_000}, []float64{1000, 2000}, 700*time.Millisecond
	if o.all {
		subjects, rates, duration = []int{100_000, 10_000, 1_000_000}, []float64{500, 1000, 2000, 4000, 8000}, 1400*time.Millisecond
	}
	o.answersSubjects, o.answersSlices = o.subjects, o.slices
	if len(o.subjects) == 0 {
		o.subjects, o.answersSubjects = subjects, []int{1000, 100_000}
	}
	if o.slices == 0 {
		o.slices, o.answersSlices = 5, 7
	}
	if slices.Equal(o.only, []string{answersPart}) {
		o.subjects = o.answersSubjects // nobody else needs others
	}
	if len(o.rates) == 0 {
		o.rates = rates
	}
	if o.duration == 0 {
		o.duration = duration
	}
}

// rate is that of all open loops but latency over rate.
func (o *options) rate() float64 { return o.rates[len(o.rates)/2] }

// byName are the parts that a quick run has no time for, unless they are asked for by name.
var byName = []string{clientsPart, nodesPart, answersPart}

const (
	clientsPart = "clients"
	nodesPart   = "nodes"
	answersPart = "answers"
)

// The values of --answers.
const (
	answersOn  = "on"
	answersOff = "off"
)

// serverFlags are those that the server is started with beside its own. Remembering answers is its default.
func (o *options) serverFlags() []string {
	if o.answers == answersOff {
		return []string{"--answers", answersOff}
	}
	return nil
}

// wants says whether a part is to run.
func (o *options) wants(part string) bool {
	for _, name := range o.only {
		if name == part {
			return true
		}
	}
	return len(o.only) == 0 && (o.all || !slices.Contains(byName, part))
}
