package pgtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// process is a program that runs as an ordinary user, and ends with this process.
type process struct {
	cmd *exec.Cmd
	// ended is closed when it has.
	ended chan struct{}
}

// spawner starts processes from one thread that lives as long as this process does: a process is told of the end of
// the thread that started it, not of the process.
var spawner = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// start starts a program whose output goes to a writer.
func start(out io.Writer, program string, args ...string) (*process, error) {
	cmd := command(out, program, args...)
	started := make(chan error)
	spawner() <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // it is signalled to end: how it ended says nothing
	}()
	return p, nil
}

// command is a program in an environment that says nothing of other servers, in the language of its source.
func command(out io.Writer, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = os.TempDir()
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PG") && !strings.HasPrefix(v, "LC_") && !strings.HasPrefix(v, "LANG") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = attributes()
	return cmd
}

// run runs a program to its end.
func run(program string, args ...string) error {
	var out strings.Builder
	if err := command(&out, program, args...).Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(args, " "), err, out.String())
	}
	return nil
}

// signal sends a signal; a process that has ended gets none.
func (p *process) signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// all are the process and its children, it first.
func (p *process) all() []int {
	return append([]int{p.cmd.Process.Pid}, childrenOf(p.cmd.Process.Pid)...)
}

// signalAll signals the process and then its children: a server that is stopped or killed first makes no new ones.
func (p *process) signalAll(s syscall.Signal) error {
	if err := p.signal(s); err != nil {
		return err
	}
	for _, child := range childrenOf(p.cmd.Process.Pid) {
		_ = syscall.Kill(child, s) // it may have ended
	}
	return nil
}

// kill kills the process and its children, whatever state they are in, and waits.
func (p *process) kill() {
	all := p.all()
	_ = p.signal(syscall.SIGKILL)
	for _, pid := range all[1:] {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.ended
}

const folderPrefix = "consentd-pg-"

// folder makes a temporary folder that the servers' user owns.
func folder() (string, error) {
	sweep()
	dir, err := os.MkdirTemp("", folderPrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return "", fmt.Errorf("making the server's folder: free space or set TMPDIR: %w", err)
	}
	return dir, own(dir)
}

// sweep removes what processes have left that were killed, their servers with it.
var sweep = sync.OnceFunc(func() {
	// The pattern is not malformed.
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), folderPrefix+"*-*"))
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), folderPrefix), "-")
		if pid, err := strconv.Atoi(owner); err != nil || alive(pid) {
			continue
		}
		killLeft(dir)
		_ = os.RemoveAll(dir)
	}
})

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
