package tree

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/document"
)

// The layout of access. Its rules and its table live apart, as those of controllers do.
const (
	// AccessRules is where the rules of access live, as a path of Rego.
	AccessRules = "data.consentd.access"
	// AccessKey is the key of the documents below which their table stands.
	AccessKey = "access"
)

// Access is a table of access: that of a set, access/data.yaml, or the operator's. The rule that ships reads it; it is
// declared here so that a key that no rule reads is refused instead of ignored. Keys for rules of one's own go under
// own.
type Access struct {
	Grants []Grant `yaml:"grants"`
	Own    any     `yaml:"own"`

	// value is the table as it stands in its file.
	value *document.Value
}

// Grant is what some callers may do. All four are required, so that what was forgotten grants nothing.
type Grant struct {
	Callers     []CallerPattern  `yaml:"callers"`
	Actions     []ActionPattern  `yaml:"actions"`
	Controllers []TextPattern    `yaml:"controllers"`
	Purposes    []PurposePattern `yaml:"purposes"`
}

// ReadAccess reads a table of access that stands in a file by itself. The error has all its faults.
func ReadAccess(file string, content []byte) (*Access, error) {
	v, err := readDocument(file, content)
	if err == nil {
		err = fault(file, v)
	}
	if err != nil {
		return nil, err
	}
	return readAccess(v)
}

// Document is the table as rules see it.
func (a *Access) Document() map[string]any { return a.value.Data().(map[string]any) }

// readAccess decodes a table.
func readAccess(v *document.Value) (*Access, error) {
	a := &Access{value: v}
	if err := v.Decode(a); err != nil {
		return nil, err
	}
	if faults := a.faults(); len(faults) > 0 {
		return nil, &consent.PolicyFaultsError{Faults: faults}
	}
	return a, nil
}

// faults are those that the form of the single values does not show.
func (a *Access) faults() (found []consent.PolicyFault) {
	grants := a.value.Key("grants")
	if grants == nil {
		return nil
	}
	if n := len(a.Grants); n > maxGrants {
		return []consent.PolicyFault{
			grants.Fault("grants: %d are more than %d: name callers by patterns, or several in one grant", n, maxGrants),
		}
	}
	i := 0
	grants.Entries(func(place string, v *document.Value) {
		for _, message := range a.Grants[i].faults() {
			found = append(found, v.Fault("grants%s: %s", place, message))
		}
		i++
	})
	return found
}

// faults are what is wrong with a grant as a whole.
func (g *Grant) faults() (found []string) {
	for _, part := range []struct {
		name  string
		count int
		write string
	}{
		{"callers", len(g.Callers), `["key:mailer"]`}, {"actions", len(g.Actions), "[check]"},
		{"controllers", len(g.Controllers), `[example], or ["*"] for all, and for what is on no one controller`},
		{"purposes", len(g.Purposes), `[marketing_email], or ["*"] for all, and for what is for no one purpose`},
	} {
		if part.count == 0 {
			found = append(found, fmt.Sprintf("%s: required: name at least one, %s", part.name, part.write))
		}
	}
	if len(found) > 0 {
		return found
	}
	for _, action := range g.Actions {
		a := caller.Action(action)
		if slices.Contains(ofNode, a) && !slices.Contains(g.Controllers, star) {
			found = append(found, fmt.Sprintf(
				`actions: %s is on no one controller, and this grants nothing of it: give it a grant of its own with controllers: ["*"]`, a))
		}
		if slices.Contains(ofAllPurposes, a) && !slices.Contains(g.Purposes, star) {
			found = append(found, fmt.Sprintf(
				`actions: %s is for no one purpose, and this grants nothing of it: give it a grant of its own with purposes: ["*"]`, a))
		}
	}
	return found
}

// maxGrants is how many grants are taken apart when a table is compiled, in 0.4 s, so that what a caller may do is
// found in 10 µs; of 50,000 the compiler leaves that to each evaluation, which then takes 0.2 s.
const maxGrants = 10_000

const star = "*"

// The actions of the node as a whole, and those that are never for one purpose.
var (
	ofNode        = []caller.Action{caller.Watch, caller.PolicyCheck, caller.PolicyActivate, caller.Admin}
	ofAllPurposes = append([]caller.Action{caller.Read, caller.Export, caller.PolicyRead}, ofNode...)
)

// The patterns of a grant: text with one star at most.
type (
	// CallerPattern is kind:id, and of tokens the issuer after a space.
	CallerPattern string
	// ActionPattern is an action, or matches some.
	ActionPattern string
	// TextPattern is any text.
	TextPattern string
	// PurposePattern is a purpose, or might match one.
	PurposePattern string
)

// ReadText implements document.Texter.
func (c *CallerPattern) ReadText(s string) error {
	*c = CallerPattern(s)
	kind, id, ok := strings.Cut(s, ":")
	if !ok || !slices.Contains([]caller.Kind{caller.KindCertificate, caller.KindToken, caller.KindKey}, caller.Kind(kind)) {
		return fmt.Errorf("%q names no kind of caller: write certificate:ID, key:ID, or token:ID ISSUER", s)
	}
	id, issuer, has := strings.Cut(id, " ")
	if has != (kind == string(caller.KindToken)) || has && issuer == "" {
		return fmt.Errorf("%q: name the issuer of a token after one space, and of other kinds none: token:mailer https://idp.example", s)
	}
	if strings.ContainsAny(issuer, " *") {
		return fmt.Errorf("%q: the issuer has a space or a star: name it whole, as the tokens have it", s)
	}
	return patternFault(id)
}

// ReadText implements document.Texter.
func (a *ActionPattern) ReadText(s string) error {
	*a = ActionPattern(s)
	if err := patternFault(s); err != nil {
		return err
	}
	var known []string
	for _, action := range caller.Actions() {
		known = append(known, string(action))
	}
	before, after, _ := strings.Cut(s, star)
	matches := func(action string) bool {
		return action == s || strings.Contains(s, star) && strings.HasPrefix(action, before) && strings.HasSuffix(action, after)
	}
	if !slices.ContainsFunc(known, matches) {
		return fmt.Errorf("%q is no action: want one of %s, or one star for a part of it", s, strings.Join(known, ", "))
	}
	return nil
}

// ReadText implements document.Texter.
func (p *TextPattern) ReadText(s string) error {
	*p = TextPattern(s)
	return patternFault(s)
}

// ReadText implements document.Texter.
func (p *PurposePattern) ReadText(s string) error {
	*p = PurposePattern(s)
	if err := patternFault(s); err != nil {
		return err
	}
	if name := strings.Replace(s, star, "x", 1); !purposeForm.MatchString(name) {
		return fmt.Errorf("%q matches no purpose: a purpose has the form %s", s, purposeForm)
	}
	return nil
}

// patternFault says why text is no pattern.
func patternFault(s string) error {
	switch {
	case s == "":
		return errors.New(`is empty: name what is meant, or "*" for all`)
	case strings.Count(s, star) > 1:
		return fmt.Errorf("%q has more than one star: a pattern has one at most, which stands for anything but a slash", s)
	case strings.TrimSpace(s) != s || strings.ContainsAny(s, "\t\r\n"):
		return fmt.Errorf("%q has white space around it, and matches nothing: remove it", s)
	}
	return nil
}

// readAccessTable decodes the set's table of access, which is in one file; a set may have none.
func (t *Tree) readAccessTable(d data) error {
	var faults []error
	for _, p := range d.placed {
		v := p.value.Key(AccessKey)
		switch {
		case v == nil:
			continue
		case !v.IsMap():
			faults = append(faults, faulty(v.Fault("%s: no map: below it stands the table of access, {grants: []}", AccessKey)))
			continue
		case t.Access != nil:
			faults = append(faults, faulty(v.Fault("the table of access is in %s: join them in one file", t.Access.value.File)))
			continue
		case path.Dir(p.file) != AccessKey && strings.HasPrefix(p.file, AccessKey+"/"):
			faults = append(faults, faulty(v.Fault("the table of access is one file: move this into %s/data.yaml", AccessKey)))
			continue
		}
		var err error
		t.Access, err = readAccess(v)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

var accessRef = ast.MustParseRef(AccessRules)

// OfAccess reports whether a module has rules of access. Those of decisions and of access stand apart: neither sees
// the other.
func OfAccess(m *ast.Module) bool { return m.Package.Path.HasPrefix(accessRef) }

// OfAccessTests reports whether a module has tests of access.
func OfAccessTests(m *ast.Module) bool {
	return m.Package.Path.Equal(accessTestsRef) || OfAccess(m) && m.Package.Loc() != nil && IsTest(m.Package.Loc().File)
}

var accessTestsRef = ast.MustParseRef(AccessRules + "_test")

// AccessModules are the modules of access, DecisionModules all others; tests are in neither.
func (t *Tree) AccessModules() map[string]*ast.Module { return t.modulesOf(true) }

// DecisionModules are the modules that decide about people.
func (t *Tree) DecisionModules() map[string]*ast.Module { return t.modulesOf(false) }

func (t *Tree) modulesOf(access bool) map[string]*ast.Module {
	modules := maps.Clone(t.Modules)
	maps.DeleteFunc(modules, func(_ string, m *ast.Module) bool { return OfAccess(m) != access })
	return modules
}
