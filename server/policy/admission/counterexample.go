package admission

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy"
	"github.com/consentd/consentd/server/policy/space"
	"github.com/consentd/consentd/server/policy/tree"
)

// broken is a violation with the result that has it.
type broken struct {
	*result
	*violation
}

// faults makes one fault of the violations of each invariant, with the plainest situation.
func (a *attempt) faults(ctx context.Context, results []result) (out []consent.PolicyFinding) {
	groups := map[string][]broken{}
	for i := range results {
		for j := range results[i].violations {
			v := &results[i].violations[j]
			groups[v.invariant.ID] = append(groups[v.invariant.ID], broken{&results[i], v})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		group := groups[id]
		slices.SortStableFunc(group, func(a, b broken) int { return a.at.After.Weight() - b.at.After.Weight() })
		f := a.fault(ctx, group[0])
		if len(group) > 1 {
			f.Message += fmt.Sprintf("; also broken by %d other purposes, such as %s of %s", len(group)-1,
				group[1].purpose, group[1].controller)
		}
		out = append(out, f)
	}
	return out
}

// fault makes a fault of a violation.
func (a *attempt) fault(ctx context.Context, b broken) (f consent.PolicyFinding) {
	if ofStale(b.invariant) {
		return a.staleFault(ctx, b)
	}
	c := b.space.Situation(b.at.After)
	ce := a.counterexample(b, c.Describe())
	input := a.input(c)
	ce.Input = indented(input)
	codes := b.invariant.Codes
	if b.invariant.ID == monotonic.ID {
		before := b.space.Situation(b.at.Before)
		ce.Before, codes = indented(a.input(before)), a.codesOf(ctx, before)
	}
	difference, differs := errors.AsType[*policy.DifferenceError](b.cause)
	switch {
	case differs:
		f = faultAt(a.tableOf(b.controller), 0, fmt.Sprintf("%s of %s: %s: where %s %s",
			b.purpose, b.controller, b.invariant.ID, ce.Case, policy.OneLine(difference.Error())))
	case b.cause != nil:
		f = a.failed(ctx, b, input)
		f.Message = fmt.Sprintf("%s of %s fails where %s: %s", b.purpose, b.controller, ce.Case, f.Message)
	default:
		t := a.trace(ctx, b.controller, input)
		f = t.finding(b, ce, t.silent(b.invariant.ID, codes))
	}
	f.Counterexample = ce
	return f
}

// counterexample begins one, of a case in words.
func (a *attempt) counterexample(b broken, words string) *consent.Counterexample {
	return &consent.Counterexample{
		Invariant: b.invariant.ID, Words: b.invariant.Words, Controller: b.controller, Purpose: b.purpose,
		Case: words, Cases: b.count,
		Query: fmt.Sprintf("%s[%q].decision", tree.Rules, b.controller),
	}
}

// failed says where a policy fails, in OPA's words if it has some.
func (a *attempt) failed(ctx context.Context, b broken, input ast.Value) consent.PolicyFinding {
	if _, topdown := a.set.Refer(ctx, b.controller, input); topdown != nil {
		return a.failure(b.controller, topdown)
	}
	return a.failure(b.controller, b.cause)
}

// finding says which rules allow a counterexample, and which are silent that should have denied it.
func (e *evaluation) finding(b broken, ce *consent.Counterexample, silent []ruleLine) (f consent.PolicyFinding) {
	ce.AllowedBy = e.allowing()
	for _, s := range silent {
		ce.Silent = append(ce.Silent, s.String())
	}
	f.Message = fmt.Sprintf("%s of %s: %s: %s; it is allowed where %s",
		b.purpose, b.controller, b.invariant.ID, b.invariant.Words, ce.Case)
	if len(silent) > 0 {
		f.File, f.Line = silent[0].file, silent[0].line
	} else if len(e.allowed) > 0 {
		f.File, f.Line = e.allowed[0].file, e.allowed[0].line
	}
	return f
}

// quotedName is how a malformed answer names a code that there is not.
var quotedName = regexp.MustCompile(`malformed answer: .*("[^"]*") is not one of the known values`)

// failure says where a policy fails: where topdown says, or where the code stands that is none, or else at the
// decision.
func (a *attempt) failure(controller string, err error) consent.PolicyFinding {
	if e, ok := errors.AsType[*topdown.Error](err); ok && e.Location != nil {
		return faultAt(e.Location.File, e.Location.Row,
			policy.OneLine(e.Message)+": mend the rule so that it gives one value to every input")
	}
	text := policy.OneLine(err.Error())
	if m := quotedName.FindStringSubmatch(text); m != nil {
		if name, err := strconv.Unquote(m[1]); err == nil {
			if at := a.units.literal(controller, name); at != nil {
				return faultAt(at.File, at.Row, text+": mend the name")
			}
		}
	}
	text += ": a decision is made of {decision, reasons, legal_basis, obligations, permitted_data_categories}, as INPUT.md has " +
		"them, of denials that are [level, code, clause]"
	for id, rule := range a.units.rulesByID() {
		if rule.Ref().String() == ast.MustParseRef(fmt.Sprintf("%s[%q].decision", tree.Rules, controller)).String() {
			file, _, _ := strings.Cut(id, "#")
			return faultAt(file, rule.Loc().Row, text)
		}
	}
	return faultAt("", 0, text)
}

func (a *attempt) input(c *space.Situation) ast.Value { return a.set.Input(&c.Request, c.State, c.Now) }

// codesOf are the reasons that deny a situation.
func (a *attempt) codesOf(ctx context.Context, c *space.Situation) (codes []consent.ReasonCode) {
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
