package policytest

import (
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// observer notes what evaluations reach: lines, and decisions with the inputs that they answer.
type observer struct {
	*cover.Cover
	mu   sync.Mutex
	seen []observed
}

// observed is a decision that was made.
type observed struct {
	controller string
	input      ast.Object
	decision   *ast.Term
}

func newObserver() *observer { return &observer{Cover: cover.New()} }

// TraceEvent implements topdown.QueryTracer.
func (o *observer) TraceEvent(e topdown.Event) {
	o.Cover.TraceEvent(e)
	rule, ok := e.Node.(*ast.Rule)
	if !ok || e.Op != topdown.ExitOp || e.Input() == nil {
		return
	}
	id, ok := controllerOf(rule)
	input, isObject := e.Input().Value.(ast.Object)
	if !ok || !isObject {
		return
	}
	o.note(observed{controller: id, input: input, decision: e.Plug(rule.Head.Value)})
}

func (o *observer) note(d observed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, d)
}

var controllersRef = ast.MustParseRef("data.consentd.controllers")

// controllerOf returns whose decision a rule is; false for other rules.
func controllerOf(rule *ast.Rule) (string, bool) {
	pkg := rule.Module.Package.Path
	if rule.Head.Name != "decision" || len(pkg) != len(controllersRef)+1 || !pkg.HasPrefix(controllersRef) {
		return "", false
	}
	id, ok := pkg[len(pkg)-1].Value.(ast.String)
	return string(id), ok
}
