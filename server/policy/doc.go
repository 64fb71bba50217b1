// Package policy loads policies, decides requests by them, and tells how it decided. Of the packages that a server runs
// for a check, only this one and those below it import OPA.
//
// A Set is a loaded directory of policies: Rego v1 modules and data, checked, compiled, immutable. Active holds the one
// in force behind an atomic pointer; a check loads it once and keeps it to its end, so that a new set never changes a
// decision under way. Loading happens off the request path, and a directory that does not load leaves the active set as
// it is. A Loader holds what outlives a set.
//
// A decision is evaluated by a program compiled from OPA's plan (package engine), over an input that is built as values
// of that engine; the part of it that depends on the subject's state is prepared when the state enters a cache.
// topdown, OPA's own evaluator, stays beside it: as the fallback of what the compiler does not support and of what
// errs, to have OPA's own words for it, and as the reference with which the shadow compares one in N decisions.
//
// Decide never fails. A policy that errs, is undefined, conflicts, takes too many steps or answers out of shape is a
// denial with POLICY_ERROR, counted, and logged with its cause: of each controller's failures under a set every first,
// second, fourth, eighth, …, for they may be as many as the checks. Nothing of what a policy says can become ALLOW
// unless the whole answer is well formed.
//
// # Words
//
// They are the words of this package; where another has one for something else, its own comment says so.
//
//   - tree: the files of a set, parsed (package tree); set: what is made of a tree, and decides.
//   - to read: from files to a set, by Loader.Read. To compile: from a tree to a set. To load: one set without a
//     loader.
//   - to refuse: what a set's files may not say, found before compiling. To admit is the prover's, which knows the law.
//   - table: a controller's data; controller, here: one controller's part of a set.
//   - generation: the interned strings that sets of one loader share, and what is made of them.
//   - record: an object of the input with a fixed set of fields. prepared: the fields that depend on the state alone.
//   - scratch: the memory of one evaluation's input, used again by the next.
//   - question: a request about a state at an instant. evaluation: a request under way, with its input.
//   - answer: what a policy says, a value. decision: an answer that was read and found well formed.
//   - horizon: the instants at which time alone could change a controller's decisions; valid_until is the next of them.
//   - compiled, topdown: the two engines. shadow: topdown behind the compiled one, for one in N.
//   - journal: where all sets of a loader log and count.
//   - center, neighborhood: a question that was decided, and those that differ little from it.
//   - case: a decision of the corpus (package cases). What the prover goes through are situations (package space).
//     Package engine calls inputs of the same aspects a case, by its own comment.
//   - book: what METADATA say of the rules. To fire: to hold for a question. Near: of a rule that lacked one condition.
//   - detached: of a set that nobody counts, logs or watches.
//
// # Files
//
// From the bottom up, each naming only those before it: what a set may hold (refuse, rules, flags, horizon), what an
// input is (records, state, input) and an answer, what a set is (set, compile), how it is decided (evaluate,
// neighborhood), how it is watched (compare, shadow, near, trace, hints), who makes and holds sets (loader, active). A
// test in server holds that.
package policy
