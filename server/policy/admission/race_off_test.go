//go:build !race

package admission_test

// raceEnabled: the race detector makes what takes seconds take minutes.
const raceEnabled = false
