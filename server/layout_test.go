package main_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/consentd/consentd/"

// mayImport says which of the project's packages each package may import, tests aside: dependencies point one way.
var mayImport = map[string][]string{
	"server": {
		"server/app", "server/policy", "server/policy/archive", "server/policy/source", "server/caller/token",
		"server/telemetry", "server/usage", "server/limit", "server/version", "server/audit/decisionlog",
	},
	"server/version":        {},
	"server/deploy/release": {},
	"server/consent":        {},
	"server/backup":         {},
	"server/nearest":        {},
	"server/store":          {"server/consent"},
	"server/store/change":   {"server/consent", "server/store"},
	"server/store/pebble":   {"server/consent", "server/store", "server/store/change"},
	"server/cluster":        {"server/consent", "server/store"},
	"server/cluster/model":  {},
	"server/store/postgres": {
		"server/cluster", "server/consent", "server/policy/shared", "server/store", "server/store/change",
	},
	"server/store/postgres/pgtest": {},
	"server/certificate":           {"server/follow"},
	"server/caller":                {"server/consent"},
	"server/limit":                 {"server/caller", "server/consent"},
	"server/access":                {"server/caller", "server/consent", "server/policy", "server/policy/tree"},
	"server/follow":                {},
	"server/caller/apikey":         {},
	"server/caller/token":          {"server/caller", "server/consent", "server/follow"},
	"server/caller/authn": {
		"server/caller", "server/caller/apikey", "server/caller/token", "server/consent", "server/follow",
	},
	"server/place":           {},
	"server/audit/acts":      {"server/consent"},
	"server/usage":           {"server/authz", "server/caller", "server/consent"},
	"server/cache":           {"server/consent", "server/store", "proto/consent/v1/remembered"},
	"server/watch":           {"server/consent", "server/store", "proto/consent/v1/wire"},
	"server/policy/engine":   {},
	"server/policy":          {"server/consent", "server/policy/engine", "server/policy/tree", "server/caller"},
	"server/policy/document": {"server/consent"},
	"server/policy/tree":     {"server/consent", "server/policy/document", "server/caller"},
	"server/policy/law":      {"server/consent", "server/policy/tree"},
	"server/policy/space":    {"server/consent", "server/policy", "server/policy/law", "server/policy/tree"},
	"server/policy/admission": {
		"server/cases", "server/consent", "server/policy", "server/policy/engine", "server/policy/law", "server/policy/space",
		"server/policy/tree", "server/caller",
	},
	"server/policy/source":  {"server/consent"},
	"server/policy/shared":  {"server/consent"},
	"server/policy/archive": {"server/consent", "server/policy", "server/policy/shared", "server/policy/source"},
	"server/policy/reload": {
		"server/consent", "server/policy", "server/policy/archive", "server/policy/shared", "server/policy/source",
	},
	"server/policy/scaffold": {"policies"},
	"server/policy/policytest": {
		"server/cases", "server/consent", "server/policy", "server/policy/space", "server/policy/tree",
	},
	"server/policy/logrule":    {"server/policy/engine"},
	"server/authz":             {"server/consent", "proto/consent/v1/wire", "proto/consent/v1/remembered"},
	"server/audit/line":        {"server/consent", "proto/consent/v1/wire"},
	"server/audit/replay":      {"server/audit/line", "server/consent", "server/explain", "server/policy"},
	"server/audit/decisionlog": {"server/audit/line", "server/authz", "server/caller", "server/consent"},
	"server/diff": {
		"server/consent", "server/explain", "server/policy", "server/policy/source", "server/policy/space",
	},
	"server/explain":   {"server/authz", "server/consent", "server/policy"},
	"server/telemetry": {"server/caller", "server/consent"},
	"server/grpcapi": {
		"server/authz", "server/caller", "server/consent", "server/diff", "server/explain", "server/nearest", "server/place",
		"server/watch", "proto/consent/v1", "proto/consent/v1/wire", "server/telemetry", "server/audit/acts", "server/usage",
		"server/limit", "proto/consent/v1/remembered",
	},
	"server/app": {
		"policies", "server/authz", "server/cache", "server/caller", "server/certificate", "server/cluster", "server/consent",
		"server/diff", "server/explain", "server/grpcapi", "server/policy", "server/policy/admission", "server/policy/archive",
		"server/policy/reload", "server/policy/shared", "server/policy/source", "server/store", "server/store/pebble", "server/watch",
		"server/caller/authn", "server/access", "server/telemetry", "server/audit/acts", "server/usage", "server/limit",
		"server/backup", "server/version", "server/audit/decisionlog", "server/policy/logrule", "server/cluster", "server/store/postgres",
	},
	"policies":                   {},
	"client":                     {"proto/consent/v1", "proto/consent/v1/wire", "proto/consent/v1/remembered"},
	"client/examples/mailsender": {"client", "proto/consent/v1"},
	"client/clientotel":          {"client", "proto/consent/v1"},
	"client/clientprom":          {"client", "client/enforce", "proto/consent/v1"},
	"client/clienttest":          {"client", "client/fake", "proto/consent/v1"},
	// A fake is the server but for its policies: it checks requests by the same code.
	"client/fake": {
		"policies", "proto/consent/v1", "server/authz", "server/caller", "server/consent", "server/diff", "server/explain",
		"server/grpcapi", "server/policy", "server/store", "server/store/pebble", "server/watch",
	},
	"client/subject": {},
	"client/enforce": {"client", "proto/consent/v1"},
	"client/consentctl": {
		"client", "client/subject", "policies", "proto/consent/v1", "server/consent", "server/policy",
		"server/policy/admission", "server/policy/source", "server/cases", "server/nearest", "server/policy/policytest",
		"server/policy/scaffold", "server/caller/apikey", "server/audit/acts", "server/backup", "server/store/pebble",
		"server/version", "proto/consent/v1/wire", "server/audit/line", "server/audit/replay", "server/policy/archive",
		"client/fake", "server/follow",
	},
	"client/conformance/gorunner": {"client", "proto/consent/v1"},
	"proto/consent/v1":            {"proto/consent/v1/wire"},
	"proto/consent/v1/wire":       {},
	"proto/consent/v1/remembered": {},
	"server/cases":                {"server/consent", "server/policy/document"},
	"server/servertest": {
		"policies", "proto/consent/v1", "server/app", "server/cases", "server/consent", "server/policy", "server/policy/source",
		"server/limit", "server/store/pebble", "server/audit/decisionlog",
	},
	"server/store/storetest":          {"server/consent", "server/store"},
	"server/policy/shared/sharedtest": {"server/consent", "server/policy/shared"},
	"server/caller/token/tokentest":   {},
}

// onlyImporters names libraries that one part of the project alone may import.
var onlyImporters = map[string][]string{
	"github.com/open-policy-agent/opa/": {
		"server/policy", "server/policy/admission", "server/policy/engine", "server/policy/logrule", "server/policy/policytest",
		"server/policy/source",
		"server/policy/space", "server/policy/tree",
	},
	"github.com/dgraph-io/ristretto/": {"server/cache"},
	"github.com/cockroachdb/pebble/":  {"server/store/pebble"},
	"github.com/lestrrat-go/jwx/":     {"server/caller/token"},
	"github.com/jackc/pgx/":           {"server/store/postgres", "server/store/postgres/pgtest"},
	"github.com/pressly/goose/":       {"server/store/postgres"},
}

func TestDependenciesPointOneWay(t *testing.T) {
	checked := 0
	for dir, imports := range importsOf(t, "..") {
		allowed, known := mayImport[dir]
		if !known && dir != "bench" && !strings.HasPrefix(dir, "bench/") {
			t.Errorf("%s: a new package: say in this test what it may import", dir)
		}
		for _, name := range imports {
			checked++
			if own, ok := strings.CutPrefix(name, module); ok && known && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s, and may not", dir, own)
			}
			for library, importers := range onlyImporters {
				if strings.HasPrefix(name, library) && known && !slices.Contains(importers, dir) {
					t.Errorf("%s imports %s, which is for %v alone", dir, name, importers)
				}
			}
			if dir == "server/consent" && strings.Contains(strings.Split(name, "/")[0], ".") {
				t.Errorf("%s imports %s: the domain has the standard library alone", dir, name)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d imports found: the test says little", checked)
	}
}

// importsOf returns the imports of each package's files, tests aside, by folder.
func importsOf(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && name != ".":
			return fs.SkipDir
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path.Join(root, name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[path.Dir(name)] = append(found[path.Dir(name)], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
