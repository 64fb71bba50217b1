package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// identity is what a build says of itself.
type identity struct{ version, commit, date string }

// The forms of an identity's parts, which also keep them one word for the linker.
var (
	versionForm = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*$`)
	commitForm  = regexp.MustCompile(`^[0-9a-f]{7,64}(\+changes)?$`)
)

// complete takes from git what was not given.
func (i identity) complete() (identity, error) {
	if i.version == "" || i.commit == "" || i.date == "" {
		found, err := fromGit()
		if err != nil {
			return i, fmt.Errorf("no history here to tell what is built: give --version, --commit and --date: %w", err)
		}
		i = identity{or(i.version, found.version), or(i.commit, found.commit), or(i.date, found.date)}
	}
	if err := i.validate(); err != nil {
		return i, err
	}
	at, err := time.Parse(time.RFC3339, i.date)
	i.date = at.UTC().Format(time.RFC3339)
	return i, err
}

func (i identity) validate() error {
	var faults []error
	if !versionForm.MatchString(i.version) {
		faults = append(faults, fmt.Errorf("--version: %q: give one such as v1.2.3", i.version))
	}
	if !commitForm.MatchString(i.commit) {
		faults = append(faults, fmt.Errorf("--commit: %q: give its hash, 7 digits or more", i.commit))
	}
	if _, err := time.Parse(time.RFC3339, i.date); err != nil {
		faults = append(faults, fmt.Errorf("--date: %q: give RFC 3339, such as 2026-11-30T09:58:11Z", i.date))
	}
	return errors.Join(faults...)
}

// fromGit is the identity of what is checked out: its tag, or as the go command names a commit without one, with a mark
// where files differ from the commit's.
func fromGit() (identity, error) {
	shown, err := git("show", "-s", "--format=%H %ct", "HEAD")
	if err != nil {
		return identity{}, err
	}
	commit, seconds, _ := strings.Cut(shown, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return identity{}, fmt.Errorf("git show: %q: %w", shown, err)
	}
	at := time.Unix(unix, 0).UTC()
	version, err := git("describe", "--tags", "--exact-match", "--match=v[0-9]*", "HEAD")
	if err != nil { // no tag is there
		version = "v0.0.0-" + at.Format("20060102150405") + "-" + commit[:12]
	}
	changes, err := git("status", "--porcelain")
	if err != nil {
		return identity{}, err
	}
	mark := ""
	if changes != "" {
		mark = "+changes"
		fmt.Fprintln(os.Stderr, "release: files differ from those of the commit: it is marked +changes, and nobody can build it again")
	}
	return identity{version + mark, commit + mark, at.Format(time.RFC3339)}, nil
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
