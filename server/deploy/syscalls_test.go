//go:build linux

package deploy

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// permitted are the system calls that the unit lets through, as this machine's systemd reads the names of sets.
func permitted(t *testing.T) map[string]bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "syscall-filter", "--no-pager").Output()
	if err != nil {
		t.Skipf("systemd-analyze syscall-filter: %v", err)
	}
	sets := map[string][]string{}
	var set string
	for line := range strings.Lines(string(out)) {
		name := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "@"):
			set = name
		case name != "" && !strings.HasPrefix(name, "#"):
			sets[set] = append(sets[set], name)
		}
	}
	text, err := os.ReadFile("systemd/consentd.service")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllSubmatch(text, -1) {
		for _, name := range append(strings.Fields(string(m[2])), "@default") {
			if name == "@default" && len(m[1]) > 0 {
				continue // it is always permitted
			}
			for _, call := range expand(sets, name) {
				all[call] = len(m[1]) == 0
			}
		}
	}
	return all
}

func expand(sets map[string][]string, name string) (all []string) {
	if !strings.HasPrefix(name, "@") {
		return []string{name}
	}
	for _, member := range sets[name] {
		all = append(all, expand(sets, member)...)
	}
	return all
}

// TestUnitFitsTheServer: it takes the unit's settings, and asks of the kernel what the unit permits.
func TestUnitFitsTheServer(t *testing.T) {
	slow(t)
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), releaser(t), "--program=consentd", "--sbom=false", "--platform="+here, "--out="+dir)
	build.Args, build.Dir = append(build.Args, identity...), root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := filepath.Join(dir, strings.ReplaceAll(here, "/", "_"), "consentd")
	t.Run("settings", func(t *testing.T) {
		validate := exec.CommandContext(t.Context(), server, "--validate", "--config", "systemd/consentd.yaml")
		if out, err := validate.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("system calls", func(t *testing.T) { asksWhatIsPermitted(t, server) })
}

func asksWhatIsPermitted(t *testing.T, server string) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not there")
	}
	may, calls := permitted(t), traced(t, server)
	if len(calls) < 20 || !slices.Contains(calls, "fdatasync") {
		t.Errorf("%d system calls were seen, and no write to the disk: %v", len(calls), calls)
	}
	for _, call := range calls {
		if !may[call] {
			t.Errorf("%s is asked of the kernel, and SystemCallFilter refuses it", call)
		}
	}
}

// traced are the system calls of a server that starts, records, reloads and stops.
func traced(t *testing.T, program string) []string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	trace, log, socket := filepath.Join(dir, "trace"), filepath.Join(dir, "log"), "unix://"+filepath.Join(dir, "grpc.sock")
	server := exec.CommandContext(ctx, "strace", "-f", "-qq", "-o", trace, "-e", "signal=none", "sh", "-c",
		`echo $$ >"$1"; exec "$2" --data-dir "$3" --grpc-addr "$4" --http-addr 127.0.0.1:0 >"$5" 2>&1`, "sh",
		filepath.Join(dir, "pid"), program, filepath.Join(dir, "data"), socket, log)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, log, "msg=serving")
	record(ctx, t, socket)
	signal(t, filepath.Join(dir, "pid"), syscall.SIGHUP)
	await(t, log, "nothing to read again")
	signal(t, filepath.Join(dir, "pid"), syscall.SIGTERM)
	if err := server.Wait(); err != nil {
		t.Errorf("strace: %v", err)
	}
	return callsIn(t, trace)
}

// record has the server write to its disk.
func record(ctx context.Context, t *testing.T, addr string) {
	t.Helper()
	c, err := client.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, err = c.RecordEvents(ctx, &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "s", Events: []*consentv1.Event{{
			Id: "1", OccurredAt: timestamppb.Now(), Source: "privacy_settings",
			Kind: &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
				Purpose: "ai_training", Status: consentv1.ConsentStatus_CONSENT_STATUS_GIVEN, NoticeVersion: 3,
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until a file holds a text.
func await(t *testing.T, file, text string) {
	t.Helper()
	var content []byte
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if content, _ = os.ReadFile(file); bytes.Contains(content, []byte(text)) {
			return
		}
	}
	t.Fatalf("%q did not come: %s", text, content)
}

func signal(t *testing.T, file string, s syscall.Signal) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// callsIn are the names of the system calls of a trace.
func callsIn(t *testing.T, trace string) []string {
	t.Helper()
	content, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\(`).FindAllSubmatch(content, -1) {
		names[string(m[1])] = true
	}
	return slices.Sorted(maps.Keys(names))
}
