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
package postgres
