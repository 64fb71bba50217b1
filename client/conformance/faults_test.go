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

	"github.com/consentd/consentd/server/servertest"
)

var (
	faultTime = flag.Duration("faults.time", 2*time.Second, "how long each fault lasts")
	faultOnly = flag.String("faults.only", "", "a regular expression: the situations whose names match")
	faultWait = flag.Duration("faults.wait", 20*time.Second, "how long a recovery is waited for")
	faultOut  = flag.String("faults.out", "", "the file for the outcomes, as JSON")
	faultOld  = flag.String("faults.before", "", "outcomes of an earlier run, for the table")
)

// soonEnough is within what a client must have recovered.
const soonEnough = 15 * time.Second

// Every client comes back by itself, whatever the network did, and nobody is allowed meanwhile who must not be.
func TestFaults(t *testing.T) {
	t.Parallel()
	look(t)
	trusted := newAuthority(t)
	all := situations(func(notAfter time.Time) *tls.Config { return trusted.issue(t, notAfter) })
	only := regexp.MustCompile(*faultOnly)
	all = slices.DeleteFunc(all, func(s situation) bool { return !only.MatchString(s.name) })
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
	var under sync.WaitGroup
	for i, one := range all {
		s := newScene(t, one, r, server)
		s.roots = trusted.rootsFile
		if s.tls {
			s.gate.terminator.Store(trusted.issue(t, time.Now().Add(time.Hour)))
		}
		under.Go(func() {
			outcomes[i] = s.observe(pacing{fault: *faultTime, patience: *faultWait})
			outcomes[i].Language = l.name
		})
	}
	under.Wait()
	for i, o := range outcomes {
		t.Run(o.Situation, func(t *testing.T) { o.check(t, all[i]) })
	}
	return outcomes
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

// check fails the test for what a client must not do.
func (o outcome) check(t *testing.T, s situation) {
	if o.Fault != "" {
		t.Fatal(o.Fault)
	}
	if o.WrongAllows > 0 || o.WrongDenials > 0 {
		t.Errorf("%d wrong ALLOW, %d wrong DENY", o.WrongAllows, o.WrongDenials)
	}
	if recovered := time.Duration(o.RecoveredMS) * time.Millisecond; recovered < 0 || recovered > soonEnough {
		t.Errorf("it recovered after %v; want %v at most (-1ms: never)", recovered, soonEnough)
	}
	for code := range o.Codes {
		if !slices.Contains(s.codes, code) {
			t.Errorf("callers saw %d %s; want %v", o.Codes[code], code, s.codes)
		}
	}
	if s.tls && s.cold && s.answered && o.FirstMS < 0 {
		t.Error("the first call was not answered")
	}
	if t.Failed() {
		t.Logf("%+v", o)
	}
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
	before := map[string]outcome{}
	if *faultOld != "" {
		var old []outcome
		text, err := os.ReadFile(*faultOld)
		if err == nil {
			err = json.Unmarshal(text, &old)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range old {
			before[o.Language+o.Situation] = o
		}
	}
	t.Logf("\n%s", table(all, outcomes, before))
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

// cell is an outcome in the table: seconds to the recovery, of how many calls how many were answered meanwhile, and what
// callers saw.
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
