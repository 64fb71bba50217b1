// Package prove admits sets of policies: before a set is put in force it proves that no case of a finite space breaks an
// invariant, and runs the set's own tests and cases. A set that breaks one is refused with the plainest case that shows it.
//
// The policies that are embedded in the server are proven by this package's own test, so a server that starts with them does
// not prove them again; every other set, from a directory, a bundle, a URL or ActivatePolicy, goes through Admit.
//
// # The space
//
// A case is a request about a person in some state, at an instant. Its dimensions are the consent record (status, explicit,
// evidence, actor, notice, expiry, history), the consent record of the request's recipient, consents to other purposes, the
// place, objections, restrictions, both opt-outs, both signals, the stage of an erasure, account, last activity, retention,
// age, relationship, whether the subject is known, recipient kind and country, data categories, each key of the context, and
// the dates from which versions of tables count. States are folded from events by package consent, so no case is impossible.
//
// Values are derived from the rules and data, of the shared packages and of the controller:
//
//   - places and countries: every ISO code in rules and data. Codes that no rule names and that stand in the same places of the
//     data, with the same values, are one; besides, one place that nothing names, one part of a country, and what the
//     law in Go names and the data forgot.
//   - categories: every dotted key, its parents and a child, one for each group that stands alike; one that nothing names; and
//     each together with that one.
//   - ages: just below and at each number that a rule compares an age with, or that stands in the data below a key with "age",
//     and grown to it since consents were given. Consents to other notices than declared ones, and of years ago.
//   - activity: just less than, and exactly, each declared duration ago. Retention and expiry: exactly now, and a nanosecond
//     later. Notices: just too old, just new enough, current.
//   - context keys: those that rules read, by name or through functions that are given the name (request.flag). A flag is
//     absent, true, or the text "true"; another key may hold what rules compare it with, purposes, and lists of purposes.
//   - recipients: every kind, with an id that consents name, and with each id that a rule compares with.
//
// What is not derived, and not varied: the subject's id, numbers and lengths in the context, and strings that rules take apart
// by other means than comparing them.
//
// # What is exhaustive
//
// The product of all dimensions has 10^19 cases and more. A fault shows only where nothing else denies, so cases are made
// around sites: for each place, and for each kind of recipient that the law tells apart and with which the purpose can be
// allowed, a case that is allowed. It is searched for step by step, by the number of reasons that deny; where no step helps, two at a
// time. Around each site are decided:
//
//   - every consent: all coarse ones (13) and the product of explicit, notice, actor and expiry;
//   - every value of every other dimension alone, with the site's consent and with none (at places that are no probe, with the
//     second consent, and for further kinds of recipient: one of each class of values that the probes told apart);
//   - every coarse consent with every class of every other dimension, and every pair of classes of two other dimensions with
//     both consents. A class is the values of a dimension that no single case told apart, at any site. At a second site this
//     is done for the dimensions that answered otherwise there than at the site most like it; at the first, for all.
//
// So exhaustive are: consent × place, and every single value at every place. Pairwise, beyond consent and place, are all other
// dimensions. A fault that takes three unusual facts at once, besides consent, place and recipient, can escape; the invariants
// and the shadow do not make it impossible, only unlikely. Of purposes that differ in name and clause alone, neither of which
// rules or data mention, one stands for all.
//
// Cases around one hub differ from it in a dimension or two. They are decided as its neighbors (Decider): what depends on nothing that
// differs is not evaluated again, which takes about half the time and gives the same decisions (a test compares them).
//
// # The invariants
//
// Every ALLOW is held against the law as law.go has it in Go, apart from the policies: general rules (consent, erasure, account,
// restriction, objection, age, no fallback) and the least that the GDPR, the CCPA, the other states and the APPI ask, each with
// its id from the documentation. Besides: MONOTONIC compares each ALLOW with the cases from which one restricting event leads to
// it that is newer than what is on record; TOTAL is that the policy always gives one well-formed answer; a purpose must be allowed somewhere, unless it is prohibited;
// a rule of a controller must fire in some enumerated case, test or case of its own (of shared packages it is a warning, unless
// the rule stands as it shipped).
//
// The set's own tests are those of `opa test`, and the cases in *.cases (package cases), which the compiled policies decide.
//
// # Failure
//
// Admit fails closed: what it cannot look at, for want of time or because files changed, is an error, and the set is not put in
// force. A space of more than maxCases cases is cut off, with a warning. A set without tests is admitted with a warning.
//
// A Prover remembers units that it proved and tested, of the last set that was admitted and of the last that was refused, by what
// they mean: comments, layout, and a table's own keys that no rule can read do not count. So a save that changes one controller
// costs the proof of that one, and a save that changes what all share costs all.
package space
