package conformance_test

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/consentd/consentd/server/servertest"
)

var (
	faultTime = flag.Duration("faults.time", 2*time.Second, "how long each fault lasts")
	faultOnly = flag.String("faults.only", "", "a regular expression: the situations whose names match")
	faultWait = flag.Duration("faults.wait", 20*time.Second, "how long a recovery is waited for")
	faultMost = flag.Int("faults.most", 64, "into how many situations a client is put at once")
	faultAll  = flag.Bool("faults.all", false, "all situations, not only those that the gate has time for")
	faultOut  = flag.String("faults.out", "", "the file for the outcomes, as JSON")
	faultOld  = flag.String("faults.before", "", "files of outcomes of earlier runs, separated by commas, for the table")
)

// soonEnough is within what a client must have recovered.
const soonEnough = 15 * time.Second

// Every client comes back by itself, whatever the network did, and nobody is allowed meanwhile who must not be.
func TestFaults(t *testing.T) {
	look(t)
	trusted := newAuthority(t)
	all := situations(func(notAfter time.Time) *tls.Config { return trusted.issue(t, notAfter) })
	only := regexp.MustCompile(*faultOnly)
	everyOne := *faultAll || *faultOnly != ""
	all = slices.DeleteFunc(all, func(s situation) bool {
		return !only.MatchString(s.name) || !everyOne && !slices.Contains(gated, s.name)
	})
	var mu sync.Mutex
	var outcomes []outcome
	// All at once, for they wait: -parallel is for tests that compute.
	var under sync.WaitGroup
	for _, l := range languages {
		under.Go(func() {
			t.Run(l.name, func(t *testing.T) {
				some := faceAll(t, l, all, trusted)
				mu.Lock()
				defer mu.Unlock()
				outcomes = append(outcomes, some...)
			})
		})
	}
	under.Wait()
	report(t, all, outcomes)
}

// faceAll puts one client into all situations at once.
func faceAll(t *testing.T, l language, all []situation, trusted *authority) []outcome {
	r := startRunner(t, l)
	server := servertest.Start(t, servertest.Options{CacheSize: 16 << 20})
	outcomes := make([]outcome, len(all))
	var under errgroup.Group
	under.SetLimit(*faultMost)
	for i, one := range all {
		s := newScene(t, one, r, server)
		s.roots = trusted.rootsFile
		if s.tls {
			s.gate.terminator.Store(trusted.issue(t, time.Now().Add(time.Hour)))
		}
		under.Go(func() error {
			outcomes[i] = s.observe(pacing{fault: *faultTime, patience: *faultWait})
			outcomes[i].Language = l.name
			return nil
		})
	}
	_ = under.Wait() // they return outcomes
	for i, o := range outcomes {
		t.Run(o.Situation, func(t *testing.T) {
			for _, fault := range o.faults(all[i]) {
				t.Errorf("%s: %+v", fault, o)
			}
		})
	}
	return outcomes
}

// What a client must not do is found: a run that finds nothing shows nothing.
func TestFaultsAreFound(t *testing.T) {
	well := outcome{Situation: "x", RecoveredMS: 10, FirstMS: 1, Touched: 1}
	some := situation{name: "x", fault: &ways{}, codes: unreachable}
	for name, test := range map[string]struct {
		change func(*outcome, *situation)
		fault  string // empty: none
	}{
		"well":          {func(*outcome, *situation) {}, ""},
		"errors it may": {func(o *outcome, _ *situation) { o.Codes = map[string]int{"UNAVAILABLE": 3} }, ""},
		"a wrong ALLOW": {func(o *outcome, _ *situation) { o.WrongAllows = 1 }, "1 wrong ALLOW"},
		"a wrong DENY":  {func(o *outcome, _ *situation) { o.WrongDenials = 1 }, "1 wrong DENY"},
		"never":         {func(o *outcome, _ *situation) { o.RecoveredMS = -1 }, "never recovered"},
		"late":          {func(o *outcome, _ *situation) { o.RecoveredMS = 15_001 }, "15.001s"},
		"another error": {func(o *outcome, _ *situation) { o.Codes = map[string]int{"INTERNAL": 1} }, "1 INTERNAL"},
		"no first answer": {
			func(o *outcome, s *situation) { o.FirstMS, s.tls, s.cold, s.answered = -1, true, true, true }, "first call",
		},
		"untouched":        {func(o *outcome, _ *situation) { o.Touched = 0 }, "no fault"},
		"nothing happened": {func(_ *outcome, s *situation) { s.begin = (*scene).restart }, "no fault"},
		"no situation":     {func(o *outcome, _ *situation) { o.Fault = "the server is down" }, "the server is down"},
	} {
		t.Run(name, func(t *testing.T) {
			o, s := well, some
			test.change(&o, &s)
			if got := strings.Join(o.faults(s), "; "); (got == "") != (test.fault == "") || !strings.Contains(got, test.fault) {
				t.Errorf("faults %q; want %q", got, test.fault)
			}
		})
	}
}

func TestSituationsAreTold(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range situations(func(time.Time) *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }) {
		if seen[s.name] || s.what == "" || len(s.codes) == 0 || (s.fault == nil) == (s.begin == nil) {
			t.Errorf("%q: it needs a name of its own, what happens, the errors that callers may see, and one fault", s.name)
		}
		seen[s.name] = true
	}
	for _, name := range gated {
		if !seen[name] {
			t.Errorf("the gate wants %q, which is no situation", name)
		}
	}
	if len(seen) < 24 {
		t.Errorf("there are %d situations", len(seen))
	}
}

// A decision that is not true is counted, whoever it is about.
func TestWrongDecisionsAreCounted(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		answered       answered
		allows, denies int
	}{
		"granted":           {answered{kind: "granted", allowed: true}, 0, 0},
		"granted, denied":   {answered{kind: "granted"}, 0, 1},
		"an error":          {answered{kind: "granted", code: "UNAVAILABLE"}, 0, 0},
		"both":              {answered{kind: "granted", code: "UNAVAILABLE", allowed: true}, 1, 0},
		"denied, allowed":   {answered{kind: "denied", allowed: true}, 1, 0},
		"purposes, none":    {answered{kind: "purposes"}, 0, 1},
		"leaver, before":    {answered{kind: "leaver", allowed: true, start: now.Add(-1)}, 0, 0},
		"leaver, after":     {answered{kind: "leaver", allowed: true, start: now.Add(1)}, 1, 0},
		"leaver, after, no": {answered{kind: "leaver", start: now.Add(1)}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := outcome{Codes: map[string]int{}}
			if o.count(test.answered, now); o.WrongAllows != test.allows || o.WrongDenials != test.denies {
				t.Errorf("%d wrong ALLOW and %d wrong DENY; want %d and %d", o.WrongAllows, o.WrongDenials, test.allows, test.denies)
			}
		})
	}
}

func newScene(t *testing.T, one situation, r *runner, server *servertest.Server) *scene {
	s := &scene{situation: one, runner: r, server: server, subject: "subject-" + uuid.NewString() + "-"}
	s.gate = newGate(t, "tcp", "127.0.0.1:0", server.Addr)
	s.target = s.gate.addr
	if s.beside {
		s.target += "," + newGate(t, "tcp", "127.0.0.1:0", server.Addr).addr
	}
	if s.name == "process stopped" {
		s.target, s.relay = startRelay(t, s.gate.addr)
	}
	return s
}

// faults lists what a client must not do, and what shows that it was not in the situation at all.
func (o outcome) faults(s situation) []string {
	if o.Fault != "" {
		return []string{o.Fault}
	}
	var faults []string
	if o.WrongAllows > 0 || o.WrongDenials > 0 {
		faults = append(faults, fmt.Sprintf("%d wrong ALLOW, %d wrong DENY", o.WrongAllows, o.WrongDenials))
	}
	if recovered := time.Duration(o.RecoveredMS) * time.Millisecond; recovered < 0 {
		faults = append(faults, "it never recovered")
	} else if recovered > soonEnough {
		faults = append(faults, fmt.Sprintf("it recovered after %v; want %v at most", recovered, soonEnough))
	}
	for code, n := range o.Codes {
		if !slices.Contains(s.codes, code) {
			faults = append(faults, fmt.Sprintf("callers saw %d %s; want %v", n, code, s.codes))
		}
	}
	if s.tls && s.cold && s.answered && o.FirstMS < 0 {
		faults = append(faults, "the first call was not answered")
	}
	if s.fault != nil && o.Touched == 0 || s.begin != nil && !s.answered && len(o.Codes) == 0 {
		faults = append(faults, "it met no fault")
	}
	return faults
}

// report writes the outcomes and logs the table.
func report(t *testing.T, all []situation, outcomes []outcome) {
	if *faultOut != "" {
		text, err := json.MarshalIndent(outcomes, "", " ")
		if err == nil {
			err = os.WriteFile(*faultOut, text, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	before, err := earlier(*faultOld)
	if err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", table(all, outcomes, before))
}

// earlier reads the outcomes of files, by language and situation.
func earlier(files string) (map[string]outcome, error) {
	before := map[string]outcome{}
	if files == "" {
		return before, nil
	}
	for file := range strings.SplitSeq(files, ",") {
		var some []outcome
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &some)
		}
		if err != nil {
			return nil, fmt.Errorf("the outcomes before: %w", err)
		}
		for _, o := range some {
			before[o.Language+o.Situation] = o
		}
	}
	return before, nil
}

// table is the outcomes in Markdown: a row for each situation, and what was before in front of what is now.
func table(all []situation, outcomes []outcome, before map[string]outcome) string {
	now := map[string]outcome{}
	for _, o := range outcomes {
		now[o.Language+o.Situation] = o
	}
	var b strings.Builder
	b.WriteString("| situation |")
	for _, l := range languages {
		fmt.Fprintf(&b, " %s |", l.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(languages)) + "\n")
	for _, s := range all {
		fmt.Fprintf(&b, "| %s: %s |", s.name, s.what)
		for _, l := range languages {
			cell := now[l.name+s.name].cell()
			if o, had := before[l.name+s.name]; had {
				cell = o.cell() + " → " + cell
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// cell is an outcome in the table: seconds to the recovery, how many calls of how many were answered meanwhile, and
// what callers saw.
func (o outcome) cell() string {
	switch {
	case o.Situation == "":
		return "–"
	case o.Fault != "":
		return o.Fault
	}
	text := "never"
	if o.RecoveredMS >= 0 {
		text = fmt.Sprintf("%.1f s", float64(o.RecoveredMS)/1000)
	}
	text += fmt.Sprintf(", %d/%d", o.Answered, o.Asked)
	var codes []string
	for code := range o.Codes {
		codes = append(codes, strings.ToLower(code[:min(len(code), 40)]))
	}
	slices.Sort(codes)
	if o.WrongAllows > 0 {
		codes = append(codes, fmt.Sprintf("**%d wrong ALLOW**", o.WrongAllows))
	}
	return strings.Join(append([]string{text}, codes...), " ")
}
