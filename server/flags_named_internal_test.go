package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// flagsOfOthers are the flags of other programs that the server's messages name.
var flagsOfOthers = map[string]string{"signing-key": "opa build", "target": "opa build", "help": "consentd"}

// TestFlagsInMessagesExist: a message that says what to set must name what can be set.
func TestFlagsInMessagesExist(t *testing.T) {
	known := map[string]bool{"config": true}
	for _, s := range settings() {
		known[s.name] = true
	}
	named := map[string]bool{}
	for at, flag := range flagsInMessages(t) {
		named[flag] = true
		if !known[flag] && flagsOfOthers[flag] == "" {
			t.Errorf("%s: a message names --%s, which is no setting: name one of settings()", at, flag)
		}
	}
	for _, flag := range []string{"policy-engine", "policies", "policies-max-size"} {
		if !named[flag] {
			t.Errorf("no message names --%s: the search of this test misses what it looks for", flag)
		}
	}
}

// flagsInMessages are the flags that stand in strings of the server, tests aside, by place.
func flagsInMessages(t *testing.T) map[string]string {
	t.Helper()
	flag, found, files := regexp.MustCompile(`--([a-z][a-z-]*[a-z])`), map[string]string{}, token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (name == "deploy" || entry.Name() == "pgtest") { // programs with flags of their own
			return fs.SkipDir
		}
		if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				for _, at := range flag.FindAllStringSubmatchIndex(literal.Value, -1) {
					found[files.Position(literal.Pos()+token.Pos(at[0])).String()] = literal.Value[at[2]:at[3]]
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
