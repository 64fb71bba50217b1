package main_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// touched is what CONTRIBUTING.md says a change touches, by change: files, folders and patterns, below the root.
func touched(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	row := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`)
	quoted := regexp.MustCompile("`([^`]+/[^`]+)`")
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		for _, q := range quoted.FindAllStringSubmatch(m[2], -1) {
			rows[m[1]] = append(rows[m[1]], alternatives(q[1])...)
		}
	}
	return rows
}

// alternatives spells out a/{b,c}.go as a/b.go and a/c.go.
func alternatives(pattern string) (all []string) {
	before, rest, ok := strings.Cut(pattern, "{")
	if !ok {
		return []string{pattern}
	}
	within, after, _ := strings.Cut(rest, "}")
	for name := range strings.SplitSeq(within, ",") {
		all = append(all, before+name+after)
	}
	return all
}

// covers reports whether a file is what the list names: itself, in a folder of it, or of its pattern.
func covers(listed, file string) bool {
	matched, err := path.Match(listed, file)
	return err == nil && matched || strings.HasPrefix(file, listed+"/")
}

// naming returns the files that name something: hand-written Go, tests aside, protos, rules, and their schemas.
func naming(t *testing.T, expression string) map[string]bool {
	t.Helper()
	word, found := regexp.MustCompile(expression), map[string]bool{}
	tree := os.DirFS("..")
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"node_modules", "target", "build"}, entry.Name()),
			entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && name != ".":
			return fs.SkipDir
		case !slices.Contains([]string{".go", ".proto", ".rego", ".jsonschema"}, path.Ext(name)),
			strings.HasSuffix(name, "_test.go"), strings.HasSuffix(name, ".pb.go"), strings.HasSuffix(name, "_test.rego"):
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if word.Match(content) {
			found[name] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestChangesTouchFilesThatExist: a list that names what was moved leads astray.
func TestChangesTouchFilesThatExist(t *testing.T) {
	rows := touched(t)
	if len(rows) < 8 {
		t.Fatalf("only %d changes found in CONTRIBUTING.md", len(rows))
	}
	for change, listed := range rows {
		for _, name := range listed {
			if found, err := fs.Glob(os.DirFS(".."), name); err != nil || len(found) == 0 {
				t.Errorf("%s: there is no %s: mend the row in CONTRIBUTING.md (%v)", change, name, err)
			}
		}
	}
}

// TestChangesTouchWhatIsListed: for a reason code, what names one that nothing treats in a way of its own; for a kind
// of event, what names every kind there is; for a fact of the state, what names three of different forms; for a regime,
// what names the one that most places ask by name. That is what must be touched for another.
func TestChangesTouchWhatIsListed(t *testing.T) {
	kinds := []string{"Objection", "Restriction", "OptOut", "Signals", "Profile", "Erasure", "Annulment"}
	for change, expressions := range map[string][]string{
		"a reason code":   {`\b(REASON_CODE_)?NOT_ANONYMIZED\b|\bNotAnonymized\b`},
		"a kind of event": expressionsOf(kinds),
		"a fact of the state": {
			`\b(RetentionUntil|retention_until)\b|"retention"`, `\b(LastActivityAt|last_activity_at)\b|"activity"`,
			`\b[Rr]elationship\b`,
		},
		"a regime": {`\bappi\b|\bjapan\b`},
	} {
		listed := touched(t)[change]
		if len(listed) == 0 {
			t.Errorf("CONTRIBUTING.md has no row %q", change)
		}
		common := naming(t, expressions[0])
		for _, expression := range expressions {
			names := naming(t, expression)
			maps.DeleteFunc(common, func(file string, _ bool) bool { return !names[file] })
			for _, l := range listed {
				if !slices.ContainsFunc(slices.Collect(maps.Keys(names)), func(file string) bool { return covers(l, file) }) {
					t.Errorf("%s: nothing in %s names %s: take it off the row in CONTRIBUTING.md", change, l, expression)
				}
			}
		}
		for file := range common {
			if !slices.ContainsFunc(listed, func(l string) bool { return covers(l, file) }) {
				t.Errorf("%s: %s must be touched: name it in the row in CONTRIBUTING.md", change, file)
			}
		}
	}
}

func expressionsOf(kinds []string) (all []string) {
	for _, kind := range kinds {
		all = append(all, `\b(Event_)?`+kind+`(Event)?\b`)
	}
	return all
}
