//go:build race

package explain

// RaceEnabled says that tests are to do less.
const RaceEnabled = true
