package space

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/tree"
)

// Vocabulary is what a controller's rules and tables can tell apart: the constants in them, by what they are
// compared with. It is immutable and may be used concurrently.
type Vocabulary struct {
	// constants are all strings in the rules.
	constants map[string]bool
	// flags are the context keys that count as true or not; facts those that are read in other ways.
	flags, facts map[string]bool
	// ages are the bounds with which ages are compared.
	ages map[int]bool
	// places and categories are the codes and keys in rules and data.
	places, categories map[string]bool
	// occurrences says where in the data a string stands, as a key with its value or as an element.
	occurrences map[string][]string
	// recipients are ids that the rules name.
	recipients map[string]bool
	// compared are the strings that a key of the context is compared with.
	compared map[string][]string
	// values are all strings in the data that are no keys; rows the controller's rows as text, without their clauses.
	values map[string]bool
	rows   map[string]string
	// dates are the effective_from dates.
	dates      map[consent.Instant]bool
	controller string
	// now is the instant at which versioned tables are read.
	now consent.Instant

	table *tree.Table
}

var (
	placeForm    = regexp.MustCompile(`^[A-Z]{2}(-[A-Z0-9]{1,3})?$`)
	categoryForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
)

// NewVocabulary takes what is shared and what is one controller's, of the rules and data of each set; tables are
// read as of now. The table that counts is the last set's. The error is consent.ErrUnknownController.
func NewVocabulary(controller string, now consent.Instant, sets ...*policy.Set) (*Vocabulary, error) {
	v := &Vocabulary{
		constants: map[string]bool{}, flags: map[string]bool{}, facts: map[string]bool{}, ages: map[int]bool{},
		places: map[string]bool{}, categories: map[string]bool{}, occurrences: map[string][]string{},
		recipients: map[string]bool{}, compared: map[string][]string{},
		values: map[string]bool{}, rows: map[string]string{}, dates: map[consent.Instant]bool{}, controller: controller, now: now,
	}
	for _, set := range sets {
		v.take(set.Tree())
	}
	if v.table == nil {
		return nil, consent.ErrUnknownController
	}
	return v, nil
}

// take takes the constants of one set.
func (v *Vocabulary) take(t *tree.Tree) {
	var modules []*ast.Module
	decisions := t.DecisionModules()
	for _, name := range sortedKeys(decisions) {
		if m := decisions[name]; concerns(m, v.controller) {
			modules = append(modules, m)
		}
	}
	shared := maps.Clone(t.Documents)
	delete(shared, tree.TablesKey)
	delete(shared, tree.AccessKey)
	table, _ := t.Documents[tree.TablesKey].(map[string]any)
	unless := map[string]bool{}
	v.walk("", shared, unless)
	v.walk(tree.Folder+v.controller, table[v.controller], unless)
	v.rules(modules)
	v.contextKeys(modules, unless)
	if decoded := t.Tables[v.controller]; decoded != nil {
		v.table = decoded
		v.takeRows(table[v.controller])
	}
}

// takeRows notes the rows of a controller's table.
func (v *Vocabulary) takeRows(document any) {
	purposes, _ := document.(map[string]any)["purposes"].(map[string]any)
	for purpose, row := range purposes {
		rest, _ := row.(map[string]any)
		rest = maps.Clone(rest)
		delete(rest, "clause")
		v.rows[purpose] += text(rest)
	}
}

// concerns reports whether a module may be part of the controller's policy: any but those of other controllers.
func concerns(m *ast.Module, controller string) bool {
	p := m.Package.Path
	prefix := ast.MustParseRef(tree.Rules)
	return !p.HasPrefix(prefix) || len(p) == len(prefix) || p[len(prefix)].Equal(ast.StringTerm(controller))
}

// rules takes the constants of the rules.
func (v *Vocabulary) rules(modules []*ast.Module) {
	for _, m := range modules {
		for _, r := range m.Rules {
			ast.WalkTerms(r, func(t *ast.Term) bool {
				if s, ok := t.Value.(ast.String); ok {
					v.constant(string(s))
				}
				return false
			})
			ast.WalkExprs(r, func(e *ast.Expr) bool {
				v.ageBounds(e)
				v.recipientIDs(e)
				v.comparedFacts(e)
				return false
			})
		}
	}
}

func (v *Vocabulary) constant(s string) {
	v.constants[s] = true
	v.text(s)
}

// text takes a string of rules or data by its form.
func (v *Vocabulary) text(s string) {
	switch {
	case placeForm.MatchString(s):
		v.places[s] = true
	case categoryForm.MatchString(s):
		v.categories[s] = true
	}
}

// ageBounds takes the numbers of an expression that reads an age.
func (v *Vocabulary) ageBounds(e *ast.Expr) {
	if !mentions(e, "age_max") && !mentions(e, "age_min") {
		return
	}
	ast.WalkTerms(e, func(t *ast.Term) bool {
		if n, ok := t.Value.(ast.Number); ok {
			if i, ok := n.Int(); ok {
				v.age(i)
			}
		}
		return false
	})
}

func (v *Vocabulary) age(i int) {
	if i >= 1 && i <= 120 {
		v.ages[i] = true
	}
}

// recipientIDs takes the strings that a recipient's id is compared with.
func (v *Vocabulary) recipientIDs(e *ast.Expr) {
	if len(e.Operands()) != 2 || !mentions(e, "recipient") || !mentions(e, "id") {
		return
	}
	for _, operand := range e.Operands() {
		if s, ok := operand.Value.(ast.String); ok {
			v.recipients[string(s)] = true
		}
	}
}

// comparedFacts takes the strings that a key of the context is compared with.
func (v *Vocabulary) comparedFacts(e *ast.Expr) {
	if len(e.Operands()) != 2 {
		return
	}
	for i, operand := range e.Operands() {
		ref, isRef := operand.Value.(ast.Ref)
		s, isString := e.Operand(1 - i).Value.(ast.String)
		if isRef && isString && len(ref) > 2 && ref[1].Equal(ast.StringTerm("context")) {
			name := trimQuotes(ref[2].Value)
			v.compared[name] = append(v.compared[name], string(s))
		}
	}
}

// mentions reports whether a reference of e has the field.
func mentions(e *ast.Expr, field string) bool {
	found := false
	ast.WalkRefs(e, func(r ast.Ref) bool {
		for _, t := range r {
			found = found || t.Equal(ast.StringTerm(field))
		}
		return found
	})
	return found
}

// walk takes the strings, ages and dates of the data, and the flags that an `unless` names.
func (v *Vocabulary) walk(where string, document any, unless map[string]bool) {
	switch d := document.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(d)) {
			v.occurs(key, where+"{"+v.inForce(d[key])+"}")
			v.entry(where, key, d[key], unless)
		}
	case []any:
		for _, e := range d {
			v.walk(where, e, unless)
		}
	case string:
		v.values[d] = true
		v.occurs(d, where)
	case json.Number:
		if years, err := strconv.Atoi(string(d)); err == nil && strings.Contains(where, "age") {
			v.age(years)
		}
	}
}

func (v *Vocabulary) entry(where, key string, value any, unless map[string]bool) {
	if s, ok := value.(string); ok && key == "unless" {
		unless[s] = true
	}
	if s, ok := value.(string); ok && key == "effective_from" {
		if t, err := parseInstant(s); err == nil {
			v.dates[t] = true
		}
		return
	}
	v.walk(where+"/"+key, value, unless)
}

// occurs notes where a place or a category stands.
func (v *Vocabulary) occurs(s, where string) {
	v.text(s)
	if placeForm.MatchString(s) || categoryForm.MatchString(s) {
		v.occurrences[s] = append(v.occurrences[s], where)
	}
}

// inForce is the text of a value, of which versions that are no longer in force, and the dates of those that are,
// are left out: a clock tells nothing apart by them from now on.
func (v *Vocabulary) inForce(value any) string {
	switch d := value.(type) {
	case map[string]any:
		var parts []string
		for _, key := range sortedKeys(d) {
			parts = append(parts, strconv.Quote(key)+v.inForce(d[key]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		return v.versionsInForce(d)
	}
	return text(value)
}

func (v *Vocabulary) versionsInForce(list []any) string {
	var current, later []string
	for _, e := range list {
		version, ok := e.(map[string]any)
		if !ok || version["effective_from"] == nil {
			return text(list)
		}
		if t, err := parseInstant(fmt.Sprint(version["effective_from"])); err == nil && t > v.now {
			later = append(later, text(version))
			continue
		}
		rest := maps.Clone(version)
		delete(rest, "effective_from")
		current = []string{text(rest)}
	}
	return strings.Join(append(current, later...), ",")
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(out)
}

// alike groups keys that stand in the same places of the data and agree in what besides tells them apart; a key that a
// rule names stands alone. The first of each group stands for it.
func (v *Vocabulary) alike(keys []string, besides func(key string) string) []string {
	seen := map[string]bool{}
	var out []string
	for _, key := range keys {
		signature := strconv.Quote(v.standing(key)) + besides(key)
		if !seen[signature] {
			seen[signature] = true
			out = append(out, key)
		}
	}
	return out
}

// standing is where a key stands; one that a rule names stands for itself.
func (v *Vocabulary) standing(key string) string {
	if v.constants[key] {
		return "rule:" + key
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(v.occurrences[key]))), "|")
}

// Begun is how many dates from which versions of tables count have come: a proof holds until it changes.
func (v *Vocabulary) Begun() (n int) {
	for d := range v.dates {
		if d <= v.now {
			n++
		}
	}
	return n
}

// Key is equal for two purposes that differ in name and clause alone, neither of whose names nor parts of them any
// rule or other row mentions: what is so of one is so of the other.
func (v *Vocabulary) Key(purpose string) string {
	if v.mentioned(purpose) {
		return "name:" + purpose
	}
	return "row:" + v.rows[purpose]
}

func (v *Vocabulary) mentioned(purpose string) bool {
	for c := range v.constants {
		if len(c) > 1 && strings.Contains(purpose, c) {
			return true
		}
	}
	return v.values[purpose]
}
