package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/consentd/consentd/bench/report"
)

// TestMain runs the command instead of the tests where the instrument's check runs this binary as its delay server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == delayServerName {
		main()
		return
	}
	os.Exit(m.Run())
}

// A whole run, on a small population and with slices too short for their figures to mean anything: every part measures
// something, no answer is wrong, and the cache is cold where it should be.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts the server")
	}
	if raced {
		t.Skip("under the race detector the generator cannot keep its schedule")
	}
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	o, err := parse(t, "--slice=50ms", "--subjects=1000,2000", "--rate=400,2000", "--out", out,
		"--callers=8", "--only=latency,batch,throughput,clients,cold,mixed,storms,evaluation,sizes")
	if err != nil {
		t.Fatal(err)
	}
	o.stdout, o.stderr = &stdout, &stderr
	if err := run(t.Context(), o); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	expectRows(t, read(t, out))
}

func read(t *testing.T, dir string) (r report.Report) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func expectRows(t *testing.T, r report.Report) {
	t.Helper()
	seen := map[string]bool{}
	for _, w := range r.Rows {
		seen[w.Scenario] = true
		if w.Requests == 0 || w.Failed > 0 || w.Dropped > 0 || w.Wrong > 0 || w.Latency.P50.Median <= 0 || w.Ratio.Median <= 0 {
			t.Errorf("%+v", w)
		}
	}
	for _, want := range []string{
		"unary warm", "batch of 100 warm", "unary", "batch of 100", "unary cold", "unary mixed (Zipf)", "evaluation alone, 1 goroutine",
		"unary, 8 callers", "CheckStream, 8 callers", "Go client, 8 callers",
	} {
		if !seen[want] {
			t.Errorf("%s was not measured", want)
		}
	}
	if len(r.Storms) != 2 || r.Storms[0].Checks.Requests == 0 || r.Storms[0].Revocation.P50.Median <= 0 {
		t.Errorf("storms: %+v", r.Storms)
	}
	if s := r.Storms[1]; s.Checks.Requests == 0 || s.Checks.Failed > 0 || s.Without.Requests == 0 || s.Live.P50.Median <= 0 {
		t.Errorf("storm of reloads: %+v", s)
	}
	if len(r.Loadings) != 2 || r.Loadings[1].Subjects != 2000 {
		t.Errorf("loadings: %+v", r.Loadings)
	}
}

// TestDelayServer: the server whose delay is known answers, and can be stopped and continued.
func TestDelayServer(t *testing.T) {
	d, err := startDelayServer(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	if err := d.call(1)(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if err := d.stall(1); err != nil {
		t.Error(err)
	}
	if err := d.call(0)(t.Context(), 1); err != nil {
		t.Error(err)
	}
}
