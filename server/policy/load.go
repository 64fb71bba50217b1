package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/server/consent"
)

// root is where the rules of controllers live: data.consentd.controllers.<id>.decision. Their tables live apart, in
// data.controllers.<id>, as their folders say, so that rules and data never merge.
const root = "data.consentd.controllers"

// Load reads, admits and compiles the policies below fsys: modules (*.rego) and data (*.yaml, *.yml, *.json), laid out as
// `opa test` and `opa build` read them. Tests (*_test.rego) are not part of the set.
//
// The error lists every fault found at the first stage that fails, each with file and line where there is one.
func Load(fsys fs.FS, o Options) (*Set, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	loaded, err := loader.NewFileLoader().WithFS(fsys).Filtered([]string{"."}, isTest)
	if err != nil {
		return nil, fmt.Errorf("reading policies: %w", err)
	}
	modules := parsed(loaded)
	if err := admit(modules); err != nil {
		return nil, err
	}
	compiler := ast.NewCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		return nil, fmt.Errorf("compiling policies: %w", compiler.Errors)
	}
	s := &Set{
		description: consent.Policy{Revision: digest(files), Files: files},
		logger:      cmp.Or(o.Logger, slog.Default()),
	}
	if err := s.prepare(compiler, loaded.Documents); err != nil {
		return nil, err
	}
	return s, nil
}

func isTest(_ string, info fs.FileInfo, _ int) bool {
	return strings.HasSuffix(info.Name(), "_test.rego") || strings.HasPrefix(info.Name(), ".") && info.Name() != "."
}

func parsed(loaded *loader.Result) map[string]*ast.Module {
	modules := make(map[string]*ast.Module, len(loaded.Modules))
	for name, file := range loaded.Modules {
		modules[name] = file.Parsed
	}
	return modules
}

// readFiles returns the policy files sorted by path.
func readFiles(fsys fs.FS) ([]consent.PolicyFile, error) {
	var files []consent.PolicyFile
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isPolicyFile(name) {
			return err
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		files = append(files, consent.PolicyFile{Path: name, SHA256: hex.EncodeToString(sum[:]), Content: content})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading policies: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("reading policies: the directory has no policy files (*.rego, *.yaml, *.json)")
	}
	slices.SortFunc(files, func(a, b consent.PolicyFile) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func isPolicyFile(name string) bool {
	switch path.Ext(name) {
	case ".rego", ".yaml", ".yml", ".json":
		return !strings.HasSuffix(name, "_test.rego") && !strings.HasPrefix(path.Base(name), ".")
	}
	return false
}

// digest is the revision of a set of files: the first 16 bytes of a SHA-256 over their paths and digests.
func digest(files []consent.PolicyFile) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d:%s=%s\n", len(f.Path), f.Path, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// prepare finds the controllers, checks their tables and prepares a query for each.
func (s *Set) prepare(compiler *ast.Compiler, documents map[string]any) error {
	tables, err := readTables(s.description.Files)
	if err != nil {
		return err
	}
	decisions := decisionRules(compiler)
	var faults []error
	for _, id := range slices.Sorted(maps.Keys(decisions)) {
		if tables[id] == nil {
			faults = append(faults, fmt.Errorf("%s: controller %q has a policy but no table: add controllers/%s/data.yaml",
				decisions[id], id, id))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(tables)) {
		if _, ok := decisions[id]; !ok {
			faults = append(faults, fmt.Errorf("controllers/%s: no policy: add a rule %s[%q].decision", id, root, id))
		}
	}
	if len(tables) == 0 {
		faults = append(faults, errors.New("no controllers: add controllers/<id>/data.yaml and a policy beside it"))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	dates, err := effectiveDates(documents)
	if err != nil {
		return err
	}
	store := inmem.NewFromObjectWithOpts(documents, inmem.OptReturnASTValuesOnRead(true))
	return s.prepareQueries(compiler, store, tables, dates)
}

func (s *Set) prepareQueries(
	compiler *ast.Compiler, store storage.Store, tables map[string]*table, dates []consent.Instant,
) error {
	s.controllers = make(map[string]*controller, len(tables))
	for _, id := range slices.Sorted(maps.Keys(tables)) {
		query, err := rego.New(
			rego.Query(fmt.Sprintf("%s[%q].decision", root, id)),
			rego.Compiler(compiler),
			rego.Store(store),
			rego.StrictBuiltinErrors(true),
			rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }),
		).PrepareForEval(context.Background())
		if err != nil {
			return fmt.Errorf("preparing the policy of controller %q: %w", id, err)
		}
		described := tables[id].describe(id)
		c := &controller{query: query, horizon: horizon{durations: tables[id].durations(), dates: dates}}
		for _, p := range described.Purposes {
			c.purposes = append(c.purposes, p.Name)
		}
		s.controllers[id] = c
		s.description.Controllers = append(s.description.Controllers, described)
	}
	return nil
}

// decisionRules returns where each controller's decision is defined.
func decisionRules(compiler *ast.Compiler) map[string]*ast.Location {
	found := map[string]*ast.Location{}
	prefix := ast.MustParseRef(root)
	for _, m := range compiler.Modules {
		for _, rule := range m.Rules {
			ref := rule.Ref()
			if len(ref) == len(prefix)+2 && ref.HasPrefix(prefix) && ref[len(ref)-1].Equal(ast.StringTerm("decision")) {
				id, ok := ref[len(prefix)].Value.(ast.String)
				if at := found[string(id)]; ok && (at == nil || rule.Loc().Compare(at) < 0) {
					found[string(id)] = rule.Loc()
				}
			}
		}
	}
	return found
}
