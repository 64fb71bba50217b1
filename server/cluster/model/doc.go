// Package model explores the protocol by which the nodes of one store keep a withdrawal final: the row that orders the
// store, the feed, leases and the fence of package cluster, and the cache behind them. It is for tests alone; nothing
// of the server imports it.
//
// # What is in it
//
// A store begins with a grant. A node, the fencer A, commits a fenced withdrawal of it, W; somebody commits a write X
// of another subject, at any time. A node B has the feed, the lease, reports, and a cache with one entry; a client
// checks on it, without a token or with any that was ever given, and reads through to the primary or to a replica,
// however late, and of a history that was lost too. All messages may be late or lost, answers of renewals too; hints
// may be lost, for nothing rests on them. Nodes crash and start anew. The database fails over: synchronously it loses
// the newest reports, asynchronously the newest commits and registrations too. A pause is what may happen between any
// two steps, time too.
//
// Time is in ticks. A lease lasts Lease of them by the slowest clock, one less by the fastest; a fence waits Lease of
// them by the fastest, and any longer. That is the drift margin, on both sides.
//
// Nodes meet in the database alone, and a fence waits for each of them for itself. So one checked node, once with
// another fencer and once with its own, stands for any number; in the world "own fence" it is B whose withdrawal it
// is.
//
// Not in it: near caches behind a node, an orderly stop, the pruning of changes, slots that two subjects share.
//
// # What holds
//
//   - P1 final: no check that begins after the fenced withdrawal returned is answered ALLOW, while the store has
//     it.
//   - P2 fresh: a check with a token is never answered from a state that has not all of the token's history.
//   - P3 gapless: no change is skipped.
//   - P4 noticed: a feed that has caught up has the history of the store, and so has all that is in the cache.
//   - P5 ends: a pending fence returns once faults stop and each process goes on.
//   - P6 bounded: with the watermark in the standing, an answer from the cache leaves at most max-staleness after its
//     state was current.
//
// P1 to P4 do not rest on the watermark: worlds other than "staleness" leave it out of the standing.
//
// # How far
//
// All states that can be reached, breadth first; a test compares the counts. A lease is of 2 ticks. The large ones
// with a crash and a fail-over take 43 s of one core together.
//
//	world           states      what
//	small           531,853     a crash
//	synchronous     2,944,186   a crash, a synchronous fail-over
//	asynchronous    4,202,139   a crash, an asynchronous fail-over
//	own fence       4,027,790   as before, the withdrawal is B's own
//	staleness       1,099,763   no fault but pauses and losses; the watermark counts, P6
//	end             325,245     a crash, an asynchronous fail-over, no checks; P5
//	own end         302,597     as before, the withdrawal is B's own
//
// By -model.large alone: with a lease of 3 ticks the asynchronous world has 9,162,290 states; with two fail-overs and
// no crash it has 4,457,321.
//
// protocol.pml is the twin in Promela, written apart. Spin finds the same verdicts in the same number of states,
// synchronous and asynchronous.
//
// # What it takes
//
// Each rule that a Bug leaves out is needed: a test has the length of the shortest way to a wrong answer. Two are not
// what they seem. That a joining node registers before it reads the head is needed only where its first lease takes
// effect at once; the rule for lapsed leases, which first ones follow, is enough by itself. The second look at the
// standing is not needed for P1: a check that begins after the fence returned finds no standing, or the floor raised,
// in the first look already. It is what bounds the answer of a check that began before and was held up (P6), and only
// where it compares the clock with the deadline that the first look saw: the newest one has moved on while the check
// stood still.
package model
