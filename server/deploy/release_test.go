// Package deploy tests what is in this folder without the libraries of others: releases, and the systemd unit. Images
// and charts are tested in .tools/deploy, by the parsers of those who read them. Nothing but tests is here.
package deploy

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// root is the repository.
const root = "../.."

// identity is what the releases of these tests say of themselves.
var identity = []string{"--version=v1.2.3", "--commit=0123456789abcdef0123456789abcdef01234567", "--date=2026-11-30T10:58:11+01:00"}

// here is the platform of this machine, whose programs can be run.
const here = runtime.GOOS + "/" + runtime.GOARCH

// slow skips a test that builds programs in runs that are to be short, and under the race detector, which tells nothing
// of programs that a test starts.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() || raceEnabled {
		t.Skip("builds programs, which takes minutes where nothing is cached: go test ./server/deploy")
	}
}

// copyOf copies what git tracks into a folder.
func copyOf(t *testing.T, to string) {
	t.Helper()
	const script = `git ls-files -z --cached --others --exclude-standard |
		tar --null --ignore-failed-read -cf - -T - | tar -xf - -C "$1"`
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script, "copy", to)
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		t.Skipf("git, tar and bash are needed: %v\n%s", err, out)
	}
}

// releaseOf builds a release of the copy of the repository in dir, in an environment with more than that of the test.
func releaseOf(t *testing.T, dir string, environment []string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), releaser(t), append(args, identity...)...)
	command.Dir, command.Env = dir, append(os.Environ(), environment...)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "dist")
}

// releaser builds the program that makes releases.
func releaser(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "release")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./release").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// filesOf are the files below a folder, by path.
func filesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, tree := map[string][]byte{}, os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(tree, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestRelease builds one commit twice, in folders of different names, once where the environment asks for much else.
func TestRelease(t *testing.T) {
	slow(t)
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "another", "folder")
	copyOf(t, first)
	copyOf(t, second)
	args := []string{"--program=consentctl", "--platform=" + here}
	one := filesOf(t, releaseOf(t, first, nil, args...))
	two := filesOf(t, releaseOf(t, second, []string{
		"TZ=Asia/Tokyo", "GOAMD64=v3", "CGO_ENABLED=1", "LANG=de_DE.UTF-8", "CONSENTD_ADDR=elsewhere",
	}, args...))
	t.Run("is the same again", func(t *testing.T) {
		if len(one) != 3 || len(two) != 3 {
			t.Errorf("got %d and %d files, want the program, its bill of materials, and the sums", len(one), len(two))
		}
		for name, content := range one {
			if !bytes.Equal(content, two[name]) {
				t.Errorf("%s differs between two builds", name)
			}
		}
	})
	program := filepath.Join(first, "dist", strings.ReplaceAll(here, "/", "_"), "consentctl")
	t.Run("is static and knows no folder of here", func(t *testing.T) { isStatic(t, program, first) })
	t.Run("says what it is", func(t *testing.T) {
		out, err := exec.CommandContext(t.Context(), program, "--version").Output()
		want := regexp.MustCompile(`^consentctl v1\.2\.3, commit 0123456789abcdef0123456789abcdef01234567 of 2026-11-30T09:58:11Z, go1\.`)
		if err != nil || !want.Match(out) {
			t.Errorf("--version: %s, %v", out, err)
		}
	})
	t.Run("lists its modules", func(t *testing.T) { listsModules(t, program) })
	t.Run("sums", func(t *testing.T) {
		check := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
		check.Dir = filepath.Join(first, "dist")
		if out, err := check.CombinedOutput(); err != nil || bytes.Count(out, []byte(": OK")) != 2 {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func isStatic(t *testing.T, program, dir string) {
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it has %v: it needs a loader of the machine", p.Type)
		}
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content, []byte(dir)) {
		t.Errorf("it names %s, where it was built", dir)
	}
}

// listsModules compares the bill of materials with what the program itself tells.
func listsModules(t *testing.T, program string) {
	content, err := os.ReadFile(program + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	type component struct {
		Name, Version, Purl string
		Hashes              []struct{ Alg, Content string }
	}
	var bill struct {
		BomFormat, SpecVersion string
		Metadata               struct{ Component component }
		Components             []component
	}
	if err := json.Unmarshal(content, &bill); err != nil {
		t.Fatal(err)
	}
	if bill.BomFormat != "CycloneDX" || bill.SpecVersion == "" || bill.Metadata.Component.Version != "v1.2.3" {
		t.Errorf("format %q %q, of version %q", bill.BomFormat, bill.SpecVersion, bill.Metadata.Component.Version)
	}
	listed := map[string]bool{}
	for _, c := range bill.Components {
		if !strings.HasPrefix(c.Purl, "pkg:golang/"+c.Name+"@"+c.Version) {
			t.Errorf("%s %s: its purl is %q", c.Name, c.Version, c.Purl)
		}
		listed[c.Name+" "+c.Version] = true
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) < 20 || len(listed) != len(info.Deps)+1 { // and the standard library
		t.Errorf("%d modules in the program, %d components listed", len(info.Deps), len(listed))
	}
	for _, m := range append(info.Deps, &debug.Module{Path: "std", Version: info.GoVersion}) {
		if !listed[m.Path+" "+m.Version] {
			t.Errorf("%s %s is in the program and not listed", m.Path, m.Version)
		}
	}
}

// TestProgramsBringTimeZones: an image has none, and policies may ask for them.
func TestProgramsBringTimeZones(t *testing.T) {
	for _, program := range []string{"./server", "./client/consentctl"} {
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", program)
		list.Dir = root
		if out, err := list.Output(); err != nil || !bytes.Contains(out, []byte("\ntime/tzdata\n")) {
			t.Errorf("%s holds no database of time zones: %v", program, err)
		}
	}
}

// TestReleaseRefuses: with what is to be done instead.
func TestReleaseRefuses(t *testing.T) {
	release := releaser(t)
	for args, says := range map[string][]string{
		"--program=consentdd":       {"--program", "consentdd", "consentctl"},
		"--platform=linux":          {"--platform", "linux/amd64"},
		"everything":                {"everything", "flags"},
		"--version=1.2.3":           {"--version", "v1.2.3"},
		"--version=v1.0.0 -X=a.b=c": {"--version"},
		"--commit=HEAD":             {"--commit", "HEAD"},
		"--date=yesterday":          {"--date", "RFC 3339"},
	} {
		t.Run(args, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), release, append(identity, args)...)
			command.Dir = root
			out, err := command.CombinedOutput()
			if err == nil {
				t.Errorf("it was done")
			}
			for _, text := range says {
				if !strings.Contains(string(out), text) {
					t.Errorf("%q is not said in: %s", text, out)
				}
			}
		})
	}
	t.Run("no history", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), release)
		command.Dir = t.TempDir()
		if err := os.WriteFile(command.Dir+"/go.mod", []byte("module x\n\ntoolchain go1.26.10\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := command.CombinedOutput(); err == nil || !strings.Contains(string(out), "give --version, --commit and --date") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
