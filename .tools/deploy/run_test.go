package deploy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// container runs a program as a container would: in its own file system, read-only but for the volume, as its user. What
// it does to mounts ends with it.
const container = `
root=$1 volume=$2 inside=$3 user=$4
shift 4
mount --bind "$root" "$root"
mount --bind "$volume" "$root$inside"
mount -o remount,ro,bind "$root"
exec chroot --userspec="$user" "$root" "$@"
`

// start starts the image with an empty or used volume.
func (m *image) start(t *testing.T, volume string, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("changing the root and the user needs root")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	line := append([]string{"--mount", "sh", "-euc", container, "sh", m.files, volume, m.volumes[0], m.user}, m.entrypoint...)
	command, out := exec.CommandContext(ctx, "unshare", append(line, args...)...), &output{}
	command.Stdout, command.Stderr, command.Env = out, out, []string{"PATH=" + os.Getenv("PATH")}
	must(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	return command, out
}

// output may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// await waits until the output matches, and returns the groups.
func (o *output) await(t *testing.T, expression string) []string {
	t.Helper()
	want := regexp.MustCompile(expression)
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text := o.String()
		if found := want.FindStringSubmatch(text); found != nil {
			return found
		}
		if strings.Contains(text, "Operation not permitted") || strings.Contains(text, "unshare failed") {
			t.Skipf("mounting is not permitted here: %s", text)
		}
	}
	t.Fatalf("%s did not come:\n%s", expression, o)
	return nil
}

var local = []string{"--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--data-dir=/var/lib/consentd/data"}

// TestImage does what docker build and docker run --read-only would, and where docker runs that too.
func TestImage(t *testing.T) {
	m := assemble(t)
	t.Run("serves, and keeps what it was told", func(t *testing.T) { m.serves(t) })
	t.Run("writes nowhere else", func(t *testing.T) {
		server, out := m.start(t, ownedVolume(t), "--grpc-addr=127.0.0.1:0", "--http-addr=127.0.0.1:0", "--data-dir=/data")
		if err := server.Wait(); err == nil {
			t.Error("it started with its data in the image")
		}
		out.await(t, `(?m)^consentd: data directory /data cannot be created: .*read-only file system`)
	})
	t.Run("is the release", func(t *testing.T) { m.isTheRelease(t) })
	t.Run("takes the settings of charts", func(t *testing.T) { takesSettings(t, m.files+m.entrypoint[0]) })
	t.Run("docker build", func(t *testing.T) {
		if out, err := exec.CommandContext(t.Context(), "docker", "version").CombinedOutput(); err != nil {
			t.Skipf("docker does not run here: %.100s", out)
		}
		build := exec.CommandContext(t.Context(), "docker", "build", "-f", "server/deploy/Dockerfile")
		for _, a := range arguments {
			build.Args = append(build.Args, "--build-arg", a)
		}
		build.Args, build.Dir = append(build.Args, "."), root
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// ownedVolume is an empty folder, owned as a volume that docker makes is: as the folder in the image.
func ownedVolume(t *testing.T) string {
	t.Helper()
	volume := t.TempDir()
	if os.Getuid() == 0 {
		must(t, os.Chown(volume, 65532, 65532))
		for dir := volume; dir != "/"; dir = filepath.Dir(dir) { // others than root must reach it
			info, err := os.Stat(dir)
			must(t, err)
			must(t, os.Chmod(dir, info.Mode()|0o055))
		}
	}
	return volume
}

func (m *image) serves(t *testing.T) {
	volume := ownedVolume(t)
	first, out := m.start(t, volume, local...)
	addresses := out.await(t, `msg=serving grpc=(\S+) http=(\S+)`)
	answer, err := http.Get("http://" + addresses[2] + "/readyz")
	must(t, err)
	_, _ = io.Copy(io.Discard, answer.Body)
	must(t, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s", answer.Status)
	}
	m.ask(t, addresses[1], "record", "profile", "example", "user-42", "--jurisdiction", "DE")
	must(t, first.Process.Signal(syscall.SIGTERM))
	if err := first.Wait(); err != nil {
		t.Errorf("stopped: %v\n%s", err, out)
	}
	second, out := m.start(t, volume, local...)
	addresses = out.await(t, `msg=serving grpc=(\S+) http=(\S+)`)
	if got := m.ask(t, addresses[1], "events", "example", "user-42"); !strings.Contains(got, "profile") {
		t.Errorf("what was recorded is gone: %s", got)
	}
	must(t, second.Process.Signal(syscall.SIGTERM))
	if err := second.Wait(); err != nil {
		t.Errorf("stopped: %v\n%s", err, out)
	}
}

// ask runs the image's consentctl.
func (m *image) ask(t *testing.T, addr string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), m.files+"/consentctl", append([]string{"--addr", addr}, args...)...).CombinedOutput()
	if err != nil {
		t.Errorf("consentctl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// isTheRelease: what is sent to the build leaves out nothing that ends up in the programs.
func (m *image) isTheRelease(t *testing.T) {
	out := t.TempDir()
	release := exec.CommandContext(t.Context(), "go", "run", "./server/deploy/release", "--sbom=false", "--program=consentctl",
		"--out="+out, "--platform=linux/"+runtime.GOARCH)
	for _, a := range arguments[1:] {
		name, value, _ := strings.Cut(a, "=")
		release.Args = append(release.Args, "--"+strings.ToLower(name)+"="+value)
	}
	release.Dir = root
	if told, err := release.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	if sum(t, m.files+"/consentctl") != sum(t, out+"/linux_"+runtime.GOARCH+"/consentctl") {
		t.Error("the image's consentctl differs from the release's: see what Dockerfile.dockerignore leaves out")
	}
	version, err := exec.CommandContext(t.Context(), m.files+"/consentd", "--version").Output()
	want := "consentd v1.2.3, commit 0123456789abcdef0123456789abcdef01234567 of 2026-11-30T09:58:11Z, go" + toolchain(t)
	if err != nil || !strings.HasPrefix(string(version), want) {
		t.Errorf("--version: %s, %v; want %s", version, err, want)
	}
}

func sum(t *testing.T, file string) [32]byte {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	return sha256.Sum256(content)
}
