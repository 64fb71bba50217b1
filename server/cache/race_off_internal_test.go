//go:build !race

package cache

// RaceEnabled says that allocations cannot be counted: the race detector has a sync.Pool forget at random.
const RaceEnabled = false
