// Package engine evaluates Rego policies compiled ahead of time: OPA plans a
// query into its intermediate representation (v1/ir), and Compile turns that
// plan into Go closures over values of the engine's own. A decision of the
// shipped policies takes some 3 µs and no allocation, where OPA's topdown
// evaluator takes some 500 µs and 2,000.
//
// topdown remains the reference. What the compiler does not support is an
// UnsupportedError per entrypoint, found at compile time; what the policy does
// wrong is an *Error with OPA's code; a fault of the engine is a *PanicError. In
// all these cases the caller can evaluate the same request with topdown. Eval
// never returns a value beside an error.
//
// # Values
//
// A Value is a pointer behind an interface: *Null, *Bool, *Num, *Str, *Array,
// *Object, *Set; nil is undefined. Numbers are an int64, or the literal, which
// OPA compares; 1 and 1.0 are equal and hash alike, and are printed as they
// came. Objects are parallel slices of keys and values, sets a slice; short ones
// are scanned, longer ones have a hash index. They are sorted, in OPA's order,
// when they are first ranged over or compared. Sorting changes them, hence
// whatever evaluations share is frozen: sorted and indexed before.
//
// Strings are interned in a Symbols table by Compile and NewShape, and requests
// look theirs up. Identity decides between two strings of one table; otherwise
// content does. So values need not come from the program's table, nor be built
// after it: a frozen subject survives a policy swap. The service has one table.
//
// Values are no package of their own. As one they would cost nothing that can be
// measured (16 interleaved runs of BenchmarkDecide: 1.0 % less in the sum of the
// medians, 0.7 % more in that of the fastest), but 56 unexported names of theirs
// are used by the rest of the engine, in 257 places, and would be exported: what
// sorts, indexes, fills and recycles values in place, wrong in the hands of others.
//
// An input is built by a Builder from records of a fixed Shape: no JSON, no map,
// no ast value. A heap Builder makes frozen values for caches, with Size; one
// with an arena is reset after each request.
//
// # Program
//
// Planner.Entrypoints obtains the plan through a target plugin of rego. OPA does
// not decide by its plans, and some mean other things than topdown. So modules
// are rewritten before they are planned (rewrite.go), plans are repaired
// (planshape.go), and entrypoints that need what is neither are refused, each with
// the reason and the place (refuse.go): topdown is to evaluate them. Each
// function of the plan is a document (its arguments are input and data alone) or
// a function with more. Compile goes through three forms:
//
//	ir.Stmt  →  node (lower*.go)  →  node (fuse.go, rules.go)  →  step (emit*.go)
//
// Lowering resolves operands. It walks each unit, which is a rule's block or one
// branch of an else chain, with a flow-sensitive scope (scope.go): what is known
// of a local is forgotten when it is written, when a block that writes it ends,
// and before a loop that writes it. The planner reuses locals between units, so
// nothing is assumed of a local that some unit reads before it writes it
// (sharedLocals). Facts replace copies by their source, literals by constants,
// and paths by slots; a register remains for what is left. Constant collections
// become one frozen value. Documents that depend on nothing are evaluated at
// compile time; so is data, unless some rule replaces it by `with`.
//
// A step is a closure that runs one statement or block and returns a control
// code: 0 goes on; n > 0 leaves n blocks, as `break n-1` does, and 1 is how a
// statement that is undefined ends its block; negative codes leave the function.
// Blocks, loops, not, with and dynamic calls count differently; each says how.
//
// # Memo and slots
//
// Every path from input or data whose keys are constants or such paths
// themselves (input.purpose, data.controllers[input.controller].purposes), every
// document, and every path below a document is value-numbered: it has a slot in
// the evaluation. The first use computes it, later ones, in whatever rule, read
// it; undefined is remembered too. An entry counts if it carries the current
// generation. An evaluation starts a generation, and so does each `with`, for
// its block alone; none is used twice. Input, data and generation belong
// together, which is why calls need not pass input and data on. Before a `with`
// all that is known of slots is forgotten, since in its block they mean other
// values; a local computed outside keeps its value, in a register.
//
// A function with arguments remembers its last call.
//
// # Cases
//
// Most of what policies ask has few answers: who asks, for which purpose, where
// the person lives. Options.Cases names such paths of the input. Evaluations in
// which they have the same aspect (cases.go: undefined, the same interned string
// or boolean, an empty collection, a record of the same keys; all else is one
// aspect, of which nothing is known) are one case. The first of them makes the
// table of the case, some 4 KiB in some 60 µs, and all begin from it:
//
//   - what documents and paths have the same value in all of them, they have to
//     begin with
//   - rules, and branches of else chains, that always fail are left out, and so
//     are the first tests of the others, where they always succeed
//
// A table comes from evaluating every document that the entrypoint may need,
// callees first, with an input of which only the aspects exist (casebuild.go).
// To read anything else of it is an error, as is a delegated built-in, a `with`
// and whatever would fail; a document that meets one is not known, and stays as
// it was compiled. A rule is left out if one of its first tests fails, but for
// tests before it that are not known and could fail themselves: their error
// must not vanish. A `with` runs without the table. So a table changes no value
// and no error; it only saves steps.
//
// A program keeps 2,048 tables at most. Where more cases are asked for, some are
// evaluated without one, and every 256th of these gets one in another's place. The
// rejected alternative, compiling the program again per controller and purpose,
// takes 5 ms and 300 KiB each.
//
// # Neighbors
//
// Neighbors evaluates many inputs that differ in few fields from one, as the
// proofs of admission ask for. While the center is evaluated each slot notes the
// fields that it depends on, and a neighbor starts with the slots that no changed
// field touches. The noting happens in compute alone: what is memoized meanwhile
// is marked as never current, so production evaluations pay nothing.
//
// # What is fused
//
// All of it can be switched off (Options), because what OPA plans may change with
// OPA's version, and every combination is tested against OPA's suites:
//
//   - a dot chain is one slot; a check that it is defined goes where a later test
//     implies it (dropChecks), unless it or what lies between could fail
//   - a predicate and the test that it is not false; an object literal
//   - a complete rule and the block that the planner puts behind it
//   - unread assignments
//   - early exit: rules with one literal value in all their heads end with the
//     first success, as in topdown
//   - dispatch: four or more rules in a row that begin with <path> == "constant",
//     or <path> in {constants}, become one table; the plan has no rule index
//
// # What falls back
//
// About 50 built-ins are native (builtin_native.go), each for operands of the expected
// types only. All other calls go to topdown's implementation on converted
// values, which costs about 1 µs and allocates. So errors and undefined are
// topdown's: without Options.StrictBuiltinErrors a failing call is undefined,
// Halt ends the evaluation.
//
// # Limits
//
// Loop iterations, calls and the sizes of what built-ins make are counted as
// steps. Every 1024 steps the context is looked at; Options.MaxSteps ends an
// evaluation with ErrBudget. Memory grows with steps, so the budget bounds it
// too. Within a delegated built-in only the context counts, where topdown's
// implementation looks at it. A pooled evaluation gives memory beyond
// Options.MaxRetained back.
//
// # Differences from topdown
//
// Errors only, and only ones that topdown does not report: where the engine has
// a value, topdown has the same. topdown's rule index skips a rule for a test
// that comes after an expression that would raise an error, where the plan
// evaluates in order; it stops at the first rule of those that the index leaves
// if these agree in value, the engine if all do; and it does not evaluate a
// comprehension that is compared with a value of another type. A caller that
// evaluates again with topdown after any error gets topdown's answer. (In OPA
// 1.22.2 the rule index also hides rules that look up a string key of data by a
// number; the engine agrees with topdown without index.)
package engine
