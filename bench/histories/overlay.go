package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// edit replaces a line of the server's source in an overlay of `go build`: nothing of it is in the source, nor in any
// binary but that which is built with it.
type edit struct {
	file string
	// old stands in the file once; empty: the file is a new one.
	old, new string
}

// steppedClock is a wall clock that is set as a node's clock file says, in nanoseconds, looked at every 20 ms.
const steppedClock = `package app

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var (
	steppedBy  atomic.Int64
	stepsBegin = sync.OnceFunc(func() {
		go func() {
			for range time.Tick(20 * time.Millisecond) {
				text, err := os.ReadFile(os.Getenv("` + clockVariable + `"))
				if by, err2 := strconv.ParseInt(string(text), 10, 64); err == nil && err2 == nil {
					steppedBy.Store(by)
				}
			}
		}()
	})
)

func steppedWall() time.Time {
	stepsBegin()
	return time.Now().Add(time.Duration(steppedBy.Load()))
}
`

// clockVariable names a node's clock file in its environment.
const clockVariable = "HISTORIES_CLOCK"

// steppable has the server's wall clock be the stepped one.
var steppable = edit{file: "server/app/config.go", old: "c.Wall = time.Now", new: "c.Wall = steppedWall"}

// nextSchema makes of the server one of a later version, whose schema has what this one's has and more, and which does
// not serve without it.
var nextSchema = []edit{
	{file: "server/store/postgres/migrate.go", old: "	schemaNeeded = 1\n", new: "	schemaNeeded = 999\n"},
	{file: "server/store/postgres/migrate.go", old: "	SchemaKnown = 1\n", new: "	SchemaKnown = 999\n"},
	nextMigration("995_states", "ALTER TABLE consentd.states ADD COLUMN next bytea"),
	nextMigration("996_events", "ALTER TABLE consentd.events ADD COLUMN next bigint NOT NULL DEFAULT 7"),
	nextMigration("997_nodes", "ALTER TABLE consentd.nodes ADD COLUMN next text"),
	nextMigration("998_head", "ALTER TABLE consentd.head ADD COLUMN next bigint NOT NULL DEFAULT 0"),
	nextMigration("999_index", "CREATE TABLE consentd.next (n int);\nCREATE INDEX next_by_subject ON consentd.event_ids (subject)"),
}

func nextMigration(name, sql string) edit {
	return edit{file: "server/store/postgres/migrations/00" + name + ".sql", new: "-- +goose Up\n" + sql + ";\n"}
}

// overlay writes what `go build -overlay` takes for edits to a folder that it makes, and returns its name.
func overlay(dir string, edits []edit) (string, error) {
	root, err := moduleRoot()
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", err
	}
	replace, sources := map[string]string{}, map[string]string{filepath.Join(root, "server/app/stepped.go"): steppedClock}
	for _, e := range edits {
		file := filepath.Join(root, filepath.FromSlash(e.file))
		if e.old == "" {
			sources[file] = e.new
			continue
		}
		source, known := sources[file]
		if !known {
			b, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			source = string(b)
		}
		if sources[file], err = e.apply(source); err != nil {
			return "", err
		}
	}
	for file, source := range sources {
		replace[file] = filepath.Join(dir, fmt.Sprintf("overlay%d.go", len(replace)))
		if err := os.WriteFile(replace[file], []byte(source), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, text, 0o600)
}

func (e edit) apply(source string) (string, error) {
	if n := strings.Count(source, e.old); n != 1 {
		return "", fmt.Errorf("%s has %d times %q, want once: adapt this program's edit to the source", e.file, n, e.old)
	}
	return strings.Replace(source, e.old, e.new, 1), nil
}

// moduleRoot is the folder of go.mod, at or above where this runs.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod here or above: run this within the module")
		}
		dir = filepath.Dir(dir)
	}
}
