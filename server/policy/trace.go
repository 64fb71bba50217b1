package policy

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/consentd/consentd/server/consent"
)

// Fired is a rule that held for a request.
type Fired struct {
	Rule
	// Reasons are those of the answer that it gave.
	Reasons []consent.Reason
	// Obligations are those of the answer that it gave.
	Obligations []consent.ObligationCode
}

// Trace is how topdown decides a request.
type Trace struct {
	// Decision is what it comes to: everything that Decide fills but for ValidUntil.
	Decision consent.Decision
	// Failure says why the decision is a POLICY_ERROR; empty where it is none.
	Failure string
	// Fired are the rules with a title that held, in the order in which they first did.
	Fired []Fired
	// Near are the rules that nearly held.
	Near []Near
	// Text is OPA's own trace, if it was asked for.
	Text string
}

// maxTraceBytes bounds OPA's trace: it has to fit into one message.
const maxTraceBytes = 2 << 20

// TraceOptions say what else a Trace tells.
type TraceOptions struct {
	// Alternatives are questions that differ a little: Near says of each rule under which of them it would hold.
	Alternatives []Question
	// Text asks for OPA's own trace.
	Text bool
	// FiredOnly leaves Near out.
	FiredOnly bool
}

// Trace decides a question by topdown, whatever the engine, and tells how: for explanations, a thousand times slower
// than Decide. The error is consent.ErrUnknownController, or that of a context that ended.
func (s *Set) Trace(ctx context.Context, q Question, o TraceOptions) (Trace, error) {
	c, ok := s.controllers[q.Request.Subject.Controller]
	if !ok {
		return Trace{}, consent.ErrUnknownController
	}
	input := s.Input(q.Request, q.Snapshot.State, q.Now)
	watch := &watcher{set: s, input: input, byRule: map[string]int{}}
	options := []rego.EvalOption{rego.EvalQueryTracer(watch)}
	full := topdown.NewBufferTracer()
	if o.Text {
		options = append(options, rego.EvalQueryTracer(full))
	}
	t := Trace{Decision: consent.Failed()}
	value, err := c.refer(ctx, input, options...)
	if err == nil {
		t.Decision, err = s.generation.readAST(value, q.Request)
	}
	if ctx.Err() != nil {
		return Trace{}, fmt.Errorf("tracing: %w", context.Cause(ctx))
	}
	if err != nil {
		t.Decision, t.Failure = consent.Failed(), err.Error()
	}
	t.Decision.PolicyRevision = s.Revision()
	t.Fired = watch.firedFor(&t.Decision)
	if o.Text {
		t.Text = prettyTrace(*full)
	}
	if o.FiredOnly {
		return t, nil
	}
	t.Near, err = s.nearlyHeld(ctx, q.Request.Subject.Controller, s.inputs(input, o.Alternatives))
	return t, err
}

// inputs are the input of a question and those of its alternatives.
func (s *Set) inputs(input ast.Value, alternatives []Question) []*ast.Term {
	inputs := []*ast.Term{ast.NewTerm(input)}
	for _, a := range alternatives {
		inputs = append(inputs, ast.NewTerm(s.Input(a.Request, a.Snapshot.State, a.Now)))
	}
	return inputs
}

func prettyTrace(events []*topdown.Event) string {
	var text bytes.Buffer
	topdown.PrettyTraceWithLocation(&text, events)
	if text.Len() > maxTraceBytes {
		text.Truncate(maxTraceBytes)
		text.WriteString("\n… the trace is longer\n")
	}
	return text.String()
}

// watcher notes which titled rules hold, and with what.
type watcher struct {
	set    *Set
	input  ast.Value
	fired  []held
	byRule map[string]int
}

// held is a rule with the values that it gave: elements of a set, or its own.
type held struct {
	rule   Rule
	values []ast.Value
}

func (w *watcher) Enabled() bool               { return true }
func (w *watcher) Config() topdown.TraceConfig { return topdown.TraceConfig{PlugLocalVars: false} }

// TraceEvent notes a rule that holds. A rule that was asked about another request, by `with`, is not part of the story.
func (w *watcher) TraceEvent(e topdown.Event) {
	node, ok := e.Node.(*ast.Rule)
	if !ok || e.Op != topdown.ExitOp || len(node.Head.Args) > 0 || e.Input() == nil || e.Input().Value.Compare(w.input) != 0 {
		return
	}
	rule, ok := w.set.book().rule(node)
	if !ok {
		return
	}
	at := fmt.Sprintf("%s:%d", rule.File, rule.Line)
	i, seen := w.byRule[at]
	if !seen {
		i = len(w.fired)
		w.byRule[at] = i
		w.fired = append(w.fired, held{rule: rule})
	}
	if term := given(node.Head); term != nil {
		w.fired[i].values = append(w.fired[i].values, e.Plug(term).Value)
	}
}

// given is what a rule gives: the element of its set, or its value.
func given(h *ast.Head) *ast.Term {
	if h.Key != nil {
		return h.Key
	}
	return h.Value
}

// firedFor relates what the rules gave to the answer.
func (w *watcher) firedFor(d *consent.Decision) []Fired {
	out := make([]Fired, len(w.fired))
	for i, h := range w.fired {
		out[i].Rule = h.rule
		for _, value := range h.values {
			for _, r := range d.Reasons {
				if gives(value, r.Code.String(), r.Clause) && !slices.Contains(out[i].Reasons, r) {
					out[i].Reasons = append(out[i].Reasons, r)
				}
			}
			for _, o := range d.Obligations {
				if givesObligation(value, &o) && !slices.Contains(out[i].Obligations, o.Code) {
					out[i].Obligations = append(out[i].Obligations, o.Code)
				}
			}
		}
	}
	return out
}

// gives reports whether a value is a denial, [level, code, clause], or a ban, [keys, code, clause], of a reason.
func gives(value ast.Value, code, clause string) bool {
	array, ok := value.(*ast.Array)
	return ok && array.Len() == 3 && isString(array.Elem(1), code) && isString(array.Elem(2), clause)
}

// givesObligation reports whether a value is the obligation, or a ban of data that the obligation excludes.
func givesObligation(value ast.Value, o *consent.Obligation) bool {
	if object, ok := value.(ast.Object); ok {
		return isString(object.Get(ast.InternedTerm("code")), o.Code.String())
	}
	array, ok := value.(*ast.Array)
	if !ok || array.Len() != 3 || o.Code != consent.ExcludeDataCategories {
		return false
	}
	excluded := false
	ast.WalkTerms(array.Elem(0), func(t *ast.Term) bool {
		key, ok := t.Value.(ast.String)
		excluded = excluded || ok && slices.Contains(o.Parameters.Categories, string(key))
		return excluded
	})
	return excluded
}
