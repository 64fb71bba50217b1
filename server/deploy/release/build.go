package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// billSuffix ends the name of a bill of materials, as CycloneDX recommends.
const billSuffix = ".cdx.json"

// build is one program for one platform.
type build struct {
	program, platform, toolchain string
	is                           identity
	file                         string
}

// goFor is the go command for a target, or for this machine, in an environment in which only what is given here
// decides what comes out. The module proxy, caches and the like stay the machine's. What the go command would stamp is
// left out, because it depends on whether git's folder is there.
func (b build) goFor(target []string, args ...string) *exec.Cmd {
	command := exec.Command("go", args...)
	command.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"GOOS", "GOARCH", "GOEXPERIMENT", "GODEBUG", "GOFIPS140"}, name)
	})
	command.Env = append(command.Env, "GOTOOLCHAIN="+b.toolchain, "GOWORK=off", "GOFLAGS=-trimpath -buildvcs=false -mod=readonly",
		"CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0")
	command.Env = append(command.Env, target...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	return command
}

// run builds the program. The symbol table stays in: scanners for vulnerabilities read it.
func (b build) run() error {
	const in = "github.com/consentd/consentd/server/version."
	linker := fmt.Sprintf("-w -X %[1]sversion=%[2]s -X %[1]scommit=%[3]s -X %[1]sdate=%[4]s", in, b.is.version, b.is.commit, b.is.date)
	goos, arch, _ := strings.Cut(b.platform, "/")
	compile := b.goFor([]string{"GOOS=" + goos, "GOARCH=" + arch}, "build", "-ldflags", linker, "-o", b.file, programs[b.program])
	if err := compile.Run(); err != nil {
		return fmt.Errorf("building %s for %s: %w", b.program, b.platform, err)
	}
	return nil
}

// bill writes which modules are in the program, as the program itself tells. It has neither a time nor a number of its
// own, so that it too comes out the same.
func (b build) bill() error {
	file, err := filepath.Abs(b.file)
	if err != nil {
		return err
	}
	list := b.goFor(nil, "-C", ".tools/deploy", "tool", "cyclonedx-gomod",
		"bin", "-json", "-std", "-noserial", "-notimestamp", "-version", b.is.version, "-output", file+billSuffix, file)
	if err := list.Run(); err != nil {
		return fmt.Errorf("listing the modules of %s: %w", b.file, err)
	}
	return nil
}

// toolchainOf is the toolchain that go.mod names.
func toolchainOf(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("start it in the root of the repository: %w", err)
	}
	line := regexp.MustCompile(`(?m)^toolchain (go\S+)$`).FindSubmatch(text)
	if line == nil {
		return "", errors.New("go.mod names no toolchain: add one, so that all build by the same")
	}
	return string(line[1]), nil
}
