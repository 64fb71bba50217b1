package space

import "github.com/open-policy-agent/opa/v1/ast"

// contextKeys finds the keys of the context that the rules read: by name, and by functions that are given the name.
func (v *Vocabulary) contextKeys(modules []*ast.Module, unless map[string]bool) {
	readers := contextReaders(modules)
	for _, m := range modules {
		ast.WalkTerms(m, func(t *ast.Term) bool {
			switch x := t.Value.(type) {
			case ast.Ref:
				v.contextRef(x)
			case ast.Call:
				v.readerCall(x, readers, unless)
			}
			return false
		})
		ast.WalkExprs(m, func(e *ast.Expr) bool {
			if terms, ok := e.Terms.([]*ast.Term); ok && e.IsCall() {
				v.readerCall(terms, readers, unless)
			}
			return false
		})
	}
	for key := range v.flags {
		delete(v.facts, key)
	}
}

func (v *Vocabulary) contextRef(ref ast.Ref) {
	if len(ref) > 2 && ref[0].Equal(ast.InputRootDocument) && ref[1].Equal(ast.StringTerm("context")) {
		if key, ok := ref[2].Value.(ast.String); ok {
			v.facts[string(key)] = true
		}
	}
}

// readerCall takes the flag that a call names. One that comes from data may be any that an `unless` names.
func (v *Vocabulary) readerCall(call []*ast.Term, readers map[string]int, unless map[string]bool) {
	at, ok := readers[lastName(call[0])]
	if !ok || len(call) <= at+1 {
		return
	}
	if key, ok := call[at+1].Value.(ast.String); ok {
		v.flags[string(key)] = true
		return
	}
	for key := range unless {
		v.flags[key] = true
	}
}

func lastName(t *ast.Term) string {
	ref, ok := t.Value.(ast.Ref)
	if !ok {
		return t.String()
	}
	if s, ok := ref[len(ref)-1].Value.(ast.String); ok {
		return string(s)
	}
	return ref.String()
}

// contextReaders are the functions that look up one of their arguments in the context, by name, with the
// argument's place: directly, or by handing it on. A name that two packages use may be one too many; that costs a
// dimension, nothing else.
func contextReaders(modules []*ast.Module) map[string]int {
	readers := map[string]int{}
	for grown := true; grown; {
		grown = false
		for _, m := range modules {
			for _, r := range m.Rules {
				name := r.Head.Ref()[len(r.Head.Ref())-1].Value
				for i, arg := range r.Head.Args {
					if _, known := readers[trimQuotes(name)]; !known && readsContext(r, arg, readers) {
						readers[trimQuotes(name)] = i
						grown = true
					}
				}
			}
		}
	}
	return readers
}

func trimQuotes(v ast.Value) string {
	if s, ok := v.(ast.String); ok {
		return string(s)
	}
	return v.String()
}

func readsContext(r *ast.Rule, arg *ast.Term, readers map[string]int) bool {
	if _, ok := arg.Value.(ast.Var); !ok {
		return false
	}
	found := false
	check := func(call []*ast.Term) {
		if at, ok := readers[lastName(call[0])]; ok && len(call) > at+1 {
			found = found || call[at+1].Equal(arg)
		}
	}
	ast.WalkTerms(r, func(t *ast.Term) bool {
		switch x := t.Value.(type) {
		case ast.Ref:
			found = found || len(x) > 2 && x[0].Equal(ast.InputRootDocument) && x[1].Equal(ast.StringTerm("context")) && x[2].Equal(arg)
		case ast.Call:
			check(x)
		}
		return false
	})
	ast.WalkExprs(r, func(e *ast.Expr) bool {
		if terms, ok := e.Terms.([]*ast.Term); ok && e.IsCall() {
			check(terms)
		}
		return false
	})
	return found
}
