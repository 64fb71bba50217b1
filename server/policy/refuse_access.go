package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/tree"
)

var (
	accessRulesRef = ast.MustParseRef(tree.AccessRules)
	accessTableRef = ast.MustParseRef("data." + tree.AccessKey)
)

// refuseAcross keeps rules of access and of decisions apart: a decision must not depend on who asks, and a table of
// access that changes must not change one. It also refuses what an act does not have, which would never hold.
func refuseAcross(m *ast.Module) (faults []error) {
	if m.Package.Path.HasPrefix(accessTableRef) {
		return []error{fmt.Errorf("%s: package %s: rules cannot stand in the table of access: name it %s", m.Package.Loc(),
			strings.TrimPrefix(m.Package.Path.String(), "data."), strings.TrimPrefix(tree.AccessRules, "data."))}
	}
	ofAccess := tree.OfAccess(m)
	eachRef(m, func(ref ast.Ref, at *ast.Location) {
		switch {
		case ref[0].Equal(ast.DefaultRootDocument):
			if isAccess := ref.HasPrefix(accessRulesRef) || ref.HasPrefix(accessTableRef); isAccess != ofAccess {
				faults = append(faults, across(ref, at, ofAccess))
			}
		case ofAccess && ref[0].Equal(ast.InputRootDocument) && len(ref) > 1:
			if key, ok := ref[1].Value.(ast.String); ok && !slices.Contains(actFieldNames, string(key)) {
				faults = append(faults, fmt.Errorf("%s: input.%s: an act has no such field: name one of %s", at, string(key),
					strings.Join(actFieldNames, ", ")))
			}
		}
	})
	return faults
}

// actFieldNames are the fields of an act.
var actFieldNames = []string{"caller", "action", "controller", "purpose", "recipient"}

func across(ref ast.Ref, at *ast.Location, ofAccess bool) error {
	if ofAccess {
		return fmt.Errorf("%s: %s: rules of access see their own packages (%s) and table (%s) alone: put what they need there, below own",
			at, ref, tree.AccessRules, accessTableRef)
	}
	return fmt.Errorf("%s: %s: what a decision says must not depend on who asks: leave it to the rules of access", at, ref)
}

// eachRef calls f for each reference of a module, those of imports among them.
func eachRef(m *ast.Module, f func(ast.Ref, *ast.Location)) {
	for _, imported := range m.Imports {
		if ref := imported.Path.Value.(ast.Ref); !ref[0].Equal(ast.VarTerm("rego")) && !ref[0].Equal(ast.VarTerm("future")) {
			f(ref, imported.Loc())
		}
	}
	for _, r := range m.Rules {
		ast.WalkTerms(r, func(t *ast.Term) bool {
			if ref, ok := t.Value.(ast.Ref); ok {
				f(ref, t.Loc())
			}
			return false
		})
	}
}

// actParts reports whether rules of access may read the claims of a caller's token, and the recipient. What they read
// by a key that is no constant counts.
func actParts(modules map[string]*ast.Module) (claims, recipient bool) {
	for _, m := range modules {
		eachRef(m, func(ref ast.Ref, _ *ast.Location) {
			if !ref[0].Equal(ast.InputRootDocument) {
				return
			}
			whole := len(ref) < 2 || !isText(ref[1])
			recipient = recipient || whole || isString(ref[1], "recipient")
			if whole || isString(ref[1], "caller") {
				claims = claims || whole || len(ref) < 3 || !isText(ref[2]) || isString(ref[2], "claims")
			}
		})
	}
	return claims, recipient
}

func isText(t *ast.Term) bool {
	_, ok := t.Value.(ast.String)
	return ok
}

// requireAllow refuses rules of access that have no allow, or none that is false where nothing permits: undefined is
// no answer.
func requireAllow(modules map[string]*ast.Module) error {
	var first *ast.Location
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m := modules[name]
		if first == nil {
			first = m.Package.Loc()
		}
		for _, r := range m.Rules {
			if !m.Package.Path.Equal(accessRulesRef) || r.Head.Name != "allow" {
				continue
			}
			if r.Default && r.Head.Value != nil && r.Head.Value.Equal(ast.BooleanTerm(false)) {
				return nil
			}
			first = r.Loc()
		}
	}
	return fmt.Errorf("%s: package %s needs a rule allow that is false where nothing permits: write default allow := false",
		first, strings.TrimPrefix(tree.AccessRules, "data."))
}
