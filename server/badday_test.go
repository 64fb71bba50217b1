package main_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTheBadDayIsTested: each row of the README's table names tests, and they are there.
func TestTheBadDayIsTested(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## A bad day\n")
	section, _, _ = strings.Cut(section, "\n## ")
	known := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		content, err := os.ReadFile(name)
		for _, m := range function.FindAllStringSubmatch(string(content), -1) {
			known[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| what happens") {
			continue
		}
		rows++
		names := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("a row names no test: %s", line)
		}
		for _, n := range names {
			if !known[n[1]] {
				t.Errorf("there is no test %s, which README.md names", n[1])
			}
		}
	}
	if rows < 10 {
		t.Errorf("only %d rows found", rows)
	}
}
