// Package version says what was built: what a release's linker was given, or else what the go command stamped into the
// build. All functions are safe for concurrent use, and none fails: what is not known is said to be unknown.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by -ldflags -X of server/deploy/release, all three or none.
var version, commit, date string

// Version is the release's, such as v1.2.0, or that of the module: (devel) where the build has no name.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return or(version, "(devel)")
}

// Commit is the revision that was built, with +changes where files had changed since.
func Commit() string {
	if commit != "" {
		return commit
	}
	if stamp("vcs.modified") == "true" {
		return or(stamp("vcs.revision"), "unknown") + "+changes"
	}
	return or(stamp("vcs.revision"), "unknown")
}

// Date is when that revision was committed, in RFC 3339 and UTC. It stands in for a date of the build, which would make
// two builds of one revision differ.
func Date() string { return or(date, or(stamp("vcs.time"), "unknown")) }

// Line is what a program answers to --version.
func Line(program string) string {
	return fmt.Sprintf("%s %s, commit %s of %s, %s %s/%s",
		program, Version(), Commit(), Date(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// stamp is a setting of the build.
func stamp(key string) string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
