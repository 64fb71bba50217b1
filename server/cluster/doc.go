// Package cluster keeps the nodes of one store honest: each follows the store's changes in their order (Feed), answers
// from its cache only while it holds a lease (Lease), and a fenced write waits until no node can answer from the older
// state (Fence). It knows the database by the interface Database alone.
package cluster
