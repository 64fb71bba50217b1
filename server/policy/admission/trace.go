package admission

import (
	"context"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// ruleLine is a line of a policy, with what stands there.
type ruleLine struct {
	file string
	line int
	text string
}

func (p ruleLine) String() string {
	if p.text == "" {
		return position(p.file, p.line)
	}
	return position(p.file, p.line) + ": " + p.text
}

func lineAt(loc *ast.Location, text string) ruleLine {
	if loc == nil {
		return ruleLine{text: text}
	}
	return ruleLine{file: strings.TrimPrefix(loc.File, "/"), line: loc.Row, text: text}
}

// evaluation is what topdown did to decide an input.
type evaluation struct {
	allowed []ruleLine
	// rules are the entered ones.
	rules []*entered
	// modules are all.
	modules map[string]*ast.Module
}

// entered is a rule's body that was evaluated.
type entered struct {
	rule   *ast.Rule
	parent uint64
	exited bool
	failed *ast.Expr
}

// trace evaluates an input by topdown, without index and early exit, and notes which rules it entered and left.
func (a *attempt) trace(ctx context.Context, controller string, input ast.Value) *evaluation {
	buffer := topdown.NewBufferTracer()
	// The decision is known; what counts is the trace.
	_, _ = a.set.Refer(ctx, controller, input, rego.EvalQueryTracer(buffer), rego.EvalRuleIndexing(false), rego.EvalEarlyExit(false))
	e := &evaluation{modules: a.units.modules}
	open := map[uint64]*entered{}
	for _, event := range *buffer {
		rule, isRule := event.Node.(*ast.Rule)
		switch {
		case event.Op == topdown.EnterOp && isRule:
			open[event.QueryID] = &entered{rule: rule, parent: event.ParentID}
			e.rules = append(e.rules, open[event.QueryID])
		case event.Op == topdown.ExitOp && isRule && open[event.QueryID] != nil:
			open[event.QueryID].exited = true
		case event.Op == topdown.FailOp && open[event.QueryID] != nil:
			if expr, ok := event.Node.(*ast.Expr); ok {
				open[event.QueryID].fail(expr)
			}
		}
	}
	e.findAllowed()
	return e
}

// fail notes the last expression of the body that failed.
func (e *entered) fail(expr *ast.Expr) {
	if e.failed == nil || expr.Index >= e.failed.Index {
		e.failed = expr
	}
}

func (e *evaluation) findAllowed() {
	for _, r := range e.rules {
		if p := lineAt(r.rule.Loc(), ""); r.exited && names(r.rule, "ALLOW") && !slices.Contains(e.allowed, p) {
			e.allowed = append(e.allowed, p)
		}
	}
}

// names reports whether the text stands in a rule.
func names(r *ast.Rule, text string) bool {
	found := false
	ast.WalkTerms(r, func(t *ast.Term) bool {
		found = found || t.Equal(ast.StringTerm(text))
		return found
	})
	return found
}

func (e *evaluation) allowing() (out []string) {
	for _, p := range e.allowed {
		out = append(out, p.String())
	}
	return out
}

// maxSilent bounds how many silent rules a counterexample names.
const maxSilent = 3

// silent are the rules that give one of the codes, themselves or by what they refer to, and did not fire, each
// with the expression that failed: first those of which the most conditions held.
func (e *evaluation) silent(id string, codes []consent.ReasonCode) (out []ruleLine) {
	fired := map[*ast.Rule]bool{}
	for _, r := range e.rules {
		fired[r.rule] = fired[r.rule] || r.exited
	}
	var silent []*entered
	for _, r := range e.rules {
		if !fired[r.rule] && r.failed != nil && r.rule.Head.Key != nil && e.gives(r, codes) {
			silent = append(silent, r)
		}
	}
	silent = slices.DeleteFunc(slices.Clone(silent), func(r *entered) bool { return r.gathers(silent) })
	slices.SortStableFunc(silent, func(a, b *entered) int { return b.reached(id) - a.reached(id) })
	for _, r := range silent {
		p := lineAt(r.failed.Loc(), "did not hold: "+policy.OneLine(string(r.failed.Loc().Text)))
		if !slices.Contains(out, p) && len(out) < maxSilent {
			out = append(out, p)
		}
	}
	return out
}

// gathers reports whether the rule passes on what another one gives.
func (e *entered) gathers(others []*entered) bool {
	found := false
	ast.WalkRefs(e.rule, func(ref ast.Ref) bool {
		found = found || slices.ContainsFunc(others, func(o *entered) bool { return o != e && ref.HasPrefix(o.rule.Ref()) })
		return found
	})
	return found
}

// reached ranks rules: by how many conditions held before the one that failed, a little more if the rule names the
// id.
func (e *entered) reached(id string) int {
	if names(e.rule, id) {
		return 2*e.failed.Index + 1
	}
	return 2 * e.failed.Index
}

// gives reports whether a rule, or one that it refers to, names one of the codes.
func (e *evaluation) gives(r *entered, codes []consent.ReasonCode) bool {
	return slices.ContainsFunc(codes, func(code consent.ReasonCode) bool {
		found := names(r.rule, code.String())
		ast.WalkRefs(r.rule, func(ref ast.Ref) bool {
			found = found || e.named(ref, code.String())
			return found
		})
		return found
	})
}

// named reports whether one of the rules that a reference is to names the text.
func (e *evaluation) named(ref ast.Ref, text string) bool {
	for _, m := range e.modules {
		if !ref.HasPrefix(m.Package.Path) {
			continue
		}
		for _, r := range m.Rules {
			if ref.HasPrefix(r.Ref()) && names(r, text) {
				return true
			}
		}
	}
	return false
}
