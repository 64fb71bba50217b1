package main_test

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// codeColumns is what a line of Go may be at most, a tab counted as one; commentColumns is the same of one that holds
	// a comment alone.
	codeColumns, commentColumns = 132, 120
)

func TestLinesFit(t *testing.T) {
	checked := 0
	for name, content := range goFiles(t, "..") {
		lines := bufio.NewScanner(bytes.NewReader(content))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			checked++
			columns, limit := utf8.RuneCountInString(lines.Text()), codeColumns
			if strings.HasPrefix(strings.TrimSpace(lines.Text()), "//") {
				limit = commentColumns
			}
			if columns <= limit {
				continue
			}
			t.Errorf("%s:%d: %d columns, want %d at most: break the line", name, n, columns, limit)
		}
	}
	if checked < 10_000 {
		t.Errorf("only %d lines found: the test says little", checked)
	}
}

// goFiles returns the Go files below a folder that nothing has generated, by path.
func goFiles(t *testing.T, root string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && name != "."):
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, ".pb.go"):
			return nil
		}
		files[name], err = fs.ReadFile(tree, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
