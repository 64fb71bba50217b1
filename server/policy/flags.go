package policy

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/policy/tree"
)

// flagsByOwner are the keys that rules name, by the controller whose rules they are; the empty name: shared ones.
func flagsByOwner(compiler *ast.Compiler) map[string]map[string]bool {
	flags := map[string]map[string]bool{"": {}}
	for _, module := range compiler.Modules {
		for _, node := range module.Rules {
			owner := ownerOf(node)
			if flags[owner] == nil {
				flags[owner] = map[string]bool{}
			}
			flagsOf(node, flags[owner])
		}
	}
	return flags
}

func flagsOf(node *ast.Rule, found map[string]bool) {
	ast.WalkRefs(node, func(ref ast.Ref) bool {
		if len(ref) > 2 && ref[0].Equal(ast.InputRootDocument) && isString(ref[1], "context") {
			note(found, ref[2])
		}
		return false
	})
	ast.WalkExprs(node, func(e *ast.Expr) bool {
		if e.IsCall() && strings.HasSuffix(e.OperatorTerm().String(), ".flag") && len(e.Operands()) > 0 {
			note(found, e.Operand(0))
		}
		return false
	})
}

func note(found map[string]bool, t *ast.Term) {
	if key, ok := t.Value.(ast.String); ok {
		found[string(key)] = true
	}
}

// controllersRef is tree.Rules; immutable.
var controllersRef = ast.MustParseRef(tree.Rules)

// ownerOf is the controller whose rule it is; empty: it is shared.
func ownerOf(node *ast.Rule) string {
	path := node.Module.Package.Path
	if len(path) > len(controllersRef) && path.HasPrefix(controllersRef) {
		if id, ok := path[len(controllersRef)].Value.(ast.String); ok {
			return string(id)
		}
	}
	return ""
}

func isString(t *ast.Term, want string) bool {
	if t == nil {
		return false
	}
	s, ok := t.Value.(ast.String)
	return ok && string(s) == want
}
