//go:build !race

package guides

const raceEnabled = false
