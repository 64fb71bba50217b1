package cluster_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/consentd/consentd/server/cluster"
)

var (
	simSeeds   = flag.Int("seeds", 150, "how many seeds the simulation runs")
	simSeed    = flag.Uint64("seed", 0, "the one seed that the simulation runs; 0: all")
	simShard   = flag.String("shard", "0/1", "which part of the seeds it runs: i/n")
	simVerbose = flag.Bool("events", false, "print what happens in each world")
)

// simulate runs the world of one seed and returns which rules were broken.
func simulate(t *testing.T, seed uint64, f faults) (w *world) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w = newWorld(seed, f)
		if err := w.run(); err != nil {
			t.Fatal(err)
		}
	})
	return w
}

// TestSimulation lets many small worlds live, each from a seed: nodes with the real Feed, lease, fence and cache over
// a simulated database, messages that are slow, lost or late, nodes that stand still, crash or are cut off, clocks
// that go too fast or too slow, a database that stands still, is started again, fails over and loses what was not
// copied, or is an old backup. All answers of all checks are held against the rules (question.judge, world.final).
//
// More seeds: go test ./server/cluster -run TestSimulation -seeds 100000 -shard 0/2 -timeout 0.
func TestSimulation(t *testing.T) {
	var shard, shards uint64
	if _, err := fmt.Sscanf(*simShard, "%d/%d", &shard, &shards); err != nil || shard >= shards {
		t.Fatalf("shard is %q: want i/n, i less than n", *simShard)
	}
	if *simSeed != 0 {
		report(t, simulate(t, *simSeed, faults{}))
		return
	}
	if racing {
		*simSeeds = min(*simSeeds, 10)
	}
	var sum simCounts
	began := time.Now()
	for seed := uint64(1); seed <= uint64(*simSeeds); seed++ {
		if seed%shards != shard {
			continue
		}
		w := simulate(t, seed, faults{})
		report(t, w)
		sum.add(&w.counts)
		if *simSeeds > 1000 && seed%1000 == shard {
			fmt.Printf("seed %d after %v: %+v\n", seed, time.Since(began).Round(time.Second), sum)
		}
	}
	t.Logf("%+v in %v", sum, time.Since(began))
	if racing {
		return // too few to say much of them
	}
	if sum.cached < sum.checks/4 || sum.latest == 0 || sum.fences <= 2*sum.unfenced || sum.losses == 0 || sum.refused == 0 {
		t.Errorf("the worlds are too quiet, or too wild, to say much: %+v", sum)
	}
}

// TestSeedsThatFailed are those in which a rule was once broken.
func TestSeedsThatFailed(t *testing.T) {
	for seed, why := range map[uint64]string{
		35001: "a mark that was forgotten was taken for one that agrees",
	} {
		t.Run(why, func(t *testing.T) { report(t, simulate(t, seed, faults{})) })
	}
}

func (c *simCounts) add(o *simCounts) {
	c.checks, c.cached, c.latest, c.writes = c.checks+o.checks, c.cached+o.cached, c.latest+o.latest, c.writes+o.writes
	c.fences, c.unfenced, c.losses = c.fences+o.fences, c.unfenced+o.unfenced, c.losses+o.losses
	c.refused += o.refused
}

func report(t *testing.T, w *world) {
	t.Helper()
	for _, e := range w.events {
		fmt.Println(e)
	}
	if len(w.faulty) > 0 {
		t.Errorf("seed %d: %s\nreplay: go test ./server/cluster -run TestSimulation -seed %d -events -cpu 1",
			w.seed, strings.Join(w.faulty[:min(len(w.faulty), 5)], "\n  "), w.seed)
	}
}

// TestSimulationFindsPlantedFaults: each within so many seeds, and in the same worlds nothing where it is not planted.
func TestSimulationFindsPlantedFaults(t *testing.T) {
	if racing {
		t.Skip("the race detector finds nothing here that it does not find in TestSimulation, and takes minutes")
	}
	planted := []struct {
		name   string
		within uint64
		faults faults
	}{
		{"a floor is not raised", 100, faults{floors: true}},
		{"the feed skips a late commit", 100, faults{lateCommits: true, config: (*cluster.Config).SkipGaps}},
		{"the lease is ignored", 5, faults{config: (*cluster.Config).StandAlways}},
		{"the lease is counted from the answer", 200, faults{
			config:  (*cluster.Config).CountFromAnswer,
			weather: func(w *weather) { w.staleness, w.mood, w.strikes = 3*simLease, []string{"renew"}, []int{4} },
		}},
		{"a lapsed lease is extended at once", 200, faults{
			config:  (*cluster.Config).ExtendAlways,
			weather: func(w *weather) { w.mood = []string{"renew"} },
		}},
		{"a hint counts as a look", 300, faults{config: (*cluster.Config).TrustHints}},
		{"the chain is not compared", 50, faults{config: (*cluster.Config).IgnoreChain}},
		{"a replica is as fresh as the primary", 20, faults{replicaByPrimary: true}},
		{"an old look proves a death", 200, faults{
			config: (*cluster.Config).JudgeOldLooks,
			weather: func(w *weather) {
				w.staleness, w.mood, w.sluggish, w.pace = 3*simLease, []string{"nodes"}, 30*time.Millisecond, 200
				w.strikes, w.directed = []int{0, 10}, true
			},
		}},
		{"rows that a fail-over lost are forgotten", 200, faults{
			config: (*cluster.Config).IgnoreServer,
			weather: func(w *weather) {
				w.staleness, w.synchronous, w.mood, w.strikes = 3*simLease, false, nil, []int{12}
			},
		}},
		{"reports count by revision", 300, faults{
			byRevision: true,
			weather: func(w *weather) {
				w.staleness, w.mood, w.sluggish, w.pace = 3*simLease, []string{"poll"}, simLease/5, 200
				w.strikes, w.backups = []int{9}, true
			},
		}},
		{"nobody looks again after evaluating", 100, faults{onceLooked: true}},
		{"what is ahead of the feed is kept", 200, faults{aheadOfFeed: true}},
		{"a node that does not stand reads replicas", 20, faults{replicasAlways: true}},
		{"marks of tokens are not compared", 50, faults{noToken: true}},
	}
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			for seed := uint64(1); seed <= p.within; seed++ {
				if w := simulate(t, seed, p.faults); len(w.faulty) > 0 {
					t.Logf("seed %d: %s", seed, w.faulty[0])
					report(t, simulate(t, seed, faults{weather: p.faults.weather}))
					return
				}
			}
			t.Errorf("not found in %d seeds", p.within)
		})
	}
}
