package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/policy/engine"
	"github.com/consentd/consentd/server/policy/tree"
)

// AccessRules are the rules of access of a set: what a caller may do, over whichever tables. They are apart from the
// rules that decide about people, so that a table of access that changes compiles nothing else. Immutable.
type AccessRules struct {
	modules  map[string]*ast.Module
	compiler *ast.Compiler
	engine   Engine
	journal  *journal
	maxSteps int64
	// Claims and Recipient are whether the rules read the claims of a token, and the recipient: only then answers depend
	// on them.
	Claims, Recipient bool
}

// allowPath is the one question that is asked of rules of access.
const allowPath = tree.AccessRules + ".allow"

// ReadAccessRules compiles the rules of access of a tree; nil where it has none. The error is that of Loader.Read.
func ReadAccessRules(t *tree.Tree, o Options) (*AccessRules, error) {
	if err := refuse(t.AccessModules()); err != nil {
		return nil, err
	}
	return newAccessRules(t, o, &journal{logger: cmp.Or(o.Logger, slog.Default())})
}

// newAccessRules is ReadAccessRules for modules that were looked at already.
func newAccessRules(t *tree.Tree, o Options, j *journal) (*AccessRules, error) {
	modules := t.AccessModules()
	if len(modules) == 0 {
		return nil, nil
	}
	r := &AccessRules{modules: modules, engine: o.Engine, journal: j, maxSteps: o.MaxSteps}
	r.Claims, r.Recipient = actParts(modules)
	if err := requireAllow(modules); err != nil {
		return nil, err
	}
	var err error
	if r.compiler, err = r.compile(ast.EvalModeTopdown); err != nil {
		return nil, err
	}
	_, err = r.Over(t.Access)
	return r, err
}

func (r *AccessRules) compile(mode ast.CompilerEvalMode) (*ast.Compiler, error) {
	modules := make(map[string]*ast.Module, len(r.modules))
	for name, m := range r.modules {
		modules[name] = m.Copy()
	}
	compiler := ast.NewCompiler().WithEvalMode(mode)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, fmt.Errorf("compiling the policies of access: %w", compiler.Errors)
	}
	return compiler, nil
}

// Over returns the policy of access that the rules make of some tables, of which nil ones are passed over. Grants are
// those of all tables; of own each key is the last's.
func (r *AccessRules) Over(tables ...*tree.Access) (*Access, error) {
	a := &Access{rules: r}
	var documents map[string]any
	documents, a.grants = joined(tables)
	symbols := engine.NewSymbols()
	a.records = newActRecords(symbols)
	a.scratch.New = func() any { return &scratch{builder: engine.NewBuilder(symbols)} }
	store := inmem.NewFromObjectWithOpts(documents, inmem.OptReturnASTValuesOnRead(true))
	var err error
	if a.reference, err = rego.New(
		rego.Query(allowPath), rego.Compiler(r.compiler), rego.Store(store), rego.StrictBuiltinErrors(true),
		rego.GenerateJSON(func(t *ast.Term, _ *rego.EvalContext) (any, error) { return t.Value, nil }),
	).PrepareForEval(context.Background()); err != nil {
		return nil, fmt.Errorf("preparing the policy of access: %w", err)
	}
	if r.engine != Topdown {
		a.compiled, err = r.entrypoint(documents, symbols)
	}
	return a, err
}

// joined is the data of tables as rules see them, and how many grants there are.
func joined(tables []*tree.Access) (documents map[string]any, grants int) {
	list, own := []any{}, map[string]any{}
	table := map[string]any{}
	for _, t := range tables {
		if t == nil {
			continue
		}
		document := t.Document()
		more, _ := document["grants"].([]any)
		list = append(list, more...)
		if o, ok := document["own"].(map[string]any); ok {
			maps.Copy(own, o)
			table["own"] = own
		} else if o, has := document["own"]; has {
			table["own"] = o
		}
	}
	table["grants"] = list
	return map[string]any{tree.AccessKey: table}, len(list)
}

// entrypoint compiles the rules over data; nil where topdown has to evaluate.
func (r *AccessRules) entrypoint(documents map[string]any, symbols *engine.Symbols) (*engine.Entrypoint, error) {
	compiler, err := r.compile(ast.EvalModeIR)
	if err != nil {
		return nil, err
	}
	plan, err := engine.NewPlanner().Entrypoints(context.Background(), compiler, allowPath)
	if err != nil {
		return nil, err
	}
	value, err := ast.InterfaceToValue(documents)
	if err != nil {
		return nil, fmt.Errorf("reading the table of access: %w", err)
	}
	data, err := engine.FromAST(symbols, value)
	if err != nil {
		return nil, fmt.Errorf("reading the table of access: %w", err)
	}
	program, err := engine.Compile(plan, data, engine.Options{
		Symbols: symbols, StrictBuiltinErrors: true, MaxSteps: r.maxSteps, NoNative: r.engine == Delegating,
	})
	if err != nil {
		return nil, fmt.Errorf("compiling the plan of access: %w", err)
	}
	e, err := program.Entrypoint(allowPath)
	if err != nil {
		r.journal.counts.unsupported.Add(1)
		r.journal.logger.Warn("topdown evaluates the policy of access, which cannot be compiled", "cause", err)
		return nil, nil
	}
	return e, nil
}

// Access decides what callers may do: rules over tables. It is immutable and may be used concurrently.
type Access struct {
	rules *AccessRules
	// compiled is nil where topdown evaluates.
	compiled  *engine.Entrypoint
	reference rego.PreparedEvalQuery
	records   *actRecords
	scratch   sync.Pool // of *scratch
	grants    int
}

// Rules are those that the policy is made of.
func (a *Access) Rules() *AccessRules { return a.rules }

// Grants is how many grants there are.
func (a *Access) Grants() int { return a.grants }

// Permits reports whether a caller may do something. The error is why the policy does not say: it erred, or its answer
// is neither true nor false. Nothing is permitted then.
func (a *Access) Permits(c *caller.Caller, act caller.Act) (permitted bool, err error) {
	s := a.scratch.Get().(*scratch)
	defer a.scratch.Put(s)
	input := a.records.build(s, c, act)
	if a.compiled == nil {
		return a.byTopdown(input)
	}
	err = a.compiled.Eval(context.Background(), engine.Request{Input: input}, func(r engine.Result) (err error) {
		permitted, err = readAllow(r.Value)
		return err
	})
	switch {
	case err == nil:
		return permitted, nil
	case errors.Is(err, engine.ErrBudget), errors.Is(err, engine.ErrDepth), errors.Is(err, errAllow):
		return false, err
	}
	return a.byTopdown(input) // it has OPA's own words for what is wrong
}

func (a *Access) byTopdown(input engine.Value) (bool, error) {
	value, err := a.refer(context.Background(), engine.ToAST(input))
	if err != nil {
		return false, err
	}
	b, ok := value.(ast.Boolean)
	if !ok {
		return false, errAllow
	}
	return bool(b), nil
}

// topdownTimeout bounds an evaluation by topdown, which counts no steps.
const topdownTimeout = time.Second

// refer evaluates by topdown.
func (a *Access) refer(ctx context.Context, input ast.Value) (ast.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, topdownTimeout)
	defer cancel()
	results, err := a.reference.Eval(ctx, rego.EvalParsedInput(input))
	switch {
	case err != nil:
		return nil, fmt.Errorf("evaluating the policy of access: %w", err)
	case len(results) != 1 || len(results[0].Expressions) != 1:
		return nil, errAllow
	}
	value, _ := results[0].Expressions[0].Value.(ast.Value)
	return value, nil
}

var errAllow = errors.New("the policy of access answers neither true nor false")

func readAllow(v engine.Value) (bool, error) {
	b, ok := engine.AsBool(v)
	if !ok {
		return false, errAllow
	}
	return b, nil
}

// The fields of an act and of a caller, as rules of access see them.
const (
	actCaller = iota
	actAction
	actController
	actPurpose
	actRecipient
	actFields
)

const (
	callerKind = iota
	callerID
	callerIssuer
	callerClaims
	callerFields
)

// callerKeys are the names of a caller's fields in that order; those of an act are actFieldNames.
var callerKeys = []string{"kind", "id", "issuer", "claims"}

// actRecords are the shapes of an act.
type actRecords struct{ act, caller, recipient *engine.Shape }

func newActRecords(sym *engine.Symbols) *actRecords {
	return &actRecords{
		act: engine.NewShape(sym, actFieldNames...), caller: engine.NewShape(sym, callerKeys...),
		recipient: engine.NewShape(sym, recipientKeys[:]...),
	}
}

// build returns the input of an act; its values live until the scratch's next use.
func (r *actRecords) build(s *scratch, c *caller.Caller, act caller.Act) engine.Value {
	b := s.builder
	b.Reset()
	who := [callerFields]engine.Value{
		callerKind: b.String(string(c.Kind)), callerID: b.String(c.ID), callerIssuer: b.String(c.Issuer),
	}
	if c.Claims != nil {
		who[callerClaims] = s.object(c.Claims)
	}
	fields := [actFields]engine.Value{
		actCaller: b.Record(r.caller, who[:]), actAction: b.String(string(act.Action)), actController: b.String(act.Controller),
		actPurpose: b.String(act.Purpose),
	}
	if act.Recipient.Kind != 0 {
		recipient := [recipientFields]engine.Value{
			recipientKind: b.String(act.Recipient.Kind.String()), recipientID: b.String(act.Recipient.ID),
		}
		if act.Recipient.Country != "" {
			recipient[recipientCountry] = b.String(act.Recipient.Country)
		}
		fields[actRecipient] = b.Record(r.recipient, recipient[:])
	}
	return b.Record(r.act, fields[:])
}
