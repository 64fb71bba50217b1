package main_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mapped are the folders that README's map names: those in a row's text are full or below the row's first folder.
func mapped(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n## Map\n")
	if !found {
		t.Fatal("README.md has no section Map")
	}
	section, _, _ := strings.Cut(after, "\n## ")
	var folders []string
	row, quoted := regexp.MustCompile("(?m)^\\| (`[^|]+) \\| ([^|]+) \\|$"), regexp.MustCompile("`([^`]+)`")
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		own := quoted.FindAllStringSubmatch(m[1], -1)
		for _, q := range own {
			folders = append(folders, q[1])
		}
		for _, q := range quoted.FindAllStringSubmatch(m[2], -1) {
			name := q[1]
			if below := path.Join(own[0][1], name); !strings.Contains(name, "/") && isFolder(below) {
				name = below
			}
			folders = append(folders, name)
		}
	}
	return folders
}

func isFolder(name string) bool {
	info, err := fs.Stat(os.DirFS(".."), name)
	return err == nil && info.IsDir()
}

// TestMapNamesTheRooms: each folder of the map is there, and each room of the server is on the map.
func TestMapNamesTheRooms(t *testing.T) {
	folders := mapped(t)
	for _, name := range folders {
		if !isFolder(name) {
			t.Errorf("README.md's map names %s, which is no folder: mend the row", name)
		}
	}
	for _, parent := range []string{"server", "server/policy"} {
		entries, err := fs.ReadDir(os.DirFS(".."), parent)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			room := path.Join(parent, entry.Name())
			if sources, _ := fs.Glob(os.DirFS(".."), room+"/*.go"); len(sources) > 0 && !slices.Contains(folders, room) {
				t.Errorf("README.md's map does not name %s: add it to a row", room)
			}
		}
	}
}
