package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// What Eval returns beside an *Error.
var (
	// ErrBudget is returned for an evaluation that took more steps than
	// Options.MaxSteps.
	ErrBudget = errors.New("evaluating a policy: step budget exhausted")
	// ErrDepth is returned for calls nested deeper than Options.MaxDepth.
	ErrDepth = errors.New("evaluating a policy: calls nested too deeply")
)

// Error is an error of the policy: a conflict between rules, or one of a
// built-in. Codes are those of topdown (topdown.ConflictErr and so on).
type Error struct {
	Code    string
	Message string
	File    string
	Row     int
	cause   error
}

// Error gives place, code and message in OPA's format.
func (e *Error) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s:%d: %s: %s", e.File, e.Row, e.Code, e.Message)
}

// Unwrap returns topdown's error if there is one.
func (e *Error) Unwrap() error { return e.cause }

// cancelled is the error of an evaluation whose context ended.
func cancelled(ctx context.Context) error {
	return &Error{Code: topdown.CancelErr, Message: "evaluation was cancelled", cause: context.Cause(ctx)}
}

// builtinError turns an error of topdown's implementation into ours.
func builtinError(err error, at place) error {
	out := &Error{Code: topdown.BuiltinErr, Message: err.Error(), File: at.file, Row: at.row, cause: err}
	var te *topdown.Error
	if errors.As(err, &te) {
		out.Code, out.Message = te.Code, te.Message
	}
	return out
}

// place is a position in a policy.
type place struct {
	file string
	row  int
}

func conflict(message string, at place) error {
	return &Error{Code: topdown.ConflictErr, Message: message, File: at.file, Row: at.row}
}
