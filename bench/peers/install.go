package peers

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Release is a pinned version of a peer's program.
type Release struct {
	Module, Version string
	// Package is the program within the module.
	Package string
}

// The newest versions that build with the Go version of this module's go.mod.
var (
	opaRelease     = Release{Module: "github.com/open-policy-agent/opa", Version: "v1.22.2"}
	openFGARelease = Release{Module: "github.com/openfga/openfga", Version: "v1.22.1", Package: "cmd/openfga"}
	spiceDBRelease = Release{Module: "github.com/authzed/spicedb", Version: "v1.54.0", Package: "cmd/spicedb"}
	cerbosRelease  = Release{Module: "github.com/cerbos/cerbos", Version: "v0.55.0", Package: "cmd/cerbos"}
)

// ProgramName is that of the peer's program, as --peer takes it.
func (k Kind) ProgramName() string { return cmp.Or(k.Program, k.Name) }

// Path is where the program of a peer lies in the cache folder.
func (k Kind) Path(cache string) string {
	return filepath.Join(cache, k.ProgramName()+"-"+k.Release.Version)
}

// Installed is the path of a peer's program in the cache folder; empty if it is not there.
func (k Kind) Installed(cache string) string {
	if info, err := os.Stat(k.Path(cache)); err != nil || info.IsDir() {
		return ""
	}
	return k.Path(cache)
}

// Install builds a peer's program into the cache folder, with the Go toolchain, from a copy of its module: `go install`
// at a version refuses modules that replace dependencies. It needs the module proxy, and minutes.
func (k Kind) Install(ctx context.Context, cache string) error {
	if k.Installed(cache) != "" {
		return nil
	}
	source, err := download(ctx, k.Release)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "consentd-bench-build-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := os.CopyFS(work, os.DirFS(source)); err != nil {
		return fmt.Errorf("copying the module: %w", err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	partial := k.Path(cache) + ".partial"
	build := exec.CommandContext(ctx, "go", "build", "-mod=mod", "-trimpath", "-o", partial, "./"+k.Release.Package)
	build.Dir, build.Env = work, append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s %s: %w: %s", k.Release.Module, k.Release.Version, err, out)
	}
	return os.Rename(partial, k.Path(cache))
}

// download has the module in Go's module cache and returns its folder there.
func download(ctx context.Context, r Release) (string, error) {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", r.Module+"@"+r.Version)
	command.Dir, command.Env = os.TempDir(), append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := command.Output()
	var answer struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(out, &answer); decodeErr != nil || answer.Dir == "" {
		return "", fmt.Errorf("downloading %s %s: %w: %s", r.Module, r.Version, err, strings.TrimSpace(answer.Error))
	}
	return answer.Dir, nil
}
