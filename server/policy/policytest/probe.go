package policytest

import (
	"context"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/consent"
)

// probe is one test rule or one case in a form that can be asked of other rules than those it was compiled with.
type probe struct {
	name string
	body ast.Body
	// value is what a solution of body must make true; for a case, the decision.
	value *ast.Term
	// input and expect are a case's; a test has none.
	input  *ast.Term
	expect *cases.Expect
	// want is how many solutions of a test are true. A test that has a name per solution fails with each that is
	// gone.
	want int
}

func caseProbe(c readyCase) *probe {
	p := &probe{name: c.Name, input: ast.NewTerm(c.input), expect: &c.Expect}
	p.body, p.value = decisionOf(c.Controller)
	return p
}

// holds says whether p comes out as it should.
func (p *probe) holds(ctx context.Context, e evaluation) (bool, error) {
	n, err := p.count(ctx, e)
	return n >= max(p.want, 1), err
}

// count is how many solutions are as they should be. An error of the policy is none; the error is that of ctx.
func (p *probe) count(ctx context.Context, e evaluation) (n int, err error) {
	found := 0
	err = e.each(ctx, p, func(value *ast.Term) {
		found++
		if p.ok(value) {
			n++
		}
	})
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if err != nil || p.expect != nil && found != 1 {
		return 0, nil
	}
	return n, nil
}

func (p *probe) ok(value *ast.Term) bool {
	if p.expect != nil {
		return len(p.expect.Differences(answer(value))) == 0
	}
	return value != nil && value.Equal(ast.BooleanTerm(true))
}

// outcomesOf are ALLOW, or the reasons to deny.
func outcomesOf(a cases.Answer) []string {
	if a.Decision == consent.Allow.String() {
		return []string{a.Decision}
	}
	return slices.Compact(slices.Sorted(slices.Values(a.Reasons)))
}
