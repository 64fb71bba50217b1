// Package deploy tests what is in server/deploy with the parsers of those who will read it: Dockerfiles by BuildKit's,
// charts by Helm, manifests by the types of the Kubernetes API. It is a module of its own, because none of these is a
// dependency of consentd. Nothing but tests is here.
package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// root is the repository.
const root = "../.."

const dockerfile = root + "/server/deploy/Dockerfile"

// stagesOf parses the Dockerfile; what BuildKit's linter warns of is a fault.
func stagesOf(t *testing.T) []instructions.Stage {
	t.Helper()
	text, err := os.ReadFile(dockerfile)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("Dockerfile: %s %v", w.Short, w.Detail)
	}
	warn := func(rule, _, _, message string, at []parser.Range) {
		t.Errorf("Dockerfile:%v: %s: %s", at, rule, message)
	}
	stages, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{Warn: warn}))
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 {
		t.Fatalf("%d stages, want one that builds and one that runs", len(stages))
	}
	return stages
}

// What an image may not be is said here, beside what it is, in the Dockerfile.
func TestImageHoldsLittleAndRunsAsNobody(t *testing.T) {
	stages := stagesOf(t)
	if got := stages[1].BaseName; got != "scratch" {
		t.Errorf("it runs on %s, want scratch", got)
	}
	if got, want := stages[0].BaseName, "golang:"+toolchain(t); got != want {
		t.Errorf("built on %s, go.mod's toolchain is %s", got, want)
	}
	user := ""
	for _, command := range stages[1].Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EnvCommand:
			t.Errorf("ENV %v would win over the file of settings", c.Env)
		case *instructions.AddCommand, *instructions.RunCommand:
			t.Errorf("%s in the image that runs", c.Name())
		}
	}
	uid, _, _ := strings.Cut(user, ":")
	if n, err := strconv.Atoi(uid); err != nil || n == 0 {
		t.Errorf("USER %q: Kubernetes can only tell of a number that it is not root", user)
	}
}

// toolchain is that of go.mod, without the "go".
func toolchain(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindSubmatch(text)
	if found == nil {
		t.Fatal("go.mod names no toolchain")
	}
	return string(found[1])
}

// image is what the Dockerfile makes, without docker: the files of each stage in folders, and how it runs.
type image struct {
	build, files        string
	workdir, user       string
	entrypoint, volumes []string
}

// arguments are those of the build.
var arguments = []string{
	"TARGETARCH=" + runtime.GOARCH, "VERSION=v1.2.3", "COMMIT=0123456789abcdef0123456789abcdef01234567",
	"DATE=2026-11-30T10:58:11+01:00",
}

// assemble does what docker build would, in folders: RUN on this machine, with what is written to /out put there instead.
func assemble(t *testing.T) *image {
	t.Helper()
	stages := stagesOf(t)
	m := &image{build: t.TempDir(), files: t.TempDir()}
	for _, command := range stages[0].Commands {
		m.step(t, m.build, command)
	}
	for _, command := range stages[1].Commands {
		m.step(t, m.files, command)
	}
	return m
}

func (m *image) step(t *testing.T, dir string, command instructions.Command) {
	t.Helper()
	switch c := command.(type) {
	case *instructions.WorkdirCommand:
		m.workdir = c.Path
		must(t, os.MkdirAll(filepath.Join(dir, c.Path), 0o755))
	case *instructions.ArgCommand:
		for _, a := range c.Args {
			given := func(argument string) bool { return strings.HasPrefix(argument, a.Key+"=") }
			if !slices.ContainsFunc(arguments, given) {
				t.Errorf("ARG %s: the test gives it no value", a.Key)
			}
		}
	case *instructions.CopyCommand:
		m.copy(t, dir, c)
	case *instructions.RunCommand:
		m.shell(t, strings.Join(c.CmdLine, " "))
	case *instructions.UserCommand:
		m.user = c.User
	case *instructions.VolumeCommand:
		m.volumes = append(m.volumes, c.Volumes...)
	case *instructions.EntrypointCommand:
		if c.PrependShell {
			t.Errorf("%v: there is no shell: write it as a list", c.CmdLine)
		}
		m.entrypoint = c.CmdLine
	case *instructions.ExposeCommand:
	default:
		t.Fatalf("%s: the test cannot do this step", c.Name())
	}
}

func (m *image) shell(t *testing.T, line string) {
	t.Helper()
	line = strings.NewReplacer(`"/out`, `"`+m.build+"/out", "=/out", "="+m.build+"/out", " /out", " "+m.build+"/out").Replace(line)
	run := exec.CommandContext(t.Context(), "sh", "-euc", line)
	run.Dir, run.Env = m.build+m.workdir, append(os.Environ(), arguments...)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("RUN %s: %v\n%s", line, err, out)
	}
}

// copy does COPY, from what is sent of the repository or from the stage that builds.
func (m *image) copy(t *testing.T, dir string, c *instructions.CopyCommand) {
	t.Helper()
	for _, source := range c.SourcePaths {
		to := filepath.Join(dir, c.DestPath)
		if !path.IsAbs(c.DestPath) {
			to = filepath.Join(dir, m.workdir, c.DestPath)
		}
		switch {
		case c.From == "":
			sendContext(t, source, to)
			continue
		case strings.HasPrefix(source, "/etc/"): // of the base image; this machine's stands in for it
			if _, err := os.Stat(source); err != nil {
				t.Logf("left out, as this machine has none: %s", source)
				continue
			}
		default:
			source = m.build + source
		}
		info, err := os.Stat(source)
		must(t, err)
		if strings.HasSuffix(c.DestPath, "/") && !info.IsDir() {
			to = filepath.Join(to, path.Base(source))
		}
		must(t, os.MkdirAll(filepath.Dir(to), 0o755))
		if out, err := exec.CommandContext(t.Context(), "cp", "-a", source, to).CombinedOutput(); err != nil {
			t.Fatalf("COPY %s: %v\n%s", source, err, out)
		}
		if c.Chown != "" && os.Getuid() == 0 {
			must(t, os.Chown(to, numbers(t, c.Chown)[0], numbers(t, c.Chown)[1]))
		}
	}
}

// numbers are those of UID:GID.
func numbers(t *testing.T, pair string) (of [2]int) {
	t.Helper()
	if n, err := fmt.Sscanf(pair, "%d:%d", &of[0], &of[1]); n != 2 {
		t.Fatalf("%q: want UID:GID in numbers: %v", pair, err)
	}
	return of
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
