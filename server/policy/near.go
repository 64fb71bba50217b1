package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Near is a rule that nearly held: each condition but one did.
type Near struct {
	Rule
	// Missing is the condition.
	Missing Condition
	// Under are the positions of the alternatives under which the rule would hold.
	Under []int
}

// nearlyHeld returns the titled rules of the controller and of what is shared that lacked one condition of two or more.
// Each condition is left out in turn, and the rest of the body is evaluated by topdown; conditions that the rest needs,
// because they bind a variable of it, cannot be left out.
//
// Many rules lack one condition for every request: that the purpose is another, or the place. What counts as near is a
// rule of which an exception held, or one that an alternative brings about and of which something about the person or
// the request held already.
//
// The first of the inputs is the question's, the others are the alternatives'.
func (s *Set) nearlyHeld(ctx context.Context, controller string, inputs []*ast.Term) ([]Near, error) {
	txn, err := s.data.NewTransaction(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the policies' data: %w", err)
	}
	defer s.data.Abort(ctx, txn)
	bodies := bodies{set: s, txn: txn}
	var found []Near
	for _, node := range s.book().deciding {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("looking for rules that nearly held: %w", err)
		}
		conditions := conditionsOf(node.Body)
		if !sharedOrOf(node, controller) || len(conditions) < 2 || bodies.holds(ctx, node.Body, inputs[0]) {
			continue
		}
		for i, c := range conditions {
			rest, ok := without(conditions, i)
			if !ok || !bodies.holds(ctx, rest, inputs[0]) {
				continue
			}
			near := Near{Missing: s.book().condition(c)}
			near.Rule, _ = s.book().rule(node)
			if near.Under = bodies.under(ctx, node.Body, inputs[1:]); s.telling(&near, rest) {
				found = append(found, near)
			}
		}
	}
	return found, nil
}

// telling reports whether somebody who reads an explanation should be told.
func (s *Set) telling(n *Near, rest ast.Body) bool {
	if n.Missing.Negated && n.Missing.Description != "" {
		return true
	}
	return len(n.Under) > 0 && s.book().personal(rest)
}

// sharedOrOf reports whether the rule is no other controller's.
func sharedOrOf(node *ast.Rule, controller string) bool {
	owner := ownerOf(node)
	return owner == "" || owner == controller
}

// bodies evaluates bodies of compiled rules.
type bodies struct {
	set *Set
	txn storage.Transaction
}

// under returns the positions of the inputs under which a body has a solution.
func (b *bodies) under(ctx context.Context, body ast.Body, inputs []*ast.Term) (positions []int) {
	for i, input := range inputs {
		if b.holds(ctx, body, input) {
			positions = append(positions, i)
		}
	}
	return positions
}

var errHolds = errors.New("the body holds")

// holds reports whether a body has a solution; an error is none.
func (b *bodies) holds(ctx context.Context, body ast.Body, input *ast.Term) bool {
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	query := topdown.NewQuery(body).WithCompiler(b.set.compiler).WithStore(b.set.data).WithTransaction(b.txn).
		WithInput(input).WithCancel(cancel)
	found := false
	err := query.Iter(ctx, func(topdown.QueryResult) error {
		found = true
		return errHolds
	})
	return found && (err == nil || err == errHolds)
}

// conditionsOf groups a compiled body by the lines of its source: the compiler makes several expressions of one.
func conditionsOf(body ast.Body) []ast.Body {
	byLine := map[int]ast.Body{}
	for _, e := range body {
		if e.Location == nil {
			return nil
		}
		byLine[e.Location.Row] = append(byLine[e.Location.Row], e)
	}
	var out []ast.Body
	for _, line := range slices.Sorted(maps.Keys(byLine)) {
		out = append(out, byLine[line])
	}
	return out
}

// without returns the body without one of its conditions; false where the rest needs what that binds. Expressions keep
// the order that the compiler gave them.
func without(conditions []ast.Body, left int) (rest ast.Body, ok bool) {
	for i, c := range conditions {
		if i != left {
			rest = append(rest, c...)
		}
	}
	slices.SortStableFunc(rest, func(a, b *ast.Expr) int { return a.Index - b.Index })
	needed := localsOf(rest)
	for _, e := range conditions[left] {
		if !binds(e) {
			continue
		}
		for v := range localsOf(ast.Body{e}) {
			if needed[v] {
				return nil, false
			}
		}
	}
	return rest, true
}

// binds reports whether an expression may give a variable its value.
func binds(e *ast.Expr) bool {
	if e.Negated {
		return false
	}
	operator := e.OperatorTerm()
	return operator == nil || !slices.Contains([]string{"lt", "gt", "lte", "gte", "neq", "equal"}, operator.String())
}

func localsOf(body ast.Body) map[ast.Var]bool {
	found := map[ast.Var]bool{}
	ast.WalkVars(body, func(v ast.Var) bool {
		if v.IsGenerated() || strings.HasPrefix(string(v), "__local") {
			found[v] = true
		}
		return false
	})
	return found
}
