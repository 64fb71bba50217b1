// Command gorunner is the conformance suite's runner for the Go client: it makes the calls that the harness asks for,
// on stdin, and says on stdout what the client returned. See the README beside it for the protocol.
//
// It judges nothing. A line that it cannot read ends it with exit status 1.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gorunner:", err)
		os.Exit(1)
	}
}

// run starts each operation as it comes and ends when in does and all are done.
func run(in io.Reader, out io.Writer) error {
	w := &writer{out: json.NewEncoder(out)}
	w.write(map[string]any{"ready": true, "client": "go " + runtime.Version()})
	r := newRunner()
	var under sync.WaitGroup
	defer under.Wait()
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		var o operation
		if err := json.Unmarshal(line, &o); err != nil {
			return fmt.Errorf("reading an operation: %w", err)
		}
		under.Go(func() {
			answer := r.perform(o)
			answer.ID = o.ID
			w.write(answer)
		})
	}
}

// writer writes one line at a time.
type writer struct {
	mu  sync.Mutex
	out *json.Encoder // guarded by mu
}

func (w *writer) write(v any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.out.Encode(v) // a harness that is gone ends stdin too
}
