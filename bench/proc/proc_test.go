package proc_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/bench/proc"
)

// TestMain is the program that the tests start, when it is told to be.
func TestMain(m *testing.M) {
	switch os.Getenv("PROC_TEST") {
	case "wait":
		_, _ = os.Stdout.WriteString("first\nsec")
		_, _ = os.Stdout.WriteString("ond\n")
		select {}
	case "fail":
		_, _ = os.Stderr.WriteString("no such luck\n")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func self(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "PROC_TEST="+role)
	return cmd
}

func TestStartAndStop(t *testing.T) {
	lines := make(chan string, 10)
	p, err := proc.Start(self(t, "wait"), func(line string) { lines <- line })
	if err != nil {
		t.Fatal(err)
	}
	if first, second := <-lines, <-lines; first != "first" || second != "second" {
		t.Errorf("lines %q and %q", first, second)
	}
	if _, err := proc.CPU(p.PID()); err != nil {
		t.Error(err)
	}
	if peak, err := proc.PeakMemory(p.PID()); err != nil || peak < 1<<20 {
		t.Errorf("peak memory = %d, %v", peak, err)
	}
	p.Stop()
	if _, err := proc.PeakMemory(p.PID()); err == nil {
		t.Error("the process still lives")
	}
}

func TestAProgramThatEndsIsNotWaitedFor(t *testing.T) {
	p, err := proc.Start(self(t, "fail"), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Ready(t.Context(), time.Hour, func(context.Context) error { return errors.New("not yet") })
	if err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Errorf("err = %v, want what the program wrote", err)
	}
	p.Stop()
}

// The CPU time of a process that works grows, by no more than its cores can work.
func TestCPU(t *testing.T) {
	began := time.Now()
	before, err := proc.CPU(os.Getpid())
	if err != nil {
		t.Skip(err)
	}
	for n := 0; ; n++ {
		after, err := proc.CPU(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if after-before >= 10*time.Millisecond {
			break
		}
	}
	total, err := proc.CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if cores := float64(total-before) / float64(time.Since(began)); cores > 256 {
		t.Errorf("%.0f cores were at work", cores)
	}
}
