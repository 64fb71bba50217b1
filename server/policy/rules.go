package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Rule is a rule of a policy as its METADATA describe it.
type Rule struct {
	// Title is that of its METADATA: the id of the rule, such as GDPR-21; never empty.
	Title string
	// Description is for people; may be empty.
	Description string
	// Article is `custom.article` of its METADATA: the provision behind it; may be empty.
	Article string
	// File and Line say where it stands.
	File string
	Line int
}

// Condition is one line of a rule's body.
type Condition struct {
	// Source is the line as the rule has it.
	Source string
	// Description is what the METADATA say of the rule that it asks; may be empty.
	Description string
	// Negated: it asks that the rule does not hold.
	Negated bool
}

// book is what the METADATA of a set say about its rules, for explanations.
type book struct {
	// rules are the titled ones by file and line.
	rules map[string]Rule
	// descriptions are those of all described rules, by path.
	descriptions map[string]string
	// deciding are the titled rules without parameters, in the order of files and lines.
	deciding []*ast.Rule
	// reads are the places of the rules that read something of the person but the place, or of the request but the
	// purpose.
	reads    map[string]bool
	compiler *ast.Compiler
	// flags are the keys of a request's context that rules name, by the controller whose rules they are.
	flags map[string]map[string]bool
}

func newBook(compiler *ast.Compiler) *book {
	b := &book{
		rules: map[string]Rule{}, descriptions: map[string]string{}, reads: map[string]bool{}, compiler: compiler,
		flags: flagsByOwner(compiler),
	}
	annotations := compiler.GetAnnotationSet()
	for _, module := range modulesByFile(compiler) {
		last := map[string]Rule{}
		ast.WalkRules(module, func(node *ast.Rule) bool {
			b.add(node, last, annotations)
			return false
		})
	}
	for grown := true; grown; {
		grown = false
		for _, module := range compiler.Modules {
			for _, node := range module.Rules {
				if at := lineOf(node); !b.reads[at] && b.personal(node) {
					b.reads[at], grown = true, true
				}
			}
		}
	}
	return b
}

// personal reports whether a part of a rule reads something of the person but the place, or of the request but the
// purpose, by itself or by rules that it refers to.
func (b *book) personal(part any) (found bool) {
	ast.WalkRefs(part, func(ref ast.Ref) bool {
		switch {
		case found:
		case ref[0].Equal(ast.InputRootDocument):
			found = ofPersonOrRequest(ref)
		case ref[0].Equal(ast.DefaultRootDocument):
			for _, node := range b.compiler.GetRules(ref) {
				found = found || b.reads[lineOf(node)]
			}
		}
		return found
	})
	return found
}

func ofPersonOrRequest(ref ast.Ref) bool {
	if len(ref) < 2 || isString(ref[1], "controller") || isString(ref[1], "purpose") || isString(ref[1], "now") {
		return false
	}
	if !isString(ref[1], "subject") {
		return true
	}
	return len(ref) < 3 || !isString(ref[2], "jurisdiction") && !isString(ref[2], "known") && !isString(ref[2], "id")
}

// add notes a rule. One without METADATA of its own that follows one of its name goes by that one's: it is another way
// to the same.
func (b *book) add(node *ast.Rule, last map[string]Rule, annotations *ast.AnnotationSet) {
	path := node.Ref().GroundPrefix().String()
	rule, found := last[path]
	entrypoint := false
	for _, a := range annotations.GetRuleScope(node) {
		rule, found = Rule{Title: a.Title, Description: OneLine(a.Description)}, true
		rule.Article, _ = a.Custom["article"].(string)
		entrypoint = entrypoint || a.Entrypoint
		if rule.Description != "" {
			b.descriptions[path] = rule.Description
		}
	}
	if !found || entrypoint || node.Loc() == nil {
		return
	}
	rule.File, rule.Line = node.Loc().File, node.Loc().Row
	last[path] = rule
	if rule.Title == "" {
		return
	}
	b.rules[lineOf(node)] = rule
	if len(node.Head.Args) == 0 && !node.Default {
		b.deciding = append(b.deciding, node)
	}
}

// lineOf is the file and line of a rule.
func lineOf(node *ast.Rule) string {
	if at := node.Loc(); at != nil {
		return fmt.Sprintf("%s:%d", at.File, at.Row)
	}
	return ""
}

// rule returns a rule that has a title.
func (b *book) rule(node *ast.Rule) (Rule, bool) {
	r, ok := b.rules[lineOf(node)]
	return r, ok
}

// condition describes the expressions of one line.
func (b *book) condition(line ast.Body) Condition {
	c := Condition{Source: strings.TrimSpace(string(line[0].Location.Text))}
	for _, e := range line {
		if len(e.Location.Text) > len(c.Source) {
			c.Source = strings.TrimSpace(string(e.Location.Text))
		}
		c.Negated = c.Negated || e.Negated
		ast.WalkRefs(e, func(ref ast.Ref) bool {
			if text, ok := b.descriptions[ref.GroundPrefix().String()]; ok && c.Description == "" {
				c.Description = text
			}
			return false
		})
	}
	c.Source = OneLine(c.Source)
	return c
}

// modulesByFile are the compiler's modules in the order of their files.
func modulesByFile(compiler *ast.Compiler) []*ast.Module {
	var out []*ast.Module
	for _, name := range slices.Sorted(maps.Keys(compiler.Modules)) {
		out = append(out, compiler.Modules[name])
	}
	return out
}
