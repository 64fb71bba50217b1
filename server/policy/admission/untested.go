package admission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/tree"
)

// untested warns of purposes that no test and no case asks about, one line for each controller. Sets without any
// tests get a warning of their own.
func (a *attempt) untested(r *consent.PolicyReport) {
	named := a.units.namedByTests()
	if len(named) == 0 {
		return
	}
	for _, c := range a.set.Describe().Controllers {
		asked := map[string]bool{}
		for _, own := range a.units.cases[c.ID] {
			asked[own.Check.Purpose] = true
		}
		var without []string
		for _, p := range c.Purposes {
			if !asked[p.Name] && !named[p.Name] {
				without = append(without, p.Name)
			}
		}
		if len(without) == 0 {
			continue
		}
		table := a.set.Tree().Tables[c.ID]
		r.Warnings = append(r.Warnings, faultAt(table.File(), table.LineOf("purposes", without[0]), fmt.Sprintf(
			"no test or case asks about %s: write one for each thing that the privacy policy says of it", strings.Join(without, ", "))))
	}
}

// namedByTests are the strings in tests, among them purposes, and the purposes of cases.
func (u *units) namedByTests() map[string]bool {
	named := map[string]bool{}
	for name, m := range u.modules {
		if tree.IsTest(name) && slices.ContainsFunc(m.Rules, isTestRule) {
			ast.WalkTerms(m, func(t *ast.Term) bool {
				if s, ok := t.Value.(ast.String); ok {
					named[string(s)] = true
				}
				return false
			})
		}
	}
	for _, list := range u.cases {
		for _, c := range list {
			named[c.Check.Purpose] = true
		}
	}
	return named
}

func isTestRule(r *ast.Rule) bool { return strings.HasPrefix(string(r.Head.Name), "test_") }
