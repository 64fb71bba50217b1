package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// binVariable names the folder of another version's binaries.
const binVariable = "CONSENTD_POSTGRES_BIN"

// binary returns the path of one of PostgreSQL's programs.
func binary(name string) (string, error) {
	if dir := os.Getenv(binVariable); dir != "" {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s of %s=%s: %w: correct the variable or unset it", name, binVariable, dir, ErrNotInstalled)
		}
		return path, nil
	}
	// A wrapper on the PATH, as Debian's pg_basebackup is, chooses a version by its own rules: the folder comes first.
	if dir := newestFolder(); dir != "" {
		if path := filepath.Join(dir, name); executable(path) {
			return path, nil
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%s: %w: install PostgreSQL, or have %s name the folder of its binaries", name, ErrNotInstalled, binVariable)
}

// newestFolder is the folder of the newest version as Debian installs them; empty: there is none.
func newestFolder() (newest string) {
	// The pattern is not malformed.
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	best := 0
	for _, dir := range dirs {
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && version > best {
			best, newest = version, dir
		}
	}
	return newest
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
