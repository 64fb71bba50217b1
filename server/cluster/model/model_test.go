package model_test

import (
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/consentd/consentd/server/cluster/model"
)

var large = flag.Bool("model.large", false, "explore the larger bounds too: minutes, and gigabytes")

const limit = 1 << 27

// world is a configuration that the package comment names.
type world struct {
	name   string
	states int
	bound  bound
	config model.Config
}

// bound says when a world is explored.
type bound int

const (
	always bound = iota
	full         // not with -short, nor under the race detector
	onDemand
)

func other(c model.Config) model.Config {
	c.Checked, c.Lease = [2]bool{false, true}, 2
	return c
}

func own(c model.Config) model.Config {
	c = other(c)
	c.Fencer = 1
	return c
}

func longer(c model.Config) model.Config {
	c.Lease = 3
	return c
}

var worlds = []world{
	{"small", 531_853, always, other(model.Config{Crashes: 1, Synchronous: true})},
	{"synchronous", 2_944_186, full, other(model.Config{Crashes: 1, FailOvers: 1, Synchronous: true})},
	{"asynchronous", 4_202_139, full, other(model.Config{Crashes: 1, FailOvers: 1})},
	{"own fence", 4_027_790, full, own(model.Config{Crashes: 1, FailOvers: 1})},
	{"staleness", 1_099_763, full, other(model.Config{Stale: 1})},
	{"longer lease", 9_162_290, onDemand, longer(other(model.Config{Crashes: 1, FailOvers: 1}))},
	{"two fail-overs", 4_457_321, onDemand, other(model.Config{FailOvers: 2})},
	{"end", 325_245, always, other(model.Config{Crashes: 1, FailOvers: 1, Only: model.Ends})},
	{"own end", 302_597, always, own(model.Config{Crashes: 1, FailOvers: 1, Only: model.Ends})},
}

func (w *world) skip(t *testing.T) {
	switch {
	case w.bound == onDemand && !*large:
		t.Skip("larger bounds: by -model.large alone")
	case w.bound >= full && testing.Short():
		t.Skip("short: the small worlds alone")
	case w.bound >= full && raceEnabled:
		t.Skip("one goroutine and millions of states: nothing for the race detector")
	}
}

// TestHolds explores all of each world: no property is broken, and the comment's figures are true.
func TestHolds(t *testing.T) {
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			w.skip(t)
			res, err := model.Explore(w.config, limit)
			if err != nil {
				t.Fatal(err)
			}
			if res.Broken != 0 {
				t.Fatalf("%v is broken:\n%s", res.Broken, strings.Join(res.Trace, "\n"))
			}
			if res.States != w.states {
				t.Errorf("%d states, depth %d, want %d: put the new figure here and into the package comment", res.States, res.Depth, w.states)
			}
		})
	}
}

// TestCommentCounts: the package comment has the count of each world.
func TestCommentCounts(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range worlds {
		if !strings.Contains(string(text), thousands(w.states)) {
			t.Errorf("doc.go does not name the %s states of the world %q", thousands(w.states), w.name)
		}
	}
}

func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

var planted = []struct {
	name   string
	config model.Config
	broken model.Property
	steps  int
}{
	{"floor not raised", other(model.Config{Bugs: model.FloorNotRaised, Only: model.Final}), model.Final, 12},
	{"late commit", other(model.Config{Bugs: model.LateCommit, Only: model.Final}), model.Final, 14},
	{"late commit skipped", other(model.Config{Bugs: model.LateCommit}), model.Gapless, 3},
	{"lease ignored", other(model.Config{Bugs: model.LeaseIgnored}), model.Final, 7},
	{"lease from answer", other(model.Config{Bugs: model.LeaseFromAnswer}), model.Final, 10},
	{"hint trusted", other(model.Config{Bugs: model.HintTrusted, Only: model.Final}), model.Final, 13},
	{"chain ignored", other(model.Config{FailOvers: 1, Bugs: model.ChainIgnored, Only: model.Final}), model.Final, 16},
	{"chain ignored, loss unnoticed", other(model.Config{FailOvers: 1, Bugs: model.ChainIgnored}), model.Noticed, 7},
	{"replica's freshness", other(model.Config{Bugs: model.ReplicaFreshness, Only: model.Final}), model.Final, 12},
	{"replica's freshness, token", other(model.Config{Bugs: model.ReplicaFreshness, Only: model.Fresh}), model.Fresh, 5},
	{"lapsed at once", other(model.Config{Bugs: model.LapsedAtOnce}), model.Final, 10},
	{"any poll", other(model.Config{Bugs: model.AnyPoll}), model.Final, 12},
	{"no wait after a fail-over", other(model.Config{FailOvers: 1, Bugs: model.NoServerWait}), model.Final, 5},
	{"head first, at once", other(model.Config{Crashes: 1, Bugs: model.HeadFirstAtOnce, Only: model.Final}), model.Final, 11},
	{"no margin", other(model.Config{Bugs: model.NoMargin}), model.Final, 6},
	{"no second look", other(model.Config{Stale: 1, Bugs: model.NoSecondLook}), model.Bounded, 6},
	{"newest deadline", other(model.Config{Stale: 1, Bugs: model.NewestDeadline}), model.Bounded, 11},
	{"fill ahead", other(model.Config{FailOvers: 1, Bugs: model.FillAhead, Only: model.Final}), model.Final, 17},
	{"fill ahead, loss unnoticed", other(model.Config{FailOvers: 1, Bugs: model.FillAhead}), model.Noticed, 5},
	{"replica by number", other(model.Config{FailOvers: 1, Bugs: model.ReplicaByNumber, Only: model.Final}), model.Final, 14},
	{"replica without standing", other(model.Config{Bugs: model.LapsedReadsReplica}), model.Final, 6},
	{"token compared once", other(model.Config{FailOvers: 1, Bugs: model.TokenOnce}), model.Fresh, 5},
	{"late judgement", other(model.Config{Bugs: model.LateJudgement}), model.Final, 9},
	{"report by number", other(model.Config{FailOvers: 1, Bugs: model.ReportByNumber, Only: model.Final}), model.Final, 16},
	{"two primaries", other(model.Config{FailOvers: 1, Synchronous: true, Bugs: model.TwoPrimaries}), model.Final, 7},
}

// TestPlanted: each bug is found, by a shortest trace. -v prints them.
func TestPlanted(t *testing.T) {
	for _, bug := range planted {
		t.Run(bug.name, func(t *testing.T) {
			if bug.steps >= 14 && bug.config.FailOvers > 0 {
				(&world{bound: full}).skip(t)
			}
			res, err := model.Explore(bug.config, limit)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v is broken after %d states, in %d steps:\n%s", res.Broken, res.States, len(res.Trace), strings.Join(res.Trace, "\n"))
			if res.Broken != bug.broken || len(res.Trace) != bug.steps {
				t.Errorf("%v broken in %d steps, want %v in %d", res.Broken, len(res.Trace), bug.broken, bug.steps)
			}
		})
	}
}

// TestHarmless: what another rule makes up for, and what the final withdrawal does not need.
func TestHarmless(t *testing.T) {
	for name, config := range map[string]model.Config{
		"a joining node reads the head first":    other(model.Config{Crashes: 1, Bugs: model.HeadFirst}),
		"no second look, withdrawals are final":  other(model.Config{Stale: 1, Bugs: model.NoSecondLook, Only: model.Final}),
		"newest deadline, withdrawals are final": other(model.Config{Stale: 1, Bugs: model.NewestDeadline, Only: model.Final}),
	} {
		t.Run(name, func(t *testing.T) {
			(&world{bound: full}).skip(t)
			res, err := model.Explore(config, limit)
			if err != nil || res.Broken != 0 {
				t.Errorf("%v broken, %v:\n%s", res.Broken, err, strings.Join(res.Trace, "\n"))
			}
		})
	}
}

func TestExploreStopsAtItsBound(t *testing.T) {
	if _, err := model.Explore(worlds[0].config, 100); err == nil {
		t.Error("a bound of 100 states held none back")
	}
}
