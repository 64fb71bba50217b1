//go:build race

package cluster_test

// racing says that the race detector watches, with which the simulation takes ten times as long.
const racing = true
