package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// roleVariable makes this program a client's process.
const roleVariable = "HISTORIES_ROLE"

// clientProcess is a client in a process of its own.
type clientProcess struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	// tokens are those that it is to be told; full while it is stopped, and then some are left out.
	tokens chan string
	all    sync.WaitGroup
	err    error
}

const tokensKept = 256

// startClient starts a client, whose records are handed to take.
func startClient(p plan, take func([]record)) (*clientProcess, error) {
	first, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	c := &clientProcess{command: exec.Command("/proc/self/exe"), tokens: make(chan string, tokensKept)}
	c.command.Env = append(os.Environ(), roleVariable+"=client")
	c.command.Stderr = os.Stderr
	c.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err1 := c.command.StdinPipe()
	stdout, err2 := c.command.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	c.stdin = stdin
	if _, err := fmt.Fprintf(stdin, "%s\n", first); err != nil {
		return nil, err
	}
	c.all.Go(func() { c.err = readAll(stdout, take) })
	go func() {
		for t := range c.tokens {
			_, _ = io.WriteString(stdin, t) // it may have ended
		}
	}()
	return c, nil
}

// readAll hands out records in the groups in which they come.
func readAll(from io.Reader, take func([]record)) error {
	in, buffer := bufio.NewReaderSize(from, 1<<18), make([]byte, recordBytes)
	var group []record
	for {
		r, err := readRecord(in, buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading what a client recorded: %w", err)
		}
		if group = append(group, r); in.Buffered() < recordBytes {
			take(group)
			group = group[:0]
		}
	}
}

// tell hands the client a token, unless it does not listen.
func (c *clientProcess) tell(token string) {
	select {
	case c.tokens <- token:
	default:
	}
}

func (c *clientProcess) freeze(ctx context.Context, d time.Duration) error {
	err := c.command.Process.Signal(syscall.SIGSTOP)
	pauseFor(ctx, d)
	return errors.Join(err, c.command.Process.Signal(syscall.SIGCONT))
}

// end has the client finish what is under way, and returns when all that it recorded was taken.
func (c *clientProcess) end() error {
	_ = c.command.Process.Signal(syscall.SIGCONT)
	_ = c.stdin.Close()
	c.all.Wait()
	return errors.Join(c.err, c.command.Wait())
}
