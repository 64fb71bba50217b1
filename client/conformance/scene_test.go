package conformance_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/servertest"
)

// relayTo is the environment variable that makes the test's binary the process of the situation "process stopped".
const relayTo = "CONFORMANCE_RELAY_TO"

func TestMain(m *testing.M) {
	if server := os.Getenv(relayTo); server != "" {
		if err := relay(server); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// relay moves bytes between clients and a server until stdin ends. It writes where it listens.
func relay(server string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(upstream, client); _ = upstream.Close() }()
			go func() { _, _ = io.Copy(client, upstream); _ = client.Close() }()
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// startRelay starts such a process until the test ends.
func startRelay(t *testing.T, server string) (addr string, process *os.Process) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), relayTo+"="+server), os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Process.Kill() // it may be stopped, which stdin's end does not change
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the relay: %v", err)
	}
	return strings.TrimSpace(line), cmd.Process
}

// scene is a client in a situation.
type scene struct {
	situation
	runner *runner
	server *servertest.Server
	roots  string

	gate *gate
	// relay is the process in front of the gate; nil but in the situation that stops it.
	relay *os.Process
	// target is what the client connects to.
	target string
	// subject is the prefix of the ids of subjects that no other scene has.
	subject string

	mu      sync.Mutex // guards what follows
	answers []answered
	// withdrawn is when the withdrawal of the one who leaves was acknowledged.
	withdrawn time.Time
}

// answered is what came of one call.
type answered struct {
	kind       string // granted, denied, leaver; purposes
	start, end time.Time
	allowed    bool
	code       string // empty: there was a decision
}

// right tells whether it is the decision that must come.
func (a answered) right() bool {
	return a.code == "" && (a.allowed == (a.kind != "denied") || a.kind == "leaver")
}

// calls are the kinds of calls in their turn. Every other is a check of somebody who must not be allowed.
var calls = []string{"granted", "denied", "granted", "denied", "leaver", "denied", "purposes", "denied"}

const (
	controller = "example"
	purposeID  = "ai_training"
)

func (s *scene) ask(kind string) answered {
	q := request{Client: s.subject, Op: "check"}
	var message proto.Message = client.NewCheck(controller, s.subject+kind, purposeID)
	if kind == "purposes" {
		q.Op, message = "list_purposes", &consentv1.ListPurposesRequest{Controller: controller, SubjectId: s.subject + "granted"}
	}
	q.Request = encoded(message)
	a := answered{kind: kind, start: time.Now()}
	got, err := s.runner.do(q)
	a.end = time.Now()
	switch {
	case err != nil:
		a.code = "HARNESS: " + err.Error()
	case got.Error != nil:
		a.code = got.Error.Code
		a.allowed = got.Decision != nil && got.Decision.Allowed
	case kind == "purposes":
		for _, p := range got.Purposes {
			a.allowed = a.allowed || p.Purpose == purposeID && p.Decision.Allowed
		}
	case got.Decision != nil:
		a.allowed = got.Decision.Allowed
	}
	return a
}

func encoded(m proto.Message) json.RawMessage {
	text, err := protojson.Marshal(m)
	if err != nil {
		panic(err) // messages of the suite's own
	}
	return text
}

// note asks and keeps the answer.
func (s *scene) note(kind string) {
	a := s.ask(kind)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, a)
}

// say records a subject's consent, or its withdrawal, at the server itself.
func (s *scene) say(kind string, status consentv1.ConsentStatus) error {
	return consentTo(context.Background(), s.server, s.subject+kind, status)
}

// withdraw has the one who leaves withdraw.
func (s *scene) withdraw() error {
	err := s.say("leaver", consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withdrawn = time.Now()
	return err
}

// outcome is what a client did in a situation.
type outcome struct {
	Situation string `json:"situation"`
	Language  string `json:"language"`
	// Fault says what kept the situation from being.
	Fault string `json:"fault,omitempty"`
	// RecoveredMS is how long after the fault had ended, or where the client can do without that, had begun, both kinds
	// of calls had been answered; -1: they never were.
	RecoveredMS int64 `json:"recovered_ms"`
	// Asked and Answered count the calls of the fault's time.
	Asked    int            `json:"asked"`
	Answered int            `json:"answered"`
	Codes    map[string]int `json:"codes"`
	// FirstMS is how long the first call took, if it was answered; else -1.
	FirstMS int64 `json:"first_ms"`
	// WrongAllows and WrongDenials are decisions that were not true. Relapses are failures after the recovery.
	WrongAllows  int `json:"wrong_allows"`
	WrongDenials int `json:"wrong_denials"`
	Relapses     int `json:"relapses"`
	// Touched is how often the gate did what the situation says, where that is a matter of connections there are.
	Touched int64 `json:"touched"`
}

// pace is the time between two calls.
const pace = 100 * time.Millisecond

// pacing is how long an observation lasts.
type pacing struct {
	fault    time.Duration // how long the fault is there
	patience time.Duration // how long a recovery is waited for
}

// observe puts the client into the situation and tells what it did.
func (s *scene) observe(p pacing) outcome {
	o := outcome{Situation: s.name, RecoveredMS: -1, FirstMS: -1}
	heal, err := s.prepare()
	if err != nil {
		o.Fault = err.Error()
		return o
	}
	defer func() { _, _ = s.runner.do(request{Op: "close", Client: s.subject}) }()
	began := time.Now()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var asking sync.WaitGroup
	asking.Go(func() { s.keepAsking(ctx) })
	from, err := s.last(p, heal, began)
	if err == nil {
		s.awaitRecovery(from, p.patience)
	}
	stop()
	asking.Wait()
	if err != nil {
		o.Fault = err.Error()
		return o
	}
	o.judge(s, began, from)
	return o
}

// prepare says what must be true, opens the client, begins the fault and returns what ends it. Unless the situation
// begins cold, it first waits until the client is well.
func (s *scene) prepare() (heal func() error, err error) {
	for _, kind := range []string{"granted", "leaver"} {
		if err := s.say(kind, consentv1.ConsentStatus_CONSENT_STATUS_GIVEN); err != nil {
			return nil, err
		}
	}
	s.gate.turn(s.clean(), true)
	if s.cold {
		heal = s.strike()
	}
	if err := s.open(); err != nil {
		return heal, err
	}
	if s.cold {
		return heal, nil
	}
	if err := s.awaitHealth(); err != nil {
		return nil, err
	}
	return s.strike(), nil
}

func (s *scene) open() error {
	q := request{Op: "open", Client: s.subject, Target: s.target, TimeoutMS: s.timeout.Milliseconds()}
	if s.tls {
		q.CAFile = s.roots
	}
	got, err := s.runner.do(q)
	if err == nil && got.Error != nil {
		err = fmt.Errorf("open: %s: %s", got.Error.Code, got.Error.Message)
	}
	return err
}

func (s *scene) awaitHealth() error {
	deadline := time.Now().Add(patience)
	for !(s.ask("granted").right() && s.ask("denied").right() && s.ask("purposes").right()) {
		if time.Now().After(deadline) {
			return fmt.Errorf("the client was not well before the fault: %+v", s.ask("granted"))
		}
	}
	return nil
}

// strike begins the fault and returns what ends it.
func (s *scene) strike() func() error {
	if s.begin != nil {
		return s.begin(s)
	}
	switch {
	case s.fresh:
		s.gate.turn(s.fault, true)
		s.gate.turn(s.clean(), false)
	case s.old != nil:
		s.gate.turn(s.fault, false)
		s.gate.cut(s.old)
	default:
		s.gate.turn(s.fault, true)
	}
	return func() error { s.gate.turn(s.clean(), !s.lasting); return nil }
}

// clean are the ways of connections that nothing happens to.
func (s *scene) clean() *ways {
	if s.frames {
		return &ways{frames: &frameWays{}}
	}
	return &ways{}
}

// last lets the fault last, with a withdrawal in its middle, and returns from when on the client can be well.
func (s *scene) last(p pacing, heal func() error, began time.Time) (time.Time, error) {
	wait(context.Background(), p.fault/2)
	if err := s.withdraw(); err != nil {
		return began, err
	}
	wait(context.Background(), p.fault/2)
	// On a busy machine a runner may not have asked anything yet.
	for s.fault != nil && s.gate.touched.Load() == 0 && time.Since(began) < p.patience {
		wait(context.Background(), pace)
	}
	if s.fresh || s.answered {
		return began, nil
	}
	return time.Now(), heal()
}

// keepAsking calls at a steady pace, whatever became of the calls before, and waits for the last of them.
func (s *scene) keepAsking(ctx context.Context) {
	var under sync.WaitGroup
	defer under.Wait()
	tick := time.NewTicker(cmp.Or(s.pace, pace))
	defer tick.Stop()
	for i := 0; ; i++ {
		under.Go(func() { s.note(calls[i%len(calls)]) })
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// awaitRecovery waits until checks and other calls are answered, and a little longer.
func (s *scene) awaitRecovery(from time.Time, patience time.Duration) {
	for wait(context.Background(), pace) && time.Since(from) < patience {
		if !s.recovered(from).IsZero() {
			wait(context.Background(), time.Duration(len(calls))*cmp.Or(s.pace, pace))
			return
		}
	}
}

// recovered is when a check and another call that began after from had been answered; zero: not yet.
func (s *scene) recovered(from time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var check, other time.Time
	for _, a := range s.answers {
		first := &check
		if a.kind == "purposes" {
			first = &other
		}
		if !a.start.Before(from) && a.right() && (first.IsZero() || a.end.Before(*first)) {
			*first = a.end
		}
	}
	if check.IsZero() || other.IsZero() {
		return time.Time{}
	}
	if other.After(check) {
		return other
	}
	return check
}

// judge counts what the client did.
func (o *outcome) judge(s *scene, began, from time.Time) {
	at := s.recovered(from)
	if !at.IsZero() {
		o.RecoveredMS = at.Sub(from).Milliseconds()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o.Codes, o.Touched = map[string]int{}, s.gate.touched.Load()
	first := answered{start: time.Now()}
	for _, a := range s.answers {
		if a.start.Before(first.start) {
			first = a
		}
		o.count(a, s.withdrawn)
		if !a.start.Before(began) && (a.start.Before(from) || from.Equal(began)) {
			o.Asked++
			if a.right() {
				o.Answered++
			}
		}
		if !at.IsZero() && a.start.After(at) && a.code != "" {
			o.Relapses++
		}
	}
	if first.right() {
		o.FirstMS = first.end.Sub(first.start).Milliseconds()
	}
}

func (o *outcome) count(a answered, withdrawn time.Time) {
	if a.code != "" {
		o.Codes[a.code]++
	}
	left := a.kind == "leaver" && !withdrawn.IsZero() && a.start.After(withdrawn)
	stays := a.kind == "granted" || a.kind == "purposes"
	if a.allowed && (a.kind == "denied" || left || a.code != "") {
		o.WrongAllows++
	}
	if a.code == "" && !a.allowed && stays {
		o.WrongDenials++
	}
}
