// Package conformance holds the guarantees of the clients of all languages: scripts of calls, faults
// and expected results, and the harness that runs them against each client's runner. README.md tells
// how the parts talk to each other.
package conformance_test

import (
	"crypto/tls"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/consentd/consentd/server/servertest"
)

var setup = flag.Bool("setup", false, "set the clients up first, from their package registries")

func TestConformance(t *testing.T) {
	look(t)
	scenarios := readScripts(t)
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			if *setup {
				l.setUp(t)
			}
			t.Parallel() // they wait, most of the time; but setups go one after the other
			r := startRunner(t, l)
			t.Logf("client: %s", r.client)
			small := servertest.Options{CacheSize: 16 << 20}
			b := bench{runner: r, server: servertest.Start(t, small), elsewhere: servertest.Start(t, small)}
			b.tls, b.rootsFile = certificate(t)
			for _, s := range scenarios {
				t.Run(s.Name, func(t *testing.T) { b.run(t, s) })
			}
			t.Run("bursts", b.burst)
		})
	}
}

// bench is what all scenarios of one client share.
type bench struct {
	runner *runner
	server *servertest.Server
	// elsewhere does not share the server's store.
	elsewhere *servertest.Server
	tls       *tls.Config
	rootsFile string
}

// stage is one scenario under way.
type stage struct {
	bench
	front   *front
	subject string
	// clients are the runner's names of the scenario's clients.
	clients map[string]string
}

func (b bench) run(t *testing.T, s scenario) {
	st := &stage{
		bench: b, front: newFront(t, b.server.Addr, b.elsewhere.Addr), subject: "subject-" + uuid.NewString(),
		clients: map[string]string{},
	}
	if !opensMain(s) {
		if faults := st.open(t, openStep{Timeout: 5 * time.Second}, &expectation{}); len(faults) > 0 {
			t.Fatal(faults)
		}
	}
	t.Cleanup(st.close)
	for i := range s.Steps {
		step := &s.Steps[i]
		for _, fault := range st.perform(t, step) {
			t.Errorf("%s: %s", step.place, fault)
		}
		if t.Failed() {
			return
		}
	}
}

func opensMain(s scenario) bool {
	for _, step := range s.Steps {
		if step.Open != nil && (step.Open.Name == "" || step.Open.Name == "main") {
			return true
		}
	}
	return false
}

// betweenTries is the wait before a step that must hold eventually is tried again.
const betweenTries = 50 * time.Millisecond

// perform does one step and lists its faults.
func (st *stage) perform(t *testing.T, s *step) []string {
	switch {
	case s.Open != nil:
		return st.open(t, *s.Open, &s.Expect)
	case s.Front != "":
		return faultsOf(frontActions[s.Front](st.front))
	}
	deadline := time.Now().Add(s.Eventually)
	for {
		faults := st.call(s)
		if len(faults) == 0 || time.Now().After(deadline) || !wait(t.Context(), betweenTries) {
			return faults
		}
	}
}

func (st *stage) open(t *testing.T, o openStep, e *expectation) []string {
	name := o.Name
	if name == "" {
		name = "main"
	}
	st.clients[name] = st.subject + "/" + name
	q := request{
		Op: "open", Client: st.clients[name], Target: st.front.target(t, o.Target, st.tls), TimeoutMS: o.Timeout.Milliseconds(),
		Insecure: o.Insecure, TLS: o.TLS, Endless: o.Endless, Coalesce: o.Coalesce, Metadata: o.Metadata,
	}
	if o.CA {
		q.CAFile = st.rootsFile
	}
	got, err := st.runner.do(q)
	if err != nil {
		return []string{err.Error()}
	}
	if got.Error != nil {
		delete(st.clients, name)
	}
	return e.check("open", got)
}

func (st *stage) close() {
	for _, name := range st.clients {
		_, _ = st.runner.do(request{Op: "close", Client: name})
	}
}

// call makes the step's calls.
func (st *stage) call(s *step) []string {
	o := s.operations()[0]
	q, err := st.request(s, o)
	if err != nil {
		return []string{err.Error()}
	}
	p := &play{operation: o.name, answers: s.Answers, awaited: max(1, s.Concurrent), arrived: make(chan struct{})}
	st.front.begin(p)
	defer st.front.begin(nil)
	var faults []string
	for range max(1, s.Times) {
		faults = append(faults, st.atOnce(s, q, p)...)
	}
	if s.Saw != nil {
		faults = append(faults, s.Saw.check(st.front.seenBy(p), o.message, st.subject)...)
	}
	return faults
}

func (st *stage) request(s *step, o operation) (request, error) {
	q := request{Op: o.name, Client: st.client(s), Session: s.Session, Source: s.NewEvent, Endless: s.Endless}
	if s.Deadline != nil {
		ms := s.Deadline.Milliseconds()
		q.DeadlineMS = &ms
	}
	var err error
	q.Request, err = o.encode(st.subject)
	return q, err
}

// atOnce makes the step's concurrent calls, which is one unless it says otherwise, and does what is due during them.
func (st *stage) atOnce(s *step, q request, p *play) []string {
	var mu sync.Mutex
	var faults []string
	var calls sync.WaitGroup
	for range max(1, s.Concurrent) {
		calls.Go(func() {
			more := st.one(s, q)
			mu.Lock()
			defer mu.Unlock()
			faults = append(faults, more...)
		})
	}
	during := st.during(s, p)
	calls.Wait()
	return append(faults, during...)
}

func (st *stage) one(s *step, q request) []string {
	start := time.Now()
	got, err := st.runner.do(q)
	got.took = time.Since(start)
	if err != nil {
		return []string{err.Error()}
	}
	if err := got.readable(q.Op, st.subject); err != nil {
		return []string{err.Error()}
	}
	faults := s.Expect.check(q.Op, got)
	if q.Op == "new_event" {
		faults = append(faults, checkNewEvent(got.Response, s.NewEvent)...)
	}
	if len(faults) > 0 {
		faults = append(faults, fmt.Sprintf("the result: %v", got))
	}
	return faults
}

// during does to the front, or the client, what is due once the calls have arrived.
func (st *stage) during(s *step, p *play) []string {
	if s.During == "" {
		return nil
	}
	select {
	case <-p.arrived:
	case <-time.After(patience):
		return []string{"the calls did not arrive at the front"}
	}
	if s.During == "close" {
		_, err := st.runner.do(request{Op: "close", Client: st.client(s)})
		return faultsOf(err)
	}
	return faultsOf(frontActions[s.During](st.front))
}

func faultsOf(err error) []string {
	if err == nil {
		return nil
	}
	return []string{err.Error()}
}

// client is the runner's name of the step's client.
func (st *stage) client(s *step) string {
	if s.Client == "" {
		return st.clients["main"]
	}
	return st.clients[s.Client]
}
