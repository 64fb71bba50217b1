//go:build race

package prove_test

// raceEnabled: the race detector makes what takes seconds take minutes.
const raceEnabled = true
