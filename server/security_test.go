package main_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// matches are what stands in the parentheses of an expression, wherever a text has it.
func matches(expression, text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return found
}

// testNames are the tests of the whole tree, fuzz targets among them.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for name, content := range goFiles(t, "..") {
		if strings.HasSuffix(name, "_test.go") {
			maps.Copy(names, matches(`(?m)^func ((?:Test|Fuzz)\w+)\(`, string(content)))
		}
	}
	return names
}

// claims are the rows of tables whose last column says by which tests they are shown.
func claims(text string) (rows []string) {
	inside := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasSuffix(line, "| shown by |\n"):
			inside = true
		case !strings.HasPrefix(line, "|"):
			inside = false
		case inside && !strings.HasPrefix(line, "|--"):
			rows = append(rows, line)
		}
	}
	return rows
}

// TestTheThreatModelIsTested: each claim of SECURITY.md names tests; they, the flags and the metrics are there.
func TestTheThreatModelIsTested(t *testing.T) {
	text, guide := read(t, "SECURITY.md"), read(t, "README.md")+read(t, "NODES.md")
	help, err := command(t, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []struct {
		name, expression string
		known            map[string]bool
		least            int
	}{
		{"test", "`((?:Test|Fuzz)\\w+)`", testNames(t), 100},
		{"flag", `(--[a-z][a-z-]*[a-z])`, matches(`(?m)^ +(?:-\w, +)?(--[a-z-]+)`, string(help)), 15},
		{"metric", "`(consentd_\\w+)", matches("`(consentd_\\w+)", guide), 7},
	} {
		named := slices.Sorted(maps.Keys(matches(kind.expression, text)))
		for _, name := range named {
			if !kind.known[name] {
				t.Errorf("SECURITY.md names %s, which is no %s", name, kind.name)
			}
		}
		if len(named) < kind.least {
			t.Errorf("only %d of kind %s are found", len(named), kind.name)
		}
	}
	rows := claims(text)
	for _, row := range rows {
		if cells := strings.Split(row, " | "); !strings.Contains(cells[len(cells)-1], "`Test") {
			t.Errorf("a claim names no test: %s", row)
		}
	}
	if len(rows) < 50 {
		t.Errorf("only %d claims are found", len(rows))
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
