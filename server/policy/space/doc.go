// Package space is the finite space of requests about people that a controller's rules can tell apart, and the
// walk over it. Whoever has to look at all that a policy may decide walks it: admission proves it, diff compares
// two sets over it, policytest says which outcomes a purpose can have.
//
// Its border is seventeen names. Diff and policytest use nine of them (Vocabulary and NewVocabulary, Space,
// Situation, Answer, AnswerOf, Combine, Decider and NewDecider), and neither the prover nor the law, so this is a
// room of its own; admission needs the rest, which lets it name situations (Point, Step) without a look at
// dimensions.
//
// # The space
//
// A situation is a request about a person in some state, at an instant. Its dimensions are the consent record
// (status, explicit, evidence, actor, notice, expiry, history), the consent record of the request's recipient,
// consents to other purposes, the place, objections, restrictions, both opt-outs, both signals, the stage of an
// erasure, account, last activity, retention, age, relationship, whether the subject is known, recipient kind and
// country, data categories, each key of the context, and the dates from which versions of tables count. States are
// folded from events by package consent, so no situation is impossible.
//
// Values are derived from the rules and data, of the shared packages and of the controller:
//
//   - places and countries: every ISO code in rules, data and the law in Go. Codes that no rule names, that stand in
//     the same places of the data, with the same values, and that the law does not tell apart are one; besides, one
//     place that nothing names and no country will ever have (of ISO's range for users), and one part of a country.
//   - categories: every dotted key, its parents and a child, one for each group that stands alike; one that nothing
//     names; and each together with that one.
//   - ages: just below and at each number that a rule compares an age with, or that stands in the data below a key
//     with "age", and grown to it since consents were given. Consents to other notices than declared ones, and of
//     years ago.
//   - activity: just less than, and exactly, each declared duration ago. Retention and expiry: exactly now, and a
//     nanosecond later. Notices: just too old, just new enough, current.
//   - context keys: those that rules read, by name or through functions that are given the name (request.flag). A
//     flag is absent, true, or the text "true"; another key may hold what rules compare it with, purposes, and lists
//     of purposes.
//   - recipients: every kind, with an id that consents name, and with each id that a rule compares with.
//
// A space that is too large to be named or walked whole is not cut: the walk fails (ErrTooLarge).
//
// What is not derived, and not varied: the subject's id, numbers and lengths in the context, and strings that
// rules take apart by other means than comparing them.
//
// # What is exhaustive
//
// The product of all dimensions has 10^19 situations and more. A fault shows only where nothing else denies, so
// situations are made around sites: for each place, and for each kind of recipient that the law tells apart and
// with which the purpose can be allowed, a situation that is allowed. It is searched for step by step, by the
// number of reasons that deny; where no step helps, two at a time. Around each site are decided:
//
//   - every consent: all coarse ones (13) and the product of explicit, notice, actor and expiry;
//   - every value of every other dimension alone, with the site's consent and with none (at places that are no
//     probe, with the second consent, and for further kinds of recipient: one of each class of values that the
//     probes told apart);
//   - every coarse consent with every class of every other dimension, and every pair of classes of two other
//     dimensions with both consents. A class is the values of a dimension that no single situation told apart, at
//     any site. At a second site this is done for the dimensions that answered otherwise there than at the site most
//     like it; at the first, for all.
//
// So exhaustive are: consent × place, and every single value at every place. Pairwise, beyond consent and place,
// are all other dimensions. A fault that takes three unusual facts at once, besides consent, place and recipient,
// can escape; the invariants and the shadow do not make it impossible, only unlikely.
//
// Situations around one hub differ from it in a dimension or two. They are decided as its neighbors (Decider):
// what depends on nothing that differs is not evaluated again, which takes about half the time and gives the same
// decisions (a test compares them).
package space
