// Package admission admits sets of policies: before a set is put in force it proves that no situation of a finite
// space (package space) breaks an invariant, and runs the set's own tests and cases. A set that breaks one is
// refused with the plainest situation that shows it.
//
// The policies that are embedded in the server are proven by this package's own test, so a server that starts with
// them does not prove them again; every other set, from a directory, a bundle, a URL or ActivatePolicy, goes
// through Admit.
//
// # The invariants
//
// Every ALLOW is held against the law as package law has it in Go, apart from the policies: general rules
// (consent, erasure, account, restriction, objection, age, no fallback) and the least that the GDPR, the CCPA, the
// other states and the APPI ask, each with its id from the documentation. Besides:
//
//   - MONOTONIC compares each ALLOW with the situations from which one restricting event leads to it that is newer
//     than what is on record.
//   - TOTAL is that the policy always gives one well-formed answer.
//   - ENGINES is that OPA's own evaluator gives the answer of the compiled engine: of each answer of a purpose in
//     one situation.
//   - STALE-ACT is that an objection, an opt-out or a signal ends no permission of a purpose that may be decided by an
//     old state (degraded: serve_stale); STALE-CONSENT, of the law, that no such permission rests on consent.
//   - A purpose must be allowed somewhere, unless it is prohibited.
//   - Of what callers may do (the rules of access) the answer is always true or false, by both engines alike, and
//     never true for nobody: asked of each action, of the callers that the set's table names and of others.
//   - A rule of a controller must fire in some situation, test or case of its own. Of shared packages it is a
//     warning, unless the rule stands as it shipped.
//
// Of purposes that differ in name and clause alone, neither of which rules or data mention, one stands for all.
//
// The set's own tests are those of `opa test`, and the cases in *.cases (package cases), which the compiled
// policies decide.
//
// # What it reads
//
// A set is read once (package tree): admission takes its modules, documents and tables from the loaded set, and
// reads of the files itself only *.cases, which are no part of a set. It is compiled more than once, because each
// compilation is another: for topdown and for the plan when it is loaded; both again with rules tracked, which
// costs decisions too much to be in force; both again with the tests in it, to compare the engines over them,
// which OPA's tester, that has a compiler of its own, does not do; and by the tester again where rules were silent
// and coverage must tell whether a test makes them fire. A test counts what is
// read.
//
// # Failure
//
// Admit fails closed: what it cannot look at, for want of time or because files changed, is an error, and the set
// is not put in force. A space that is too large to be walked whole (space.ErrTooLarge) is a fault, which names what
// makes it so large: of what was not looked at nothing is proven. A set without tests is admitted with a warning.
//
// A Prover remembers units that it proved and tested, of the last set that was admitted and of the last that was
// refused, by what they mean: comments, layout, and a table's own keys that no rule can read do not count. So a
// save that changes one controller costs the proof of that one, and a save that changes what all share costs all.
package admission
