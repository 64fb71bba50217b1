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

// QueryName is the name of the query in a plan.
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

// Plan is what Compile needs of modules.
type Plan struct {
	policy  *ir.Policy
	agreed  map[string]bool   // documents and functions whose rules all have one literal value
	refused map[string]string // entrypoints that topdown has to evaluate, and why
}

// Refused are the entrypoints that were not planned, with the reason: topdown
// has to evaluate them.
func (p *Plan) Refused() map[string]string { return p.refused }

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

// Entrypoints plans rules, given by their paths (data.a.b), in one plan. Those
// that OPA plans wrongly, or not at all, are refused in the plan (refuse.go).
// The compiler has compiled the modules. It is the plan's from then on: its
// modules are rewritten, and its mode is that of planning.
func (p *Planner) Entrypoints(ctx context.Context, compiler *ast.Compiler, paths ...string) (*Plan, error) {
	if len(paths) == 0 {
		return nil, errors.New("planning a policy: no entrypoints")
	}
	refused, err := refuse(compiler, paths)
	if err != nil {
		return nil, fmt.Errorf("planning a policy: %w", err)
	}
	plan, err := p.plannable(ctx, compiler, paths, refused)
	if err != nil {
		return nil, err
	}
	plan.refused = refused
	return plan, nil
}

func remaining(paths []string, refused map[string]string) (out []string) {
	for _, path := range paths {
		if _, ok := refused[normal(path)]; !ok {
			out = append(out, path)
		}
	}
	return out
}

// normal is the form of a path in which OPA writes it.
func normal(path string) string {
	if ref, err := ast.ParseRef(path); err == nil {
		return ref.String()
	}
	return path
}

// plannable plans the paths that are not refused. Those that OPA cannot plan it
// adds to the refused.
func (p *Planner) plannable(ctx context.Context, compiler *ast.Compiler, paths []string, refused map[string]string) (*Plan, error) {
	paths = remaining(paths, refused)
	plan, err := p.paths(ctx, compiler, paths)
	if err == nil {
		return plan, nil
	}
	known := len(refused)
	p.unplannable(ctx, compiler, paths, refused)
	if ctx.Err() != nil || len(refused) == known { // each by itself, but not together
		return nil, err
	}
	return p.paths(ctx, compiler, remaining(paths, refused))
}

// unplannable looks, in halves, for the paths that cannot be planned.
func (p *Planner) unplannable(ctx context.Context, compiler *ast.Compiler, paths []string, refused map[string]string) {
	_, err := p.paths(ctx, compiler, paths)
	switch half := len(paths) / 2; {
	case err == nil || ctx.Err() != nil:
	case len(paths) == 1:
		refused[normal(paths[0])] = err.Error()
	default:
		p.unplannable(ctx, compiler, paths[:half], refused)
		p.unplannable(ctx, compiler, paths[half:], refused)
	}
}

func (p *Planner) paths(ctx context.Context, compiler *ast.Compiler, paths []string) (*Plan, error) {
	if len(paths) == 0 {
		none := &ir.Policy{Static: &ir.Static{}, Plans: &ir.Plans{}, Funcs: &ir.Funcs{}}
		return &Plan{policy: none}, nil
	}
	return p.query(ctx, compiler, rego.Query(strings.Join(paths, "; ")))
}

// query plans a query over the compiler's modules.
func (p *Planner) query(ctx context.Context, compiler *ast.Compiler, opts ...func(*rego.Rego)) (plan *Plan, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("planning a policy: OPA panicked: %v", r)
		}
	}()
	out, err := p.asPlanned(ctx, compiler, opts...)
	if err == nil {
		err = repair(out)
	}
	if err != nil {
		return nil, fmt.Errorf("planning a policy: %w", err)
	}
	return &Plan{policy: out, agreed: agreed(compiler)}, nil
}

// asPlanned is the plan as OPA makes it of rewritten modules.
func (p *Planner) asPlanned(ctx context.Context, compiler *ast.Compiler, opts ...func(*rego.Rego)) (out *ir.Policy, err error) {
	rewrite(compiler)
	opts = append([]func(*rego.Rego){rego.Target(target), rego.Compiler(compiler)}, opts...)
	_, err = rego.New(opts...).PrepareForEval(context.WithValue(ctx, planKey{}, &out))
	return out, err
}
