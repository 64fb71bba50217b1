package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
	"github.com/open-policy-agent/opa/v1/rego"
)

// target is the name under which the planner's plugin is known to rego.
const target = "consentd.engine"

// QueryName is the name of the query in a plan that Plan made.
const QueryName = "eval"

var register sync.Once

// Planner obtains plans from OPA. rego offers them to registered targets only,
// and its register is global and not safe to change while rego is in use:
// create the Planner before other goroutines use rego.
type Planner struct{}

// NewPlanner registers the target, once per process.
func NewPlanner() *Planner {
	register.Do(func() { rego.RegisterPlugin(target, plugin{}) })
	return &Planner{}
}

// plugin hands the plan of a query to whoever asked for it, by the context.
type plugin struct{}

type planKey struct{}

func (plugin) IsTarget(t string) bool { return t == target }

func (plugin) PrepareForEval(ctx context.Context, p *ir.Policy, _ ...rego.PrepareOption) (rego.TargetPluginEval, error) {
	if out, ok := ctx.Value(planKey{}).(**ir.Policy); ok {
		*out = p
	}
	return plugin{}, nil
}

// Eval is never called: programs are evaluated by the engine.
func (plugin) Eval(context.Context, *rego.EvalContext, ast.Value) (ast.Value, error) {
	return nil, errors.New("the target only plans")
}

// Query plans a query. opts give modules, or a compiler, and whatever else rego
// needs. rego sets a compiler's mode to planning: it must not be in use
// elsewhere meanwhile, and afterwards WithEvalMode(ast.EvalModeTopdown) makes it
// fit for topdown again.
func (*Planner) Query(ctx context.Context, opts ...func(*rego.Rego)) (*ir.Policy, error) {
	var out *ir.Policy
	ctx = context.WithValue(ctx, planKey{}, &out)
	opts = append([]func(*rego.Rego){rego.Target(target)}, opts...)
	if _, err := rego.New(opts...).PrepareForEval(ctx); err != nil {
		return nil, fmt.Errorf("planning a policy: %w", err)
	}
	return out, nil
}

// Entrypoints plans rules, given by their paths (data.a.b), in one plan.
func (p *Planner) Entrypoints(ctx context.Context, paths []string, opts ...func(*rego.Rego)) (*ir.Policy, error) {
	if len(paths) == 0 {
		return nil, errors.New("planning a policy: no entrypoints")
	}
	query := rego.Query(strings.Join(paths, "; "))
	return p.Query(ctx, append(opts, query)...)
}
