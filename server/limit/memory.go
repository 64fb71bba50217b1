package limit

import (
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// memoryShare is how much of a memory limit Go may use: the rest is for what Go does not count, such as the store's
// cache outside its heap, pages of files that are mapped, and threads.
const memoryShare = 0.9

// UseMemoryLimit has Go's garbage collector keep within nine tenths of the memory limit of the process' control group
// (v2 or v1), if there is one: the process then works harder near the limit, where it would be killed. An operator's
// own GOMEMLIMIT wins. It sets what is global to the process, so only main calls it. root is the root of the file
// system.
func UseMemoryLimit(root fs.FS, log *slog.Logger) {
	if own := os.Getenv("GOMEMLIMIT"); own != "" {
		log.Info("memory limit", "gomemlimit", own, "from", "GOMEMLIMIT")
		return
	}
	bytes, from := cgroupLimit(root)
	if from == "" {
		log.Info("memory limit", "gomemlimit", "off", "from", "no limit of a control group")
		return
	}
	limit := int64(float64(bytes) * memoryShare)
	debug.SetMemoryLimit(limit)
	log.Info("memory limit", "gomemlimit", limit, "from", from, "limit", bytes)
}

// MemoryLimit is Go's limit in bytes; 0: there is none.
func MemoryLimit() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	return 0
}

// noLimit is from where on a limit is none: v1 writes the largest multiple of a page.
const noLimit = 1 << 60

// cgroupLimit is the least memory limit of the process' control group and those above it, and the file that it stands
// in; empty: there is none.
func cgroupLimit(root fs.FS) (least int64, from string) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, ""
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		if parts[1] != "" { // v1, one line for each controller
			if !hasController(parts[1], "memory") {
				continue
			}
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			name := path.Join(mount, group, file)
			if n, ok := readLimit(root, name); ok && (from == "" || n < least) {
				least, from = n, "/"+name
			}
			if group == "/" {
				break
			}
		}
	}
	return least, from
}

func hasController(list, name string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if one == name {
			return true
		}
	}
	return false
}

// readLimit reads a limit; false: there is none. A group that the process does not see, because it is in a namespace of
// its own, has none.
func readLimit(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is none
	return n, err == nil && n > 0 && n < noLimit
}
