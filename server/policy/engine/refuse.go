package engine

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// ruleShape is a form of rules that a program would not decide as topdown does.
type ruleShape struct {
	why string
	// found reports that a rule has the form.
	found func(s *ruleset, r *ast.Rule, v view) bool
}

// view is what a first look at a rule shows: most have nothing of it.
type view struct {
	dynamic []ast.Ref // references to data with keys that are no strings
	open    bool      // there is an open literal
}

func viewOf(r *ast.Rule) (v view) {
	ast.WalkTerms(r, func(t *ast.Term) bool {
		switch x := t.Value.(type) {
		case ast.Ref:
			if x.HasPrefix(ast.DefaultRootRef) && len(x.StringPrefix()) < len(x) {
				v.dynamic = append(v.dynamic, x)
			}
		case ast.Set, ast.Object:
			v.open = v.open || isOpenLiteral(x)
		}
		return false
	})
	return v
}

// shapes are all that are known of OPA 1.22.2 and not rewritten (rewrite.go,
// planshape.go): topdown evaluates the entrypoints that need a rule of one of them.
var ruleShapes = []ruleShape{
	{
		// The planner calls what it finds by a variable key by its path. Where rules below the key lie at different depths,
		// and one has a variable in its head, it plans the deeper ones under a path at which the call does not look, and they
		// are undefined: limits.ads.max := 1, limits.ads[k] := 2, limits.storage.max := 5; limits[input.purpose].max.
		why: "a reference with a variable key to rules of different depths, some with a variable in their heads: name the " +
			"key, or write them at one depth",
		found: refersUnevenly,
	},
	{
		// Rules that share a prefix of which one has a variable in its head are planned as one function, which makes an
		// object. In it defaults and else branches have no effect of their own, functions no arguments, and rules of
		// different depths or kinds change the values of each other.
		why: "rules with a variable in their heads beside defaults, else, functions or rules of another depth or kind: give " +
			"them names of their own",
		found: standsInMixedGroup,
	},
	{
		// topdown ranges over the elements of a set or the keys of an object as they are written, even where two are equal:
		// count([x | some x in {input.a, input.b}]) is 2 for equal a and b. The plan makes a set of them first.
		why:   "a loop over a set or an object literal whose elements or keys are not constant: loop over an array, or over a rule",
		found: loopsOverOpenLiteral,
	},
	{
		// Of several functions that one expression replaces by values, beside a part of the input, rules below it lose some:
		// seen in public tests, and in no random module that replaces one function.
		why:   "a with that replaces several functions: replace one, by a function that decides by its arguments",
		found: replacesSeveral,
	},
}

// unpassed is one more, which the plan shows: it calls what it finds by a
// variable key with input and data alone, also where functions are replaced by
// values, which the plans of all rules below the `with` take as further arguments.
const unpassed = "a reference with a variable key to rules under a function that is replaced by a value, which the plan " +
	"does not pass on: name the key, or replace the function by another"

// refuse finds the entrypoints that need a rule of one of the shapes.
func refuse(compiler *ast.Compiler, paths []string) (map[string]string, error) {
	s := newRuleset(compiler)
	tainted := s.tainted()
	out := map[string]string{}
	for _, path := range paths {
		ref, err := ast.ParseRef(path)
		if err != nil {
			return nil, fmt.Errorf("entrypoint %q: %w", path, err)
		}
		s.eachReached(ref, func(node *ruleset, _ bool) {
			if why := tainted[node]; why != "" {
				out[ref.String()] = why
			}
		})
	}
	return out, nil
}

// tainted are the nodes that have, or may need, a rule of one of the shapes, and
// which.
func (s *ruleset) tainted() map[*ruleset]string {
	out := map[*ruleset]string{}
	var found []*ruleset
	s.each(func(node *ruleset) {
		if why := s.judge(node); why != "" {
			out[node] = why
			found = append(found, node)
		}
	})
	if len(found) == 0 { // as nearly always
		return nil
	}
	for users := s.users(); len(found) > 0; {
		node := found[0]
		found = found[1:]
		for _, user := range users[node] {
			if out[user] == "" {
				out[user] = out[node]
				found = append(found, user)
			}
		}
	}
	return out
}

func (s *ruleset) judge(node *ruleset) string {
	for _, r := range node.rules {
		v := viewOf(r)
		for _, shape := range ruleShapes {
			if shape.found(s, r, v) {
				return fmt.Sprintf("%s:%d: %s", r.Loc().File, r.Loc().Row, shape.why)
			}
		}
	}
	return ""
}

// users are, by node, those whose rules may need one of it.
func (s *ruleset) users() map[*ruleset][]*ruleset {
	users := map[*ruleset][]*ruleset{}
	s.each(func(node *ruleset) {
		for _, r := range node.rules {
			dataRefs(r, func(ref ast.Ref) {
				s.eachReached(ref, func(used *ruleset, _ bool) { users[used] = append(users[used], node) })
			})
		}
		if len(node.rules) > 0 { // what lies below is planned with it, where a head has a variable
			for _, child := range node.children {
				child.each(func(below *ruleset) { users[below] = append(users[below], node) })
			}
		}
	})
	return users
}

func refersUnevenly(s *ruleset, _ *ast.Rule, v view) bool {
	return slices.ContainsFunc(v.dynamic, func(ref ast.Ref) bool {
		depths, open := map[int]bool{}, false
		s.eachReached(ref, func(node *ruleset, dynamic bool) {
			if !dynamic {
				return
			}
			for _, r := range node.rules {
				depths[len(r.Ref().StringPrefix())] = true
				open = open || !r.Ref().IsGround()
			}
		})
		return open && len(depths) > 1
	})
}

func standsInMixedGroup(s *ruleset, r *ast.Rule, _ view) bool {
	if r.Ref().IsGround() {
		return false
	}
	group := s
	for _, key := range r.Ref().StringPrefix()[1:] {
		group = group.children[string(key.Value.(ast.String))]
	}
	mixed := false
	group.each(func(node *ruleset) {
		for _, other := range node.rules {
			mixed = mixed || other.Default || other.Else != nil || len(other.Head.Args) > 0 ||
				len(other.Ref()) != len(r.Ref()) || other.Head.RuleKind() != r.Head.RuleKind()
		}
	})
	return mixed
}

func replacesSeveral(s *ruleset, r *ast.Rule, _ view) bool {
	found := false
	ast.WalkExprs(r, func(e *ast.Expr) bool {
		n := 0
		for _, w := range e.With {
			if ref, ok := w.Target.Value.(ast.Ref); ok && s.isFunction(ref) {
				n++
			}
		}
		found = found || n > 1
		return found
	})
	return found
}

// loopsOverOpenLiteral reports that an open literal stands, by itself or under a
// name, where it may be ranged over: anywhere but as an operand of a built-in,
// or in a head.
func loopsOverOpenLiteral(_ *ruleset, r *ast.Rule, v view) bool {
	if !v.open {
		return false
	}
	names, found := ast.NewVarSet(), false
	ast.WalkExprs(r, func(e *ast.Expr) bool {
		if name, ok := namesOpenLiteral(e); ok {
			names.Add(name)
		}
		return false
	})
	ast.WalkExprs(r, func(e *ast.Expr) bool {
		if _, naming := namesOpenLiteral(e); !naming && !callsBuiltin(e) {
			found = found || usesOpenLiteral(e, names)
		}
		return found
	})
	return found
}

// namesOpenLiteral recognizes `name = literal`, of one that is open or has one
// in it.
func namesOpenLiteral(e *ast.Expr) (name ast.Var, ok bool) {
	if !e.IsEquality() || e.Negated {
		return "", false
	}
	a, b := e.Operand(0), e.Operand(1)
	if v, ok := a.Value.(ast.Var); ok {
		return v, mentionsOpen(b, nil)
	}
	v, ok := b.Value.(ast.Var)
	return v, ok && mentionsOpen(a, nil)
}

func callsBuiltin(e *ast.Expr) bool {
	return e.IsCall() && !e.IsEquality() && !e.Operator().HasPrefix(ast.DefaultRootRef)
}

// usesOpenLiteral reports that an expression may range over an open literal, or
// give it another name. To compare one is none of both.
func usesOpenLiteral(e *ast.Expr, names ast.VarSet) bool {
	switch terms := e.Terms.(type) {
	case *ast.Term:
		return mentionsOpen(terms, names)
	case *ast.Every:
		return mentionsOpen(terms.Domain, names)
	case []*ast.Term:
		if e.IsEquality() {
			return comparesOpen(terms[1], terms[2], names) || comparesOpen(terms[2], terms[1], names)
		}
		for _, t := range terms[1:] {
			if mentionsOpen(t, names) {
				return true
			}
		}
	}
	return false
}

func comparesOpen(a, b *ast.Term, names ast.VarSet) bool {
	v, ok := a.Value.(ast.Var)
	if !ok {
		return mentionsOpen(a, names)
	}
	switch b.Value.(type) {
	case ast.Var, *ast.Array, ast.Object, ast.Set:
		return names.Contains(v)
	}
	return false
}

// mentionsOpen reports that a term is or has an open literal, or the name of one.
func mentionsOpen(t *ast.Term, names ast.VarSet) bool {
	found := false
	ast.WalkTerms(t, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true // what stands in them is looked at by itself
		case ast.Var:
			found = found || names.Contains(v)
		default:
			found = found || isOpenLiteral(v)
		}
		return found
	})
	return found
}

// isOpenLiteral reports that a value is a set of more than one element, or an
// object of more than one key, some of which is not constant.
func isOpenLiteral(v ast.Value) bool {
	open := false
	switch v := v.(type) {
	case ast.Set:
		return v.Len() > 1 && !v.IsGround()
	case ast.Object:
		v.Foreach(func(k, _ *ast.Term) { open = open || !k.IsGround() })
		return v.Len() > 1 && open
	}
	return false
}
