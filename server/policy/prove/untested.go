package prove

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"go.yaml.in/yaml/v3"

	"github.com/consentd/consentd/server/consent"
)

// untested warns of purposes that no test and no case asks about, one line for each controller. Sets without any tests get a
// warning of their own.
func (a *admission) untested(r *consent.PolicyReport) {
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
		table := a.tableOf(c.ID)
		r.Warnings = append(r.Warnings, faultAt(table, a.lineOfPurpose(c.ID, without[0]), fmt.Sprintf(
			"no test or case asks about %s: write one for each thing that the privacy policy says of it", join(without))))
	}
}

// namedByTests are the strings in tests, among them purposes, and the purposes of cases.
func (u *units) namedByTests() map[string]bool {
	named := map[string]bool{}
	for name, m := range u.modules {
		if strings.HasSuffix(name, "_test.rego") && slices.ContainsFunc(m.Rules, isTestRule) {
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

// lineOfPurpose is where a controller's file declares a purpose; 0: it stands elsewhere.
func (a *admission) lineOfPurpose(controller, purpose string) int {
	for _, f := range a.set.Describe().Files {
		var table struct {
			Purposes yaml.Node `yaml:"purposes"`
		}
		if f.Path != a.tableOf(controller) || !strings.HasPrefix(f.Path, controllerFolder) || yaml.Unmarshal(f.Content, &table) != nil {
			continue
		}
		for i := 0; i+1 < len(table.Purposes.Content); i += 2 {
			if key := table.Purposes.Content[i]; key.Value == purpose {
				return key.Line
			}
		}
	}
	return 0
}
