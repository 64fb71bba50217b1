// Package proc starts the programs that are measured, as processes of their own, and reads from the
// operating system what they cost.
//
// Guarantees: a process that was started is dead when Stop returns, and is killed with its parent where the system can
// do that. Failure: a program that ends before it is ready is an error with the end of what it wrote.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// stopTimeout is how long a program may take to end on SIGTERM before it is killed.
const stopTimeout = 10 * time.Second

// Process is a program that runs.
type Process struct {
	cmd    *exec.Cmd
	output *tail
	// ended is closed once the program has ended.
	ended chan struct{}
}

// Start runs a program; line gets each line that it writes to stdout or stderr, if it is not nil.
func Start(cmd *exec.Cmd, line func(string)) (*Process, error) {
	p := &Process{cmd: cmd, output: &tail{line: line}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended does not matter, only that it did
	}()
	return p, nil
}

// PID is the process' number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ready polls until ready returns nil. It fails when the program ends before, or after timeout.
func (p *Process) Ready(ctx context.Context, timeout time.Duration, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended at once: %s", p.cmd.Path, p.output)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %v: %w: %s", p.cmd.Path, timeout, err, p.output)
		case <-ticker.C:
		}
	}
}

// Stop ends the program, by SIGTERM and then by SIGKILL, and waits for it.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// Kill ends the program by SIGKILL, in whatever state it is, and waits for it.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// Signal sends a signal, such as SIGSTOP.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// FreeAddr returns a loopback address, host:port, on which nothing listened a moment ago.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// errNotKnown is what the readings return where the operating system does not tell.
var errNotKnown = errors.New("this operating system does not tell")

// tail keeps the end of what a program writes and hands out its lines.
type tail struct {
	line func(string)
	mu   sync.Mutex
	// partial and kept are guarded by mu.
	partial, kept []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	if t.line == nil {
		return len(b), nil
	}
	t.partial = append(t.partial, b...)
	for {
		line, rest, found := bytes.Cut(t.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		t.line(string(line))
		t.partial = append(t.partial[:0], rest...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
