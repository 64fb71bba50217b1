package admission

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// units are the parts of a set that are proven and tested apart: each controller, by its id, what they share, by "",
// and what callers may do, by accessUnit. What changes in one controller's rules, data or tests leaves the others as
// proven as they were.
type units struct {
	modules   map[string]*ast.Module
	documents map[string]any
	// members are the names of each unit's modules, sorted.
	members map[string][]string
	// cases are those of each controller, contents the files in which they stand, by path.
	cases    map[string][]cases.Case
	contents map[string][]byte
	// keys are those that were asked for, texts the modules that they took: writing a module out takes long.
	keys  map[unitKey]string
	texts map[string]string
}

type unitKey struct {
	unit  string
	tests bool
}

// readUnits takes all modules, tests included, and documents.
func readUnits(t *tree.Tree, controllers []consent.Controller) (*units, error) {
	modules, err := t.All()
	if err != nil {
		return nil, err
	}
	u := &units{
		modules: modules, documents: t.Documents, members: map[string][]string{}, keys: map[unitKey]string{}, texts: map[string]string{},
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		owner := ownerOf(modules[name], controllers)
		u.members[owner] = append(u.members[owner], name)
	}
	return u, nil
}

// ownerOf is the controller that a module belongs to, by its package; that of its tests may end in _test.
func ownerOf(m *ast.Module, controllers []consent.Controller) string {
	if tree.OfAccess(m) || tree.OfAccessTests(m) {
		return accessUnit
	}
	prefix, p := ast.MustParseRef(tree.Rules), m.Package.Path
	if !p.HasPrefix(prefix) || len(p) == len(prefix) {
		return ""
	}
	name, _ := p[len(prefix)].Value.(ast.String)
	for _, c := range controllers {
		if string(name) == c.ID || string(name) == c.ID+"_test" {
			return c.ID
		}
	}
	return ""
}

// key is a digest of what a unit means: its rules and those that are shared, without comments and layout, and its
// data and the shared ones. Tests are part of it where they count.
func (u *units) key(unit string, tests bool) string {
	k := unitKey{unit, tests}
	if u.keys[k] == "" {
		u.keys[k] = u.newKey(unit, tests)
	}
	return u.keys[k]
}

func (u *units) newKey(unit string, tests bool) string {
	h := sha256.New()
	names := u.members[""]
	if unit != "" {
		names = slices.Concat(names, u.members[unit])
	}
	for _, name := range names {
		if tests || !tree.IsTest(name) {
			if u.texts[name] == "" {
				u.texts[name] = u.modules[name].String()
			}
			fmt.Fprintf(h, "%s\n%s\n", name, u.texts[name])
		}
	}
	documents := json.NewEncoder(h) // what was read of YAML and JSON can be written
	for _, key := range slices.Sorted(maps.Keys(u.documents)) {
		if key != tree.TablesKey && (key == tree.AccessKey) == (unit == accessUnit) {
			_ = documents.Encode([]any{key, u.documents[key]})
		}
	}
	if tables, ok := u.documents[tree.TablesKey].(map[string]any); ok && unit != "" {
		_ = documents.Encode([]any{unit, u.meaning(unit, tables[unit], names)})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// meaning is a controller's table without own, the keys for rules of one's own, where none of the modules can read
// them.
func (u *units) meaning(unit string, document any, names []string) any {
	t, ok := document.(map[string]any)
	if !ok || slices.ContainsFunc(names, func(name string) bool { return readsOwn(u.modules[name]) }) {
		return document
	}
	t = maps.Clone(t)
	delete(t, "own")
	return t
}

// readsOwn reports whether a module may read a table's own: it names it, or takes a table whole, or by a key that
// is no constant. That a rule is called controller, and is the table, is no such use of it.
func readsOwn(m *ast.Module) bool {
	tables := ast.MustParseRef(tree.Tables)
	found := false
	for _, r := range m.Rules {
		defines := r.Head.Name == "controller" && r.Head.Value != nil && len(r.Head.Args) == 0
		ast.WalkTerms(r, func(t *ast.Term) bool {
			switch x := t.Value.(type) {
			case ast.Var:
				found = found || x == "controller"
			case ast.Ref:
				found = found || takesTable(x, tables) && !(defines && r.Head.Value.Value.Compare(x) == 0)
				for _, key := range x[1:] {
					found = found || key.Equal(ast.StringTerm("own"))
					ast.WalkRefs(key, func(inner ast.Ref) bool {
						found = found || takesTable(inner, tables)
						return found
					})
				}
				return true
			}
			return found
		})
	}
	return found
}

// takesTable reports whether a reference is to a table as a whole, or to a key of it that is no constant.
func takesTable(ref, tables ast.Ref) bool {
	if ref[0].Equal(ast.InputRootDocument) {
		return false
	}
	at := -1
	if ref.HasPrefix(tables) {
		at = len(tables)
	}
	for i, t := range ref {
		if t.Equal(ast.StringTerm("controller")) || i == 0 && t.Equal(ast.VarTerm("controller")) {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	if at+1 >= len(ref) {
		return true
	}
	_, constant := ref[at+1].Value.(ast.String)
	return !constant
}

// testPackages are the packages of a unit's tests.
func (u *units) testPackages(unit string) (out []string) {
	for _, name := range u.members[unit] {
		if tree.IsTest(name) {
			out = append(out, u.modules[name].Package.Path.String())
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(out)))
}

// beside reports whether tests of a package stand in the folder of a file.
func (u *units) beside(tests, file string) bool {
	folder := path.Dir(strings.TrimPrefix(file, "/"))
	for name, m := range u.modules {
		if path.Dir(strings.TrimPrefix(name, "/")) == folder && m.Package.Path.String() == tests {
			return true
		}
	}
	return false
}

// lines number the rules of each file in their order, so that a rule is found again after lines moved.
type lines map[string]string

func (u *units) lines() lines {
	out := lines{}
	for name, m := range u.modules {
		for i, r := range m.Rules {
			at := position(name, r.Loc().Row)
			if _, ok := out[at]; !ok {
				out[at] = ruleID(name, i)
			}
		}
	}
	return out
}

// rulesByID are the rules by their ids, as lines has them.
func (u *units) rulesByID() map[string]*ast.Rule {
	out := map[string]*ast.Rule{}
	for name, m := range u.modules {
		for i, r := range m.Rules {
			out[ruleID(name, i)] = r
		}
	}
	return out
}

func ruleID(file string, index int) string {
	return fmt.Sprintf("%s#%d", strings.TrimPrefix(file, "/"), index)
}

// literal is where a string stands in the rules of a controller, or else in the shared ones; nil: nowhere.
func (u *units) literal(controller, text string) (at *ast.Location) {
	for _, unit := range []string{controller, ""} {
		for _, name := range u.members[unit] {
			if tree.IsTest(name) {
				continue
			}
			ast.WalkTerms(u.modules[name], func(t *ast.Term) bool {
				if at == nil && t.Equal(ast.StringTerm(text)) {
					at = t.Location
				}
				return at != nil
			})
			if at != nil {
				return at
			}
		}
	}
	return nil
}
