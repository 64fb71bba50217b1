package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/consentd/consentd/client"
)

// running is a `consentctl fake` that runs.
type running struct {
	// line is what it printed first.
	line string
	// stdin is its standard input; stop is its interrupt.
	stdin *io.PipeWriter
	stop  context.CancelFunc
	// code has its exit code when it has ended.
	code   chan int
	stderr *shared
}

// shared is a buffer that is written and read at the same time.
type shared struct {
	mu   sync.Mutex
	data bytes.Buffer // guarded by mu
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data.String()
}

func runFake(t *testing.T, args ...string) *running {
	t.Helper()
	in, stdin := io.Pipe()
	out, stdout := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stdin: stdin, stop: stop, code: make(chan int, 1), stderr: &shared{}}
	a := &app{stdin: in, stdout: stdout, stderr: r.stderr, now: time.Now}
	go func() {
		r.code <- a.run(ctx, append([]string{"fake"}, args...))
		_ = stdout.Close()
	}()
	t.Cleanup(stop)
	r.line, _ = bufio.NewReader(out).ReadString('\n')
	return r
}

func (r *running) ended(t *testing.T) int {
	t.Helper()
	select {
	case code := <-r.code:
		return code
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
	return 0
}

func rulesFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFakeEnds: when its standard input ends, if that was asked for, and when it is interrupted.
func TestFakeEnds(t *testing.T) {
	rules := rulesFile(t, "rules: [{decision: ALLOW}]")
	for name, end := range map[string]struct {
		args []string
		end  func(*running)
	}{
		"with standard input": {[]string{rules, "--until-stdin-ends"}, func(r *running) { _ = r.stdin.Close() }},
		"by an interrupt":     {[]string{rules}, func(r *running) { r.stop() }},
		"without rules":       {nil, func(r *running) { r.stop() }},
	} {
		r := runFake(t, end.args...)
		c, err := client.Dial(strings.TrimSpace(r.line))
		if err != nil {
			t.Fatal(err)
		}
		if d, err := c.Check(t.Context(), client.NewCheck("example", "u", "ads")); err != nil || d.Allowed != (len(end.args) > 0) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
		_ = c.Close()
		end.end(r)
		if code := r.ended(t); code != exitOK || r.stderr.String() != "" {
			t.Errorf("%s: exit code %d, %s", name, code, r.stderr)
		}
	}
}

// TestFakeFollowsItsFile: a change counts, one with faults is told and does not.
func TestFakeFollowsItsFile(t *testing.T) {
	rules := rulesFile(t, "rules: [{decision: ALLOW}]")
	r := runFake(t, rules, "--watch")
	c, err := client.Dial(strings.TrimSpace(r.line))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	check := client.NewCheck("example", "u", "ads")
	await := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	if !c.Allowed(t.Context(), check) {
		t.Fatal("denied at first")
	}
	if err := os.WriteFile(rules, []byte("rules:\n  - {decision: MAYBE}"), 0o600); err != nil {
		t.Fatal(err)
	}
	await("the fault is not told", func() bool { return strings.Contains(r.stderr.String(), "rules.yaml:2: decision") })
	if !c.Allowed(t.Context(), check) {
		t.Error("rules with a fault are in force")
	}
	if err := os.WriteFile(rules, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await("the change does not count", func() bool { return !c.Allowed(t.Context(), check) })
	r.stop()
	if code := r.ended(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestFakeThatCannotRun(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	faulty := rulesFile(t, "rules:\n  - {decision: MAYBE}\n  - {reasons: [X]}\n")
	for want, args := range map[string][]string{
		faulty + ":2: decision: \"MAYBE\"": {faulty},
		faulty + ":3: want either":         {faulty, "--watch"},
		"no such file":                     {filepath.Join(t.TempDir(), "none.yaml")},
		"name a file of rules":             {"--watch"},
		"listening":                        {"--addr", taken.Addr().String()},
		"too many arguments":               {faulty, faulty},
	} {
		r := runFake(t, args...)
		if code := r.ended(t); code != exitError || r.line != "" || !strings.Contains(r.stderr.String(), want) {
			t.Errorf("%v: exit code %d, %q, %s; want %q", args, code, r.line, r.stderr, want)
		}
	}
}
