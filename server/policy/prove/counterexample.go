package prove

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
)

// faults makes one fault of the violations of each invariant, with the plainest case.
func (a *admission) faults(ctx context.Context, results []result) (out []consent.PolicyFinding) {
	type found struct {
		result    *result
		violation *violation
	}
	groups := map[string][]found{}
	for i := range results {
		for j := range results[i].violations {
			v := &results[i].violations[j]
			groups[v.invariant.id] = append(groups[v.invariant.id], found{&results[i], v})
		}
	}
	for _, id := range sortedKeys(groups) {
		group := groups[id]
		slices.SortStableFunc(group, func(a, b found) int { return weight(a.violation.at) - weight(b.violation.at) })
		f := a.fault(ctx, group[0].result, group[0].violation)
		if len(group) > 1 {
			f.Message += fmt.Sprintf("; also broken by %d other purposes, such as %s of %s", len(group)-1,
				group[1].result.purpose, group[1].result.controller)
		}
		out = append(out, f)
	}
	return out
}

// fault makes a fault of a violation.
func (a *admission) fault(ctx context.Context, r *result, v *violation) consent.PolicyFinding {
	ce := &consent.Counterexample{
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
	if difference, ok := errors.AsType[*policy.DifferenceError](v.err); ok {
		f := faultAt(a.tableOf(r.controller), 0, fmt.Sprintf("%s of %s: %s: where %s %s",
			r.purpose, r.controller, v.invariant.id, ce.Case, oneLine(difference.Error())))
		f.Counterexample = ce
		return f
	}
	if v.err != nil {
		err := v.err
		if _, topdown := a.set.Refer(ctx, r.controller, input); topdown != nil {
			err = topdown // which has OPA's words
		}
		f := a.failure(r.controller, err)
		f.Message = fmt.Sprintf("%s of %s fails where %s: %s", r.purpose, r.controller, ce.Case, f.Message)
		f.Counterexample = ce
		return f
	}
	f := consent.PolicyFinding{Counterexample: ce}
	f.Message = fmt.Sprintf("%s of %s: %s: %s", r.purpose, r.controller, v.invariant.id, v.invariant.words)
	t := a.trace(ctx, r.controller, input)
	ce.AllowedBy = t.allowing()
	silent := t.silent(v.invariant.id, codes)
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

// quotedName is how a malformed answer names a code that there is not.
var quotedName = regexp.MustCompile(`malformed answer: .*("[^"]*") is not one of the known values`)

// failure says where a policy fails: where topdown says, or where the code stands that is none, or else at the decision.
func (a *admission) failure(controller string, err error) consent.PolicyFinding {
	if e, ok := errors.AsType[*topdown.Error](err); ok && e.Location != nil {
		return faultAt(e.Location.File, e.Location.Row, oneLine(e.Message)+": mend the rule so that it gives one value to every input")
	}
	text := oneLine(err.Error())
	if m := quotedName.FindStringSubmatch(text); m != nil {
		if name, err := strconv.Unquote(m[1]); err == nil {
			if at := a.units.literal(controller, name); at != nil {
				return faultAt(at.File, at.Row, text+": mend the name")
			}
		}
	}
	text += ": a decision is made of {decision, reasons, legal_basis, obligations, permitted_data_categories}, as INPUT.md has them, of denials that are [level, code, clause]"
	for id, rule := range a.units.rulesByID() {
		if rule.Ref().String() == ast.MustParseRef(fmt.Sprintf("%s[%q].decision", controllerPackages, controller)).String() {
			file, _, _ := strings.Cut(id, "#")
			return faultAt(file, rule.Loc().Row, text)
		}
	}
	return faultAt("", 0, text)
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
	return place{file: strings.TrimPrefix(loc.File, "/"), line: loc.Row, text: text}
}

// evaluation is what topdown did to decide an input.
type evaluation struct {
	allowed []place
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
func (a *admission) trace(ctx context.Context, controller string, input ast.Value) *evaluation {
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
const maxSilent = 3

// silent are the rules that give one of the codes, themselves or by what they refer to, and did not fire, each with the
// expression that failed: first those of which the most conditions held.
func (e *evaluation) silent(id string, codes []consent.ReasonCode) (out []place) {
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
		p := placeOf(r.failed.Loc(), "did not hold: "+oneLine(string(r.failed.Loc().Text)))
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

// reached ranks rules: by how many conditions held before the one that failed, a little more if the rule names the id.
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

// restore makes what a space drops when its proof ends.
func (s *Space) restore() {
	if s.made == nil {
		s.made = map[madeKey]*made{}
	}
}
