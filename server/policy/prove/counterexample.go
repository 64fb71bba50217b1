package prove

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/consentd/consentd/server/consent"
)

// Counterexample is the plainest case that breaks an invariant.
type Counterexample struct {
	// Invariant is the id of what is broken, Words what it says.
	Invariant, Words string
	// Controller and Purpose are those of the request.
	Controller, Purpose string
	// Case says in words who is asked about.
	Case string
	// Cases is how many cases of the purpose break the invariant.
	Cases int
	// Input is the input as JSON, for `opa eval --stdin-input`.
	Input string
	// Before is, where two cases are compared, the input that is denied: what it lacks is the restricting event.
	Before string
	// Query is what to evaluate over it.
	Query string
	// AllowedBy are the rules that gave ALLOW, as file:line.
	AllowedBy []string
	// Silent are the rules that would have denied and did not fire: the place of the expression that failed, and its text.
	Silent []string
}

// Command is a shell command that evaluates the input over the policies in dir.
func (c *Counterexample) Command(dir string) string {
	return fmt.Sprintf("opa eval -d %s --ignore '*_test.rego' --ignore '.*' --strict-builtin-errors --stdin-input '%s' <<'EOF'\n%s\nEOF", dir, c.Query, c.Input)
}

// fault makes a fault of a violation.
func (a *admission) fault(ctx context.Context, r *result, v *violation) Fault {
	ce := &Counterexample{
		Invariant: v.invariant.id, Words: v.invariant.words, Controller: r.controller, Purpose: r.purpose,
		Case: r.space.describe(v.at), Cases: v.count,
		Query: fmt.Sprintf("%s[%q].decision", controllerPackages, r.controller),
	}
	input := a.input(r.space, v.at)
	ce.Input = indented(input)
	codes := v.invariant.codes
	if v.invariant.id == monotonicity {
		before := a.input(r.space, v.before)
		ce.Before = indented(before)
		codes = a.codesOf(ctx, r.space, v.before)
	}
	f := Fault{Counterexample: ce, Message: fmt.Sprintf("%s of %s: %s: %s", r.purpose, r.controller, v.invariant.id, v.invariant.words)}
	if v.err != nil {
		f.Message = fmt.Sprintf("%s of %s: the policy fails: %s", r.purpose, r.controller, oneLine(v.err.Error()))
		if at := firstPlace(v.err.Error()); at != nil {
			f.File, f.Line = at.File, at.Line
		}
		return f
	}
	t := a.trace(ctx, r.controller, input)
	ce.AllowedBy = t.allowing()
	silent := t.silent(codes)
	for _, s := range silent {
		ce.Silent = append(ce.Silent, s.String())
	}
	f.Message += "; it is allowed where " + ce.Case
	if len(silent) > 0 {
		f.File, f.Line = silent[0].file, silent[0].line
	} else if len(t.allowed) > 0 {
		f.File, f.Line = t.allowed[0].file, t.allowed[0].line
	}
	return f
}

func (a *admission) input(s *Space, at point) ast.Value {
	var c Case
	s.restore()
	s.build(&c, at)
	return a.set.Input(&c.Request, c.State, c.Now)
}

// codesOf are the reasons that deny a case.
func (a *admission) codesOf(ctx context.Context, s *Space, at point) (codes []consent.ReasonCode) {
	var c Case
	s.build(&c, at)
	d, err := a.set.Evaluate(ctx, &c.Request, c.State, c.Now)
	if err != nil {
		return nil
	}
	for _, r := range d.Reasons {
		codes = append(codes, r.Code)
	}
	return codes
}

func indented(v ast.Value) string {
	plain, err := ast.JSON(v)
	if err != nil {
		return v.String()
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(plain); err != nil {
		return v.String()
	}
	return strings.TrimSpace(out.String())
}

// firstPlace is the first file:line in a text.
func firstPlace(s string) *Fault {
	for _, word := range strings.Fields(s) {
		if f := faultOf(strings.TrimSuffix(word, ":") + ": x"); f.File != "" && f.Line != 0 {
			return &f
		}
	}
	return nil
}

// place is a line of a policy, with what stands there.
type place struct {
	file string
	line int
	text string
}

func (p place) String() string {
	if p.text == "" {
		return position(p.file, p.line)
	}
	return position(p.file, p.line) + ": " + p.text
}

func placeOf(loc *ast.Location, text string) place {
	if loc == nil {
		return place{text: text}
	}
	return place{file: loc.File, line: loc.Row, text: text}
}

// evaluation is what topdown did to decide an input.
type evaluation struct {
	allowed []place
	// rules are the entered ones.
	rules []*entered
}

// entered is a rule's body that was evaluated.
type entered struct {
	rule   *ast.Rule
	parent uint64
	exited bool
	failed *ast.Expr
}

// trace evaluates an input by topdown, without index and early exit, and notes which rules it entered and left.
func (a *admission) trace(ctx context.Context, controller string, input ast.Value) *evaluation {
	buffer := topdown.NewBufferTracer()
	// The decision is known; what counts is the trace.
	_, _ = a.set.Refer(ctx, controller, input, rego.EvalQueryTracer(buffer), rego.EvalRuleIndexing(false), rego.EvalEarlyExit(false))
	e := &evaluation{}
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
		if p := placeOf(r.rule.Loc(), ""); r.exited && names(r.rule, "ALLOW") && !slices.Contains(e.allowed, p) {
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
const maxSilent = 4

// silent are the rules that name one of the codes and did not fire, each with the expression that failed.
func (e *evaluation) silent(codes []consent.ReasonCode) (out []place) {
	fired := map[*ast.Rule]bool{}
	for _, r := range e.rules {
		fired[r.rule] = fired[r.rule] || r.exited
	}
	for _, code := range codes {
		for _, r := range e.rules {
			if fired[r.rule] || r.failed == nil || !names(r.rule, code.String()) || len(out) >= maxSilent {
				continue
			}
			p := placeOf(r.failed.Loc(), fmt.Sprintf("%s did not fire: %s", code, oneLine(string(r.failed.Loc().Text))))
			if !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

// restore makes what a space drops when its proof ends.
func (s *Space) restore() {
	if s.states == nil {
		s.states, s.made = map[point]*consent.State{}, map[consent.Instant][][][]consent.Event{}
	}
}
