package engine

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// ruleset finds rules by references to data. Each rule stands where OPA's
// planner has it: at the strings that its reference begins with.
type ruleset struct {
	children map[string]*ruleset
	rules    []*ast.Rule
}

func emptyRuleset() *ruleset { return &ruleset{children: map[string]*ruleset{}} }

func newRuleset(compiler *ast.Compiler) *ruleset {
	root := emptyRuleset()
	for _, m := range compiler.Modules {
		for _, r := range m.Rules {
			root.addRule(r)
		}
	}
	return root
}

func (s *ruleset) addRule(r *ast.Rule) {
	for _, key := range r.Ref().StringPrefix()[1:] {
		name := string(key.Value.(ast.String))
		if s.children[name] == nil {
			s.children[name] = emptyRuleset()
		}
		s = s.children[name]
	}
	s.rules = append(s.rules, r)
}

// eachReached calls f for each node that a reference passes, or that stands below the
// place it leads to, and that has rules. dynamic tells that a key which is no
// string came before the node.
func (s *ruleset) eachReached(ref ast.Ref, f func(node *ruleset, dynamic bool)) {
	s.eachReachedFrom(ref[1:], false, f)
}

func (s *ruleset) eachReachedFrom(keys ast.Ref, dynamic bool, f func(*ruleset, bool)) {
	if len(s.rules) > 0 {
		f(s, dynamic)
	}
	if len(keys) == 0 {
		for _, child := range s.children {
			child.eachReachedFrom(nil, dynamic, f)
		}
		return
	}
	if name, ok := keys[0].Value.(ast.String); ok {
		if child := s.children[string(name)]; child != nil {
			child.eachReachedFrom(keys[1:], dynamic, f)
		}
		return
	}
	for _, child := range s.children {
		child.eachReachedFrom(keys[1:], true, f)
	}
}

// isFunction reports that a target of `with` is a function: a built-in, or rules
// with arguments.
func (s *ruleset) isFunction(target ast.Ref) bool {
	if !target.HasPrefix(ast.DefaultRootRef) {
		return !target.HasPrefix(ast.InputRootRef)
	}
	found := false
	s.eachReached(target, func(node *ruleset, _ bool) {
		found = found || len(node.rules[0].Head.Args) > 0 && node.rules[0].Ref().Equal(target)
	})
	return found
}

// each calls f for the node and all below it.
func (s *ruleset) each(f func(*ruleset)) {
	f(s)
	for _, child := range s.children {
		child.each(f)
	}
}

// dataRefs calls f for all references to data in a rule, whole documents among
// them.
func dataRefs(r *ast.Rule, f func(ast.Ref)) {
	ast.WalkTerms(r, func(t *ast.Term) bool {
		if ref, ok := t.Value.(ast.Ref); ok && ref.HasPrefix(ast.DefaultRootRef) {
			f(ref)
		}
		return false
	})
}
