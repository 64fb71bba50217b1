// Package postgres keeps consent in PostgreSQL, for any number of nodes.
//
// One row, consentd.head, orders the store: it has the newest revision and the chain there, and whoever holds its lock
// may take the next revisions. So revisions have no gap and are in the order of their commits, whoever makes them, and
// what one snapshot shows of the head says how fresh the rest of it is, on the primary and on any replica.
//
// A node gathers the batches that wait and commits them in one transaction (commit.go): what they need is read and
// planned before the lock, in one round trip; the second one locks the head and says what others changed meanwhile,
// which is read and planned again, alone; the third writes everything and commits. Each batch has a revision of its
// own, sees those before it, and fails alone.
//
// Nodes follow the store by a feed of its changes (cluster.Feed), for which this is the Database. Record returns once
// the feed of its node has applied the change, and Read never shows what the feed does not know yet (visible.go): so
// caches are valid by revision, as they are over the embedded store. Nobody is told ahead: see store.Observers.
//
// # Schema
//
// All is in the schema consentd (migrations/): head; changes, the newest million with their chains, and marks, the
// first four bytes of the chains of all before them; states, people, events and event_ids in the binary forms of
// package change, by hash in 16 partitions each but for people; nodes and fence, for leases; policy_sets and
// activations. Ids are bytes, because any bytes may be in them. It changes by expanding and contracting (migrate.go):
// consentd migrate brings it forward, and a node refuses to serve on one that it does not go with, and says what to do.
//
// # Sizes, and how far one store goes
//
// Measured with 50,000 subjects of four consents each, ids of 24 and of 36 bytes, tables with their indexes:
//
//	events     264 bytes an event
//	event_ids  190 bytes an event
//	states     452 bytes a subject
//	changes    132 bytes a change, for the newest million alone; marks 4 bytes
//
// So 10^9 subjects with 4·10^9 events take 2.3 TB, 66 GB the largest partition: far from what a server or a
// table may hold, small enough to be vacuumed and indexed anew one by one. What grows no further is the rate of writes,
// because one row orders them. The lock on it is held for two round trips, 30 µs of the server a batch, and a commit:
// groups of 64 that commit in 5 ms are 5,000 batches a second and more, groups of 1,024, which is the most, 20,000.
// Reads grow with replicas, and most never come here, because caches answer them. Who needs more writes takes several
// stores, each with a share of the controllers: a token names its store, so it names its cell too.
//
// Measured on two cores that server, nodes and 64 writers share with others (load 15; fsync on, one event a batch):
// 5,400 batches/s, p50 10.7 ms, p99 34 ms; of the processor 59 µs a batch in the node and 64 in the server. A read of
// one subject takes 250 µs. Half of the server's work was planning, which prepared statements save: see Config.
//
// # Poolers
//
// Any pooler in transaction mode will do: nothing is kept in a session. Settings hold for a transaction, statements are
// prepared only where the process that answers is the one that the connection was made to, and hints are listened for
// on a connection of their own, which may go past the pooler (Config.Hints) or be left out. Migrate alone needs a
// session.
//
// # Failure
//
// Every call is bounded, by its context and by limits of this package; every error of the database is
// consent.ErrUnavailable. A transaction is bounded by the server as well, by statement_timeout, lock_timeout and
// idle_in_transaction_session_timeout: a node that hangs or is cut off in the middle of one loses the head's lock
// within Config.IdleTimeout. A commit is not: one that is cancelled while it waits for its standbys counts as done for
// the server, with a warning, and is an error here. Where a connection breaks while a group is written nobody knows
// whether it was: all of its batches are ErrUnavailable, and may be repeated, as any may.
//
// The node's own connections, for its commits, feed, lease and hints, are apart from those for reads and scans: slow
// calls, however many, keep no node from following, and Err asks nobody. Connections that lead nowhere are found by
// TCP_USER_TIMEOUT, keepalives and a question before use, and a call that gets no answer in time has all of them made
// anew.
//
// Reads of the first 0.8 s of an outage are tried again until then, so that a standby can take over; later ones fail at
// once (bridge).
//
// What this package cannot see is a primary that goes on answering after another took its place: whoever fails over has
// to end the old one first. A history that was lost is noticed by its chain (cluster.Feed).
package postgres
