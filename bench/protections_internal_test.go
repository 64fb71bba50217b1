package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/consentd/consentd/bench/load"
	"github.com/consentd/consentd/bench/proc"
	"github.com/consentd/consentd/bench/question"
)

// The flags of TestProtectionCost.
var (
	costRounds = flag.Int("protection-cost", 0, "rounds in which TestProtectionCost compares servers; 0: it is skipped")
	costSlice  = flag.Duration("protection-slice", time.Second, "how long a round puts load on each server")
	costOnly   = flag.String("protection-only", "", "beginnings of the names of those to compare, with semicolons; default all")
	costServer = flag.String("protection-server", "", "binary of consentd to measure instead of building ./server")
	costAdmin  = flag.Bool("protection-profile", false, "print where each server serves its profiles")
)

const (
	costWorkers, costConnections, costSubjects = 32, 4, 2000
	// costSettle is how long a slice goes on after its last answer: the decision log's writer comes five times a second.
	costSettle = 250 * time.Millisecond
)

// protection is a way to start the server.
type protection struct {
	name        string
	flags       []string
	credentials []grpc.DialOption
	// most is what it may take of the server's processor time, to the bare server's; 0: any.
	most float64
}

// protections are compared with the first. Metrics, the queue's limits, the audit of acts and the record of processing
// are always on, the first's too. A credential comes with the policy of access, without which it permits nothing.
func protections(t *testing.T) []protection {
	c := newCredentials(t)
	log := func(name string) []string { return []string{"--decision-log", filepath.Join(t.TempDir(), name)} }
	limits := []string{"--caller-rate", "10000000", "--caller-concurrency", "10000"}
	traces := []string{"--otlp-endpoint", "http://127.0.0.1:9", "--trace-sample", "0"}
	tls := c.tls()
	mutual, key, token := c.mutual(tls.flags), c.key(), c.token()
	return []protection{
		{name: "bare"},
		{name: "bare again: the scatter"},
		{name: "TLS", flags: tls.flags, credentials: tls.options},
		{name: "mutual TLS, access policy", flags: mutual.flags, credentials: mutual.options},
		{name: "API key, access policy", flags: key.flags, credentials: key.options},
		{name: "JWT, access policy", flags: token.flags, credentials: token.options},
		{name: "limits per caller", flags: limits},
		{name: "traces, none sampled", flags: traces},
		{name: "log to a file", flags: log("decisions.jsonl"), most: 1.10},
		{name: "log to zstd", flags: log("decisions.jsonl.zst")},
		{
			name: "TLS, JWT, access policy, log", flags: slices.Concat(tls.flags, token.flags, log("decisions.jsonl")),
			credentials: slices.Concat(tls.options, token.options), most: 1.35,
		},
		{
			name: "all: that, limits, traces", flags: slices.Concat(tls.flags, token.flags, log("decisions.jsonl"), limits, traces),
			credentials: slices.Concat(tls.options, token.options),
		},
	}
}

// contender is a server with a protection, what it is asked, and what that cost in each round.
type contender struct {
	protection
	server *server
	asker  *asker
	calls  map[string]load.Call
	next   int
	slices map[string][]load.Slice
}

// costWays are how the servers are asked.
var costWays = []string{"unary", "CheckStream"}

// TestProtectionCost puts the same load on a server without protections and on others with them, one after the other in
// each round, and compares their processor time per check with the bare one's of the same round.
func TestProtectionCost(t *testing.T) {
	if *costRounds == 0 {
		t.Skip("measures for minutes: give -protection-cost 9")
	}
	all := contenders(t)
	for round := range *costRounds {
		for _, way := range costWays {
			for i := range all {
				all[(i+round)%len(all)].slice(t, way)
			}
		}
	}
	fmt.Printf("| protection | unary: µs | of the bare server's | CheckStream: µs | of the bare server's |\n|---|---|---|---|---|\n")
	for _, c := range all {
		fmt.Printf("| %s |%s\n", c.name, c.row(t, all[0]))
		c.verify(t)
	}
}

// row tells what a protection costs, and fails where that is too much.
func (c *contender) row(t *testing.T, bare *contender) (text string) {
	for _, way := range costWays {
		mine, floor := c.slices[way], bare.slices[way]
		rounds := make([]int, len(mine))
		for i := range rounds {
			rounds[i] = i
		}
		cost := load.SpreadOf(mine, func(s load.Slice) float64 { return micros(s.CPUPerRequest()) })
		of := load.SpreadOf(rounds, func(i int) float64 {
			return float64(mine[i].CPUPerRequest()) / float64(floor[i].CPUPerRequest())
		})
		text += fmt.Sprintf(" %.1f | %.2f (%.2f–%.2f) |", cost.Median, of.Median, of.Min, of.Max)
		if c.most > 0 && of.Median > c.most {
			t.Errorf("%s, %s: %.3f of the bare server's time, want %.2f at most", c.name, way, of.Median, c.most)
		}
	}
	return text
}

// verify fails if an answer was wrong or the log left a line out.
func (c *contender) verify(t *testing.T) {
	if wrong := c.asker.wrong.Load(); wrong > 0 {
		t.Errorf("%s: %d wrong answers", c.name, wrong)
	}
	if !slices.Contains(c.flags, "--decision-log") {
		return
	}
	dropped, err := c.server.metric(t.Context(), `consentd_decision_log_dropped_total{reason="queue"}`)
	lines, _ := c.server.metric(t.Context(), "consentd_decision_log_lines_total")
	if err != nil || dropped > 0 || lines < float64(c.next) {
		t.Errorf("%s: %v lines of %d checks, %v dropped, %v", c.name, lines, c.next, dropped, err)
	}
}

func (c *contender) slice(t *testing.T, way string) {
	before, _ := proc.CPU(c.server.pid())
	r := load.Closed(t.Context(), load.ClosedConfig{Workers: costWorkers, Duration: *costSlice, First: c.next}, c.calls[way])
	time.Sleep(costSettle)
	after, _ := proc.CPU(c.server.pid())
	if r.Err != nil {
		t.Fatalf("%s, %s: %d of %d checks failed: %v", c.name, way, r.Failed, r.Sent, r.Err)
	}
	c.next += r.Sent
	c.slices[way] = append(c.slices[way], load.Slice{Result: r, CPU: after - before})
}

// contenders starts a server for each protection, over copies of the same data, all of it in the caches.
func contenders(t *testing.T) (all []*contender) {
	binary := *costServer
	if binary == "" {
		var err error
		if binary, err = buildServer(t.Context(), t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	p, data := populated(t, binary)
	for i, kind := range protections(t) {
		if i > 0 && !costWanted(kind.name) {
			continue
		}
		s := &server{binary: binary, dataDir: filepath.Join(t.TempDir(), "data"), connections: costConnections}
		s.credentials = kind.credentials
		if err := os.CopyFS(s.dataDir, os.DirFS(data)); err != nil {
			t.Fatal(err)
		}
		all = append(all, compete(t, kind, s, p))
	}
	return all
}

func costWanted(name string) bool {
	for beginning := range strings.SplitSeq(*costOnly, ";") {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return false
}

// compete starts a server, and asks it about everybody.
func compete(t *testing.T, kind protection, s *server, p question.Population) *contender {
	admin, err := proc.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	// A check that is refused because others keep the machine busy costs less than one that is answered.
	if err := s.start(t.Context(), append(kind.flags, "--admin-addr", admin)...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	s.httpAddr = admin // its metrics ask for no credential
	if *costAdmin {
		t.Logf("%s: http://%s/debug/pprof/profile", kind.name, admin)
	}
	a := newAsker(p, s.conns)
	if err := a.all(t.Context()); err != nil {
		t.Fatalf("%s: %v", kind.name, err)
	}
	stream, closer, err := a.stream(question.Uniform(p))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closer.Close() })
	calls := map[string]load.Call{"unary": a.unary(question.Uniform(p)), "CheckStream": stream}
	return &contender{protection: kind, server: s, asker: a, calls: calls, slices: map[string][]load.Slice{}}
}

// populated is the data directory of a server that was told of a population, and has stopped.
func populated(t *testing.T, binary string) (question.Population, string) {
	b := &bench{server: &server{binary: binary, dataDir: filepath.Join(t.TempDir(), "data"), connections: costConnections}}
	p := question.Population{Size: costSubjects, Seed: 1, Start: time.Now()}
	if err := b.server.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer b.server.stop()
	if err := b.record(t.Context(), p.Size, p.Record); err != nil {
		t.Fatal(err)
	}
	return p, b.server.dataDir
}
