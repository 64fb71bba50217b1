// Package report holds what a run found and writes it: as a Markdown table, as JSON, and as an HTML page with plots
// that needs nothing from a network.
//
// Times are microseconds, memory is bytes, rates are per second, unless a field says otherwise.
package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/consentd/consentd/bench/load"
)

// Report is a whole run.
type Report struct {
	Machine Machine `json:"machine"`
	// Command is what reproduces the run.
	Command  string            `json:"command"`
	Started  time.Time         `json:"started"`
	Seconds  float64           `json:"seconds"`
	Versions map[string]string `json:"versions"`
	Loadings []Loading         `json:"loadings"`
	Rows     []Row             `json:"rows"`
	Storms   []Storm           `json:"storms"`
	Figures  []Figure          `json:"figures,omitempty"`
	Splits   []Split           `json:"splits,omitempty"`
	Checks   []Check           `json:"instrument"`
	Peers    []Peer            `json:"peers"`
	// Notes say what is missing or not comparable.
	Notes []string `json:"notes"`
}

// Machine is where it ran.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	System string `json:"system"`
	Go     string `json:"go"`
}

// Loading is how subjects came in.
type Loading struct {
	System   string  `json:"system"`
	Subjects int     `json:"subjects"`
	Seconds  float64 `json:"seconds"`
	// BytesPerSubject is on disk for a store, in memory otherwise.
	BytesPerSubject float64 `json:"bytes_per_subject"`
	Where           string  `json:"where"`
	Note            string  `json:"note,omitempty"`
}

// Row is one measured call.
type Row struct {
	System   string `json:"system"`
	Scenario string `json:"scenario"`
	Subjects int    `json:"subjects"`
	// Schedule is constant, poisson or closed.
	Schedule string `json:"schedule"`
	// Offered is the rate of an open loop, in requests per second; 0 in a closed one.
	Offered float64 `json:"offered,omitempty"`
	// Checks is how many decisions one request asks for.
	Checks  int     `json:"checks_per_request"`
	Latency Latency `json:"latency_us"`
	Floor   Latency `json:"floor_us"`
	// Ratio is the p50 of the call over that of the null RPC beside it.
	Ratio load.Spread `json:"p50_ratio"`
	// Throughput is decisions per second.
	Throughput load.Spread `json:"throughput"`
	// ThroughputRatio is that over the null RPCs per second of the slices beside.
	ThroughputRatio load.Spread `json:"throughput_ratio"`
	// Kept is the share of the offered rate that was kept up with: the schedule's length over
	// the time until the last answer.
	Kept float64 `json:"kept,omitempty"`
	// CPU is the server's time per decision, FloorCPU that per null RPC.
	CPU      load.Spread `json:"cpu_us_per_check"`
	FloorCPU load.Spread `json:"floor_cpu_us"`
	// CPURatio is the server's time per request over that per null RPC.
	CPURatio   load.Spread `json:"cpu_ratio"`
	PeakMemory int64       `json:"peak_memory"`
	Requests   int         `json:"requests"`
	Failed     int         `json:"failed"`
	Dropped    int         `json:"dropped"`
	Wrong      int64       `json:"wrong_answers"`
	// LagP99 is how late the generator itself sent, part of the latency.
	LagP99 float64 `json:"generator_lag_p99_us"`
	Note   string  `json:"note,omitempty"`
}

// Latency is a distribution: spreads over the slices where there are enough requests in one,
// else that of all slices together.
type Latency struct {
	P50   load.Spread `json:"p50"`
	P99   load.Spread `json:"p99"`
	P90   float64     `json:"p90"`
	P999  float64     `json:"p99_9"`
	P9999 float64     `json:"p99_99"`
	Max   float64     `json:"max"`
}

// Storm is what happened while something else was going on.
type Storm struct {
	Name string `json:"name"`
	// Missing says why it did not run; empty: it did.
	Missing string `json:"missing,omitempty"`
	// Offered and Done are events of the storm per second.
	Offered float64 `json:"offered,omitempty"`
	Done    float64 `json:"done,omitempty"`
	Checks  Row     `json:"checks"`
	// Without are the same checks without the storm, where they were measured beside.
	Without *Row `json:"checks_without,omitempty"`
	// Revocation is from the acknowledgement of a withdrawal to the first denial, Live from saving a policy to the first
	// answer by it.
	Revocation Latency `json:"revocation_us"`
	Live       Latency `json:"live_us"`
	Note       string  `json:"note,omitempty"`
}

// Figure is one figure of one system, for what is no Row: comparisons of several systems whose slices alternate.
type Figure struct {
	What   string `json:"what"`
	System string `json:"system"`
	// Subjects is how many there were; 0: as many as the run has.
	Subjects int         `json:"subjects,omitempty"`
	Unit     string      `json:"unit"`
	Value    load.Spread `json:"value"`
	// Target is what it should be; empty: nothing.
	Target string `json:"target,omitempty"`
	Note   string `json:"note,omitempty"`
}

// AtMost is the figure with a target, and whether its median is within it.
func (f Figure) AtMost(bound float64) Figure { return f.aimed("≤ ", bound, f.Value.Median <= bound) }

// AtLeast is the figure with a target, and whether its median reaches it.
func (f Figure) AtLeast(bound float64) Figure { return f.aimed("≥ ", bound, f.Value.Median >= bound) }

// aimed has the target in words. Nothing measured meets nothing.
func (f Figure) aimed(sign string, bound float64, met bool) Figure {
	verdict := "**not met**"
	switch {
	case f.Value.Median == 0:
		verdict = "**not measured**"
	case met:
		verdict = "met"
	}
	f.Target = sign + number(bound) + ": " + verdict
	return f
}

// Split is where the server's processor time for a check went, by a profile, in microseconds per check.
type Split struct {
	What     string `json:"what"`
	Subjects int    `json:"subjects"`
	// CPU is all of it, by the process' clock; the others add up to it, but where nothing was sampled.
	CPU        float64 `json:"cpu_us_per_check"`
	Decision   float64 `json:"decision_us"`
	Edge       float64 `json:"edge_us"`
	Collection float64 `json:"collection_us"`
	Transport  float64 `json:"transport_us"`
	// Samples is how often the profiler looked.
	Samples int64  `json:"samples"`
	Note    string `json:"note,omitempty"`
}

// splitParts are what a Split has, in the order of Split.parts.
var splitParts = []string{"decision", "edge", "garbage collection", "transport"}

func (s *Split) parts() []float64 { return []float64{s.Decision, s.Edge, s.Collection, s.Transport} }

// Check is a look at the instrument itself.
type Check struct {
	Name     string  `json:"name"`
	Want     float64 `json:"want_us"`
	Got      float64 `json:"got_us"`
	Within   float64 `json:"within"`
	Passed   bool    `json:"passed"`
	Comments string  `json:"comments,omitempty"`
}

// Peer is what one can and cannot do.
type Peer struct {
	Name, Version, Setup  string
	Store, Batch, Reasons string
	// Differs is what is not comparable.
	Differs string
	// Missing says why it did not run; empty: it did.
	Missing string `json:",omitempty"`
}

// Write puts results.md, results.json and results.html into dir, which is made if it is not there.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	page, err := r.HTML()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"results.json": data, "results.md": []byte(r.Markdown()), "results.html": page,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
