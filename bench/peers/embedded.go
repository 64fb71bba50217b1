package peers

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/consentd/consentd/bench/question"
)

// errNoAnswer is returned where a peer answered something, but not yes or no.
var errNoAnswer = errors.New("the peer gave no answer")

// Embedded is OPA as a library: a prepared query over states that are data, in this process. Check may be called
// concurrently.
type Embedded struct {
	population question.Population
	query      rego.PreparedEvalQuery
}

// NewEmbedded prepares the query and loads the whole population. Values are kept as AST values, which
// spares a conversion per evaluation.
func NewEmbedded(ctx context.Context, p question.Population) (*Embedded, error) {
	store := inmem.NewFromObjectWithOpts(opaData(p), inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))
	r := rego.New(rego.Query("data.bench.allow"), rego.Module("policy.rego", opaPolicy), rego.Store(store))
	query, err := r.PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing the query: %w", err)
	}
	return &Embedded{population: p, query: query}, nil
}

// Check answers one question. The input is built as OPA's own values, which spares it their conversion.
func (e *Embedded) Check(ctx context.Context, q question.Question) (bool, error) {
	input := ast.NewObject(
		ast.Item(ast.StringTerm("subject"), ast.StringTerm(e.population.ID(q.Subject))),
		ast.Item(ast.StringTerm("purpose"), ast.StringTerm(question.Purposes[q.Purpose])),
	)
	results, err := e.query.Eval(ctx, rego.EvalParsedInput(input))
	if err != nil {
		return false, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return false, errNoAnswer
	}
	allowed, ok := results[0].Expressions[0].Value.(bool)
	if !ok {
		return false, errNoAnswer
	}
	return allowed, nil
}
