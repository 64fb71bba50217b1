package acts

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// childFile names, in the environment, the file that the child writes.
const childFile = "ACTS_CHILD_FILE"

// TestChild is no test of its own: it writes acts, and says of each when it was written, until it is killed.
func TestChild(t *testing.T) {
	path := os.Getenv(childFile)
	if path == "" {
		t.Skip("for TestKilled")
	}
	l, err := Open(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	var out sync.Mutex
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, n)
				if n%2 == 0 {
					l.Note(explained(name))
				} else if err := l.Write(context.Background(), explained(name)); err != nil {
					return
				}
				out.Lock()
				fmt.Println("answered", name)
				out.Unlock()
			}
		})
	}
	writers.Wait()
}

// TestKilled kills the process that writes, at random moments: each act that was answered is in the file, and the chain
// goes on.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acts.jsonl")
	answered, random := map[string]bool{}, rand.New(rand.NewPCG(1, 2))
	for range 4 {
		child := exec.Command(os.Args[0], "-test.run=^TestChild$")
		child.Env = append(os.Environ(), childFile+"="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := 20 + random.IntN(300); lines.Scan(); {
			var name string
			if _, err := fmt.Sscanf(lines.Text(), "answered %s", &name); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			answered[name] = true
			if left--; left == 0 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
	}
	l := mustOpen(t, Config{File: path}) // cuts off what the last one left
	mustClose(t, l)
	verified(t, path)
	for _, l := range read(t, path) {
		delete(answered, l.Subject)
	}
	if len(answered) > 0 {
		t.Errorf("%d acts were answered and are not in the file: %v", len(answered), answered)
	}
}
