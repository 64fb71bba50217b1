package model_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// twins are what Spin looks at: each with the macros that it is made with, and whether an assertion must fail.
var twins = []struct {
	macros string
	states string
	broken bool
}{
	{"SYNC", "2944186 states, stored", false},
	{"", "4202139 states, stored", false},
	{"ONLY_P1 FloorNotRaised", "", true},
	{"ONLY_P1 LateCommit", "", true},
	{"ONLY_P1 LeaseIgnored", "", true},
	{"ONLY_P1 LeaseFromAnswer", "", true},
	{"ONLY_P1 ChainIgnored", "", true},
	{"ONLY_P1 ReplicaFreshness", "", true},
	{"ONLY_P1 LapsedAtOnce", "", true},
	{"ONLY_P1 AnyPoll", "", true},
	{"ONLY_P1 NoServerWait", "", true},
	{"ONLY_P1 NoMargin", "", true},
	{"ONLY_P1 FillAhead", "", true},
	{"ONLY_P1 LapsedReadsReplica", "", true},
}

// TestTwin: Spin finds of the Promela twin what Explore finds of the model.
func TestTwin(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("short, or under the race detector: verifiers in C take a minute or two")
	}
	for _, tool := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here: install Debian's packages spin and gcc to have the twin checked", tool)
		}
	}
	source, err := filepath.Abs("protocol.pml")
	if err != nil {
		t.Fatal(err)
	}
	for _, twin := range twins {
		t.Run(strings.TrimSpace("twin "+twin.macros), func(t *testing.T) {
			out := verify(t, source, strings.Fields(twin.macros))
			if broken := !strings.Contains(out, "errors: 0"); broken != twin.broken || !strings.Contains(out, twin.states) {
				t.Errorf("want broken %t, %q:\n%s", twin.broken, twin.states, out)
			}
		})
	}
}

// verify has Spin write a verifier, and runs it.
func verify(t *testing.T, source string, macros []string) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"-a", "-o2"} // -o2: what is only written counts too, as in Go
	for _, macro := range macros {
		args = append(args, "-D"+macro)
	}
	run(t, dir, "spin", append(args, source)...)
	run(t, dir, "gcc", "-O1", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=4096", "-o", "pan", "pan.c")
	return run(t, dir, filepath.Join(dir, "pan"), "-m100000", "-w22")
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
