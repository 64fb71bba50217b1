package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"

	"github.com/consentd/consentd/server/consent"
)

// root is where the rules of controllers live: data.consentd.controllers.<id>.decision. Their tables live apart, in
// data.controllers.<id>, as their folders say, so that rules and data never merge.
const root = "data.consentd.controllers"

// Load reads, admits and compiles the policies below fsys: modules (*.rego) and data (*.yaml, *.yml, *.json), laid out as
// `opa test` and `opa build` read them. Tests (*_test.rego) are not part of the set.
//
// The error lists every fault found at the first stage that fails, each with file and line where there is one.
func (l *Loader) Load(fsys fs.FS) (*Set, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	loaded, err := loader.NewFileLoader().WithFS(fsys).WithProcessAnnotation(true).Filtered([]string{"."}, skip)
	if err != nil {
		return nil, fmt.Errorf("reading policies: %w", err)
	}
	g := l.forLoad()
	b := &build{loader: l, symbols: g.symbols, modules: parsed(loaded), documents: loaded.Documents}
	if err := admit(b.modules); err != nil {
		return nil, err
	}
	if b.tables, err = readTables(files); err != nil {
		return nil, err
	}
	set := &Set{
		loader: l, generation: g, description: consent.Policy{Revision: digest(files), Files: files}, controllers: map[string]*controller{},
	}
	if err := b.set(set); err != nil {
		return nil, err
	}
	l.loaded(g)
	return set, nil
}

// skip leaves to the loader what is no policy file, and folders that are hidden.
func skip(_ string, info fs.FileInfo, _ int) bool {
	if info.IsDir() {
		return hidden(info.Name())
	}
	return !isPolicyFile(info.Name())
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") && name != "." }

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
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden(entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || !isPolicyFile(name):
			return nil
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
		return !strings.HasSuffix(name, "_test.rego") && !hidden(path.Base(name))
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
