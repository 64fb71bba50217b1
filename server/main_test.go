package main_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// build builds the server once for all tests that run it.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "consentd")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "consentd")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	return binary, errors.Join(err, errorOf(out))
})

func errorOf(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	return errors.New(string(out))
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatalf("building the server: %v", err)
	}
	return path
}

// command is the server with these arguments, in an empty directory and on free ports,
// unless the arguments say otherwise.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	server := binary(t) // building it takes none of the time that it may run
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, server, append([]string{"--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0"}, args...)...)
	c.Dir = t.TempDir()
	c.Env = []string{}
	return c
}

// expectRefused runs the server, which must say what is wrong in one line and exit with 1.
func expectRefused(t *testing.T, c *exec.Cmd, says ...string) {
	t.Helper()
	var out, line bytes.Buffer
	c.Stdout, c.Stderr = &out, &line
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v, want exit code 1", err)
	}
	if out.Len() > 0 {
		t.Errorf("stdout: %q, want nothing", out.String())
	}
	text := line.String()
	if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || !strings.HasPrefix(text, "consentd: ") {
		t.Errorf("stderr is not one line of consentd:\n%s", text)
	}
	for _, want := range says {
		if !strings.Contains(text, want) {
			t.Errorf("stderr does not say %q:\n%s", want, text)
		}
	}
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := taken.Addr().String()
	policies := t.TempDir()
	write(t, policies, "broken.rego", "package broken\n\nallow if {\n")
	clock := t.TempDir()
	write(t, clock, "clock.rego", "package clock\n\nnow := time.now_ns()\n")
	for name, row := range map[string]struct {
		args, says []string
	}{
		"busy gRPC port": {[]string{"--grpc-addr", port}, []string{port, "in use", "--grpc-addr"}},
		"busy HTTP port": {[]string{"--http-addr", port}, []string{port, "in use", "--http-addr"}},
		"unknown flag":   {[]string{"--nonsense"}, []string{"--nonsense", "--help"}},
		"unknown key": {
			[]string{"--config", write(t, t.TempDir(), "c.yaml", "nonsense: 1\n")}, []string{"c.yaml:1", "nonsense", "--help"},
		},
		"no directory of policies":   {[]string{"--policies", "nowhere"}, []string{"--policies", "nowhere"}},
		"an empty policy directory":  {[]string{"--policies", t.TempDir()}, []string{"policies", "*.rego"}},
		"policies that do not parse": {[]string{"--policies", policies}, []string{"broken.rego:", "--policies"}},
		"policies that read a clock": {[]string{"--policies", clock}, []string{"clock.rego:3", "time.now_ns"}},
		"a file as data directory":   {[]string{"--data-dir", write(t, t.TempDir(), "file", "")}, []string{"file", "choose another"}},
		"a data directory of another": {
			[]string{"--data-dir", filepath.Dir(write(t, t.TempDir(), "photo.jpg", ""))}, []string{"photo.jpg", "choose"},
		},
		"a certificate that is none": {
			[]string{"--tls-cert", write(t, policies, "c.pem", ""), "--tls-key", write(t, policies, "k.pem", "")},
			[]string{"tls-cert", "PEM"},
		},
	} {
		t.Run(name, func(t *testing.T) { expectRefused(t, command(t, row.args...), row.says...) })
	}
}

func TestUnknownVariableIsRefused(t *testing.T) {
	c := command(t)
	c.Env = []string{"CONSENTD_NONSENSE=1"}
	expectRefused(t, c, "CONSENTD_NONSENSE", "unset")
}

func TestUnwritableDataDirIsRefused(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		mountTmpfs(t, dir, "size=1m", true) // root may write anywhere but there
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	says := []string{dir, "choose another"}
	if os.Geteuid() == 0 {
		says = append(says, "read-only")
	}
	expectRefused(t, command(t, "--data-dir", dir), says...)
	expectRefused(t, command(t, "--data-dir", filepath.Join(dir, "below")), dir, "choose another")
}

func TestFullDataDirIsRefused(t *testing.T) {
	dir := t.TempDir()
	mountTmpfs(t, dir, "size=64k", false)
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	filler := bytes.Repeat([]byte{1}, 1<<20)
	if err := os.WriteFile(filepath.Join(dir, "filler"), filler, 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the directory: %v, want no space left", err)
	}
	expectRefused(t, command(t, "--data-dir", data), data, "free space")
}

func TestDataDirInUseIsRefused(t *testing.T) {
	s := launch(t)
	expectRefused(t, command(t, "--data-dir", s.dataDir), s.dataDir, "in use")
}

// launched is a server process that serves.
type launched struct {
	*exec.Cmd
	conn    *grpc.ClientConn
	dataDir string
	log     *lockedLog
}

// lockedLog is a log that a test may read while it is written.
type lockedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func launch(t *testing.T, args ...string) *launched {
	t.Helper()
	log := &lockedLog{}
	s := launchLogging(t, log, args...)
	s.log = log
	return s
}

// launchLogging launches a server that writes its log there.
func launchLogging(t *testing.T, log io.Writer, args ...string) *launched {
	t.Helper()
	dir := t.TempDir()
	socket := "unix://" + filepath.Join(dir, "grpc.sock")
	s := &launched{dataDir: filepath.Join(dir, "data")}
	s.Cmd = command(t, append([]string{"--grpc-addr", socket, "--data-dir", s.dataDir}, args...)...)
	s.Stderr = log
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Process.Kill()
		_ = s.Wait()
	})
	var err error
	if s.conn, err = grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.conn.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := healthpb.NewHealthClient(s.conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Fatalf("it does not serve: %v\n%s", err, log)
	}
	return s
}

func (s *launched) signal(t *testing.T) {
	t.Helper()
	if err := s.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func TestSigtermEndsTheServerWell(t *testing.T) {
	s := launch(t)
	if _, err := consentv1.NewDecisionServiceClient(s.conn).Check(t.Context(), &consentv1.CheckRequest{
		Controller: "example", SubjectId: "s", Purpose: "ai_training",
	}); err != nil {
		t.Error(err)
	}
	s.signal(t)
	if err := s.Wait(); err != nil {
		t.Errorf("it ended with %v, want exit code 0:\n%s", err, s.log)
	}
	for _, line := range []string{"msg=serving", "msg=stopped"} {
		if !strings.Contains(s.log.String(), line) {
			t.Errorf("the log has no %q:\n%s", line, s.log)
		}
	}
}

func TestASecondSignalEndsTheServerAtOnce(t *testing.T) {
	s := launch(t)
	watch, err := healthpb.NewHealthClient(s.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	// A call whose request never comes is under way until the drain times out. The server has seen it when it answers the
	// next call on the connection.
	never := &grpc.StreamDesc{ClientStreams: true}
	if _, err := s.conn.NewStream(t.Context(), never, consentv1.DecisionService_Check_FullMethodName); err != nil {
		t.Fatal(err)
	}
	if _, err := healthpb.NewHealthClient(s.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	s.signal(t)
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("health = %v, %v; want NOT_SERVING", got, err)
	}
	s.signal(t)
	_ = s.Wait()
	if got := s.ProcessState.Sys().(syscall.WaitStatus); !got.Signaled() || got.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, want the second signal", s.ProcessState)
	}
}
