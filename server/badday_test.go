package main_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestTheBadDayIsTested: each row of the README's table names tests, and they are there.
func TestTheBadDayIsTested(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "README.md"), "\n## A bad day\n")
	section, _, _ = strings.Cut(section, "\n## ")
	known := testNames(t)
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

// TestTheBadDayOfNodesIsTested: so does each row of the table in the guide of many nodes.
func TestTheBadDayOfNodesIsTested(t *testing.T) {
	known, rows := testNames(t), claims(read(t, "NODES.md"))
	for _, row := range rows {
		names := matches("`(Test\\w+)`", row)
		if len(names) == 0 {
			t.Errorf("a row names no test: %s", row)
		}
		for name := range names {
			if !known[name] {
				t.Errorf("there is no test %s, which NODES.md names", name)
			}
		}
	}
	if len(rows) < 8 {
		t.Errorf("only %d rows found", len(rows))
	}
}
