package tree_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/admission"
	"github.com/consentd/consentd/server/policy/policytest"
	"github.com/consentd/consentd/server/policy/source"
	"github.com/consentd/consentd/server/policy/tree"
)

// small is the shipped policies with one controller that has one purpose, tests and cases included. Each file ends
// in a comment, so that none is one that ships.
func small(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(policies.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(name, "controllers/") && path.Dir(name) != "controllers/example" {
			return err
		}
		content, err := fs.ReadFile(policies.FS, name)
		if name == "controllers/example/data.yaml" {
			content = onlyStorage(t, content)
		}
		files[name] = &fstest.MapFile{Data: append(content, "\n# a copy of "+name+"\n"...)}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func onlyStorage(t *testing.T, content []byte) []byte {
	t.Helper()
	var table map[string]any
	if err := yaml.Unmarshal(content, &table); err != nil {
		t.Fatal(err)
	}
	table["purposes"] = map[string]any{"storage": table["purposes"].(map[string]any)["storage"]}
	content, err := yaml.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestASetIsReadOnce: a set that is loaded and admitted is parsed, decoded and digested once, each file of it; so
// are the policies that are known, and those of a suite.
func TestASetIsReadOnce(t *testing.T) {
	files := small(t)
	t.Run("loaded and admitted", func(t *testing.T) {
		reads := tree.CountReads(t)
		admit(t, files, admission.Options{})
		want(t, reads, files, 1)
	})
	t.Run("with what is known", func(t *testing.T) {
		reads := tree.CountReads(t)
		admit(t, files, admission.Options{Known: policies.FS, TrustKnown: true})
		for content, n := range reads.Digested {
			if n != 1 {
				t.Errorf("digested %d times: %.40q", n, content)
			}
		}
		for file, n := range reads.Parsed {
			sets := 1
			if files[file] != nil {
				sets = 2
			}
			if n != sets {
				t.Errorf("%s: parsed %d times, and is in %d sets", file, n, sets)
			}
		}
	})
	t.Run("from a source that made the digests", func(t *testing.T) {
		held := heldBy(t, files)
		reads := tree.CountReads(t)
		set := admit(t, held.FS(), admission.Options{SkipTests: true})
		want(t, reads, files, 0)
		for _, f := range set.Describe().Files {
			for _, listed := range held.List() {
				if f.Path == listed.Path && f.SHA256 != listed.SHA256 {
					t.Errorf("%s: the digest is %s, the source's %s", f.Path, f.SHA256, listed.SHA256)
				}
			}
		}
		direct, err := tree.Read(files)
		if err != nil || direct.Revision != set.Revision() {
			t.Errorf("%v: revision %s from a source, %s from the files", err, set.Revision(), direct.Revision)
		}
	})
	t.Run("a suite", func(t *testing.T) {
		reads := tree.CountReads(t)
		suite, err := policytest.Load(files, policytest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := suite.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, reads, files, 1)
	})
}

// want checks that each file was read once, and digested some times; tests have no digest.
func want(t *testing.T, r *tree.Reads, files fstest.MapFS, digests int) {
	t.Helper()
	for name, f := range files {
		switch path.Ext(name) {
		case ".rego":
			if n := r.Parsed[name]; n != 1 {
				t.Errorf("%s: parsed %d times, want once", name, n)
			}
		case ".yaml", ".json":
			if n := r.Decoded[name]; n != 1 {
				t.Errorf("%s: decoded %d times, want once", name, n)
			}
		default:
			continue // cases are no part of a set
		}
		if n := r.Digested[string(f.Data)]; !tree.IsTest(name) && n != digests {
			t.Errorf("%s: digested %d times, want %d", name, n, digests)
		}
	}
}

// admit loads and admits; that the set is refused, since tests ask about purposes that it does not have, is no
// matter here.
func admit(t *testing.T, files fs.FS, o admission.Options) *policy.Set {
	t.Helper()
	set, err := policy.Load(files, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = admission.Admit(t.Context(), files, set, o)
	if _, refused := errors.AsType[*admission.Refused](err); err != nil && !refused {
		t.Fatal(err)
	}
	return set
}

func heldBy(t *testing.T, files fstest.MapFS) *source.Files {
	t.Helper()
	var list []consent.PolicyFile
	for name, f := range files {
		list = append(list, consent.PolicyFile{Path: name, Content: f.Data})
	}
	held, err := source.NewFiles(list)
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// TestNobodyElseReads: files of policies are parsed and decoded in package tree, and cases in package cases; so
// what is counted there is all.
func TestNobodyElseReads(t *testing.T) {
	readers := regexp.MustCompile(`\b(ast\.(Must)?Parse(Module|Body|Statement)\w*|document\.Read|yaml\.(Unmarshal|NewDecoder))\(`)
	allowed := map[string]bool{
		"cases/cases.go": true, "policy/document/yaml.go": true,
		// No files of a policy set, each with this one reader: the server's settings, API keys, rules of the decision log.
		"sources.go": true, "caller/apikey/file.go": true, "policy/logrule/logrule.go": true,
	}
	seen := map[string]bool{}
	err := fs.WalkDir(os.DirFS(filepath.Join("..", "..")), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		content, err := os.ReadFile(filepath.Join("..", "..", name))
		if readers.Match(content) {
			seen[name] = true
			if !allowed[name] {
				t.Errorf("%s reads files of policies itself: take them from package tree", name)
			}
		}
		return err
	})
	if err != nil || len(seen) < len(allowed) {
		t.Errorf("%v: only %v read anything: the test says little", err, seen)
	}
}
