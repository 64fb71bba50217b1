package conformance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// root is the repository's, where runners are started.
const root = "../.."

// subject under test: a client and how its runner is started.
type language struct {
	// name is the test's.
	name string
	// dir is the folder of client/ with setup and runner; Go's runner is a package of its own.
	dir string
	// args are the runner's.
	args []string
}

var languages = []language{
	{name: "go"},
	{name: "python", dir: "python"},
	{name: "python-asyncio", dir: "python", args: []string{"--asyncio"}},
	{name: "typescript", dir: "typescript"},
	{name: "java", dir: "java"},
}

// notSetUp is the exit status of scripts that lack what they need.
const notSetUp = 77

// patience is how long a runner may take for one operation, and for anything else that it does.
const patience = 60 * time.Second

// command is what starts the language's runner. It skips the test where there is none.
func (l language) command(t *testing.T) []string {
	t.Helper()
	if l.dir == "" {
		return []string{buildGoRunner(t)}
	}
	script := filepath.Join("client", l.dir, "runner")
	if _, err := os.Stat(filepath.Join(root, script)); errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s does not exist", script)
	}
	return append([]string{"./" + script}, l.args...)
}

// look stats the clients' own files and what says that they are set up. Processes read them, of which go test knows
// nothing: it would take a result from its cache although they have changed.
func look(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, "client"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch entry.Name() {
		case ".venv", "node_modules", "target", "build", "dist", "__pycache__", ".mypy_cache", ".ruff_cache":
			_, _ = os.ReadDir(path)
			return fs.SkipDir
		}
		if _, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil // somebody's temporary file
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func buildGoRunner(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gorunner")
	if out, err := exec.Command("go", "build", "-o", binary, "./gorunner").CombinedOutput(); err != nil {
		t.Fatalf("building the runner: %v\n%s", err, out)
	}
	return binary
}

// setUp runs the language's setup; missing toolchains skip the test.
func (l language) setUp(t *testing.T) {
	t.Helper()
	script := filepath.Join("client", l.dir, "setup")
	if _, err := os.Stat(filepath.Join(root, script)); l.dir == "" || err != nil {
		return
	}
	cmd := exec.Command("./" + script)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	skipIfNotSetUp(t, err, string(out))
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

func skipIfNotSetUp(t *testing.T, err error, text string) {
	t.Helper()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == notSetUp {
		t.Skip(strings.TrimSpace(text))
	}
}

// runner is a client's process.
type runner struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr *buffer
	// client is what the runner says it is.
	client string

	// writing is held while a line is written, and never to read: a runner may have to be rid of results before it reads.
	writing sync.Mutex

	mu      sync.Mutex // guards all below
	last    int
	pending map[int]chan<- result
	// gone says why the runner ended; nil while it runs.
	gone error
}

// buffer collects what a process writes.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// startRunner starts a client's process until the test ends, or skips the test.
func startRunner(t *testing.T, l language) *runner {
	t.Helper()
	command := l.command(t)
	r := &runner{cmd: exec.Command(command[0], command[1:]...), stderr: &buffer{}, pending: map[int]chan<- result{}}
	r.cmd.Dir, r.cmd.Stderr, r.cmd.WaitDelay = root, r.stderr, patience
	r.cmd.Env = append(os.Environ(), proxies(t)...)
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	if err := r.ready(lines); err != nil {
		skipIfNotSetUp(t, r.cmd.Wait(), r.stderr.String())
		t.Fatalf("the runner did not start: %v\n%s", err, r.stderr)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); r.read(lines) }()
	t.Cleanup(func() { r.end(t, ended) })
	return r
}

// proxies is an environment whose proxy leads nowhere: whoever asks it to reach this machine fails. Addresses that are
// not loopback may be reached through a proxy, so they are excepted.
func proxies(t *testing.T) []string {
	const nowhere = "http://127.0.0.1:1"
	except := "no_proxy=" + externalAddress(t)
	env := []string{except, strings.ToUpper(except[:8]) + except[8:]}
	for _, name := range []string{"grpc_proxy", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, name+"="+nowhere)
	}
	return env
}

func (r *runner) ready(lines *bufio.Reader) error {
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	var first struct {
		Ready  bool   `json:"ready"`
		Client string `json:"client"`
	}
	if err := json.Unmarshal(line, &first); err != nil || !first.Ready {
		return fmt.Errorf("its first line is %q, not that it is ready", line)
	}
	r.client = first.Client
	return nil
}

// end lets the runner go and waits for it.
func (r *runner) end(t *testing.T, ended <-chan struct{}) {
	_ = r.stdin.Close()
	timer := time.AfterFunc(patience, func() { _ = r.cmd.Process.Kill() })
	defer timer.Stop()
	<-ended
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("the runner ended with %v", err)
	}
	if t.Failed() {
		t.Logf("the runner's stderr:\n%s", r.stderr)
	}
}

// read hands out results until the runner ends.
func (r *runner) read(lines *bufio.Reader) {
	for {
		line, err := lines.ReadBytes('\n')
		if err == nil {
			err = r.dispatch(line)
		}
		if err != nil {
			r.fail(err)
			return
		}
	}
}

func (r *runner) dispatch(line []byte) error {
	var got result
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		return fmt.Errorf("the runner wrote %q: %w", line, err)
	}
	r.mu.Lock()
	waiting, ok := r.pending[got.ID]
	delete(r.pending, got.ID)
	r.mu.Unlock()
	if !ok {
		return fmt.Errorf("the runner answered what nobody asked: %q", line)
	}
	waiting <- got
	return nil
}

func (r *runner) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = fmt.Errorf("the runner is gone: %w", err)
	for id, waiting := range r.pending {
		delete(r.pending, id)
		close(waiting)
	}
}

// request is one line to the runner.
type request struct {
	ID         int             `json:"id"`
	Op         string          `json:"op"`
	Client     string          `json:"client,omitempty"`
	Session    string          `json:"session,omitempty"`
	DeadlineMS *int64          `json:"deadline_ms,omitempty"`
	Request    json.RawMessage `json:"request,omitempty"`
	Source     string          `json:"source,omitempty"`

	Target    string `json:"target,omitempty"`
	TimeoutMS int64  `json:"timeout_ms,omitempty"`
	Insecure  bool   `json:"insecure,omitempty"`
	TLS       bool   `json:"tls,omitempty"`
	CAFile    string `json:"ca_file,omitempty"`

	NearCache bool              `json:"near_cache,omitempty"`
	Coalesce  *bool             `json:"coalesce,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Endless   bool              `json:"endless,omitempty"`

	Subjects int    `json:"subjects,omitempty"`
	Prefix   string `json:"prefix,omitempty"`
	AtOnce   int    `json:"at_once,omitempty"`
	How      string `json:"how,omitempty"`
}

// do has the runner do one operation and waits for its result.
func (r *runner) do(q request) (result, error) {
	waiting := make(chan result, 1)
	if err := r.send(q, waiting); err != nil {
		return result{}, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case got, ok := <-waiting:
		if !ok {
			return result{}, r.gone
		}
		return got, nil
	case <-timer.C:
		return result{}, fmt.Errorf("the runner did not answer %s within %v", q.Op, patience)
	}
}

func (r *runner) send(q request, waiting chan<- result) error {
	line, err := r.expect(&q, waiting)
	if err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if pipe, ok := r.stdin.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = pipe.SetWriteDeadline(time.Now().Add(patience)) // a runner that hangs reads nothing
	}
	if _, err = r.stdin.Write(append(line, '\n')); err != nil {
		r.fail(fmt.Errorf("it reads no more: %w", err))
	}
	return err
}

// expect gives a request its number, and where its result goes.
func (r *runner) expect(q *request, waiting chan<- result) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone != nil {
		return nil, r.gone
	}
	r.last++
	q.ID = r.last
	r.pending[q.ID] = waiting
	return json.Marshal(q)
}
